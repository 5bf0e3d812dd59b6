"""The guard of a backtest: the exit rules over the path of one bar, and a tick of the true guard where they find one due.

A bar's path is open, low, high, as in the kernel: a bar that reaches both stop and target counts as stopped. A highest price
counts from the next bar on.
"""

from decimal import Decimal

from dg_bot.backtesting.recorded_market import RecordedClock, RecordedMarket
from dg_bot.domain.market import Market, tick_size
from dg_bot.domain.money import ceiling_to, floor_to
from dg_bot.domain.portfolio import Position, ProtectiveLevels
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.guard import Guard


class BarGuard:
    """Watches the position of one market, bar by bar."""

    def __init__(self, *, market: Market, guard: Guard, books: Books, prices: RecordedMarket, clock: RecordedClock) -> None:
        self._market = market
        self._guard = guard
        self._books = books
        self._prices = prices
        self._clock = clock
        self._high_before: Decimal | None = None

    def watch(self, open_krw: Decimal, high_krw: Decimal, low_krw: Decimal) -> None:
        """Walk through a bar whose entry or exit at the open has been made already."""
        if self._high_before is not None:
            self._raise_highest(self._high_before)
        self._high_before = None
        if self._held is not None:
            self._walk(open_krw, high_krw, low_krw)
        if self._held is not None:
            self._high_before = high_krw

    @property
    def _held(self) -> Position | None:
        return self._books.state.positions.get(self._market)

    def _walk(self, open_krw: Decimal, high_krw: Decimal, low_krw: Decimal) -> None:
        levels = self._levels()
        if levels is not None and (_is_reached_at(levels, open_krw) or _is_higher(levels, open_krw)):
            self._tick(open_krw)
            levels = self._levels()
        if levels is not None and low_krw <= levels.effective_stop_krw:
            stop = levels.effective_stop_krw
            self._tick(stop, floor_to(stop, self._step(stop)))
            return
        for _ in range(2):
            levels = self._levels()
            due = None if levels is None else min(levels.target_krw, levels.stage_krw or levels.target_krw)
            if due is None or high_krw < due:
                return
            self._tick(due, ceiling_to(due, self._step(due)))

    def _levels(self) -> ProtectiveLevels | None:
        return None if self._held is None else self._held.levels

    def _raise_highest(self, high_krw: Decimal) -> None:
        levels = self._levels()
        if levels is not None and _is_higher(levels, high_krw):
            self._tick(high_krw)

    def _tick(self, price_krw: Decimal, seen_krw: Decimal | None = None) -> None:
        self._prices.reach(price_krw, seen_krw or price_krw)
        self._guard.tick()

    def _step(self, price_krw: Decimal) -> Decimal:
        return tick_size(self._market, price_krw, self._clock.now())


def _is_reached_at(levels: ProtectiveLevels, price_krw: Decimal) -> bool:
    gain = min(levels.target_krw, levels.stage_krw or levels.target_krw)
    return price_krw <= levels.effective_stop_krw or price_krw >= gain


def _is_higher(levels: ProtectiveLevels, price_krw: Decimal) -> bool:
    return levels.trailing_distance_krw is not None and price_krw > levels.highest_krw
