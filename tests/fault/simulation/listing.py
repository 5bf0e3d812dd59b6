"""One market of a run's venue: what its price makes of order book and candles."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.domain.money import QUANTITY_STEP
from dg_bot.domain.order_book import Level, OrderBook
from tests.builders import VirtualClock
from tests.fault.simulation.prices import PricePath

_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Listing:
    """A market with the path of its price, its tick, and how many won lie at each level of its book."""

    market: Market
    path: PricePath
    tick: Decimal
    depth_krw: Decimal

    def price(self, clock: VirtualClock) -> Decimal:
        return self.path.price_at(clock.monotonic_s())

    def book(self, clock: VirtualClock, depth_krw: Decimal | None = None) -> OrderBook:
        """Make the book: the price is the best bid, a tick above it the best ask, and the same won at each level."""
        price, tick = self.price(clock), self.tick
        size = ((self.depth_krw if depth_krw is None else depth_krw) / price).quantize(QUANTITY_STEP, ROUND_DOWN)
        bids = tuple(Level(price - step * tick, size) for step in range(_LEVELS) if price > step * tick)
        asks = tuple(Level(price + step * tick, size) for step in range(1, _LEVELS + 1))
        return OrderBook(market=self.market, at=clock.at, asks=asks, bids=bids)

    def hours(self, clock: VirtualClock, first: datetime) -> Iterator[Candle]:
        """Make the candles from `first` on out of what the price did; the newest is unfinished."""
        start = clock.at - timedelta(seconds=clock.monotonic_s())
        opened = max(first, start)
        while opened <= clock.at:
            begin_s = (opened - start).total_seconds()
            end_s = min(begin_s + HOUR.seconds - 1, clock.monotonic_s())
            low, high = self.path.range_between(begin_s, end_s)
            yield Candle(
                opened_at=opened,
                open=self.path.price_at(begin_s),
                high=high,
                low=low,
                close=self.path.price_at(end_s),
                volume=Decimal(3600),
            )
            opened += HOUR.length
