import http.client
import json
import os
import runpy
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.serve import ServeOptions, serving, venue_clock

ROOT = Path(__file__).resolve().parents[3]
NINE = datetime(2023, 5, 1, 9, tzinfo=UTC)
CANDLES = """timestamp,open,high,low,close,volume
2023-05-01T07:00:00Z,100000,101000,99000,100500,10
2023-05-01T08:00:00Z,100500,102000,100000,101000,12
2023-05-01T09:00:00Z,101000,103000,100000,102000,9
"""


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    file = tmp_path / "tape.csv"
    file.write_text(CANDLES)
    return file


def _options(tape: Path, **changes: object) -> ServeOptions:
    options: dict[str, object] = {
        "port": 0,
        "tapes": {Market("KRW-ETH"): tape},
        "at": NINE,
        "seed": 0,
        "krw": Decimal(10_000_000),
        "depth_krw": Decimal(30_000_000),
        "access_key": None,
        "secret_key": None,
        "faults": None,
        "wire_log": None,
    }
    return ServeOptions(**(options | changes))  # type: ignore[arg-type]


def _get(server: UpbitServer, path: str) -> tuple[str | None, Any]:
    """Give the Date header and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", int(server.base_url.rsplit(":", 1)[1]), timeout=10)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.headers["Date"], json.load(response)
    finally:
        connection.close()


def _refusal(options: ServeOptions) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught, serving(options, host_time=NINE, monotonic=lambda: 0.0):
        pass
    return caught.value


def test_the_venue_starts_at_its_time_and_goes_on_with_the_wall_clock() -> None:
    ticks = iter([50.0, 50.0, 51.5])
    now = venue_clock(NINE, lambda: next(ticks))

    assert (now(), now()) == (NINE, NINE + timedelta(seconds=1.5))


@pytest.mark.parametrize("at", [NINE - timedelta(hours=2), NINE, NINE + timedelta(hours=1)])
def test_a_tape_is_served_from_its_first_candle_to_the_end_of_its_last(tape: Path, at: datetime) -> None:
    with serving(_options(tape, at=at), host_time=NINE, monotonic=lambda: 0.0) as server:
        _, tickers = _get(server, "/v1/ticker?markets=KRW-ETH")

    assert [ticker["market"] for ticker in tickers] == ["KRW-ETH"]


@pytest.mark.parametrize("seconds", [-7201, 3601])
def test_a_time_outside_the_tape_is_refused(tape: Path, seconds: int) -> None:
    assert _refusal(_options(tape, at=NINE + timedelta(seconds=seconds))).variable == "--at"


def test_a_generated_market_starts_at_the_time_of_the_host(tape: Path) -> None:
    host_time = datetime(2026, 11, 20, 12, tzinfo=UTC)
    with serving(_options(tape, tapes={}, at=None), host_time=host_time, monotonic=lambda: 0.0) as server:
        date, markets = _get(server, "/v1/market/all")

    assert date == "Fri, 20 Nov 2026 12:00:00 GMT"
    assert "KRW-BTC" in [market["market"] for market in markets]


def test_the_wire_log_is_written_to_its_file(tape: Path, tmp_path: Path) -> None:
    log = tmp_path / "wire.jsonl"
    with serving(_options(tape, wire_log=log), host_time=NINE, monotonic=lambda: 0.0) as server:
        _get(server, "/v1/market/all")

    assert [json.loads(line)["path"] for line in log.read_text().splitlines()] == ["/v1/market/all"]


def test_options_that_cannot_be_used_are_named(tape: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text("{")
    missing = tmp_path / "no" / "such"

    assert [
        _refusal(_options(tape, **change)).variable
        for change in (
            {"tapes": {Market("KRW-ETH"): missing}},
            {"faults": missing},
            {"faults": bad},
            {"wire_log": missing},
            {"port": 65536},
        )
    ] == ["--tape", "--faults", "--faults", "--wire-log", "--port"]


@pytest.mark.parametrize(
    ("changes", "variable"),
    [({"at": None}, "--at"), ({"access_key": "a"}, "--secret-key"), ({"secret_key": "s"}, "--access-key")],
)
def test_options_that_do_not_go_together_are_named(tape: Path, changes: dict[str, object], variable: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        _options(tape, **changes)

    assert caught.value.variable == variable


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "--port"),
        (["--port", "x"], "--port"),
        (["--port", "0", "--tape", "a.csv"], "--market"),
        (["--port", "0", "--market", "KRW-BTC"], "--market"),
        (["--port", "0", "--tape", "a", "--tape", "b", "--market", "KRW-BTC", "--market", "KRW-BTC"], "--market"),
        (["--port", "0", "--market", "btc"], "--market"),
        (["--port", "0", "--at", "noon"], "--at"),
        (["--port", "0", "--krw", "0"], "--krw"),
        (["--port", "0", "--depth-krw", "deep"], "--depth-krw"),
        (["--port", "0", "--kwr", "1"], "--kwr"),
    ],
)
def test_a_usage_error_ends_with_2_and_names_the_argument(
    arguments: list[str], name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        runpy.run_path(str(ROOT / "scripts" / "simulate_upbit.py"))["main"](arguments)

    assert caught.value.code == 2
    assert name in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_tells_where_it_listens_and_ends_with_0_on_a_signal(tape: Path, number: signal.Signals) -> None:
    command = ["scripts/simulate_upbit.py", "--port", "0", "--tape", str(tape), "--market", "KRW-ETH", "--at", "2023-05-01T09:00"]
    with subprocess.Popen(
        [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.send_signal(number)
        rest, errors = process.communicate(timeout=30)

    assert line.startswith("listening on http://127.0.0.1:")
    assert (process.returncode, rest, errors) == (0, "", "")


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": "src"}
