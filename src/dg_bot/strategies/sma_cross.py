"""SMA crossover: long while the short mean of the closes lies above the long one."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.indicators.trend import sma
from dg_bot.strategies.base import BarExits, Scan, Signals
from dg_bot.strategies.conditions import falls_through, rising_through
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals

# Bars between two sums of a whole window; means nearer than this part of the price are compared by such sums as well.
_REFRESH = 64
_NEAR = 1e-9


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

    @property
    def scan(self) -> Scan:
        return Scan(function=cross_pass, numbers=(self.parameters.short_period, self.parameters.long_period))

    def signals(self, bars: Bars) -> Signals:
        short, long = (sma(bars.close, period) for period in (self.parameters.short_period, self.parameters.long_period))
        gates = rising_through("short_mean", short, long)
        return rule_signals(bars, gates=gates, leave=falls_through(short, long), warm_up=self.warm_up)


def cross_pass(count: int, close: Floats, numbers: Floats, entry: Flags, leave: Flags) -> None:
    """Set the crossings in one pass, with rolling means wherever their rounding cannot change the outcome."""
    short, long = int(numbers[0]), int(numbers[1])
    short_sum, long_sum, before = 0.0, 0.0, 0
    for number in range(long - 1, count):
        if (number - long + 1) % _REFRESH == 0:
            short_sum, long_sum = window_total(number, close, short), window_total(number, close, long)
        else:
            short_sum += close[number] - close[number - short]
            long_sum += close[number] - close[number - long]
        lead = short_sum / short - long_sum / long
        if abs(lead) <= _NEAR * close[number]:
            lead = window_total(number, close, short) / short - window_total(number, close, long) / long
        side = 1 if lead > 0.0 else -1 if lead < 0.0 else 0
        if number >= long:
            entry[number] = side > 0 >= before
            leave[number] = side < 0 <= before
        before = side


def window_total(number: int, values: Floats, period: int) -> float:
    """Sum the last `period` values up to `number`, the oldest first, as the indicator does."""
    total = 0.0
    for place in range(number - period + 1, number + 1):
        total += values[place]
    return total
