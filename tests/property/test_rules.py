"""Rules of money over random amounts: sizes, plans, caps, verdicts and the life of an order."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.events import Answer, Closing, Event, IntentAnswered, IntentSending, Record
from dg_bot.domain.market import published_rules
from dg_bot.domain.money import floor_to, product
from dg_bot.domain.order import MarketBuy, MarketSell, Role
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import InvariantViolated
from dg_bot.execution.intent import IntentBook, IntentState
from dg_bot.execution.liquidity import measure_liquidity
from dg_bot.execution.planner import NotPlanned, PlannerLimits, SellWish, plan_sell
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.loss_breaker import pnl_fraction, tripped
from dg_bot.risk.state import Opening
from tests.unit.risk.account import BTC, NOON, buy_plan, executed, unexecuted

LEVELS = st.lists(
    st.tuples(st.integers(1, 10**9), st.integers(1, 10**12)).map(
        lambda pair: (Decimal(pair[0]).scaleb(-3), Decimal(pair[1]).scaleb(-8))
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda pair: pair[0],
)
AMOUNTS = st.decimals("0.00000001", 10**9, places=8)


def book(asks: list[tuple[Decimal, Decimal]], bids: list[tuple[Decimal, Decimal]]) -> OrderBook:
    """Make a book of these levels, the bids put below the asks."""
    lowest = min((price for price, _ in asks), default=Decimal(10**9))
    highest = max((price for price, _ in bids), default=Decimal(1))
    shrunk = [(price / (highest * 2) * lowest, size) for price, size in bids]
    return OrderBook(
        market=BTC,
        at=NOON,
        asks=tuple(Level(price, size) for price, size in sorted(asks)),
        bids=tuple(Level(price, size) for price, size in sorted(shrunk, reverse=True)),
    )


@given(asks=LEVELS, notional=AMOUNTS)
def test_a_buy_takes_no_more_won_than_wanted_and_no_more_coins_than_shown(
    asks: list[tuple[Decimal, Decimal]], notional: Decimal
) -> None:
    shown = book(asks, [])

    report = measure_liquidity(shown, MarketBuy(market=BTC, notional_krw=notional), Decimal(1000))

    assert 0 <= report.funds_krw <= notional
    assert report.quantity <= sum((size for _, size in asks), Decimal(0))
    assert report.is_enough is (report.visible_depth >= notional)


@given(bids=LEVELS, quantity=AMOUNTS)
def test_a_sale_gives_no_more_than_the_best_bid_for_each_coin(bids: list[tuple[Decimal, Decimal]], quantity: Decimal) -> None:
    shown = OrderBook(market=BTC, at=NOON, asks=(), bids=tuple(Level(price, size) for price, size in sorted(bids, reverse=True)))

    report = measure_liquidity(shown, MarketSell(market=BTC, quantity=quantity), Decimal(1000))

    assert report.quantity == min(quantity, sum((size for _, size in bids), Decimal(0)))
    assert report.funds_krw <= product(report.quantity, max(price for price, _ in bids))
    assert report.funds_krw >= product(report.quantity, min(price for price, _ in bids))


@given(asks=LEVELS, one=AMOUNTS, other=AMOUNTS)
def test_more_won_never_buy_fewer_coins_nor_at_a_better_price(
    asks: list[tuple[Decimal, Decimal]], one: Decimal, other: Decimal
) -> None:
    small, large = sorted((one, other))
    shown = book(asks, [])

    less, more = (
        measure_liquidity(shown, MarketBuy(market=BTC, notional_krw=notional), Decimal(1000)) for notional in (small, large)
    )

    assert less.quantity <= more.quantity
    assert less.funds_krw <= more.funds_krw


@given(owned=AMOUNTS, free=AMOUNTS, wanted=AMOUNTS, mark=st.decimals("0.0001", 10**8, places=4))
def test_what_is_planned_to_be_sold_is_owned_and_free(owned: Decimal, free: Decimal, wanted: Decimal, mark: Decimal) -> None:
    wish = SellWish(role=Role.EXIT, wanted_quantity=wanted, owned_quantity=owned, free_quantity=free)
    empty = OrderBook(market=BTC, at=NOON, asks=(), bids=())

    plan = plan_sell(wish, published_rules(BTC), book=empty, mark_krw=mark, limits=PlannerLimits())

    if not isinstance(plan, NotPlanned):
        sold = sum((child.quantity for child in plan.children if isinstance(child, MarketSell)), Decimal(0))
        assert 0 < sold + plan.deferred_quantity <= min(owned, free)
        assert len(plan.children) <= PlannerLimits().maximum_children


@given(value=st.decimals("-1000000", 10**12, places=12), places=st.integers(0, 10))
def test_rounding_down_twice_is_rounding_down_once(value: Decimal, places: int) -> None:
    step = Decimal(1).scaleb(-places)

    assert floor_to(floor_to(value, step), step) == floor_to(value, step)
    assert abs(floor_to(value, step)) <= abs(value)


@given(opened=st.decimals("0.01", 10**9, places=2), one=st.decimals(0, 10**9, places=2), other=st.decimals(0, 10**9, places=2))
def test_a_greater_loss_trips_wherever_a_smaller_one_does(opened: Decimal, one: Decimal, other: Decimal) -> None:
    limits, opening = RiskLimits(), Opening(NOON, opened)
    worse, better = (pnl_fraction(opening, equity, None) for equity in sorted((one, other)))

    is_tripped = [tripped(daily_pnl=pnl, weekly_pnl=Decimal(0), limits=limits) is not None for pnl in (worse, better)]

    assert worse <= better
    assert is_tripped != [False, True]


@given(equity=st.decimals(0, 10**9, places=2), capital=st.decimals("1", 10**9, places=2))
def test_a_smaller_capital_never_makes_a_loss_look_smaller(equity: Decimal, capital: Decimal) -> None:
    opening = Opening(NOON, Decimal(1_000_000))

    whole, part = pnl_fraction(opening, equity, None), pnl_fraction(opening, equity, capital)

    assert abs(part) >= abs(whole)


STEPS = st.lists(
    st.sampled_from(["sending", "accepted", "rejected", "unknown", "executed", "nothing", "refused", "never"]), max_size=12
)


@given(steps=STEPS)
def test_an_order_that_has_ended_stays_as_it_is_and_a_refused_step_changes_nothing(steps: list[str]) -> None:
    events: dict[str, Event] = {
        "sending": IntentSending(identifier="x"),
        "accepted": IntentAnswered(identifier="x", answer=Answer.ACCEPTED, venue_id="v"),
        "rejected": IntentAnswered(identifier="x", answer=Answer.REJECTED, error_name="no"),
        "unknown": IntentAnswered(identifier="x", answer=Answer.UNKNOWN, error_name="timeout"),
        "executed": executed("x", "1", "1000"),
        "nothing": unexecuted("x"),
        "refused": unexecuted("x", Closing.REJECTED),
        "never": unexecuted("x", Closing.NEVER_ACCEPTED),
    }
    held = IntentBook().after(Record(sequence=1, at=NOON, event=buy_plan("x")))
    sends = 0
    for number, step in enumerate(steps, start=2):
        before = held.by_identifier("x")
        try:
            held = held.after(Record(sequence=number, at=NOON + timedelta(seconds=number), event=events[step]))
        except InvariantViolated:
            assert before == held.by_identifier("x")
            continue
        assert before.state is not IntentState.CLOSED
        sends += step == "sending"
        assert sends == held.by_identifier("x").sends
    ended = held.by_identifier("x")
    assert ended.is_open is (ended.closing is None)


def test_an_event_of_an_order_that_was_never_planned_is_refused() -> None:
    with pytest.raises(InvariantViolated, match="never planned"):
        IntentBook().after(Record(sequence=1, at=NOON, event=IntentSending(identifier="y")))
