"""Rows: they come late where the database is away, once however often they are written, and stop nothing."""

import os
import signal
from datetime import timedelta

import psycopg

from tests.e2e.conftest import MakeBench
from tests.e2e.market_bench import MarketBench, breakout, eventually, history
from tests.e2e.tape_bench import WarmProgram
from tests.postgres import rows

NOBODY = "postgresql://bot:nobody-is-here@127.0.0.1:1/bot"
NEXT_HOUR = timedelta(hours=1, seconds=5)
TABLES = ("trades", "orders", "fills", "cycles", "ai_decisions", "portfolio_snapshots", "system_logs", "bot_config", "candles")


def contents(dsn: str) -> dict[str, list[str]]:
    return {name: sorted(str(row) for row in rows(dsn, f"TABLE {name}")) for name in TABLES}


def test_rows_of_a_cycle_without_a_database_arrive_with_a_later_run(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    bench = market_bench()
    dsn = bench.settings["DATABASE_URL"]

    first = bench.run(warm_program.run, "--json", DATABASE_URL=NOBODY)
    before = contents(dsn)
    second = bench.run(warm_program.run, "--json")

    assert (0, "traded", 0) == (first.exit_code, first.report["outcome"], second.exit_code)
    assert {name: [] for name in TABLES} == before
    [order] = first.report["orders"]
    assert [(order["identifier"], "completed")] == rows(dsn, "SELECT trade_id, status FROM trades")
    assert [(first.report["cycle_id"], "traded")] == rows(dsn, "SELECT cycle_id, outcome FROM cycles")


def test_rows_that_are_written_again_from_the_start_are_the_same_rows(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    bench = market_bench()
    dsn = bench.settings["DATABASE_URL"]
    bench.run(warm_program.run, "--json")
    before = contents(dsn)
    (bench.folder / "data" / "state" / "cursors.json").unlink()
    started = len(bench.recorded("started"))

    bench.run(warm_program.run, "--json")

    after = contents(dsn)
    # The second run's own start is the only news; the settings are those of the last start.
    assert (1, 2) == (started, len(bench.recorded("started")))
    assert [] == [name for name in TABLES if before[name] != after[name] and name not in ("bot_config", "system_logs")]
    assert set(before["system_logs"]) <= set(after["system_logs"])


def test_every_candle_that_the_cycle_saw_is_a_row(market_bench: MakeBench, warm_program: WarmProgram) -> None:
    bench = market_bench()
    dsn = bench.settings["DATABASE_URL"]
    bench.run(warm_program.run, "--json")

    newest = history()[-1]
    assert [(len(history()), "60m", "KRW-BTC")] == rows(dsn, "SELECT count(*), min(timeframe), min(symbol) FROM candles")
    assert [(newest.opened_at, newest.open, newest.high, newest.low, newest.close, newest.volume)] == rows(
        dsn, "SELECT timestamp, open, high, low, close, volume FROM candles ORDER BY timestamp DESC LIMIT 1"
    )


def test_a_bot_on_another_host_is_refused_while_the_first_one_trades_the_account(
    market_bench: MakeBench, warm_program: WarmProgram
) -> None:
    """They share nothing but the database; the second one ends before it has asked the venue anything."""
    first, second = market_bench("1.0", "1.0"), market_bench("1.0", "1.0")
    dsn = first.settings["DATABASE_URL"]

    with first.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        eventually(lambda: len(contents(dsn)["cycles"]) == 1, "the rows of the cycle")
        refused = second.run(warm_program.run)
        code = daemon.end()

    assert (0, 3, dsn) == (code, refused.exit_code, second.settings["DATABASE_URL"])
    assert "the account is in use by another bot (session" in refused.log
    assert not (second.folder / "data" / "state" / "journal.jsonl").exists()
    assert 1 == len(contents(dsn)["cycles"])


class OwnServer:
    """The embedded server of a bot, seen from outside."""

    def __init__(self, bench: MarketBench) -> None:
        self._folder = bench.folder / "data" / "postgres"
        self._password = bench.folder / "data" / "state" / "postgres_password"

    @property
    def process(self) -> int:
        return int((self._folder / "cluster" / "postmaster.pid").read_text().split()[0])

    def outcomes(self) -> list[str]:
        """Give how the cycles ended that are in the rows, in their order; none where there is no server yet."""
        if not (self._folder / "port").exists():
            return []
        port = (self._folder / "port").read_text().strip()
        dsn = f"postgresql://dg_bot:{self._password.read_text()}@127.0.0.1:{port}/postgres?sslmode=disable"
        try:
            return [str(outcome) for (outcome,) in rows(dsn, "SELECT outcome FROM cycles ORDER BY opened_at")]
        except (psycopg.OperationalError, psycopg.errors.UndefinedTable):
            return []


def test_a_killed_server_of_our_own_comes_back_with_the_next_rows(market_bench: MakeBench) -> None:
    bench = market_bench("1.0", "1.0")
    del bench.settings["DATABASE_URL"]
    server = OwnServer(bench)

    with bench.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        eventually(lambda: server.outcomes() == ["traded"], "the first rows")
        killed = server.process
        os.kill(killed, signal.SIGKILL)
        bench.move_to(breakout() + NEXT_HOUR)
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", times=2)
        eventually(lambda: server.outcomes() == ["traded", "held"], "the rows of the second cycle")
        revived = server.process
        code = daemon.end()

    assert (0, True) == (code, killed != revived)
