"""Volume indicators: volume against its mean, and on-balance volume with its means and slope."""

import numpy as np

from dg_bot.indicators.bars import Floats
from dg_bot.indicators.ta_lib import talib
from dg_bot.indicators.windows import absent, require_columns, window_mean


def volume_ratio(volume: Floats, period: int = 20) -> Floats:
    """Give each volume over the mean of the last `period`, itself included; NaN in warm-up and where nothing traded."""
    require_columns("volume ratio input", volume)
    mean = window_mean(volume, period)
    return np.divide(volume, mean, out=absent(len(volume)), where=mean > 0.0)


def obv(close: Floats, volume: Floats) -> Floats:
    """Add up volume, positive on a higher close and negative on a lower one; starts with the first bar's volume.

    Its level depends on where the data begins, its differences do not.
    """
    require_columns("OBV input", close, volume)
    return talib.OBV(close, volume) if len(close) else absent(0)


def obv_mean(close: Floats, volume: Floats, period: int) -> Floats:
    """Average the on-balance volume over `period` bars; NaN for the first `period - 1`."""
    return window_mean(obv(close, volume), period)


def obv_slope(close: Floats, volume: Floats, period: int = 14) -> Floats:
    """Give the least-squares slope of the on-balance volume over `period` bars, in mean volumes per bar.

    Dividing by the mean volume of the same bars makes markets comparable; +1 is "all of it on rising closes".
    NaN for the first `period - 1` bars and where nothing traded.
    """
    balance = obv(close, volume)
    if len(balance) < period:
        return absent(len(balance))
    full = len(balance) - period + 1
    weights = np.arange(period) - (period - 1) / 2.0
    total = np.zeros(full)
    for offset, weight in enumerate(weights):
        total += weight * (balance[offset : offset + full] - balance[period - 1 :])
    slope = absent(len(balance))
    slope[period - 1 :] = total / np.square(weights).sum()
    mean = window_mean(volume, period)
    return np.divide(slope, mean, out=absent(len(balance)), where=mean > 0.0)
