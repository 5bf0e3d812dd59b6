"""Everything that stage 3 measures, once over a whole history: what was known at each close, without measuring it anew.

It stands on the rule that no measure looks ahead: what is known at a close is the past of what is known in the end.
"""

from collections.abc import Mapping

import numpy as np

from dg_bot.analysis.market_context import ContextHistory, MarketContext
from dg_bot.cycle import MarketSnapshot
from dg_bot.domain.candle import CandleSeries
from dg_bot.indicators.bars import Bars, Seconds
from dg_bot.indicators.latest import IndicatorSnapshot, columns, signal_summary
from dg_bot.strategies.base import BarExits, Signals, Strategy
from dg_bot.strategies.parameters import Parameters


class KnownSignals:
    """A strategy whose signals on every bar are known; asked about some bars, it gives those up to the newest of them."""

    def __init__(self, strategy: Strategy, bars: Bars, signals: Signals) -> None:
        """`signals` are the strategy's over all of `bars`."""
        self._strategy = strategy
        self._opened_at = bars.opened_at
        self._signals = signals
        self._last = 0, signals.until(0)

    @property
    def name(self) -> str:
        return self._strategy.name

    @property
    def parameters(self) -> Parameters:
        return self._strategy.parameters

    @property
    def warm_up(self) -> int:
        return self._strategy.warm_up

    @property
    def bar_exits(self) -> BarExits:
        return self._strategy.bar_exits

    def signals(self, bars: Bars) -> Signals:
        count = 0 if not len(bars) else int(np.searchsorted(self._opened_at, bars.opened_at[-1])) + 1
        if self._last[0] != count:
            self._last = count, self._signals.until(count)
        return self._last[1]


class KnownMeasurements:
    """Indicators and surroundings at each close of a history."""

    def __init__(self, hours: Bars, bars: Bars) -> None:
        """Measure everything; both hold closed candles of one market."""
        self._hours = hours.opened_at
        self._bars = bars.opened_at
        self._indicators = {name: values.tolist() for name, values in columns(bars).items()}
        self._context = ContextHistory(hours, bars)
        self._last: tuple[int, Mapping[str, float]] = -1, {}

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


def _place(opened_at: Seconds, series: CandleSeries) -> int:
    """Give the place of the newest candle of a series; -1 where it has none."""
    return int(np.searchsorted(opened_at, series.opened_at[-1])) if len(series) else -1
