"""What forbids an entry, each rule just under, at and just over its limit."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from dg_bot.cycle import RiskClearance
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import IntentClosed, SafeModeEntered
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.domain.portfolio import Balance
from dg_bot.domain.screen import ScreenMode
from dg_bot.errors import StateError
from dg_bot.execution.planner import CHILD_PAUSE_S, PlannerLimits
from dg_bot.risk.limits import RiskLimits
from tests.builders import BTC, ETH, NOON, XRP, PaperBot, paper_bot
from tests.scenario.faulty_upbit import (
    Call,
    Fault,
    booked,
    filled_in_part,
    garbled,
    key_refused,
    priced,
    refused,
    reply_lost,
    request_lost,
    unavailable,
)
from tests.scenario.order_bots import closings


def blocked_by(bot: PaperBot, market: Market = BTC) -> str | None:
    """Run a cycle whose model wants to buy; give what kept it from doing so."""
    bot.opinion.says = "buy"
    report = bot.run_cycle(market)
    return None if report.outcome is Outcome.TRADED else report.reason


def test_safe_mode_without_a_position_halts_in_the_first_stage() -> None:
    bot = paper_bot(says="buy", safe_mode=True)

    report = bot.run_cycle()

    assert (Outcome.HALTED, "risk.safe_mode: told to, limit off") == (report.outcome, report.reason)
    assert (0, 0) == (bot.upbit.calls("candles"), bot.opinion.asked)


@pytest.mark.parametrize(("says", "orders"), [("sell", ["sell KRW-BTC 100"]), ("hold", []), ("buy", [])])
def test_safe_mode_with_a_position_goes_on_and_may_only_sell(says: str, orders: list[str]) -> None:
    bot = paper_bot(holding="100 @ 1000", says=says, safe_mode=True)

    report = bot.run_cycle()

    assert orders == bot.placed()
    assert 1 == bot.opinion.asked
    assert Outcome.HALTED is not report.outcome


def test_safe_mode_survives_a_restart() -> None:
    bot = paper_bot(says="buy", safe_mode=True)

    bot.restart()

    assert "risk.safe_mode: told to, limit off" == blocked_by(bot)


@pytest.mark.parametrize(
    ("reason", "hours", "is_left"),
    [
        ("daily_loss: lost 0.1000", 23.99, False),
        ("daily_loss: lost 0.1000", 24, True),
        ("weekly_loss: lost 0.1500", 25, True),
        ("the journal is new", 25, False),
    ],
)
def test_safe_mode_for_a_loss_ends_by_itself_after_the_hours_that_were_set(reason: str, hours: float, is_left: bool) -> None:
    bot = paper_bot(limits=RiskLimits(safe_mode_hours=24))
    bot.books.record(SafeModeEntered(reason=reason))
    bot.wait(hours * 3600)

    bot.run_cycle()

    assert is_left is (bot.state.safe_mode is None)


def loser(price: str, **settings: object) -> PaperBot:
    """A bot that holds 50 % of its equity in a coin that begins the day at 1000 and now stands at `price`."""
    bot = paper_bot(f"1000 1000 | 1000 {price}", holding="5000 @ 1000", limits=_STOPLESS, **settings)  # type: ignore[arg-type]
    bot.run_cycle()
    bot.next_hour()
    return bot


_STOPLESS = RiskLimits(daily_loss_fraction=Decimal("0.10"), weekly_loss_fraction=Decimal("0.15"))


def equity_after(bot: PaperBot, fraction: str) -> str:
    """Give the price at which the account has lost `fraction` of its opening equity."""
    assert bot.state.day is not None
    position = bot.position()
    assert position is not None
    lost = bot.state.day.equity_krw * Decimal(fraction)
    return str(1000 - lost / position.quantity)


@pytest.mark.parametrize(("fraction", "is_tripped"), [("0.0999", False), ("0.10", True), ("0.1001", True)])
def test_a_days_loss_at_its_limit_enters_safe_mode(fraction: str, is_tripped: bool) -> None:
    bot = loser("1000")
    bot.upbit.always("last_prices", priced(BTC=equity_after(bot, fraction)))

    bot.guard.tick()

    reason = bot.state.safe_mode.reason if bot.state.safe_mode else ""
    assert is_tripped is reason.startswith("daily_loss")


@pytest.mark.parametrize(("fraction", "is_tripped"), [("0.1499", False), ("0.15", True)])
def test_a_weeks_loss_at_its_limit_enters_safe_mode(fraction: str, is_tripped: bool) -> None:
    bot = paper_bot("1000 1000", holding="5000 @ 1000", limits=_STOPLESS, at=datetime(2026, 11, 17, 12, 0, 5, tzinfo=UTC))
    bot.run_cycle()
    half = equity_after(bot, "0.075")
    bot.clock.at = datetime(2026, 11, 18, 12, 0, 5, tzinfo=UTC)
    bot.upbit.always("last_prices", priced(BTC=half))
    bot.account_only()
    last = 1000 - (1000 - Decimal(half)) * Decimal(fraction) / Decimal("0.075")
    bot.upbit.heal()
    bot.upbit.always("last_prices", priced(BTC=str(last)))

    bot.account_only()

    reason = bot.state.safe_mode.reason if bot.state.safe_mode else ""
    assert is_tripped is reason.startswith("weekly_loss")


def test_the_loss_limit_is_a_fraction_of_the_capital_where_that_is_smaller() -> None:
    limits = RiskLimits(capital_krw=Decimal(1_000_000))
    bot = paper_bot("1000 1000 | 1000 980", holding="5000 @ 1000", limits=limits)
    bot.run_cycle()
    bot.next_hour()

    bot.guard.tick()

    assert bot.state.safe_mode is not None
    assert bot.state.safe_mode.reason.startswith("daily_loss: lost 0.1000")


def test_capital_limits_the_size_of_an_entry() -> None:
    bot = paper_bot(says="buy", limits=RiskLimits(capital_krw=Decimal(1_000_000)))

    bot.run_cycle()

    assert ["buy KRW-BTC 100000"] == bot.placed()


@pytest.mark.parametrize("amount", ["2000000", "-2000000"])
def test_a_declared_transfer_is_neither_a_gain_nor_a_loss(amount: str) -> None:
    bot = paper_bot(says="hold")
    bot.run_cycle()
    bot.deposit("KRW", amount)
    bot.declare("KRW", amount)
    bot.next_hour()

    report = bot.run_cycle()

    assert report.state is not None
    assert (Decimal(0), Decimal(0)) == (report.state.daily_pnl_fraction, report.state.weekly_pnl_fraction)
    assert bot.state.safe_mode is None


@pytest.mark.parametrize(("amount", "is_blocked"), [("0.01", False), ("0.02", True), ("-0.02", True)])
def test_a_difference_of_won_within_the_venues_rounding_is_none(amount: str, is_blocked: bool) -> None:
    bot = paper_bot()
    bot.deposit("KRW", amount)

    assert is_blocked is (blocked_by(bot) is not None)


def test_a_difference_of_a_coin_blocks_however_small_it_is() -> None:
    bot = paper_bot()
    bot.deposit("BTC", "0.00000001")

    assert "unexplained_balance" in (blocked_by(bot) or "")


def test_a_balance_that_lags_for_a_moment_is_no_difference() -> None:
    bot = paper_bot()
    bot.deposit("KRW", "500")

    def shown_late(method: Call) -> Mapping[str, Balance]:
        before: Mapping[str, Balance] = method()
        bot.deposit("KRW", "-500")
        return before

    bot.upbit.on("balances", shown_late)

    assert blocked_by(bot) is None


def traded_and_sold(**settings: object) -> PaperBot:
    """A bot that bought at noon and sold an hour later."""
    bot = paper_bot("1000 1000", says="buy", **settings)  # type: ignore[arg-type]
    bot.run_cycle()
    bot.opinion.says = "sell"
    bot.next_hour()
    bot.run_cycle()
    return bot


@pytest.mark.parametrize(("hours", "is_blocked"), [(3, True), (4, False), (5, False)])
def test_four_hours_lie_between_two_entries_on_a_market(hours: int, is_blocked: bool) -> None:
    bot = traded_and_sold()
    bot.clock.at = HOUR.floor(bot.state.last_entry_at[BTC]) + timedelta(hours=hours, seconds=1)

    assert is_blocked is ("hours_since_entry" in (blocked_by(bot) or ""))


def test_the_interval_counts_on_each_market_alone() -> None:
    bot = paper_bot({BTC: "1000 1000", ETH: "500 500"}, says="buy")
    bot.run_cycle(BTC)

    assert blocked_by(bot, ETH) is None


def test_exits_are_not_blocked_by_the_interval() -> None:
    assert ["buy KRW-BTC 1000000", "sell KRW-BTC 999.000999"] == traded_and_sold().placed()


MANY = tuple(Market(f"KRW-C{number}") for number in range(1, 9))


def many(**settings: object) -> PaperBot:
    prices = {BTC: "1000 1000", **dict.fromkeys(MANY, "1000 1000")}
    return paper_bot(prices, says="buy", **settings)  # type: ignore[arg-type]


def test_five_entries_a_day_are_all_over_all_markets() -> None:
    bot = many(limits=RiskLimits(max_position_fraction=Decimal("0.02"), max_orders_per_hour=20))

    blocks = [blocked_by(bot, market) for market in MANY[:6]]

    assert [None] * 5 + ["risk.entries_today: 5, limit 5"] == blocks


def test_seven_positions_are_all() -> None:
    limits = RiskLimits(max_position_fraction=Decimal("0.02"), max_entries_per_day=20, max_orders_per_hour=20)
    bot = many(limits=limits)

    blocks = [blocked_by(bot, market) for market in MANY]

    assert [None] * 7 + ["risk.positions: 7, limit 7"] == blocks


def test_exposure_ends_at_eighty_percent() -> None:
    limits = RiskLimits(
        max_position_fraction=Decimal("0.30"), max_entries_per_day=20, max_orders_per_hour=90, max_krw_per_day=Decimal(10) ** 8
    )
    bot = many(limits=limits, planner=PlannerLimits(split_above_krw=Decimal(10) ** 9))

    blocks = [blocked_by(bot, market) for market in MANY]

    report = bot.reports[-1]
    assert [None] * 3 == blocks[:3]
    assert "exposure" in (blocks[-1] or "") or "entry_room_krw" in (blocks[-1] or "")
    assert report.state is not None
    invested = report.state.equity_krw - report.state.free_krw
    assert Decimal("0.799") < invested / report.state.equity_krw <= Decimal("0.80")


@pytest.mark.parametrize(("cap", "second"), [("1005999", []), ("1006000", ["6000"]), ("1500000", ["500000"])])
def test_the_krw_of_a_day_are_capped(cap: str, second: list[str]) -> None:
    bot = many(limits=RiskLimits(max_krw_per_day=Decimal(cap)))

    bot.run_cycle(MANY[0])
    bot.run_cycle(MANY[1])

    assert ["1000000", *second] == [words.split()[-1] for words in bot.placed()]


def test_the_cap_of_a_day_begins_anew_at_midnight_in_seoul() -> None:
    bot = many(limits=RiskLimits(max_krw_per_day=Decimal(1_000_000)), at=datetime(2026, 11, 20, 14, 0, 5, tzinfo=UTC))
    bot.run_cycle(MANY[0])
    assert "execution.entry_wanted_krw: 0, limit 1" == blocked_by(bot, MANY[1])

    bot.next_hour()

    assert blocked_by(bot, MANY[2]) is None


@pytest.mark.parametrize(("minutes", "is_blocked"), [(59, True), (60, True), (61, False)])
def test_orders_older_than_an_hour_no_longer_count(minutes: int, is_blocked: bool) -> None:
    bot = many(limits=RiskLimits(max_orders_per_hour=1))
    bot.run_cycle(MANY[0])
    sent = bot.our_orders()[0].created_at
    bot.clock.at = sent + timedelta(minutes=minutes)

    assert is_blocked is ("orders_this_hour" in (blocked_by(bot, MANY[1]) or ""))


def test_a_refused_order_counts_against_the_orders_of_the_hour() -> None:
    bot = many(limits=RiskLimits(max_orders_per_hour=1))
    bot.upbit.on("submit", refused("insufficient_funds_bid"))
    bot.run_cycle(MANY[0])

    assert "risk.orders_this_hour: 1, limit 1" == blocked_by(bot, MANY[1])


def test_a_warned_screen_shrinks_the_entry_to_two_percent() -> None:
    bot = paper_bot(says="buy", screen_mode=ScreenMode.WARN)
    bot.opinion.screen_gates_pass = False

    bot.run_cycle()

    assert ["buy KRW-BTC 200000"] == bot.placed()


def test_a_failed_screen_blocks_an_entry_and_no_sale() -> None:
    bot = paper_bot(says="buy")
    bot.opinion.screen_gates_pass = False
    assert "screen.total_return: 0.3, limit 0.03" == blocked_by(bot)

    seller = paper_bot(holding="100 @ 1000", says="sell")
    seller.opinion.screen_gates_pass = False
    seller.run_cycle()

    assert ["sell KRW-BTC 100"] == seller.placed()


def test_large_entries_are_split_into_at_most_five_children_two_seconds_apart() -> None:
    bot = paper_bot(krw="200000000", limits=RiskLimits(max_krw_per_day=Decimal(10) ** 9), says="buy")

    bot.run_cycle()

    orders = bot.our_orders()
    assert ["buy KRW-BTC 4000000"] * 5 == bot.placed()
    assert all(later.created_at - earlier.created_at >= timedelta(seconds=2) for earlier, later in pairwise(orders))
    assert [f"test.KRW-BTC.20261120T12.entry.{leg}.0" for leg in range(5)] == [order.identifier for order in orders]


@pytest.mark.parametrize(("krw", "count"), [("30000000", 1), ("30000010", 2)])
def test_an_entry_is_split_above_three_million(krw: str, count: int) -> None:
    bot = paper_bot(krw=krw, says="buy")

    bot.run_cycle()

    assert count == len(bot.placed())


def test_the_children_of_an_entry_become_one_position() -> None:
    bot = paper_bot(krw="200000000", limits=RiskLimits(max_krw_per_day=Decimal(10) ** 9), says="buy")

    bot.run_cycle()

    orders, position = bot.our_orders(), bot.position()
    assert position is not None
    assert sum(order.executed_volume for order in orders) == position.quantity
    cost = sum(order.executed_funds + order.paid_fee for order in orders)
    assert abs(cost - position.average_cost_krw * position.quantity) < Decimal("1e-12")
    assert 1 == bot.state.entries_filled_on_day_of(bot.clock.now())


def test_an_entry_is_not_continued_after_a_child_without_a_verdict() -> None:
    bot = paper_bot(krw="200000000", limits=RiskLimits(max_krw_per_day=Decimal(10) ** 9), says="buy")
    bot.upbit.on("submit", reply_lost, first=2)
    bot.upbit.on("find", unavailable, first=2, last=99)

    bot.run_cycle()
    bot.upbit.heal()
    bot.restart()
    bot.run_cycle()

    assert 2 == len(bot.placed())
    assert [] == list(bot.books.intents.open_intents())
    assert 2 == len(bot.events(IntentClosed))


def test_an_entry_goes_on_after_a_child_that_was_filled_in_part() -> None:
    bot = paper_bot(krw="200000000", limits=RiskLimits(max_krw_per_day=Decimal(10) ** 9), says="buy")
    bot.upbit.on("submit", filled_in_part("0.5"), first=2)

    bot.run_cycle()

    assert ["4000000", "2000000", "4000000", "4000000", "4000000"] == [words.split()[-1] for words in bot.placed()]


def test_a_sell_below_the_minimum_is_not_sent() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000", says="sell")
    bot.foreign_order(BTC, Side.SELL, volume="96", price="2000")

    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
    assert report.reason.startswith("execution.sell_minimum: 4000")


def test_what_is_worth_less_than_the_minimum_is_nothing_to_sell() -> None:
    bot = paper_bot("1000 1000 | 955 955 955", holding="5.2 @ 1000", says="sell")

    report = bot.run_cycle()

    assert ([], Outcome.HELD) == (bot.placed(), report.outcome)


def test_a_partial_sell_fraction_sells_that_part() -> None:
    bot = paper_bot(holding="100 @ 1000", says="sell", limits=RiskLimits(sell_fraction=Decimal("0.5")))

    bot.run_cycle()

    assert ["sell KRW-BTC 50"] == bot.placed()


def test_dust_does_not_keep_the_market_closed_for_entries() -> None:
    bot = paper_bot("1000 1000 | 1100 1000 1000", holding="100 @ 1000")
    order = bot.foreign_order(BTC, Side.SELL, volume="4", price="2000")
    bot.guard.tick()
    bot.venue.cancel(uuid=order.uuid)
    bot.next_hour(2)
    bot.clock.at = NOON + timedelta(hours=30)

    position = bot.position()

    assert position is not None
    assert position.is_dust
    clearance = bot.clearance()
    assert isinstance(clearance, RiskClearance)
    assert Side.BUY in clearance.allowed_sides


def test_a_market_that_is_not_configured_is_never_bought() -> None:
    bot = paper_bot({BTC: "1000 1000", XRP: "1000 1000"}, says="buy", markets=(BTC,))

    report = bot.run_cycle(XRP)

    assert [] == bot.placed()
    assert "execution.market_configured: KRW-XRP, limit KRW-BTC" == report.reason


def test_one_wrong_price_is_no_loss() -> None:
    bot = loser("1000")
    bot.upbit.on("last_prices", priced(BTC="1"))

    bot.guard.tick()

    assert (None, []) == (bot.state.safe_mode, bot.placed())


def test_a_loss_is_the_smaller_one_of_two_reads() -> None:
    bot = loser("1000")
    bot.upbit.on("last_prices", priced(BTC=equity_after(bot, "0.5")))
    bot.upbit.on("last_prices", priced(BTC=equity_after(bot, "0.11")), first=2)

    bot.account_only()

    assert bot.state.safe_mode is not None
    assert bot.state.safe_mode.reason.startswith("daily_loss: lost 0.1100")


@pytest.mark.parametrize("fault", [unavailable, garbled, key_refused])
def test_a_loss_that_cannot_be_looked_at_twice_is_looked_at_again_later(fault: Fault) -> None:
    bot = loser("1000")
    bot.upbit.always("last_prices", priced(BTC=equity_after(bot, "0.11")))
    bot.upbit.on("balances", fault, first=2)

    bot.account_only()
    assert bot.state.safe_mode is None
    bot.account_only()

    assert bot.state.safe_mode is not None


@pytest.mark.parametrize(("wrong", "is_opened"), [("989", True), ("700", False), ("1500", False)])
def test_a_day_does_not_begin_with_one_wrong_price(wrong: str, is_opened: bool) -> None:
    bot = paper_bot("1000 1000", holding="5000 @ 1000", limits=_STOPLESS)
    bot.upbit.on("last_prices", priced(BTC=wrong))

    bot.account_only()
    assert is_opened is (bot.state.day is not None)
    bot.account_only()

    assert bot.state.day is not None
    assert Decimal(10_000_000) == bot.state.day.equity_krw


def test_an_account_without_a_position_is_looked_at_once() -> None:
    bot = paper_bot()

    bot.account_only()

    assert bot.state.day is not None
    assert (1, []) == (bot.upbit.calls("balances"), bot.clock.slept)


def test_an_entry_lets_go_of_the_account_between_its_children_and_while_it_waits() -> None:
    bot = paper_bot(says="buy", planner=PlannerLimits(split_above_krw=Decimal(200_000)))
    bot.upbit.on("find", unavailable, last=5)
    seen: list[bool] = []
    sleep = bot.clock.sleep

    def look(seconds: float) -> None:
        if bot.upbit.calls("submit"):
            seen.append(can_be_held(bot))
        sleep(seconds)

    bot.clock.sleep = look  # type: ignore[method-assign]

    bot.run_cycle()

    assert 5 == len(bot.placed())
    assert [True] * len(seen) == seen
    assert len(seen) > 5


def can_be_held(bot: PaperBot) -> bool:
    """Tell whether another thread gets the account at once."""

    def hold() -> bool:
        try:
            with bot.books.locked(0.0):
                return True
        except StateError:
            return False

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(hold).result(timeout=10)


def test_an_entry_ends_where_the_guard_has_sold_between_two_children() -> None:
    bot = paper_bot(says="buy", planner=PlannerLimits(split_above_krw=Decimal(200_000)))
    sleep = bot.clock.sleep

    def falls(seconds: float) -> None:
        sleep(seconds)
        if seconds == CHILD_PAUSE_S and len(bot.placed()) == 2:
            bot.upbit.always("last_prices", priced(BTC="940"))
            bot.upbit.always("order_book", booked(asks="941:1000", bids="940:1000"))
            bot.guard.tick()

    bot.clock.sleep = falls  # type: ignore[method-assign]

    report = bot.run_cycle()

    assert ["buy", "buy", "sell"] == [words.split()[0] for words in bot.placed()]
    (sold,) = (order.identifier for order in bot.our_orders() if order.side is Side.SELL)
    assert Gate("execution.other_orders_since", sold, "none", False) in report.gates
    assert bot.position() is None


def test_a_child_that_got_lost_is_not_sent_again_where_the_guard_has_sold_meanwhile() -> None:
    bot = paper_bot(says="buy", planner=PlannerLimits(split_above_krw=Decimal(200_000)))
    bot.upbit.on("submit", request_lost, first=2)
    sleep = bot.clock.sleep

    def falls(seconds: float) -> None:
        sleep(seconds)
        if bot.upbit.calls("submit") == 2:
            bot.clock.sleep = sleep  # type: ignore[method-assign]
            bot.upbit.always("last_prices", priced(BTC="940"))
            bot.upbit.always("order_book", booked(asks="941:1000", bids="940:1000"))
            bot.guard.tick()

    bot.clock.sleep = falls  # type: ignore[method-assign]

    bot.run_cycle()
    bot.wait(60)
    bot.guard.tick()

    assert ["buy", "sell"] == [words.split()[0] for words in bot.placed()]
    assert ["executed", "executed", "never_accepted"] == closings(bot)
