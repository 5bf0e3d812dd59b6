"""Trend indicators: moving averages, MACD, directional movement, and the channel of earlier highs."""

from dataclasses import dataclass

import numpy as np

from dg_bot.indicators.bars import Floats
from dg_bot.indicators.ta_lib import talib
from dg_bot.indicators.volatility import true_range
from dg_bot.indicators.windows import absent, before, first_valid, require_columns, window_max, window_mean


def sma(values: Floats, period: int) -> Floats:
    """Average the last `period` values; NaN for the first `period - 1`. Raises DataError for a hole in the values."""
    first_valid("SMA input", values)
    return window_mean(values, period)


def ema(values: Floats, period: int) -> Floats:
    """Smooth exponentially with 2/(period+1), seeded with the simple mean of the first `period` values.

    Leading NaN are taken as another indicator's warm-up. Raises DataError for a hole in the values.
    """
    start = first_valid("EMA input", values)
    result = absent(len(values))
    if len(values) - start >= period:
        result[start:] = talib.EMA(values[start:], period)
    return result


def wilder_mean(values: Floats, period: int) -> Floats:
    """Smooth with Wilder's 1/period, seeded with the simple mean of the first `period` values; leading NaN as in `ema`."""
    start = first_valid("Wilder input", values)
    result = absent(len(values))
    if len(values) - start >= period:
        # An EMA of 2p-1 has Wilder's weight 1/p; repeating the seed that often makes it start from the mean of p values.
        seed = np.full(2 * period - 1, values[start : start + period].mean())
        smoothed = talib.EMA(np.concatenate([seed, values[start + period :]]), 2 * period - 1)
        result[start + period - 1 :] = smoothed[2 * period - 2 :]
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Macd:
    """Columns `(n,)` in units of price; `histogram` is line minus signal."""

    line: Floats
    signal: Floats
    histogram: Floats


def macd(values: Floats, fast: int = 12, slow: int = 26, signal: int = 9) -> Macd:
    """Give EMA(fast) minus EMA(slow), its EMA(signal), and their difference; each EMA has its own seed.

    TA-Lib seeds the fast EMA late, at the slow one's first value, and so differs during the first bars: it is not used here.
    """
    line = ema(values, fast) - ema(values, slow)
    smoothed = ema(line, signal)
    return Macd(line=line, signal=smoothed, histogram=line - smoothed)


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectionalMovement:
    """Wilder's ADX and the two directional indicators, 0–100, columns `(n,)`."""

    adx: Floats
    plus: Floats
    minus: Floats


def directional_movement(high: Floats, low: Floats, close: Floats, period: int = 14) -> DirectionalMovement:
    """Measure how much of the true range was directed movement; the ADX warms up for `2 * period - 1` bars.

    Where nothing moved at all, direction and ADX go to zero. TA-Lib seeds its sums one value short, hence this own form.
    """
    require_columns("ADX input", high, low, close)
    up = np.diff(high, prepend=np.nan)
    down = -np.diff(low, prepend=np.nan)
    movement = wilder_mean(true_range(high, low, close), period)
    plus = _percent(wilder_mean(_directed(up, down), period), movement)
    minus = _percent(wilder_mean(_directed(down, up), period), movement)
    index = _percent(np.abs(plus - minus), plus + minus)
    return DirectionalMovement(adx=wilder_mean(index, period), plus=plus, minus=minus)


def donchian_high(high: Floats, period: int = 20) -> Floats:
    """Give the highest high of the `period` bars before each bar, without it; NaN for the first `period`."""
    require_columns("Donchian input", high)
    return before(window_max(high, period))


def _directed(movement: Floats, opposite: Floats) -> Floats:
    """Keep movement that is positive and larger than its opposite, else zero; NaN stays."""
    return np.where(np.isnan(movement), np.nan, np.where((movement > opposite) & (movement > 0.0), movement, 0.0))


def _percent(part: Floats, whole: Floats) -> Floats:
    """Give 100 * part / whole, zero where the whole is zero; NaN stays."""
    return 100.0 * np.divide(part, whole, out=np.where(np.isnan(whole), np.nan, 0.0), where=whole > 0.0)
