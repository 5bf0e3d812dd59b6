"""A strategy of your own: buy a close that leaves the range of the last bars upwards, sell when it falls under their mean.

Change `signals`, and the parameters it needs. All arrays have one value a bar; the last bar is the newest. What stands on a bar
may come from that bar and those before it, never from a later one.
"""

from dataclasses import dataclass
from pathlib import Path

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.trend import donchian_high, sma
from dg_bot.indicators.volume import volume_ratio
from dg_bot.strategies.base import BarExits, GateSeries, Signals
from dg_bot.strategies.conditions import above, level
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnParameters:
    """What can be tuned: numbers and switches with their defaults, which a .yaml of the same name and --param stand over."""

    period: int = 20
    volume_multiple: float = 1.2

    def __post_init__(self) -> None:
        require("period", self.period, "it must lie between 2 and 1000", holds=2 <= self.period <= 1000)
        require("volume_multiple", self.volume_multiple, "it must lie between 0 and 10", holds=0 <= self.volume_multiple <= 10)


class OwnStrategy:
    """Entry where every gate passes at the close of a bar; the order goes out at the next open."""

    def __init__(self, parameters: OwnParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return Path(__file__).stem

    @property
    def warm_up(self) -> int:
        """Bars needed before the first signal can be right."""
        return self.parameters.period + 1

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        breaks_out = above("close", bars.close, donchian_high(bars.high, p.period))
        is_busy = above("volume_ratio", volume_ratio(bars.volume, p.period), level(len(bars), p.volume_multiple))
        gates = (GateSeries(name="breakout", conditions=(breaks_out,)), GateSeries(name="volume", conditions=(is_busy,)))
        return rule_signals(bars, gates=gates, leave=bars.close < sma(bars.close, p.period), warm_up=self.warm_up)
