"""A strategy that reports how long it took and what it signalled."""

from dg_bot.adapters.prometheus import Metrics
from dg_bot.domain.order import Side
from dg_bot.indicators.bars import Bars
from dg_bot.ports import Clock
from dg_bot.strategies.base import BarExits, Signals, Strategy


class MeasuredStrategy:
    """Passes everything on; each call's duration and the signal on each newest bar become metrics, once a call."""

    def __init__(self, strategy: Strategy, *, metrics: Metrics, clock: Clock) -> None:
        self._strategy = strategy
        self._metrics = metrics
        self._clock = clock

    @property
    def name(self) -> str:
        return self._strategy.name

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
        if len(bars) and signals.entry[-1]:
            self._metrics.signal_generated(self.name, Side.BUY)
        if len(bars) and signals.exit[-1]:
            self._metrics.signal_generated(self.name, Side.SELL)
        return signals
