from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dg_bot.adapters.prometheus import Metrics
from dg_bot.domain.cycle_report import Mode, Stage
from dg_bot.domain.decision import Action, Decision, Opinion
from dg_bot.domain.events import (
    ChallengersHeard,
    Closing,
    CycleCompleted,
    Event,
    ModelAnswered,
    NewsSeen,
    Period,
    PeriodOpened,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    TransferDeclared,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, Purpose
from dg_bot.domain.news import FeedOutcome, NewsEntry
from dg_bot.domain.order import Side
from dg_bot.remembered import Remembered
from tests.unit.operator.reports import (
    FAILED,
    HELD,
    OPENED_AT,
    PLANNED_BUY,
    PLANNED_STOP,
    RISK_HALT,
    STATE,
    TRADED,
    closed,
    record,
)

NAMES = {
    "trades_total": {"side"},
    "trade_volume_krw_total": set(),
    "trade_fee_krw_total": set(),
    "slippage_pct": set(),
    "ai_decisions_total": {"decision"},
    "ai_confidence": {"level"},
    "ai_validation_failures_total": {"check"},
    "risk_circuit_breaker_triggers_total": set(),
    "risk_stop_loss_triggers_total": set(),
    "risk_take_profit_triggers_total": set(),
    "risk_daily_pnl_pct": set(),
    "risk_weekly_pnl_pct": set(),
    "risk_safe_mode_active": set(),
    "portfolio_value_krw": set(),
    "portfolio_profit_rate": set(),
    "bot_running": set(),
    "bot_errors_total": {"kind"},
    "scheduler_job_duration_seconds": {"job"},
    "scheduler_job_success_total": {"job"},
    "scheduler_job_failure_total": {"job"},
    "orders_total": {"status", "side"},
    "risk_rejections_total": {"reason"},
    "signals_generated_total": {"strategy", "side"},
    "strategy_execution_seconds": {"strategy"},
    "candles_received_total": set(),
    "unrealized_pnl": {"symbol"},
    "exchange_request_seconds": {"group", "status"},
    "order_ack_seconds": set(),
    "notification_delay_seconds": set(),
    "model_prediction": set(),
    "last_cycle_timestamp_seconds": set(),
    "llm_budget_used_fraction": set(),
    "unprotected_seconds_total": set(),
    "guard_tick_age_seconds": set(),
    "outbox_lag": set(),
    "unresolved_intents": set(),
    "exchange_clock_skew_seconds": set(),
    "api_key_expires_in_days": set(),
    "llm_tokens_total": set(),
    "llm_cost_krw_total": set(),
    "llm_answers_total": {"kind"},
    "challenger_opinions_total": {"model", "action", "problem"},
    "model_outputs_total": {"kind"},
    "telegram_commands_total": {"outcome"},
    "news_reads_total": {"source", "outcome"},
    "news_entries_total": {"source"},
    "news_answers_total": {"kind"},
    "news_score": set(),
}


HEARD = ChallengersHeard(
    cycle_id="KRW-BTC/2026-11-20T12",
    opinions=(
        Opinion(model="rules", action=Action.BUY, confidence=0.7),
        Opinion(model="llm", action=Action.HOLD, confidence=0.0, problem="prose"),
    ),
)


def fed(*events: Event) -> Metrics:
    metrics = Metrics()
    for number, event in enumerate(events, 1):
        metrics.observe_record(record(event, number))
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def touch_everything(metrics: Metrics) -> None:
    metrics.observe_request("order", "200", 0.1)
    metrics.order_ack(0.1)
    metrics.notification_delay(1.0)
    metrics.job_finished("cycle", 1.0, ok=True)
    metrics.job_finished("cycle", 1.0, ok=False)
    metrics.running(is_running=True)
    metrics.error("StoreError")
    metrics.guard_tick(3.0)
    metrics.unprotected(2.0)
    metrics.outbox_lag(4)
    metrics.unresolved_intents(1)
    metrics.clock_skew(-0.2)
    metrics.key_expires_in(30.0)
    metrics.candles_received(200)
    metrics.signal_generated("breakout", Side.BUY)
    metrics.strategy_executed("breakout", 0.02)
    metrics.command("done")
    metrics.news_read("news.example", FeedOutcome.READ)
    metrics.news_judged(AnswerKind.USABLE)


def test_the_exposition_has_exactly_the_promised_names_and_labels() -> None:
    gate = Gate("validator.fake_out", 1.0, 2.0, passed=False)
    answer = Gate("model.answer", "prose", "usable", passed=False)
    output = Gate("model.output", "usable", None, passed=True)
    rejected = replace(RISK_HALT, gates=(gate, answer, output), reason=gate.words)
    news = NewsSeen(source="news.example", entries=(NewsEntry(url="u", title="t"),))
    metrics = fed(news, CycleCompleted(report=rejected), CycleCompleted(report=TRADED), HEARD)
    touch_everything(metrics)

    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(metrics.exposition().decode()):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        found[name] = {label for sample in family.samples for label in sample.labels} - {"le"}

    assert NAMES == found


def test_two_processes_in_one_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.candles_received(3)

    assert (3.0, 0.0) == (value(first, "candles_received_total"), value(second, "candles_received_total"))


def test_a_filled_order_counts_as_order_and_trade() -> None:
    metrics = fed(PLANNED_BUY, closed(PLANNED_BUY))

    assert 1.0 == value(metrics, "orders_total", status="filled", side="buy")
    assert 1.0 == value(metrics, "trades_total", side="buy")
    assert pytest.approx(999999.75) == value(metrics, "trade_volume_krw_total")
    assert pytest.approx(499.999875) == value(metrics, "trade_fee_krw_total")


@pytest.mark.parametrize(
    ("closing", "status"),
    [(Closing.NOT_EXECUTED, "cancelled"), (Closing.REJECTED, "failed"), (Closing.NEVER_ACCEPTED, "failed")],
)
def test_an_order_without_a_fill_is_no_trade(closing: Closing, status: str) -> None:
    metrics = fed(PLANNED_BUY, closed(PLANNED_BUY, "0", closing))

    assert (1.0, 0.0) == (value(metrics, "orders_total", status=status, side="buy"), value(metrics, "trades_total", side="buy"))


@pytest.mark.parametrize(
    ("reason", "stops", "profits"),
    [("stop_loss", 1, 0), ("trailing_stop", 1, 0), ("take_profit", 0, 1), ("staged_profit", 0, 1), ("time_out", 0, 0)],
)
def test_an_exit_is_counted_once_however_many_orders_it_takes(reason: str, stops: float, profits: float) -> None:
    first = replace(PLANNED_STOP, reason=reason)
    second = replace(first, identifier=f"{first.identifier}x", leg=1)

    metrics = fed(first, closed(first), second)

    found = (value(metrics, "risk_stop_loss_triggers_total"), value(metrics, "risk_take_profit_triggers_total"))
    assert (stops, profits) == found


@pytest.mark.parametrize(
    ("reason", "trips"), [("daily_loss: lost 0.1", 1.0), ("weekly_loss: lost 0.2", 1.0), ("state unreadable", 0.0)]
)
def test_safe_mode_counts_as_a_breaker_only_for_losses(reason: str, trips: float) -> None:
    metrics = fed(SafeModeEntered(reason=reason))

    assert (1.0, trips) == (value(metrics, "risk_safe_mode_active"), value(metrics, "risk_circuit_breaker_triggers_total"))


def test_safe_mode_ends() -> None:
    assert 0.0 == value(fed(SafeModeEntered(reason="x"), SafeModeLeft(by="timer")), "risk_safe_mode_active")


@pytest.mark.parametrize(
    ("confidence", "level"), [(0.39, "low"), (0.4, "medium"), (0.41, "medium"), (0.69, "medium"), (0.7, "high"), (0.71, "high")]
)
def test_confidence_stands_at_its_level_alone(confidence: float, level: str) -> None:
    decision = Decision(action=Action.SELL, confidence=confidence, source="rules", reason="r")

    metrics = fed(CycleCompleted(report=TRADED), CycleCompleted(report=replace(HELD, decision=decision)))

    found = {name: value(metrics, "ai_confidence", level=name) for name in ("high", "medium", "low")}
    assert {"high": 0.0, "medium": 0.0, "low": 0.0, level: confidence} == found
    assert 1.0 == value(metrics, "ai_decisions_total", decision="sell")


def test_a_failed_check_of_the_validator_is_counted_by_name() -> None:
    assert 1.0 == value(fed(CycleCompleted(report=HELD)), "ai_validation_failures_total", check="rsi_contradiction")


def test_a_cycle_that_risk_stopped_is_a_rejection() -> None:
    assert 1.0 == value(fed(CycleCompleted(report=RISK_HALT)), "risk_rejections_total", reason="risk.safe_mode")


def test_a_cycle_that_stopped_for_its_data_is_none() -> None:
    report = replace(RISK_HALT, stage=Stage.DATA_COLLECTION)

    assert value(fed(CycleCompleted(report=report)), "risk_rejections_total", reason="risk.safe_mode") is None


def test_the_account_is_shown_percent_where_the_name_says_so() -> None:
    opened = PeriodOpened(period=Period.DAY, start=OPENED_AT, equity_krw=Decimal(9_000_000))
    transfer = TransferDeclared(currency="KRW", amount=Decimal(1_000_000), note="more")
    state = replace(STATE, equity_krw=Decimal(10_100_000))

    metrics = fed(opened, transfer, CycleCompleted(report=replace(TRADED, state=state)))

    names = ("risk_daily_pnl_pct", "risk_weekly_pnl_pct", "portfolio_value_krw", "portfolio_profit_rate", "slippage_pct")
    assert pytest.approx([0.12, -0.4, 10_100_000.0, 0.01, 0.034]) == [value(metrics, name) for name in names]
    assert pytest.approx(-499.999875) == value(metrics, "unrealized_pnl", symbol="KRW-BTC")


def test_a_position_that_is_gone_leaves_no_figure_behind() -> None:
    metrics = fed(CycleCompleted(report=TRADED), CycleCompleted(report=replace(TRADED, state=replace(STATE, positions=()))))

    assert value(metrics, "unrealized_pnl", symbol="KRW-BTC") is None


def test_jobs_count_by_name_and_outcome() -> None:
    metrics = Metrics()
    metrics.job_finished("cycle", 2.0, ok=True)
    metrics.job_finished("cycle", 70.0, ok=False)

    names = ("scheduler_job_success_total", "scheduler_job_failure_total", "scheduler_job_duration_seconds_count")
    assert [1.0, 1.0, 2.0] == [value(metrics, name, job="cycle") for name in names]


def test_a_new_process_shows_what_is_remembered_and_counts_from_zero() -> None:
    remembered = Remembered()
    events: tuple[Event, ...] = (SafeModeEntered(reason="daily_loss: 0.1"), CycleCompleted(report=TRADED))
    for number, event in enumerate(events, start=1):
        remembered = remembered.after(record(event, number))
    metrics = Metrics()

    metrics.begin(replace(remembered, invested_krw=STATE.equity_krw / 2))

    series = metrics.registry.get_sample_value
    assert (1.0, 0.0) == (series("risk_safe_mode_active"), series("risk_circuit_breaker_triggers_total"))
    assert (float(STATE.equity_krw), 1.0) == (series("portfolio_value_krw"), series("portfolio_profit_rate"))


def test_what_a_language_model_used_and_cost_is_counted() -> None:
    answer = ModelAnswer(kind=AnswerKind.USABLE, text="{}", model="m", cost_krw=Decimal("12.5"))
    answered = ModelAnswered(
        asked=1,
        purpose=Purpose.DECISION,
        model="m",
        answer=answer,
        tokens=1200,
        released_tokens=0,
        released_krw=Decimal(0),
    )
    metrics = fed(answered, answered)

    metrics.llm_budget_used(Decimal("0.9"))

    assert 0.9 == value(metrics, "llm_budget_used_fraction")
    assert (2400.0, 25.0) == (value(metrics, "llm_tokens_total"), value(metrics, "llm_cost_krw_total"))


def test_failures_of_challengers_are_counted_by_kind() -> None:
    metrics = fed(HEARD, HEARD)

    assert 2.0 == value(metrics, "challenger_opinions_total", model="llm", action="hold", problem="prose")
    assert 2.0 == value(metrics, "challenger_opinions_total", model="rules", action="buy", problem="none")


def test_what_a_trained_model_put_out_is_counted_by_its_kind_and_the_last_prediction_shown() -> None:
    usable = (Gate("model.output", "usable", None, passed=True), Gate("model.prediction", -0.0125, None, passed=True))
    stuck = (Gate("model.output", "same_output", "usable", passed=False),)
    reports = [replace(TRADED, gates=gates) for gates in (usable, stuck, usable)]

    metrics = fed(*(CycleCompleted(report=report) for report in reports))

    assert (2.0, 1.0) == tuple(value(metrics, "model_outputs_total", kind=kind) for kind in ("usable", "same_output"))
    assert -0.0125 == value(metrics, "model_prediction")


def test_the_last_good_cycle_is_the_newest_that_did_not_fail() -> None:
    metrics = fed(CycleCompleted(report=HELD))

    metrics.observe_record(
        record(CycleCompleted(report=replace(FAILED, completed_at=FAILED.completed_at + timedelta(hours=3))), 2)
    )

    assert HELD.completed_at.timestamp() == value(metrics, "last_cycle_timestamp_seconds")


def test_before_any_cycle_its_time_is_that_of_the_first_start_and_a_later_start_changes_nothing() -> None:
    started = Started(mode=Mode.PAPER, version="1", settings={})
    metrics = Metrics()
    first, second = record(started, 1), record(started, 2)

    metrics.observe_record(first)
    metrics.observe_record(second)

    assert first.at < second.at
    assert first.at.timestamp() == value(metrics, "last_cycle_timestamp_seconds")
