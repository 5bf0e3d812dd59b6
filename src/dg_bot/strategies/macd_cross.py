"""MACD: long from where its line crosses above its signal until it crosses below."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.trend import macd
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.conditions import falls_through, level, rising_through
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class MacdCrossParameters:
    """Periods of the three exponential means, in bars. Raises ConfigurationError unless fast < slow, all within 1 to 1000."""

    fast_period: int = 12
    slow_period: int = 26
    signal_period: int = 9

    def __post_init__(self) -> None:
        require("fast_period", self.fast_period, "it must lie between 1 and 999", holds=1 <= self.fast_period <= 999)
        slower = self.fast_period < self.slow_period <= 1000
        require("slow_period", self.slow_period, "it must be longer than fast_period and at most 1000", holds=slower)
        require("signal_period", self.signal_period, "it must lie between 1 and 1000", holds=1 <= self.signal_period <= 1000)


class MacdCross:
    """Entry where the histogram turns positive, which is where the line crosses its signal; exit where it turns negative."""

    def __init__(self, parameters: MacdCrossParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "macd_cross"

    @property
    def warm_up(self) -> int:
        """Bars until the histogram exists on two bars."""
        return self.parameters.slow_period + self.parameters.signal_period

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        histogram = macd(bars.close, p.fast_period, p.slow_period, p.signal_period).histogram
        zero = level(len(bars), 0.0)
        gates = rising_through("histogram", histogram, zero)
        return rule_signals(bars, gates=gates, leave=falls_through(histogram, zero), warm_up=self.warm_up)
