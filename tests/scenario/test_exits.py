"""Risk's exits, in a cycle and between cycles."""

from dataclasses import replace
from decimal import Decimal

import pytest

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Outcome, Stage
from dg_bot.domain.order import Side
from dg_bot.ports import Submission
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from dg_bot.strategies.base import BarExits
from tests.builders import BTC, ETH, paper_bot, protection
from tests.scenario.faulty_upbit import Call, Fault, booked, garbled, on_market, priced, unavailable

HELD = "100 @ 1000"


@pytest.mark.parametrize(("price", "orders"), [("951", []), ("950", ["sell KRW-BTC 100"]), ("949", ["sell KRW-BTC 100"])])
def test_a_stop_sells_at_its_price_and_below(price: str, orders: list[str]) -> None:
    bot = paper_bot(f"1000 1000 | {price}", holding=HELD)

    bot.run_cycle()

    assert orders == bot.placed()


def test_a_stop_skips_data_and_analysis_and_says_why_it_sold() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD, says="buy")

    report = bot.run_cycle()

    assert (Outcome.TRADED, Stage.EXECUTION, "stop_loss") == (report.outcome, report.stage, report.reason)
    assert Decimal(940) == report.mark_krw
    assert (0, 0) == (bot.opinion.asked, bot.upbit.calls("candles"))


def test_a_stop_sells_even_in_safe_mode() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD, safe_mode=True)

    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_a_stop_survives_a_candle_gap() -> None:
    bot = paper_bot("1000 - - - - | 940", holding=HELD)

    bot.run_cycle()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_the_guard_sells_at_the_stop_between_cycles() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)

    tick = bot.guard.tick()

    assert ((BTC, ExitReason.STOP_LOSS),) == tick.due
    assert ["sell KRW-BTC 100"] == bot.placed()


def test_the_guard_asks_nothing_while_nothing_is_held() -> None:
    bot = paper_bot()

    bot.guard.tick()

    assert [] == bot.upbit.log


def test_j05_a_stop_that_the_second_read_does_not_confirm_sells_nothing() -> None:
    bot = paper_bot("1000 1000", holding=HELD)
    bot.upbit.on("last_prices", priced(BTC="700"))

    tick = bot.guard.tick()

    assert ((BTC, ExitReason.STOP_LOSS),) == tick.due
    assert [] == bot.placed()


def test_j05_the_second_read_comes_at_least_one_second_after_the_first() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)

    bot.guard.tick()

    assert 1.0 == bot.clock.slept[0]


def test_j05_a_last_trade_under_the_stop_with_a_bid_above_it_sells_nothing() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.on("order_book", booked(asks="961:100", bids="960:100"))

    bot.guard.tick()

    assert [] == bot.placed()


def test_j05_an_unconfirmed_stop_halts_the_cycle_with_its_gate() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.on("order_book", booked(asks="961:100", bids="960:100"))

    report = bot.run_cycle()

    assert (Outcome.HALTED, "execution.stop_confirmed: no, limit yes") == (report.outcome, report.reason)


@pytest.mark.parametrize("fault", [garbled, unavailable, booked(asks="941:100")], ids=["crossed", "unreadable", "no bids"])
def test_j06_without_a_usable_book_two_reads_of_the_last_trade_confirm_a_stop(fault: Fault) -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.always("order_book", fault)

    bot.guard.tick()

    assert ["sell KRW-BTC 100"] == bot.placed()


@pytest.mark.parametrize(("price", "orders"), [("1099", []), ("1100", ["sell KRW-BTC 100"]), ("1101", ["sell KRW-BTC 100"])])
def test_take_profit_sells_everything_at_its_price_and_above_and_waits_for_no_second_read(price: str, orders: list[str]) -> None:
    bot = paper_bot(f"1000 1000 | {price}", holding=HELD)

    bot.guard.tick()

    assert orders == bot.placed()
    assert [] == [pause for pause in bot.clock.slept if pause >= 1.0]


def test_a_trailing_stop_follows_the_highest_price_and_sells_at_its_distance_below_it() -> None:
    bot = paper_bot("1000 1000 | 1080 1051 1050", holding=HELD, protection=protection(trailing_distance_krw="30"))

    bot.guard.tick()
    bot.next_hour()
    assert () == bot.guard.tick().due
    bot.next_hour()

    assert ((BTC, ExitReason.TRAILING_STOP),) == bot.guard.tick().due
    assert ["sell KRW-BTC 100"] == bot.placed()


def test_a_trailing_stop_does_not_follow_the_price_down() -> None:
    bot = paper_bot("1000 1000 | 1080 1060", holding=HELD, protection=protection(trailing_distance_krw="30"))
    bot.guard.tick()
    bot.next_hour()
    bot.guard.tick()

    position = bot.position()

    assert position is not None
    assert (Decimal(1080), Decimal(1050)) == (position.levels.highest_krw, position.levels.effective_stop_krw)


def test_a_trailing_stop_remembers_its_highest_price_over_a_restart() -> None:
    bot = paper_bot("1000 1000 | 1080 1050", holding=HELD, protection=protection(trailing_distance_krw="30"))
    bot.guard.tick()
    bot.next_hour()

    bot.restart()

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_staged_profit_sells_half_first_and_the_rest_at_the_target() -> None:
    bot = paper_bot("1000 1000 | 1050 1050 1100", holding=HELD, protection=protection(stage_fraction="0.05"))

    bot.guard.tick()
    bot.guard.tick()
    bot.next_hour()
    bot.guard.tick()
    assert ["sell KRW-BTC 50"] == bot.placed()
    bot.next_hour()
    bot.guard.tick()

    assert ["sell KRW-BTC 50", "sell KRW-BTC 50"] == bot.placed()


def test_what_a_thin_book_leaves_of_the_first_half_is_sold_at_the_next_tick() -> None:
    bot = paper_bot("1000 1000 | 1050", holding=HELD, protection=protection(stage_fraction="0.05"))
    thin = booked(asks="1051:1000", bids="1050:10 1049:10")
    limits = replace(bot.setup.planner, maximum_children=1)
    bot.setup = replace(bot.setup, planner=limits)
    bot.rewire()
    bot.upbit.on("order_book", thin)

    bot.guard.tick()
    assert ["sell KRW-BTC 20"] == bot.placed()
    bot.guard.tick()
    bot.guard.tick()

    assert ["sell KRW-BTC 20", "sell KRW-BTC 30"] == bot.placed()


def test_a_decision_that_is_called_like_an_exit_takes_no_stage_of_profit() -> None:
    limits = RiskLimits(sell_fraction=Decimal("0.5"))
    bot = paper_bot("1000 1000 | 1000", holding=HELD, says="sell", limits=limits, protection=protection(stage_fraction="0.05"))
    bot.opinion.reason = "staged_profit"

    bot.run_cycle()

    position = bot.position()
    assert position is not None
    assert (Decimal(50), Decimal(1050)) == (position.quantity, position.levels.stage_krw)


def test_a_stop_asks_seven_times_until_its_order_is_out() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    reads = ("balances", "rules", "last_prices", "order_book", "notices", "candles", "list_orders")
    asked: list[int] = []

    def count(method: Call, approved: RiskApproved) -> Submission:
        asked.extend(bot.upbit.calls(read) for read in reads)
        answer: Submission = method(approved)
        return answer

    bot.upbit.on("submit", count)

    bot.guard.tick()

    # Six questions and the order: at 8 s each, a stop is out within a minute.
    assert [2, 1, 2, 1, 0, 0, 0] == asked


def test_a_half_that_could_not_be_sold_alone_goes_with_the_rest() -> None:
    bot = paper_bot("1000 1000 | 1050", holding="9 @ 1000", protection=protection(stage_fraction="0.05"))

    bot.guard.tick()

    assert ["sell KRW-BTC 9"] == bot.placed()


FAKE_OUT = BarExits(fake_out_fraction=0.02, fake_out_bars=3)


@pytest.mark.parametrize(
    ("price", "held_hours", "orders"),
    [
        ("981", 1, []),
        ("980", 1, ["sell KRW-BTC 100"]),
        ("979", 3, ["sell KRW-BTC 100"]),
        ("979", 4, []),
        ("979", 0, []),
    ],
)
def test_a_fake_out_sells_a_breakout_that_fell_back_within_its_first_bars(
    price: str, held_hours: float, orders: list[str]
) -> None:
    bot = paper_bot(f"1000 1000 | {price}", holding=HELD, held_hours=held_hours)
    bot.opinion.bar_exits = FAKE_OUT
    bot.rewire()

    report = bot.run_cycle()

    assert orders == bot.placed()
    assert not orders or report.reason == "fake_out"


TIME_OUT = BarExits(time_out_bars=24, time_out_fraction=0.02)


@pytest.mark.parametrize(
    ("price", "held_hours", "orders"),
    [("1000", 23, []), ("1000", 24, ["sell KRW-BTC 100"]), ("1019", 25, ["sell KRW-BTC 100"]), ("1020", 24, [])],
)
def test_a_time_out_sells_what_has_not_moved_after_its_bars(price: str, held_hours: float, orders: list[str]) -> None:
    bot = paper_bot(f"1000 1000 | {price}", holding=HELD, held_hours=held_hours)
    bot.opinion.bar_exits = TIME_OUT
    bot.rewire()

    report = bot.run_cycle()

    assert orders == bot.placed()
    assert not orders or report.reason == "time_out"


@pytest.mark.parametrize(
    ("strength", "orders"), [(19.9, ["sell KRW-BTC 100"]), (20.0, []), (24.0, [])], ids=["below", "at the floor", "at the ratio"]
)
def test_a_weakening_trend_sells_at_the_close_of_a_bar(strength: float, orders: list[str]) -> None:
    bot = paper_bot("1000 1000", holding=HELD)
    bot.opinion.bar_exits = BarExits(trend_ratio=0.8, trend_floor=20.0)
    bot.opinion.trend_strength = strength
    bot.rewire()

    report = bot.run_cycle()

    assert orders == bot.placed()
    assert not orders or report.reason == "trend_weakening"


def test_bar_exits_wait_for_the_close_of_a_strategy_bar() -> None:
    bot = paper_bot("1000 1000 | 1000 1000", holding=HELD, held_hours=120, timeframe=Timeframe(240))
    bot.opinion.bar_exits = TIME_OUT
    bot.rewire()
    bot.next_hour()

    bot.run_cycle()

    assert [] == bot.placed()


def test_an_exit_sells_only_what_the_bot_owns_and_leaves_foreign_coins() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD, foreign={"BTC": "7"})

    bot.guard.tick()

    assert Decimal(7) == bot.venue.account("BTC").total


def test_a19_an_exit_leaves_what_a_foreign_order_has_locked() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.foreign_order(BTC, Side.SELL, volume="40", price="2000")

    bot.guard.tick()

    assert ["sell KRW-BTC 60"] == bot.placed()


def test_one_market_that_cannot_be_read_does_not_keep_the_guard_from_selling_another() -> None:
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500 | 470"}, holding={BTC: HELD, ETH: "200 @ 500"})
    bot.upbit.always("rules", on_market(BTC, garbled))
    bot.upbit.always("order_book", on_market(BTC, garbled))
    bot.upbit.on("last_prices", on_market(BTC, unavailable), first=2)

    with pytest.raises(Exception, match="unavailable"):
        bot.guard.tick()

    assert ["sell KRW-ETH 200"] == bot.placed()


def test_a_held_market_that_the_venue_no_longer_lists_does_not_blind_the_guard_to_the_others() -> None:
    bot = paper_bot({BTC: "1000 1000 | 940"}, holding={BTC: HELD, ETH: "2 @ 500"}, markets=(BTC,))

    bot.guard.tick()

    assert ["sell KRW-BTC 100"] == bot.placed()
    assert "unpriced:KRW-ETH" in bot.alarms()


def test_prices_that_cannot_be_read_for_a_moment_are_not_taken_for_a_delisting() -> None:
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500"}, holding={BTC: HELD, ETH: "20 @ 500"})
    bot.upbit.always("last_prices", garbled)

    with pytest.raises(Exception, match="not an answer"):
        bot.guard.tick()

    assert [] == bot.alarms()


def test_an_exit_in_the_cycle_is_asked_for_again_before_it_is_sent() -> None:
    bot = paper_bot("1000 1000", holding=HELD)
    bot.upbit.on("last_prices", priced(BTC="900"))

    report = bot.run_cycle()

    assert (Outcome.HALTED, "risk_exit: nothing is due any more") == (report.outcome, report.reason)


def test_dust_after_a_sale_is_marked_and_never_sold_again() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.foreign_order(BTC, Side.SELL, volume="4", price="2000")

    for _ in range(3):
        bot.guard.tick()
        bot.wait(30)

    position = bot.position()
    assert ["sell KRW-BTC 96"] == bot.placed()
    assert position is not None
    assert (Decimal(4), True) == (position.quantity, position.is_dust)


def test_a17_a_position_below_the_minimum_is_not_sent_and_the_operator_is_told_once() -> None:
    bot = paper_bot("1000 1000 | 940", holding="5.2 @ 1000")

    for _ in range(5):
        bot.guard.tick()
        bot.wait(30)

    assert 0 == bot.upbit.calls("submit")
    assert ["unsellable:KRW-BTC"] == bot.alarms()


def test_an_exit_too_large_for_the_visible_bids_is_sold_in_pieces_with_an_alarm() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD, depth_krw="23500", levels=1)

    bot.guard.tick()

    sold = [order.executed_volume for order in bot.our_orders()]
    assert 1 < len(sold) <= 5
    assert Decimal(100) == sum(sold)
    assert "thin_book:KRW-BTC" in bot.alarms()
