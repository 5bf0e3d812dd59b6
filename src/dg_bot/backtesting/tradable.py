"""Which signals a bot could have acted on: the checks of its pipeline that need candles only, on every bar at once."""

from dataclasses import replace

import numpy as np

from dg_bot.analysis.market_context import FAST_TREND_BARS, SLOW_TREND_BARS, volatility_24h
from dg_bot.analysis.validator import ValidatorLimits, entry_mask
from dg_bot.indicators.bars import Bars, Flags
from dg_bot.indicators.momentum import rsi
from dg_bot.indicators.trend import sma
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.strategies.base import Signals


def in_time(signals: Signals, bars: Bars, hours: Bars | None, limits: ValidatorLimits) -> Signals:
    """Keep the exits that stage 3 would have let pass.

    A cycle halts without the candle of the hour before it, and a signal counts only in the cycle right after its bar: where the
    last hour of a bar is missing, neither the strategy's exit nor that of a weak trend is seen. Nor does
    an exit pass at an oversold RSI.
    """
    return replace(
        signals,
        exit=signals.exit & exits_allowed(bars, hours, limits),
        trend_strength=np.where(_is_fresh(bars, hours), signals.trend_strength, np.nan),
    )


def exits_allowed(bars: Bars, hours: Bars | None, limits: ValidatorLimits) -> Flags:
    """Tell for each bar, `(n,)`, whether an exit of the strategy at its close would pass; see `in_time`."""
    is_oversold = rsi(bars.close) < limits.minimum_sell_rsi
    return _is_fresh(bars, hours) & ~is_oversold


def entries_allowed(bars: Bars, hours: Bars | None, limits: ValidatorLimits, data: DataLimits) -> Flags:
    """Tell for each bar, `(n,)`, whether data checks, filters and validator would let a BUY at its close pass.

    Without hours, for bars that were not made of any, only what the bars show is checked.
    """
    allowed = entry_mask(bars, limits, hours) & _is_no_bear(bars)
    if hours is None:
        return allowed
    newest = np.searchsorted(hours.opened_at, bars.opened_at + (bars.seconds - hours.seconds), side="right") - 1
    volatility, usual = volatility_24h(hours.close)
    is_calm = (volatility <= usual) & ~_has_gap(hours, data)
    return allowed & _is_fresh(bars, hours) & is_calm[newest]


def _is_fresh(bars: Bars, hours: Bars | None) -> Flags:
    """Tell where the last hour of a bar has a candle."""
    if hours is None:
        return np.ones(len(bars), dtype=np.bool_)
    return np.isin(bars.opened_at + (bars.seconds - hours.seconds), hours.opened_at, assume_unique=True)


def _is_no_bear(bars: Bars) -> Flags:
    fast, slow = sma(bars.close, FAST_TREND_BARS), sma(bars.close, SLOW_TREND_BARS)
    return np.isfinite(slow) & ~((bars.close < slow) & (fast < slow))


def _has_gap(hours: Bars, data: DataLimits) -> Flags:
    """Tell where more hours in a row than allowed are missing among the newest candles."""
    is_wide = np.diff(hours.opened_at, prepend=hours.opened_at[:1]) // hours.seconds - 1 > data.max_gap_hours
    places = np.arange(len(hours))
    last_wide = np.maximum.accumulate(np.where(is_wide, places, -data.gap_window))
    return places - last_wide < data.gap_window - 1
