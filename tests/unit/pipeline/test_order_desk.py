"""The desk stops whoever has lost count of its orders, and the parts of an order whose time is over."""

from decimal import Decimal

import pytest

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.gate import Gate
from dg_bot.domain.order import MarketBuy, Role
from dg_bot.domain.portfolio import Portfolio
from dg_bot.pipeline.order_desk import Begun, OrderWish, Underway
from dg_bot.risk.limits import RiskLimits
from tests.builders import BTC, PaperBot, paper_bot, protection
from tests.scenario.faulty_upbit import unavailable


def wish_of(bot: PaperBot) -> OrderWish:
    """Wish for an entry, whatever the stages would say of it."""
    return OrderWish(
        request=MarketBuy(market=BTC, notional_krw=Decimal(10_000)),
        cycle=Cycle(market=BTC, opened_at=HOUR.floor(bot.clock.now())),
        role=Role.ENTRY,
        reason="lost count",
        decision_digest="0",
        reference_krw=Decimal(1000),
        minimum_notional_krw=Decimal(5000),
        protection=protection(),
    )


def entered(bot: PaperBot, *, parts: int = 1) -> Begun:
    """Begin an entry of so many parts."""
    portfolio = Portfolio(krw=bot.upbit.balances()["KRW"], positions=(), marks_krw={})
    return bot.desk.begin([wish_of(bot)] * parts, portfolio, gates=(), warnings=())


def underway(bot: PaperBot) -> Underway:
    """Begin an entry of two parts."""
    begun = entered(bot, parts=2)
    assert begun.underway is not None
    return begun.underway


def test_one_order_too_many_in_an_hour_is_a_runaway() -> None:
    bot = paper_bot(limits=RiskLimits(max_orders_per_hour=1))
    begun = entered(bot)
    assert begun.underway is not None
    bot.desk.finish(begun.underway)

    refused = entered(bot)

    assert (Gate("orders_this_hour", 1, 1, False),) == refused.gates
    assert ["runaway"] == bot.alarms()
    assert bot.state.safe_mode is not None


def test_orders_are_counted_for_their_role_alone() -> None:
    bot = paper_bot()
    begun = entered(bot)
    assert begun.underway is not None
    bot.desk.finish(begun.underway)

    cycle = wish_of(bot).cycle
    assert {Role.ENTRY: 1, Role.EXIT: 0, Role.SELL: 0} == {role: bot.desk.taken_in(cycle, role) for role in Role}


def test_an_order_that_another_cap_refuses_is_no_runaway() -> None:
    bot = paper_bot(limits=RiskLimits(max_krw_per_day=Decimal(9_999)))

    refused = entered(bot)

    assert ["krw_today"] == [gate.name for gate in refused.gates]
    assert ([], None) == (bot.alarms(), bot.state.safe_mode)


@pytest.mark.parametrize(("seconds", "parts"), [(-0.1, 1), (0, 1), (0.1, 2)])
def test_no_part_is_sent_once_the_shared_patience_is_over(seconds: float, parts: int) -> None:
    bot = paper_bot()
    begun = underway(bot)

    placed = bot.desk.finish(begun, give_up_at_s=bot.clock.monotonic_s() + seconds)

    assert parts == len(placed.intents) == len(bot.placed())


def test_a_later_part_is_followed_no_longer_than_the_shared_patience_lasts() -> None:
    bot = paper_bot()
    begun = underway(bot)
    bot.upbit.on("find", unavailable, first=2, last=1_000)
    until = bot.clock.monotonic_s() + 5

    placed = bot.desk.finish(begun, give_up_at_s=until)

    assert [False, True] == [intent.is_open for intent in placed.intents]
    assert until <= bot.clock.monotonic_s() <= until + 2


def test_a_process_that_ends_begins_no_order_and_says_so_beside_what_the_plan_said() -> None:
    bot = paper_bot()
    bot.books.close_for_orders()
    planned, warned = Gate("depth", 1, 1, True), Gate("spread", 2, 1, False)
    portfolio = Portfolio(krw=bot.upbit.balances()["KRW"], positions=(), marks_krw={})

    begun = bot.desk.begin([wish_of(bot)], portfolio, gates=(planned,), warnings=(warned,))

    assert (planned, Gate("process", "stopping", "running", False)) == begun.gates
    assert ((warned,), None, []) == (begun.warnings, begun.underway, bot.placed())
