"""Everything that stage 3 measures, once over a whole history: what was known at each close, without measuring it anew.

It stands on the rule that no measure looks ahead: what is known at a close is the past of what is known in the end.
"""

from bisect import bisect_left
from collections.abc import Mapping

from dg_bot.analysis.market_context import ContextHistory, MarketContext
from dg_bot.cycle import MarketSnapshot
from dg_bot.domain.candle import CandleSeries
from dg_bot.indicators.bars import Bars
from dg_bot.indicators.latest import IndicatorSnapshot, columns, signal_summary
from dg_bot.strategies.base import Signals, Strategy


class KnownMeasurements:
    """Signals, indicators and surroundings at each close of a history."""

    def __init__(self, strategy: Strategy, hours: Bars, bars: Bars) -> None:
        """Measure everything; both hold closed candles of one market."""
        self._hours: list[int] = hours.opened_at.tolist()
        self._bars: list[int] = bars.opened_at.tolist()
        self._whole = strategy.signals(bars)
        self._indicators = {name: values.tolist() for name, values in columns(bars).items()}
        self._context = ContextHistory(hours, bars)
        self._signals = -1, self._whole.until(0)
        self._last: tuple[int, Mapping[str, float]] = -1, {}

    def signals(self, snapshot: MarketSnapshot) -> Signals:
        place = _place(self._bars, snapshot.strategy_bars)
        if self._signals[0] != place:
            self._signals = place, self._whole.until(place + 1)
        return self._signals[1]

    def indicators(self, snapshot: MarketSnapshot) -> Mapping[str, float]:
        place = _place(self._bars, snapshot.strategy_bars)
        if self._last[0] != place:
            self._last = place, self._measured(place)
        return self._last[1]

    def context(self, snapshot: MarketSnapshot) -> MarketContext:
        return self._context.at(_place(self._hours, snapshot.hourly), _place(self._bars, snapshot.strategy_bars))

    def _measured(self, place: int) -> Mapping[str, float]:
        latest = IndicatorSnapshot(**{name: values[place] for name, values in self._indicators.items()})
        return {**latest.as_mapping(), "signal_score": float(signal_summary(latest).score)}


def _place(opened_at: list[int], series: CandleSeries) -> int:
    """Give the place of the newest candle of a series; -1 where it has none."""
    return bisect_left(opened_at, series.opened_at[-1]) if len(series) else -1
