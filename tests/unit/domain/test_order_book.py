from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.domain.market import Market
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import ImpossibleValue

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def book(asks: str, bids: str) -> OrderBook:
    """Make a book from 'price*size price*size', best first."""
    return OrderBook(market=Market("KRW-BTC"), at=NOON, asks=levels(asks), bids=levels(bids))


def levels(text: str) -> tuple[Level, ...]:
    pairs = (row.split("*") for row in text.split())
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in pairs)


def test_the_best_prices_stand_first() -> None:
    it = book("101*1 102*2.5", "100*3 99*1")

    assert (Decimal(101), Decimal(100)) == (it.best_ask, it.best_bid)
    assert Decimal(356) == it.ask_depth_krw
    assert Decimal(4) == it.bid_depth


def test_an_empty_side_has_no_best_price_and_no_depth() -> None:
    it = book("", "")

    assert it.best_ask is None
    assert it.best_bid is None
    assert (Decimal(0), Decimal(0)) == (it.ask_depth_krw, it.bid_depth)


@pytest.mark.parametrize(
    ("asks", "bids", "problem"),
    [
        ("102*1 101*1", "", "asks.*must rise"),
        ("101*1 101*1", "", "asks.*must rise"),
        ("", "99*1 100*1", "bids.*must fall"),
        ("", "100*1 100*1", "bids.*must fall"),
        ("100*1", "101*1", "ask 100 bid 101.*above the best bid"),
        ("100*1", "100*1", "ask 100 bid 100.*above the best bid"),
    ],
)
def test_a_book_that_is_unsorted_or_crossed_is_refused(asks: str, bids: str, problem: str) -> None:
    with pytest.raises(ImpossibleValue, match=f"order book of KRW-BTC: .*{problem}"):
        book(asks, bids)


@pytest.mark.parametrize(("price", "size"), [("0", "1"), ("-1", "1"), ("NaN", "1"), ("1", "-0.1"), ("1", "NaN")])
def test_a_level_has_a_price_and_no_negative_size(price: str, size: str) -> None:
    with pytest.raises(ImpossibleValue, match=r"level (price|size)"):
        Level(Decimal(price), Decimal(size))


def test_a_level_may_be_empty() -> None:
    assert Decimal(0) == Level(Decimal(1), Decimal(0)).size


def test_a_book_carries_its_offset() -> None:
    with pytest.raises(ImpossibleValue, match="order book time"):
        OrderBook(market=Market("KRW-BTC"), at=datetime(2026, 11, 20), asks=(), bids=())  # noqa: DTZ001 - looked for
