"""VWAP return: buy when the close comes back up to the day's volume-weighted mean price, sell when it comes back down to it."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.traded_prices import daily_vwap
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.conditions import falls_back, recovering
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class VwapReturnParameters:
    """How far the close must have been from the mean, a fraction, and the bars wanted before the first signal.

    Raises ConfigurationError for a value out of range.
    """

    deviation: float = 0.002
    minimum_bars: int = 30

    def __post_init__(self) -> None:
        require("deviation", self.deviation, "it must lie between 0 and 0.5", holds=0.0 < self.deviation < 0.5)
        require("minimum_bars", self.minimum_bars, "it must lie between 30 and 10000", holds=30 <= self.minimum_bars <= 10_000)


class VwapReturn:
    """Entry where the close returns into the band around the mean from below, exit where it returns from above.

    The mean starts anew at 00:00 UTC, the venue's day. On day bars each bar is its own day, and its typical price the mean.
    """

    def __init__(self, parameters: VwapReturnParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "vwap_return"

    @property
    def warm_up(self) -> int:
        return self.parameters.minimum_bars

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        deviation = self.parameters.deviation
        mean = daily_vwap(bars)
        gates = recovering("close", bars.close, mean * (1.0 - deviation))
        leave = falls_back(bars.close, mean * (1.0 + deviation))
        return rule_signals(bars, gates=gates, leave=leave, warm_up=self.warm_up)
