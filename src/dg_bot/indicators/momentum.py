"""Momentum indicators: RSI, stochastic, CCI, Williams %R and the money flow index.

Where nothing moved over the whole window each of them divides zero by zero; that is NaN here, "no signal", not an extreme.
"""

from dataclasses import dataclass

import numpy as np

from dg_bot.indicators.bars import Floats
from dg_bot.indicators.ta_lib import talib
from dg_bot.indicators.windows import absent, first_valid, require_columns, window_max, window_mean, window_min, window_sum


def rsi(values: Floats, period: int = 14) -> Floats:
    """Give Wilder's relative strength, 0–100, seeded with the simple mean of the first `period` changes.

    NaN for the first `period` bars and where the value has not changed for `period` bars.
    """
    start = first_valid("RSI input", values)
    result = absent(len(values))
    if len(values) - start > period:
        result[start:] = talib.RSI(values[start:], period)
        still = window_max(values[start:], period + 1) == window_min(values[start:], period + 1)
        result[start:][still] = np.nan
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class Stochastic:
    """Where the close lies in the range of the window, 0–100 (`k`), and the mean of that (`d`); columns `(n,)`."""

    k: Floats
    d: Floats


def stochastic(high: Floats, low: Floats, close: Floats, period: int = 14, smooth: int = 3) -> Stochastic:
    """Give the fast stochastic: %K over `period` bars, %D its simple mean over `smooth`."""
    require_columns("stochastic input", high, low, close)
    lowest = window_min(low, period)
    width = window_max(high, period) - lowest
    k = 100.0 * np.divide(close - lowest, width, out=absent(len(close)), where=width > 0.0)
    return Stochastic(k=k, d=window_mean(k, smooth))


def williams_r(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Give how far the close lies below the highest high of the window, -100 to 0; NaN for the first `period - 1`."""
    require_columns("Williams %R input", high, low, close)
    highest = window_max(high, period)
    width = highest - window_min(low, period)
    return -100.0 * np.divide(highest - close, width, out=absent(len(close)), where=width > 0.0)


def cci(high: Floats, low: Floats, close: Floats, period: int = 20) -> Floats:
    """Give the commodity channel index: typical price from its mean, over 0.015 of the mean deviation."""
    require_columns("CCI input", high, low, close)
    if len(close) < period:
        return absent(len(close))
    result: Floats = talib.CCI(high, low, close, period)
    typical = (high + low + close) / 3.0
    result[window_max(typical, period) == window_min(typical, period)] = np.nan
    return result


def mfi(high: Floats, low: Floats, close: Floats, volume: Floats, period: int = 14) -> Floats:
    """Give the money flow index: the share of traded value on rising typical prices over `period` bars, 0–100.

    NaN for the first `period` bars and where neither side had any flow. TA-Lib takes a flow below 1.0 for none, hence this form.
    """
    require_columns("MFI input", high, low, close, volume)
    typical = (high + low + close) / 3.0
    change = np.diff(typical, prepend=np.nan)
    flow = np.where(np.isnan(change), np.nan, typical * volume)
    rising = window_sum(np.where(change < 0.0, 0.0, flow) * (change != 0.0), period)
    moving = window_sum(flow * (change != 0.0), period)
    return 100.0 * np.divide(rising, moving, out=absent(len(close)), where=moving > 0.0)
