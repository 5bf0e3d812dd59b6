"""A strategy that reports how long it took and what it signalled."""

from dg_bot.adapters.prometheus import Metrics
from dg_bot.domain.order import Side
from dg_bot.indicators.bars import Bars
from dg_bot.ports import Clock
from dg_bot.strategies.base import BarExits, Signals, Strategy
from dg_bot.strategies.parameters import Parameters


class MeasuredStrategy:
    """Passes everything on; each call's duration becomes a metric, and each newest bar's signal once."""

    def __init__(self, strategy: Strategy, *, metrics: Metrics, clock: Clock) -> None:
        self._strategy = strategy
        self._metrics = metrics
        self._clock = clock
        self._told: set[tuple[int, float]] = set()

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
        started = self._clock.monotonic_s()
        signals = self._strategy.signals(bars)
        self._metrics.strategy_executed(self.name, self._clock.monotonic_s() - started)
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
            self._metrics.signal_generated(self.name, Side.BUY)
        if signals.exit[-1]:
            self._metrics.signal_generated(self.name, Side.SELL)
