"""SMA crossover: long while the short mean of the closes lies above the long one."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.trend import sma
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.conditions import falls_through, rising_through
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class SmaCrossParameters:
    """Lengths of the two means, in bars. Raises ConfigurationError unless 1 <= short < long <= 1000."""

    short_period: int = 10
    long_period: int = 30

    def __post_init__(self) -> None:
        require("short_period", self.short_period, "it must lie between 1 and 999", holds=1 <= self.short_period <= 999)
        longer = self.short_period < self.long_period <= 1000
        require("long_period", self.long_period, "it must be longer than short_period and at most 1000", holds=longer)


class SmaCross:
    """Entry where the short mean crosses above the long one, exit where it crosses below."""

    def __init__(self, parameters: SmaCrossParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "sma_cross"

    @property
    def warm_up(self) -> int:
        return self.parameters.long_period + 1

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        short, long = (sma(bars.close, period) for period in (self.parameters.short_period, self.parameters.long_period))
        gates = rising_through("short_mean", short, long)
        return rule_signals(bars, gates=gates, leave=falls_through(short, long), warm_up=self.warm_up)
