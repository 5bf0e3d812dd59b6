"""`scheduler_main.py` as a process: cycles, guard, signals, and what it makes of an exchange that goes away."""

import os
import signal
import socket
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.order import Side
from dg_bot.simulator.faults import Delay, Drip, FaultRule
from tests.e2e.conftest import MakeBench
from tests.e2e.daemon_process import DaemonProcess
from tests.e2e.market_bench import MarketBench, breakout, eventually

ORDERS = "/v1/orders"
CYCLES = 'scheduler_job_success_total{job="cycle"}'
# Hours from the breakout's on: as it was, a fall by a tenth, and no move after it.
FALL = ("1.0", "0.9", "0.9")
AFTER_THE_FALL = timedelta(hours=2, minutes=30)


def bought(bench: MarketBench, daemon: DaemonProcess) -> None:
    """Let the daemon buy."""
    daemon.run_cycle()
    daemon.wait_for("cycle_completed", outcome="traded")


def sides(bench: MarketBench) -> list[Side]:
    return [order.side for order in bench.orders]


def test_the_cron_runs_the_cycle_and_the_pages_tell_of_it(market_bench: MakeBench) -> None:
    bench = market_bench(at=breakout())

    with bench.daemon() as daemon:
        daemon.wait_for("cycle_completed", outcome="traded")
        eventually(lambda: daemon.metric(CYCLES) == 1.0, "the end of the cycle")
        status, health = daemon.health()
        metrics = [daemon.metric(name) for name in ("bot_running", 'trades_total{side="buy"}', "unresolved_intents")]

    assert (200, "ok", "dg_bot") == (status, health["status"], health["service"])
    assert {"guard", "cycle", "outbox", "safe_mode"} == health["checks"].keys()
    assert f"KRW-BTC/{breakout():%Y-%m-%dT%H} traded" == health["checks"]["cycle"]["detail"]
    assert [1.0, 1.0, 0.0] == metrics
    assert 5.0 <= (bench.orders[0].created_at - breakout()).total_seconds()


def test_a_signal_runs_the_cycle_and_the_same_hour_again_does_nothing(market_bench: MakeBench) -> None:
    bench = market_bench()

    with bench.daemon() as daemon:
        bought(bench, daemon)
        eventually(lambda: daemon.metric(CYCLES) == 1.0, "the end of the first cycle")
        daemon.run_cycle()
        eventually(lambda: daemon.metric(CYCLES) == 2.0, "the end of the second cycle")

    assert [Side.BUY] == sides(bench)
    assert 1 == len(bench.recorded("cycle_completed"))


def test_the_guard_sells_at_the_stop_without_any_cycle(market_bench: MakeBench) -> None:
    bench = market_bench(*FALL)

    with bench.daemon() as daemon:
        bought(bench, daemon)
        bench.move_to(breakout() + AFTER_THE_FALL)
        daemon.wait_for("order_closed", times=2)
        sales = daemon.metric("risk_stop_loss_triggers_total")
        code = daemon.end()

    assert (0, 1.0, [Side.BUY, Side.SELL]) == (code, sales, sides(bench))
    assert "stop_loss" == bench.recorded("intent_planned")[1]["reason"]
    assert 1 == len(bench.recorded("cycle_completed"))
    assert Decimal(0) == bench.venue.account("BTC").balance


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_zero_and_the_journal_says_so(market_bench: MakeBench, number: signal.Signals) -> None:
    bench = market_bench()

    with bench.daemon() as daemon:
        code = daemon.end(number)
        out = daemon.out

    assert (0, "") == (code, out)
    assert ("stopped", {"mode": "live", "open_positions": 0}) == (bench.journal[-1]["kind"], bench.journal[-1]["body"])


def test_the_end_counts_what_nobody_watches_from_now_on(market_bench: MakeBench) -> None:
    bench = market_bench()

    with bench.daemon() as daemon:
        bought(bench, daemon)
        daemon.end()

    assert [{"mode": "live", "open_positions": 1}] == bench.recorded("stopped")


def test_d10_no_order_begins_after_a_signal_in_the_middle_of_a_cycle(market_bench: MakeBench) -> None:
    """No order begins any more, and the process ends in good order with exit code 0."""
    bench = market_bench()
    bench.faults.add(FaultRule(action=Delay(1.0), path="/v1/orderbook"))

    with bench.daemon() as daemon:
        daemon.run_cycle()
        eventually(lambda: bench.requests("GET", "/v1/orderbook") == 1, "the request for the order book")
        code = daemon.end()

    assert (0, 0) == (code, bench.requests("POST", ORDERS))
    assert [] == bench.recorded("intent_planned")
    assert "stopped" == bench.journal[-1]["kind"]


def test_no_order_begins_after_a_signal_in_the_middle_of_the_start(market_bench: MakeBench) -> None:
    bench = market_bench(*FALL)
    with bench.daemon() as daemon:
        bought(bench, daemon)
        daemon.end()
    bench.move_to(breakout() + AFTER_THE_FALL)
    read = bench.requests("GET", "/v1/accounts")
    bench.faults.add(FaultRule(action=Delay(1.0), path="/v1/accounts", nth=2))

    with DaemonProcess(bench.settings, bench.folder) as daemon:
        eventually(lambda: bench.requests("GET", "/v1/accounts") == read + 2, "the first look of the guard")
        code = daemon.end()

    assert (0, [Side.BUY]) == (code, sides(bench))
    assert "stopped" == bench.journal[-1]["kind"]


def test_d10_an_order_that_is_under_way_at_the_signal_is_settled_first(market_bench: MakeBench) -> None:
    """The order under way is followed to its end and booked, then the process ends with exit code 0."""
    bench = market_bench()
    bench.faults.add(FaultRule(action=Drip(0.002), method="POST", path=ORDERS))

    with bench.daemon() as daemon:
        daemon.run_cycle()
        eventually(lambda: bool(bench.orders), "the order")
        code = daemon.end()

    [closed] = bench.recorded("intent_closed")
    assert (0, 1) == (code, len(bench.orders))
    assert bench.orders[0].executed_volume == Decimal(closed["executed_quantity"]) > 0
    assert "stopped" == bench.journal[-1]["kind"]


def test_d02_a_process_killed_between_order_and_answer_places_no_second_order(market_bench: MakeBench) -> None:
    """The order that was taken in before the death is found and booked by the next start; no second one is sent."""
    bench = market_bench()
    bench.faults.add(FaultRule(action=Drip(0.1), method="POST", path=ORDERS, nth=1))
    with bench.daemon() as daemon:
        daemon.run_cycle()
        eventually(lambda: bool(bench.orders), "the order")
        daemon.end(signal.SIGKILL)
    assert "intent_sending" == bench.journal[-1]["kind"]

    with bench.daemon() as daemon:
        daemon.wait_for("order_closed")
        daemon.run_cycle()
        daemon.wait_for("cycle_completed")
        code = daemon.end()

    [order], [closed] = bench.orders, bench.recorded("intent_closed")
    assert (0, 1) == (code, bench.requests("POST", ORDERS))
    assert (order.executed_volume, order.executed_funds, order.paid_fee) == tuple(
        Decimal(closed[name]) for name in ("executed_quantity", "funds_krw", "paid_fee_krw")
    )


def test_an_exchange_that_goes_away_is_told_once_and_found_again(market_bench: MakeBench) -> None:
    bench = market_bench(*FALL)

    with bench.daemon() as daemon:
        bought(bench, daemon)
        bench.go_away()
        daemon.wait_for("guard_tick_failed", times=3)
        eventually(lambda: daemon.health()[0] == 503, "the failing health check")
        unprotected = daemon.metric("unprotected_seconds_total")
        bench.move_to(breakout() + AFTER_THE_FALL)
        bench.come_back()
        daemon.wait_for("order_closed", times=2)
        daemon.run_cycle()
        eventually(lambda: daemon.health()[0] == 200, "a healthy bot")
        code = daemon.end()

    assert (0, [Side.BUY, Side.SELL]) == (code, sides(bench))
    assert unprotected >= 3.0
    assert ["unprotected"] == [alarm["kind"] for alarm in bench.recorded("alarm_raised")]


def test_an_exchange_that_is_away_at_the_start_is_found_later(market_bench: MakeBench) -> None:
    bench = market_bench()
    bench.go_away()

    with bench.daemon(CLOCK_FROM_VENUE="no") as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_failed")
        bench.come_back()

        def asked_again() -> bool:
            daemon.run_cycle()
            return bool(daemon.logged("cycle_completed"))

        # The failed cycle tells its end a moment before it ends, and nothing begins beside one that runs.
        eventually(asked_again, "a cycle after the failed one")
        ended = daemon.wait_for("cycle_completed")
        code = daemon.end()

    # This machine's clock is not the venue's, which is found by then.
    assert (0, "halted", True) == (code, ended["outcome"], "clock_skew" in ended["reason"])
    assert 1 == len(bench.recorded("account_opened"))


def test_e04_a_second_process_on_the_folder_is_refused(market_bench: MakeBench) -> None:
    """The second process ends with exit code 3 before it has asked the exchange anything, and names the first."""
    bench = market_bench()

    with bench.daemon():
        asked = len(bench.wire_log.entries)
        with DaemonProcess(bench.settings, bench.folder) as second:
            code = second.exit_code()
        again = len(bench.wire_log.entries)

    assert (3, asked) == (code, again)
    assert "is in use by process" in second.log


def test_e10_the_guard_ticks_on_while_every_core_is_busy(market_bench: MakeBench) -> None:
    """On a machine without a free core the guard goes on looking at what is held, and a metric tells how late it is."""
    bench = market_bench()

    with bench.daemon() as daemon:
        bought(bench, daemon)
        spin = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
        try:
            looks = bench.requests("GET", "/v1/accounts")
            eventually(lambda: bench.requests("GET", "/v1/accounts") >= looks + 3, "three looks of the guard")
            exposition = daemon.page("/metrics")[1]
        finally:
            for process in spin:
                process.kill()
                process.wait()

    assert "guard_tick_age_seconds " in exposition


def test_k08_settings_that_are_edited_while_the_bot_runs_change_nothing(market_bench: MakeBench) -> None:
    """A running bot keeps the settings that it began with and that its journal holds; the next start reads the new ones."""
    bench = market_bench()
    file = bench.folder / ".env"
    file.write_text("RISK_MAX_POSITION_FRACTION=0.05\n", encoding="ascii")

    with bench.daemon() as daemon:
        file.write_text("RISK_MAX_POSITION_FRACTION=5\n", encoding="ascii")
        bought(bench, daemon)
        daemon.end()
    with DaemonProcess(bench.settings, bench.folder) as second:
        code = second.exit_code()

    [started] = bench.recorded("started")
    assert ("0.05", Decimal(500_000)) == (started["settings"]["RISK_MAX_POSITION_FRACTION"], bench.orders[0].price)
    assert (2, True) == (code, "RISK_MAX_POSITION_FRACTION" in second.log)


def test_a_taken_port_is_named(market_bench: MakeBench) -> None:
    bench = market_bench()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        with DaemonProcess({**bench.settings, "HEALTH_PORT": port}, bench.folder) as daemon:
            code = daemon.exit_code()

    assert 2 == code
    assert "HEALTH_PORT" in daemon.log
