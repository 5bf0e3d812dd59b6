"""Scrape configuration, alerts and PromQL: by Debian's promtool and amtool, and against a real Prometheus."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from dg_bot.adapters.prometheus import Metrics
from dg_bot.app.http import StatusServer
from dg_bot.domain.events import Record
from tests.monitoring.grafana_files import ROOT, Document, promql
from tests.monitoring.programs import Prometheus, prometheus, told
from tests.unit.adapters.test_prometheus import touch_everything

_NOT_NAMES = {
    "abs", "absent", "by", "group", "histogram_quantile", "increase", "job", "kind", "le", "max_over_time", "min_over_time",
    "or", "rate", "sum", "time", "dg_bot",
}  # fmt: skip


@pytest.fixture(scope="module")
def metrics(month_records: tuple[Record, ...]) -> Metrics:
    """Give the metrics of a process that lived through the month."""
    counted = Metrics()
    for record in month_records:
        counted.observe_record(record)
    touch_everything(counted)
    return counted


@pytest.fixture(scope="module")
def server(metrics: Metrics, monitoring: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Give a Prometheus that scrapes the bot's own /metrics."""
    status = StatusServer(service="dg_bot", checks=dict, exposition=metrics.exposition, clean=str, port=0)
    status.start()
    folder = tmp_path_factory.mktemp("prometheus")
    with prometheus(monitoring / "prometheus/prometheus.yml", f"127.0.0.1:{status.port}", folder) as running:
        running.wait_for('count_over_time(up{job="dg_bot"}[1m]) > 2')
        yield running
    status.stop()


# What a journal alone has moved when the month ends; the rest is told by the daemon, its clock, its connections and its key.
_COUNTED_BY_RECORDS = {
    "ai_decisions_total", "ai_validation_failures_total", "last_cycle_timestamp_seconds", "llm_answers_total",
    "llm_cost_krw_total", "llm_tokens_total", "orders_total", "portfolio_profit_rate", "portfolio_value_krw",
    "risk_rejections_total",
    "risk_take_profit_triggers_total", "risk_daily_pnl_pct", "risk_weekly_pnl_pct", "slippage_pct", "trade_fee_krw_total",
    "trade_volume_krw_total", "trades_total", "unrealized_pnl",
}  # fmt: skip


def rules(monitoring: Path) -> list[Document]:
    groups = yaml.safe_load((monitoring / "prometheus/rules.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_a_month_moves_what_the_journal_counts(month_records: tuple[Record, ...]) -> None:
    counted = Metrics()
    at_first = _values(counted)
    for record in month_records:
        counted.observe_record(record)

    moved = {name for name, value in _values(counted).items() if value != at_first.get(name)}

    assert _COUNTED_BY_RECORDS == {name for name, _ in moved}


def test_promtool_takes_the_configuration(monitoring: Path) -> None:
    code, said = told("promtool", "check", "config", str(monitoring / "prometheus/prometheus.yml"))

    assert 0 == code, said


def test_every_alert_is_silent_under_its_limit_and_sounds_over_it(
    monitoring: Path, record_property: Callable[[str, object], None]
) -> None:
    tests = monitoring / "prometheus/rules_test.yml"
    code, said = told("promtool", "test", "rules", tests.name, folder=tests.parent)

    alerts = [rule["alert"] for rule in rules(monitoring)]
    checked = [
        (check["alertname"], bool(check["exp_alerts"]))
        for test in yaml.safe_load(tests.read_text(encoding="utf-8"))["tests"]
        for check in test["alert_rule_test"]
    ]
    assert 0 == code, said
    assert set(alerts) == {name for name, sounds in checked if sounds}
    record_property("monitoring", f"{len(alerts)} alert rules held to {len(checked)} checks of promtool")


@pytest.mark.parametrize(("limit", "other"), [("> 90", "> 91"), ("> 0.15", "> 0.16"), ("< 14", "<= 14")])
def test_a_limit_that_was_moved_is_noticed(monitoring: Path, tmp_path: Path, limit: str, other: str) -> None:
    text = (monitoring / "prometheus/rules.yml").read_text(encoding="utf-8")
    assert limit in text
    (tmp_path / "rules.yml").write_text(text.replace(limit, other), encoding="utf-8")
    (tmp_path / "rules_test.yml").write_bytes((monitoring / "prometheus/rules_test.yml").read_bytes())

    code, said = told("promtool", "test", "rules", "rules_test.yml", folder=tmp_path)

    assert (1, True) == (code, "FAILED" in said)


def test_every_alert_says_what_is_wrong_how_bad_it_is_and_what_to_do(monitoring: Path) -> None:
    for rule in rules(monitoring):
        assert {"summary", "action"} == set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical"), rule["alert"]


def test_amtool_takes_the_alertmanagers_configuration(monitoring: Path, tmp_path: Path) -> None:
    """Debian's is older than the one that runs and knows no token from a file: it is shown one in its place."""
    text = (monitoring / "alertmanager/alertmanager.yml").read_text(encoding="utf-8")
    file = tmp_path / "alertmanager.yml"
    file.write_text(text.replace("bot_token_file: /tmp/telegram_token", "bot_token: not-a-token"), encoding="utf-8")

    code, said = told("amtool", "check-config", str(file))

    assert 0 == code, said
    compose = (ROOT / "docker-compose.full-stack.yml").read_text(encoding="utf-8")
    assert "bot_token_file: /tmp/telegram_token" in text
    assert "> /tmp/telegram_token" in compose
    assert [1] == [int(found) for found in re.findall(r"^\s+chat_id: (\d+)$", text, re.MULTILINE)]


def test_every_name_in_promql_is_a_metric_of_the_bot(metrics: Metrics, monitoring: Path) -> None:
    known = {sample.name for family in metrics.registry.collect() for sample in family.samples} | {"up"}
    asked = [*promql(), *((rule["alert"], rule["expr"]) for rule in rules(monitoring))]

    unknown = {(where, name) for where, text in asked for name in _names(text) if name not in known}

    assert set() == unknown


def test_every_promql_of_the_dashboards_has_series_in_a_real_prometheus(server: Prometheus) -> None:
    asked = list(promql())

    silent = [(name, text) for name, text in asked if not server.wait_for(text)]

    assert ([], True) == (silent, len(asked) > 8)


def test_a_real_prometheus_raises_the_alerts_that_are_due(server: Prometheus) -> None:
    """The month ended weeks ago by this machine's clock or lies ahead of it; the key has 30 days, and an outbox lags by 4."""
    found = server.wait_for('ALERTS{alertname="OutboxLag"}')

    assert {"firing"} == {series["metric"]["alertstate"] for series in found}
    assert [] == server.ask('ALERTS{alertname=~"KeyExpires|SafeMode|GuardStale|BotUnreachable"}')


def test_loki_and_alloy_are_where_compose_mounts_them_and_speak_to_one_another(monitoring: Path) -> None:
    """Their programs are in no Debian; what can be held is that files, names and ports agree."""
    loki = yaml.safe_load((monitoring / "loki/loki.yml").read_text(encoding="utf-8"))
    alloy = (monitoring / "alloy/config.alloy").read_text(encoding="utf-8")
    compose = (ROOT / "docker-compose.full-stack.yml").read_text(encoding="utf-8")

    assert f'"http://loki:{loki["server"]["http_listen_port"]}/loki/api/v1/push"' in alloy
    assert 'service = "dg_bot"' in alloy
    for path in ("prometheus/prometheus.yml", "prometheus/rules.yml", "alertmanager/alertmanager.yml", "loki/loki.yml"):
        assert f"./monitoring/{path}:" in compose
    assert "./monitoring/alloy/config.alloy:" in compose


def _values(metrics: Metrics) -> dict[tuple[str, str], str]:
    """Give every sample as text, so that what is not a number equals itself."""
    return {
        (sample.name, repr(sorted(sample.labels.items()))): repr(sample.value)
        for family in metrics.registry.collect()
        for sample in family.samples
    }


def _names(text: str) -> set[str]:
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|'[^']*'|\"[^\"]*\"", "", text)
    return set(re.findall(r"[a-z_][a-z_0-9]*", bare)) - _NOT_NAMES
