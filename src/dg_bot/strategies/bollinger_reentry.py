"""Bollinger re-entry: buy when the close returns into the bands from below, sell when it returns from above."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.volatility import bollinger
from dg_bot.strategies.base import BarExits, GateSeries, Signals
from dg_bot.strategies.conditions import at_least, falls_back, level, recovering
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class BollingerReentryParameters:
    """Period in bars, width in deviations, and the bandwidth (a fraction of the middle) below which nothing is done.

    Raises ConfigurationError for a value out of range.
    """

    period: int = 20
    deviations: float = 2.0
    minimum_bandwidth: float = 0.02

    def __post_init__(self) -> None:
        require("period", self.period, "it must lie between 2 and 1000", holds=2 <= self.period <= 1000)
        require("deviations", self.deviations, "it must lie between 0.1 and 10", holds=0.1 <= self.deviations <= 10.0)
        in_range = 0.0 <= self.minimum_bandwidth <= 1.0
        require("minimum_bandwidth", self.minimum_bandwidth, "it must lie between 0 and 1", holds=in_range)


class BollingerReentry:
    """Entry and exit where the close comes back into bands that are wide enough to earn their costs."""

    def __init__(self, parameters: BollingerReentryParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "bollinger_reentry"

    @property
    def warm_up(self) -> int:
        return self.parameters.period + 1

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        bands = bollinger(bars.close, p.period, p.deviations)
        wide = at_least("bandwidth", bands.bandwidth, level(len(bars), p.minimum_bandwidth))
        gates = (*recovering("close", bars.close, bands.lower), GateSeries(name="bandwidth", conditions=(wide,)))
        leave = falls_back(bars.close, bands.upper) & wide.passed
        return rule_signals(bars, gates=gates, leave=leave, warm_up=self.warm_up)
