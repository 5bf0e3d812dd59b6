"""The breakout of BENCH.md's workload W1 as a strategy: gates for people, and the same in one compiled pass."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.strategies.base import BarExits, GateSeries, Scan, Signals

# Stop and target are fractions of the fill; `TradeRules` counts from the cost, which has the fee in it.
RULES = TradeRules(
    position_fraction=1.0,
    stop_fraction=1.0 - 0.95 / 1.0005,
    target_fraction=1.10 / 1.0005 - 1.0,
    closing_trail_atr=3.0,
    entry_gap_s=0,
    entries_per_day=1_000_000,
)
# Two squared bandwidths nearer than this part of the larger, or both of them this small, are compared without rolling sums.
_NEAR = 1e-7
_FLAT = 1e-9
_REFRESH = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class SqueezeParameters:
    """Lengths in bars; `volume_multiple` of the mean volume."""

    band_period: int = 20
    rank_period: int = 120
    channel_period: int = 20
    volume_multiple: float = 1.5


class SqueezeBreakout:
    """Entry where the bands were narrow on the bar before, the close leaves the channel, and volume is unusual."""

    def __init__(self, parameters: SqueezeParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "squeeze_breakout"

    @property
    def warm_up(self) -> int:
        return self.parameters.band_period + self.parameters.rank_period

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    @property
    def scan(self) -> Scan:
        p = self.parameters
        return Scan(function=squeeze_pass, numbers=(p.band_period, p.rank_period, p.channel_period, p.volume_multiple))

    def signals(self, bars: Bars) -> Signals:
        # TA-Lib and pandas with it: a process that only scans never imports them.
        from dg_bot.indicators.trend import donchian_high  # noqa: PLC0415
        from dg_bot.indicators.volatility import bollinger  # noqa: PLC0415
        from dg_bot.indicators.windows import before, window_mean  # noqa: PLC0415
        from dg_bot.strategies.conditions import above, at_most  # noqa: PLC0415

        p = self.parameters
        bandwidth = bollinger(bars.close, p.band_period).bandwidth
        gates = (
            GateSeries(
                name="squeeze",
                conditions=(at_most("bandwidth", before(bandwidth), before(rolling_median(bandwidth, p.rank_period))),),
            ),
            GateSeries(name="breakout", conditions=(above("close", bars.close, donchian_high(bars.high, p.channel_period)),)),
            GateSeries(
                name="volume",
                conditions=(above("volume", bars.volume, p.volume_multiple * window_mean(bars.volume, p.band_period)),),
            ),
        )
        nothing = np.zeros(len(bars))
        return Signals(
            entry=np.logical_and.reduce([gate.passed for gate in gates]),
            exit=np.zeros(len(bars), dtype=np.bool_),
            confidence=nothing,
            gates=gates,
            stop_distance=nothing,
            target_distance=nothing,
            trend_strength=nothing,
        )


def rolling_median(values: Floats, period: int) -> Floats:
    """Give the median of the last `period` values, `(n,)`; NaN where one of them is."""
    result = np.full(len(values), np.nan)
    if len(values) >= period:
        result[period - 1 :] = np.median(sliding_window_view(values, period), axis=1)
    return result


def squeeze_pass(count: int, high: Floats, close: Floats, volume: Floats, numbers: Floats, scratch: Floats, entry: Flags) -> None:
    """Set the entries: volume first, then the channel, and the rank of the bandwidth only where both hold.

    `scratch` keeps the squared bandwidths, without their constant, from rolling sums around a price of the last bars.
    """
    period, rank, channel, multiple = int(numbers[0]), int(numbers[1]), int(numbers[2]), numbers[3]
    first, share = max(period + rank - 1, channel, period), 1.0 / period
    traded, total, squares, pivot = 0.0, 0.0, 0.0, 0.0
    for number in range(count):
        traded += volume[number]
        if number >= period:
            traded -= volume[number - period]
        if number < period - 1:
            continue
        if (number - period + 1) % _REFRESH == 0:
            pivot = close[number]
            traded, total, squares = 0.0, 0.0, 0.0
            for near in range(number - period + 1, number + 1):
                move = close[near] - pivot
                traded += volume[near]
                total += move
                squares += move * move
        else:
            added, removed = close[number] - pivot, close[number - period] - pivot
            total += added - removed
            squares += added * added - removed * removed
        middle = pivot + total * share
        scratch[number] = (squares - total * total * share) / (middle * middle)
        if number < first or volume[number] * period * (1.0 + _NEAR) <= multiple * traded:
            continue
        if (
            leaves_channel(number, high, close, channel)
            and is_unusual(number, volume, period, multiple)
            and is_narrow(number - 1, close, scratch, period, rank)
        ):
            entry[number] = True


def leaves_channel(number: int, high: Floats, close: Floats, period: int) -> bool:
    """Tell whether a close lies above all highs of the bars before it; the newest are asked first."""
    for back in range(1, period + 1):  # noqa: SIM110 - generators cannot be compiled
        if high[number - back] >= close[number]:
            return False
    return True


def is_unusual(number: int, volume: Floats, period: int, multiple: float) -> bool:
    """Hold a volume against its mean, summed as the gate sums it."""
    total = 0.0
    for near in range(number - period + 1, number + 1):
        total += volume[near]
    return bool(volume[number] > multiple * (total / period))


def is_narrow(number: int, close: Floats, widths: Floats, period: int, rank: int) -> bool:
    """Tell whether no more than half of the last `rank` bandwidths lie under this one, which is one of them."""
    width = widths[number]
    exact = -1.0
    under = 0
    for near in range(number - rank + 1, number):
        other = widths[near]
        larger = max(other, width)
        if abs(other - width) > _NEAR * larger and larger > _FLAT * period:
            under += other < width
        else:
            if exact < 0.0:
                exact = bandwidth_at(number, close, period)
            under += bandwidth_at(near, close, period) < exact
    return under < (rank + 1) // 2


def bandwidth_at(number: int, close: Floats, period: int) -> float:
    """Give one bandwidth by two passes, in the order in which the indicator adds up."""
    total = 0.0
    for near in range(number - period + 1, number + 1):
        total += close[near]
    middle = total / period
    squares = 0.0
    for near in range(number - period + 1, number + 1):
        move = close[near] - middle
        squares += move * move
    return 2.0 * (2.0 * math.sqrt(squares / period)) / middle
