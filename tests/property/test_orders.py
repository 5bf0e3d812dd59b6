"""Whole bots whose orders meet random trouble, and that die at random calls: the venue's ledger has the last word."""

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.errors import BotError
from dg_bot.risk.limits import RiskLimits
from tests.builders import BUILT, PaperBot, assert_invariants, paper_bot
from tests.scenario.faulty_upbit import (
    Fault,
    answered_unclearly,
    filled_in_part,
    not_found,
    refused,
    reply_lost,
    request_lost,
    still_open,
    unavailable,
    with_fills_missing,
    with_fills_twice,
    without_fills,
)
from tests.scenario.killed import Killed, Reaper

SUBMITS: tuple[Fault, ...] = (
    request_lost,
    reply_lost,
    refused("insufficient_funds_bid"),
    answered_unclearly("status_500"),
    filled_in_part("0.5"),
    filled_in_part("0.013"),
)
FINDS: tuple[Fault, ...] = (unavailable, not_found, still_open, without_fills, with_fills_missing, with_fills_twice)
TROUBLE = st.lists(
    st.one_of(
        st.tuples(st.just("submit"), st.sampled_from(SUBMITS), st.integers(1, 3)),
        st.tuples(st.just("find"), st.sampled_from(FINDS), st.integers(1, 6)),
        st.tuples(st.just("balances"), st.just(unavailable), st.integers(1, 4)),
        st.tuples(st.just("last_prices"), st.just(unavailable), st.integers(1, 4)),
        st.tuples(st.just("order_book"), st.just(unavailable), st.integers(1, 2)),
    ),
    max_size=4,
)
DEATHS = st.lists(st.tuples(st.integers(1, 40), st.booleans()), max_size=4)
OPINIONS = st.lists(st.sampled_from(["buy", "sell", "hold"]), min_size=3, max_size=3)
PRICES = st.lists(st.sampled_from(["1000", "1003", "1060", "1110", "960", "940", "700"]), min_size=3, max_size=3)
FEW = settings(max_examples=30, deadline=None)


@pytest.fixture(autouse=True)
def forget_bots() -> Iterator[None]:
    yield
    BUILT.clear()


def lived(
    opinions: list[str], prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]], **made: Any
) -> PaperBot:
    """Let a bot live three hours of trouble and death, and then two in which nothing happens to it."""
    bot = paper_bot(f"1000 1000 | {' '.join(prices)}", **made)
    for operation, fault, first in trouble:
        bot.upbit.on(operation, fault, first=first)
    left = list(deaths)
    for says in opinions:
        bot.opinion.says = says
        _survive(bot, left)
        bot.next_hour()
    bot.upbit.heal()
    bot.upbit.around = lambda _operation, call: call()
    bot.opinion.says = "hold"
    bot.rewire()
    for _ in range(12):
        bot.guard.tick()
        bot.wait(30)
    return bot


def _survive(bot: PaperBot, deaths: list[tuple[int, bool]]) -> None:
    while True:
        place, is_after = deaths.pop() if deaths else (0, False)
        bot.upbit.around = Reaper(after=[place]) if is_after else Reaper(before=[place])
        try:
            bot.rewire()
            with suppress(BotError):  # a tick that could not read is tried again; the next one is half a minute away
                bot.guard.tick()
            bot.run_cycle()
        except Killed:
            bot.wait(1)
        else:
            return


@FEW
@given(opinions=OPINIONS, prices=PRICES, trouble=TROUBLE, deaths=DEATHS)
def test_books_and_venue_agree_after_any_trouble_and_any_death(
    opinions: list[str], prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]]
) -> None:
    bot = lived(opinions, prices, trouble, deaths)

    assert_invariants(bot)
    assert {} == bot.state.open_plans


@FEW
@given(prices=PRICES, trouble=TROUBLE, deaths=DEATHS, foreign=st.decimals("0.001", 500, places=3))
def test_coins_of_the_owner_are_never_sold(
    prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]], foreign: Decimal
) -> None:
    bot = lived(["hold", "sell", "hold"], prices, trouble, deaths, holding="100 @ 1000", foreign={"BTC": f"{foreign:f}"})

    position = bot.position()
    owned = Decimal(0) if position is None else position.quantity
    assert foreign + owned == bot.venue.ledger.account("BTC").total


@FEW
@given(opinions=OPINIONS, prices=PRICES, trouble=TROUBLE, deaths=DEATHS, krw=st.integers(1, 3_000_000))
def test_no_more_won_is_spent_than_there_was(
    opinions: list[str], prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]], krw: int
) -> None:
    bot = lived(opinions, prices, trouble, deaths, krw=str(krw))

    account = bot.venue.ledger.account("KRW")
    assert account.balance >= 0
    assert account.locked == 0
    assert account.total == bot.state.expected_total("KRW")


@FEW
@given(
    prices=PRICES,
    trouble=TROUBLE,
    deaths=DEATHS,
    position=st.decimals("0.01", "0.5", places=2),
    day=st.integers(10_000, 5_000_000),
)
def test_no_hour_and_no_day_spends_above_its_cap(
    prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]], position: Decimal, day: int
) -> None:
    limits = RiskLimits(
        max_position_fraction=position, stop_loss_fraction=Decimal("0.01"), max_krw_per_day=Decimal(day), max_orders_per_hour=2
    )

    bot = lived(["buy", "buy", "buy"], prices, trouble, deaths, limits=limits)

    buys = [order for order in bot.our_orders() if order.side.name == "BUY"]
    assert sum((order.executed_funds for order in buys), Decimal(0)) <= day
    assert all((order.price or 0) <= 10_000_000 * position for order in buys)
    by_hour = [order.created_at.replace(minute=0, second=0, microsecond=0) for order in buys]
    assert all(by_hour.count(hour) <= 2 for hour in by_hour)


@FEW
@given(opinions=OPINIONS, prices=PRICES, trouble=TROUBLE, deaths=DEATHS)
def test_in_safe_mode_nothing_is_bought_whatever_happens(
    opinions: list[str], prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]]
) -> None:
    bot = lived(opinions, prices, trouble, deaths, safe_mode=True, holding="100 @ 1000")

    assert [] == [words for words in bot.placed() if words.startswith("buy")]
    assert bot.state.safe_mode is not None


@FEW
@given(opinions=OPINIONS, prices=PRICES, trouble=TROUBLE, fee=st.decimals("0", "0.0099", places=4))
def test_the_fee_that_was_paid_is_the_fee_that_is_booked(
    opinions: list[str], prices: list[str], trouble: list[tuple[str, Fault, int]], fee: Decimal
) -> None:
    bot = paper_bot(f"1000 1000 | {' '.join(prices)}")
    bot.venue.ledger.fee_fraction = fee
    for operation, fault, first in trouble:
        bot.upbit.on(operation, fault, first=first)
    for says in opinions:
        bot.opinion.says = says
        bot.run_cycle()
        bot.next_hour()
    bot.upbit.heal()
    for _ in range(12):
        bot.guard.tick()
        bot.wait(30)

    assert_invariants(bot)


@FEW
@given(opinions=OPINIONS, prices=PRICES)
def test_the_same_life_places_the_same_orders(opinions: list[str], prices: list[str]) -> None:
    one, other = lived(opinions, prices, [], []), lived(opinions, prices, [], [])

    assert one.our_orders() == other.our_orders()
    assert one.state == other.state


@FEW
@given(prices=PRICES, trouble=TROUBLE, deaths=DEATHS, quantity=st.decimals("5.00000001", "2000", places=8))
def test_a_sale_is_of_what_was_bought_and_no_more(
    prices: list[str], trouble: list[tuple[str, Fault, int]], deaths: list[tuple[int, bool]], quantity: Decimal
) -> None:
    bot = lived(["sell", "sell", "sell"], prices, trouble, deaths, holding=f"{quantity:f} @ 1000", depth_krw="300000")

    sold = sum((order.executed_volume for order in bot.our_orders()), Decimal(0))
    position = bot.position()
    assert sold <= quantity
    assert quantity - sold == (Decimal(0) if position is None else position.quantity)
