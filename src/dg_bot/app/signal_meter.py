"""How long a strategy takes, and what it signals, as metrics."""

from dg_bot.adapters.prometheus import Metrics
from dg_bot.domain.order import Side
from dg_bot.indicators.bars import Bars
from dg_bot.ports import Clock
from dg_bot.strategies.base import Signals, Strategy


class SignalMeter:
    """Asks a strategy for its signals; each call's duration becomes a metric, and each newest bar's signal once."""

    def __init__(self, strategy: Strategy, *, metrics: Metrics, clock: Clock) -> None:
        self._strategy = strategy
        self._metrics = metrics
        self._clock = clock
        self._told: set[tuple[int, float]] = set()

    def signals(self, bars: Bars) -> Signals:
        """Give the strategy's signals; raises what the strategy raises."""
        started = self._clock.monotonic_s()
        signals = self._strategy.signals(bars)
        self._metrics.strategy_executed(self._strategy.name, self._clock.monotonic_s() - started)
        if len(bars):
            self._tell(bars, signals)
        return signals

    def _tell(self, bars: Bars, signals: Signals) -> None:
        """Count a bar's signals the first time it is the newest; the same bar is looked at in several cycles."""
        newest = (int(bars.opened_at[-1]), float(bars.close[-1]))
        if newest in self._told:
            return
        self._told = {bar for bar in self._told if bar[0] == newest[0]} | {newest}
        if signals.entry[-1]:
            self._metrics.signal_generated(self._strategy.name, Side.BUY)
        if signals.exit[-1]:
            self._metrics.signal_generated(self._strategy.name, Side.SELL)
