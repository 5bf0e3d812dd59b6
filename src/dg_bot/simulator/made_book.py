"""An order book made around a price: the same one for the same price, as deep as stated."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import islice

from dg_bot.domain.market import Market, tick_size
from dg_bot.domain.money import QUANTITY_STEP, ZERO, floor_to
from dg_bot.domain.order_book import Level, OrderBook

_GROWTH_PER_LEVEL = Decimal("0.05")


@dataclass(frozen=True, slots=True, kw_only=True)
class BookShape:
    """How a book is made: `depth_krw` of notional at the touch and a little more at each level behind it."""

    depth_krw: Decimal
    levels: int
    spread_ticks: int

    def around(self, market: Market, price: Decimal, at: datetime, taken: Mapping[Decimal, Decimal]) -> OrderBook:
        """Make the book: best bid at `price` rounded down to the tick, best ask `spread_ticks` above it.

        `taken` is the volume by price that is gone; a level with nothing left is not shown.
        """
        best_bid, best_ask = self.touch(market, price, at)
        return OrderBook(
            market=market,
            at=at,
            asks=self._side(_upwards(market, best_ask, at), taken),
            bids=self._side(_downwards(market, best_bid, at), taken),
        )

    def touch(self, market: Market, price: Decimal, at: datetime) -> tuple[Decimal, Decimal]:
        """Give best bid and best ask around `price`."""
        best_bid = floor_to(price, tick_size(market, price, at))
        return best_bid, next(islice(_upwards(market, best_bid, at), self.spread_ticks, None))

    def _side(self, prices: Iterator[Decimal], taken: Mapping[Decimal, Decimal]) -> tuple[Level, ...]:
        levels = []
        for place, price in enumerate(islice(prices, self.levels)):
            size = floor_to(self.depth_krw * (1 + place * _GROWTH_PER_LEVEL) / price, QUANTITY_STEP) - taken.get(price, ZERO)
            if size > ZERO:
                levels.append(Level(price, size))
        return tuple(levels)


def _upwards(market: Market, price: Decimal, at: datetime) -> Iterator[Decimal]:
    """Walk the venue's price grid upwards from `price`, which is on it."""
    while True:
        yield price
        price += tick_size(market, price, at)


def _downwards(market: Market, price: Decimal, at: datetime) -> Iterator[Decimal]:
    """Walk the venue's price grid downwards from `price`, which is on it, as long as it is above zero."""
    while price > ZERO:
        yield price
        # The step down from the lowest price of a band is that of the band below.
        price -= tick_size(market, price - price.scaleb(-9), at)
