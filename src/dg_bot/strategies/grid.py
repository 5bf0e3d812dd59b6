"""Grid: buy when the close falls through a line of a grid around its long mean, sell at the next line up."""

from dataclasses import dataclass

import numpy as np

from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.trend import sma
from dg_bot.indicators.windows import before
from dg_bot.strategies.base import BarExits, GateSeries, Signals
from dg_bot.strategies.conditions import at_least, below
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class GridParameters:
    """Length of the mean in bars, number of lines, and how far the outermost lie from the mean, a fraction.

    Raises ConfigurationError for a value out of range.
    """

    mean_period: int = 200
    lines: int = 10
    range_fraction: float = 0.10

    def __post_init__(self) -> None:
        require("mean_period", self.mean_period, "it must lie between 2 and 1000", holds=2 <= self.mean_period <= 1000)
        require("lines", self.lines, "it must lie between 2 and 200", holds=2 <= self.lines <= 200)
        in_range = 0.005 <= self.range_fraction <= 0.9
        require("range_fraction", self.range_fraction, "it must lie between 0.005 and 0.9", holds=in_range)


class Grid:
    """Entry where a close falls through one line or more; the target is the line above the lowest of them.

    The lines move with the mean, so that both closes are held against the lines of the newer bar. One position a market.
    """

    def __init__(self, parameters: GridParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "grid"

    @property
    def warm_up(self) -> int:
        return self.parameters.mean_period + 1

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        mean = sma(bars.close, p.mean_period)
        spacing = mean * (2.0 * p.range_fraction / (p.lines - 1))
        bottom = mean * (1.0 - p.range_fraction)
        fallen = _lowest_line_above(bars.close, bottom, spacing, p.lines)
        gates = (
            GateSeries(name="was_above_line", conditions=(at_least("close before", before(bars.close), fallen),)),
            GateSeries(name="is_below_line", conditions=(below("close", bars.close, fallen),)),
        )
        target = np.nan_to_num(fallen + spacing - bars.close)
        leave = np.zeros(len(bars), dtype=np.bool_)
        return rule_signals(bars, gates=gates, leave=leave, warm_up=self.warm_up, target_distance=target)


def _lowest_line_above(close: Floats, bottom: Floats, spacing: Floats, lines: int) -> Floats:
    """Give the lowest line that lies above the close, in KRW, `(n,)`; NaN where all lie at or below it, and in warm-up."""
    number = np.maximum(np.floor((close - bottom) / spacing) + 1.0, 0.0)
    # Rounding may put a close that stands on a line on either side of it: on it is not below it.
    number = np.where(bottom + number * spacing <= close, number + 1.0, number)
    return np.where(number <= lines - 1, bottom + number * spacing, np.nan)
