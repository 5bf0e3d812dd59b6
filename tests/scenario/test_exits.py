"""Risk's exits, in a cycle and between cycles."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.cycle_report import Outcome, Stage
from dg_bot.domain.events import AlarmRaised, IntentSending
from dg_bot.domain.order import Side
from dg_bot.ports import Submission
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from dg_bot.strategies.base import BarExits
from tests.builders import BTC, ETH, XRP, PaperBot, paper_bot, protection
from tests.scenario.faulty_upbit import (
    Call,
    booked,
    filled_in_part,
    garbled,
    on_market,
    priced,
    refused,
    unavailable,
)
from tests.scenario.order_bots import ticks

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


@pytest.mark.parametrize(("price", "orders"), [("1099", []), ("1100", ["sell KRW-BTC 100"]), ("1101", ["sell KRW-BTC 100"])])
def test_take_profit_sells_everything_at_its_price_and_above(price: str, orders: list[str]) -> None:
    bot = paper_bot(f"1000 1000 | {price}", holding=HELD)

    bot.guard.tick()

    assert orders == bot.placed()


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


def test_an_exit_too_large_for_the_visible_bids_is_sold_in_pieces_with_an_alarm() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD, depth_krw="23500", levels=1)

    bot.guard.tick()

    sold = [order.executed_volume for order in bot.our_orders()]
    assert 1 < len(sold) <= 5
    assert Decimal(100) == sum(sold)
    assert "thin_book:KRW-BTC" in bot.alarms()


@pytest.mark.parametrize("wrong", ["1200", "1060"], ids=["target", "stage"])
def test_a_gain_that_the_second_read_does_not_confirm_sells_nothing(wrong: str) -> None:
    bot = paper_bot("1000 1000", holding=HELD, protection=protection(stage_fraction="0.05"))
    bot.guard.tick()
    bot.upbit.on("last_prices", priced(BTC=wrong))

    tick = bot.guard.tick()

    assert (1, []) == (len(tick.due), bot.placed())


def test_a_second_read_that_has_reached_only_the_stage_sells_only_the_half() -> None:
    bot = paper_bot("1000 1000 | 1060", holding=HELD, protection=protection(stage_fraction="0.05"))
    bot.upbit.on("last_prices", priced(BTC="1200"))

    bot.guard.tick()

    assert ["sell KRW-BTC 50"] == bot.placed()


def test_one_wrong_price_raises_no_highest_price() -> None:
    bot = paper_bot("1000 1000", holding=HELD, protection=protection(trailing_distance_krw="30"))
    bot.guard.tick()
    bot.upbit.on("last_prices", priced(BTC="1090"))

    bot.guard.tick()

    position = bot.position()
    assert position is not None
    assert Decimal(1000) == position.levels.highest_krw


def test_a_highest_price_that_only_the_second_read_shows_is_not_raised() -> None:
    bot = paper_bot("1000 1000", holding=HELD, protection=protection(trailing_distance_krw="30"))
    bot.upbit.on("last_prices", priced(BTC="1005"), first=2)

    bot.guard.tick()

    position = bot.position()
    assert position is not None
    assert bot.state.day is not None
    assert Decimal(1000) == position.levels.highest_krw


def test_the_highest_price_is_the_lower_of_two_reads() -> None:
    bot = paper_bot("1000 1000 | 1050", holding=HELD, protection=protection(trailing_distance_krw="60"))
    bot.guard.tick()
    bot.upbit.on("last_prices", priced(BTC="1090"))

    bot.guard.tick()

    position = bot.position()
    assert position is not None
    assert Decimal(1050) == position.levels.highest_krw


def test_a_bar_exit_that_only_the_last_look_finds_is_looked_for_once_more() -> None:
    bot = paper_bot("1000 1000", holding=HELD, held_hours=1, says="hold")
    bot.opinion.bar_exits = FAKE_OUT
    bot.opinion.says = "sell"
    bot.opinion.on_asked = lambda: bot.upbit.on("last_prices", priced(BTC="975"))
    bot.rewire()

    report = bot.run_cycle()

    assert ([], "risk_exit: nothing is due any more") == (bot.placed(), report.reason)


def test_an_exit_that_the_venue_keeps_refusing_is_tried_ever_more_rarely_and_told_with_the_venues_word() -> None:
    bot = paper_bot("1000 1000 | 940 940", holding=HELD)
    bot.upbit.always("submit", refused("market_offline"))

    ticks(bot, 60)

    [alarm] = [event for event in bot.events(AlarmRaised) if isinstance(event, AlarmRaised)]
    assert ("unprotected:KRW-BTC", True) == (alarm.kind, "market_offline" in alarm.text)
    sent = [record.at for record in bot.memory.records() if isinstance(record.event, IntentSending)][1:]
    pauses = [round((later - earlier).total_seconds()) for earlier, later in pairwise(sent)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 60
    assert 300 <= pauses[-1] < 360


def test_a_restart_neither_forgets_refusals_nor_starves_the_next_try() -> None:
    bot = paper_bot("1000 1000 | 940 940 940", holding=HELD)
    bot.upbit.always("submit", refused("market_offline"))
    ticks(bot, 60)
    refusals = bot.upbit.calls("submit")

    bot.restart()
    assert refusals == bot.upbit.calls("submit")
    bot.upbit.heal()
    ticks(bot, 11)

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_a_sale_that_was_taken_ends_the_pauses() -> None:
    bot = paper_bot("1000 1000 | 940 940 940", holding=HELD)
    bot.upbit.on("submit", refused("market_offline"), last=4)
    bot.upbit.on("submit", filled_in_part("0.5"), first=5)

    ticks(bot, 20)

    assert ["sell KRW-BTC 50", "sell KRW-BTC 50"] == bot.placed()
    first, second = (order.created_at for order in bot.our_orders())
    assert (second - first).total_seconds() < 60


def test_refusals_of_hours_ago_slow_no_exit_of_now() -> None:
    bot = paper_bot("1000 1000 | 940 1000 940", holding=HELD)
    bot.upbit.always("submit", refused("market_offline"))
    ticks(bot, 60)
    bot.upbit.heal()
    bot.next_hour(2)
    bot.upbit.on("submit", refused("create_ask_error"))

    ticks(bot, 2)

    assert ["sell KRW-BTC 100"] == bot.placed()


def test_refusals_on_one_market_slow_no_exit_on_another() -> None:
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500 | 500 470"}, holding={BTC: HELD, ETH: "200 @ 500"})
    bot.upbit.always("submit", on_market(BTC, refused("market_offline")))
    ticks(bot, 20)
    bot.next_hour()

    bot.guard.tick()

    assert ["sell KRW-ETH 200"] == bot.placed()


def test_dust_that_has_become_worth_an_order_is_protected_again() -> None:
    bot = paper_bot("1000 1000 | 940 1105 1105", holding=HELD)
    foreign = bot.foreign_order(BTC, Side.SELL, volume="4.9", price="2000")
    bot.guard.tick()
    bot.venue.cancel(uuid=foreign.uuid)
    ticks(bot, 3)
    assert ["sell KRW-BTC 95.1"] == bot.placed()
    bot.next_hour()

    bot.guard.tick()

    assert ["sell KRW-BTC 95.1", "sell KRW-BTC 4.9"] == bot.placed()


def test_no_market_takes_the_tick_from_the_others() -> None:
    coins = {BTC: "1000 1000 | 940", ETH: "500 500 | 470", XRP: "500 500 | 470"}
    bot = paper_bot(coins, holding={BTC: HELD, ETH: "200 @ 500", XRP: "200 @ 500"})
    bot.upbit.always("find", unavailable)
    started = bot.clock.now()

    bot.guard.tick()

    waited = [(order.created_at - started).total_seconds() for order in bot.our_orders()]
    assert 3 == len(waited)
    assert max(waited) < 10
    assert (bot.clock.now() - started).total_seconds() < 40


def test_exits_that_a_slow_venue_kept_waiting_come_first_at_the_next_tick() -> None:
    coins = {BTC: "1000 1000 | 940", ETH: "500 500 | 470", XRP: "500 500 | 470"}
    bot = paper_bot(coins, holding={BTC: HELD, ETH: "200 @ 500", XRP: "200 @ 500"})
    bot.upbit.always("submit", filled_in_part("0.5"))

    def slow(method: Call, *args: object) -> object:
        bot.wait(20)
        return method(*args)

    bot.upbit.always("rules", slow)

    bot.guard.tick()
    first = [order.market for order in bot.our_orders()]
    bot.guard.tick()

    assert [BTC, ETH] == first
    assert [XRP, BTC] == [order.market for order in bot.our_orders()][2:]


def test_a_market_that_sells_in_many_pieces_leaves_the_others_their_share() -> None:
    coins = {BTC: "1000 1000 | 940 940", ETH: "500 500 | 470 470"}
    bot = paper_bot(coins, holding={BTC: HELD, ETH: "200 @ 500"}, depth_krw="20000", levels=1)
    bot.upbit.always("find", lambda method, name: method(name) if bot.clock.now() >= seen_from(bot, name) else None)
    started = bot.clock.now()

    bot.guard.tick()
    assert {BTC, ETH} == {order.market for order in bot.our_orders()}
    assert (bot.clock.now() - started).total_seconds() < 60
    ticks(bot, 10)

    assert {} == bot.state.positions


def seen_from(bot: PaperBot, name: str) -> datetime:
    """Give when the venue begins to show an order: six seconds after it was placed."""
    placed = [order.created_at for order in bot.our_orders() if order.identifier == name]
    return placed[0] + timedelta(seconds=6) if placed else bot.clock.now()
