"""What stage 3 measures on closed candles before a model has an opinion: signals, indicators and surroundings."""

from collections.abc import Callable, Mapping
from typing import Protocol

from dg_bot.analysis.market_context import MarketContext, market_context
from dg_bot.cycle import MarketSnapshot
from dg_bot.indicators.bars import Bars, bars_of
from dg_bot.indicators.latest import signal_summary
from dg_bot.indicators.latest import snapshot as latest_indicators
from dg_bot.strategies.base import Signals


class Measurements(Protocol):
    def signals(self, snapshot: MarketSnapshot) -> Signals:
        """Give the strategy's signals up to the newest strategy bar."""
        ...

    def indicators(self, snapshot: MarketSnapshot) -> Mapping[str, float]:
        """Give the standard indicators and the signal score on the newest strategy bar by name; what has no value is absent."""
        ...

    def context(self, snapshot: MarketSnapshot) -> MarketContext:
        """Give the surroundings at the newest hour."""
        ...


class FreshMeasurements:
    """Measures what it is shown, each time anew."""

    def __init__(self, signals_of: Callable[[Bars], Signals]) -> None:
        self._signals_of = signals_of

    def signals(self, snapshot: MarketSnapshot) -> Signals:
        return self._signals_of(bars_of(snapshot.strategy_bars))

    def indicators(self, snapshot: MarketSnapshot) -> Mapping[str, float]:
        latest = latest_indicators(bars_of(snapshot.strategy_bars))
        return {**latest.as_mapping(), "signal_score": float(signal_summary(latest).score)}

    def context(self, snapshot: MarketSnapshot) -> MarketContext:
        return market_context(
            hourly=snapshot.hourly, strategy_bars=snapshot.strategy_bars, reference_hourly=snapshot.reference_hourly
        )
