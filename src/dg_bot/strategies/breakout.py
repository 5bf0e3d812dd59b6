"""Volatility breakout, the default rule strategy: buy the break out of a quiet market in the direction of its trend."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.trend import directional_movement, donchian_high, sma
from dg_bot.indicators.volatility import atr, bollinger
from dg_bot.indicators.volume import obv_mean, volume_ratio
from dg_bot.indicators.windows import before, window_mean
from dg_bot.strategies.base import BarExits, GateSeries, Signals
from dg_bot.strategies.conditions import above, at_least, below, level
from dg_bot.strategies.daily_range import breakout_level
from dg_bot.strategies.parameters import Parameter, require
from dg_bot.strategies.rule_signals import BASE_CONFIDENCE

CONFIDENCE_STEP: Final = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakoutParameters:
    """Parameters of the volatility breakout; periods are bars, fractions fractions, multiples of ATR or of a day's range.

    Raises ConfigurationError for a value out of range.
    """

    trend_period: int = 50
    bollinger_period: int = 20
    bollinger_deviations: float = 2.0
    bandwidth_period: int = 20
    adx_period: int = 14
    squeeze_adx: float = 20.0
    donchian_period: int = 20
    range_multiple: float = 0.5
    dynamic_range_multiple: bool = False
    noise_days: int = 20
    lowest_range_multiple: float = 0.3
    highest_range_multiple: float = 0.7
    volume_period: int = 20
    volume_multiple: float = 1.5
    obv_fast_period: int = 5
    obv_slow_period: int = 20
    atr_period: int = 14
    stop_atr: float = 2.0
    target_atr: float = 3.0
    fake_out_fraction: float = 0.02
    fake_out_bars: int = 3
    time_out_bars: int = 24
    time_out_fraction: float = 0.02
    trend_ratio: float = 0.8
    trend_floor: float = 20.0

    def __post_init__(self) -> None:
        for name in _PERIODS:
            self._require(name, 2, 1000)
        for name in ("bollinger_deviations", "volume_multiple", "range_multiple"):
            self._require(name, 0.01, 10.0)
        for name in ("stop_atr", "target_atr"):
            self._require(name, 0.1, 100.0)
        for name in ("squeeze_adx", "trend_floor"):
            self._require(name, 0.0, 100.0)
        for name in ("fake_out_fraction", "time_out_fraction", "trend_ratio", "lowest_range_multiple"):
            self._require(name, 0.0, 1.0)
        for name in ("fake_out_bars", "time_out_bars"):
            self._require(name, 0, 10_000)
        self._require("highest_range_multiple", self.lowest_range_multiple, 10.0)
        self._require("obv_slow_period", self.obv_fast_period + 1, 1000)

    def _require(self, name: str, low: float, high: float) -> None:
        value: Parameter = getattr(self, name)
        require(name, value, f"it must lie between {low:g} and {high:g}", holds=low <= value <= high)


_PERIODS = (
    "trend_period", "bollinger_period", "bandwidth_period", "adx_period", "donchian_period", "noise_days", "volume_period",
    "obv_fast_period", "obv_slow_period", "atr_period",
)  # fmt: skip


class VolatilityBreakout:
    """Entry where all four gates pass at the close of a bar; what ends a position is left to risk."""

    def __init__(self, parameters: BreakoutParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "volatility_breakout"

    @property
    def warm_up(self) -> int:
        """Bars needed before every gate's value exists."""
        p = self.parameters
        return max(
            p.trend_period,
            p.bollinger_period + p.bandwidth_period,
            2 * p.adx_period,
            p.donchian_period + 1,
            p.volume_period,
            p.obv_slow_period,
            p.atr_period + 1,
        )

    @property
    def bar_exits(self) -> BarExits:
        p = self.parameters
        return BarExits(
            fake_out_fraction=p.fake_out_fraction,
            fake_out_bars=p.fake_out_bars,
            time_out_bars=p.time_out_bars,
            time_out_fraction=p.time_out_fraction,
            trend_ratio=p.trend_ratio,
            trend_floor=p.trend_floor,
        )

    def signals(self, bars: Bars) -> Signals:
        """Run the gates over all bars; raises DataError where the bars hold something that is no number."""
        p = self.parameters
        adx = directional_movement(bars.high, bars.low, bars.close, p.adx_period).adx
        gates = (
            trend_gate(bars, p),
            squeeze_gate(bars, adx, p),
            breakout_gate(bars, p),
            volume_gate(bars, p),
        )
        entry = np.logical_and.reduce([gate.passed for gate in gates])
        entry[: self.warm_up - 1] = False
        distance = np.nan_to_num(atr(bars.high, bars.low, bars.close, p.atr_period))
        return Signals(
            entry=entry,
            exit=np.zeros(len(bars), dtype=np.bool_),
            confidence=np.where(entry, confidence(gates), 0.0),
            gates=gates,
            stop_distance=p.stop_atr * distance,
            target_distance=p.target_atr * distance,
            trend_strength=adx,
        )


def confidence(gates: tuple[GateSeries, ...]) -> Floats:
    """Give the confidence of an entry on each bar: the base, and a step for each gate of two conditions that meets both."""
    result: Floats = np.full(len(gates[0].passed), BASE_CONFIDENCE)
    for gate in gates:
        if len(gate.conditions) > 1:
            result += CONFIDENCE_STEP * gate.passed_by_all
    return result.round(2)


def trend_gate(bars: Bars, p: BreakoutParameters) -> GateSeries:
    """Gate 0: the close is above its long mean."""
    return GateSeries(name="trend", conditions=(above("close", bars.close, sma(bars.close, p.trend_period)),))


def squeeze_gate(bars: Bars, adx: Floats, p: BreakoutParameters) -> GateSeries:
    """Gate 1: the market was quiet: the bands of the bar before were narrower than their mean, or there is no trend yet."""
    bandwidth = bollinger(bars.close, p.bollinger_period, p.bollinger_deviations).bandwidth
    narrow = below("bandwidth", before(bandwidth), before(window_mean(bandwidth, p.bandwidth_period)))
    return GateSeries(name="squeeze", conditions=(narrow, below("adx", adx, level(len(bars), p.squeeze_adx))))


def breakout_gate(bars: Bars, p: BreakoutParameters) -> GateSeries:
    """Gate 2: the close leaves the channel of the bars before, or runs from the day's open by part of yesterday's range."""
    channel = above("close", bars.close, donchian_high(bars.high, p.donchian_period))
    limits = (p.lowest_range_multiple, p.highest_range_multiple) if p.dynamic_range_multiple else None
    day = breakout_level(bars, p.range_multiple, noise_days=p.noise_days, noise_limits=limits)
    return GateSeries(name="breakout", conditions=(channel, above("close", bars.close, day)))


def volume_gate(bars: Bars, p: BreakoutParameters) -> GateSeries:
    """Gate 3: volume confirms: well above its mean, or the on-balance volume is rising."""
    ratio = volume_ratio(bars.volume, p.volume_period)
    unusual = at_least("volume_ratio", ratio, level(len(bars), p.volume_multiple))
    fast, slow = (obv_mean(bars.close, bars.volume, period) for period in (p.obv_fast_period, p.obv_slow_period))
    return GateSeries(name="volume", conditions=(unusual, above("obv_mean", fast, slow)))
