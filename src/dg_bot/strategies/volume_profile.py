"""Volume profile: buy a rebound from the lower edge of the most traded prices, sell a rejection at the upper edge."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.traded_prices import value_area
from dg_bot.strategies.base import BarExits, GateSeries, Signals
from dg_bot.strategies.conditions import above, at_most
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class VolumeProfileParameters:
    """Bars that make the profile, its price bins, and the share of the volume that the value area holds.

    Raises ConfigurationError for a value out of range.
    """

    lookback_bars: int = 100
    bins: int = 50
    value_area_fraction: float = 0.7

    def __post_init__(self) -> None:
        require("lookback_bars", self.lookback_bars, "it must lie between 10 and 1000", holds=10 <= self.lookback_bars <= 1000)
        require("bins", self.bins, "it must lie between 5 and 500", holds=5 <= self.bins <= 500)
        in_range = 0.1 <= self.value_area_fraction <= 0.99
        require("value_area_fraction", self.value_area_fraction, "it must lie between 0.1 and 0.99", holds=in_range)


class VolumeProfile:
    """Entry where a bar dips to the value area's low and closes above it, exit where one reaches its high and closes below it.

    The profile is that of the bars before, so that a bar is held against edges which it has not moved itself.
    """

    def __init__(self, parameters: VolumeProfileParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "volume_profile"

    @property
    def warm_up(self) -> int:
        return self.parameters.lookback_bars + 1

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        area = value_area(bars, p.lookback_bars, p.bins, p.value_area_fraction)
        gates = (
            GateSeries(name="support", conditions=(at_most("low", bars.low, area.low),)),
            GateSeries(name="rebound", conditions=(above("close", bars.close, area.low),)),
            # Within the area: a close beyond its far edge is a breakout, not a rebound.
            GateSeries(name="inside", conditions=(at_most("close", bars.close, area.high),)),
        )
        leave = (bars.high >= area.high) & (bars.close < area.high)
        return rule_signals(bars, gates=gates, leave=leave, warm_up=self.warm_up)
