"""Volatility indicators: true range, its average, and Bollinger bands."""

from dataclasses import dataclass

import numpy as np

from dg_bot.indicators.bars import Floats
from dg_bot.indicators.ta_lib import talib
from dg_bot.indicators.windows import absent, first_valid, require_columns, window_deviation, window_mean


def true_range(high: Floats, low: Floats, close: Floats) -> Floats:
    """Give the range of a bar widened to the close before it, in KRW; NaN on the first bar, which has none before it."""
    require_columns("true range input", high, low, close)
    return talib.TRANGE(high, low, close) if len(close) else absent(0)


def atr(high: Floats, low: Floats, close: Floats, period: int = 14) -> Floats:
    """Average the true range by Wilder's smoothing, seeded with the mean of the first `period`; NaN as long."""
    require_columns("ATR input", high, low, close)
    return talib.ATR(high, low, close, period) if len(close) > period else absent(len(close))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bollinger:
    """Bands around a simple mean, in KRW; `bandwidth` is upper minus lower as a fraction of the middle. Columns `(n,)`."""

    upper: Floats
    middle: Floats
    lower: Floats
    bandwidth: Floats


def bollinger(values: Floats, period: int = 20, deviations: float = 2.0) -> Bollinger:
    """Place bands at so many population deviations around the mean of `period` values; NaN for the first `period - 1`.

    Two passes over each window: TA-Lib's running sums of squares cancel where prices are large and moves small.
    """
    first_valid("Bollinger input", values)
    middle = window_mean(values, period)
    spread = deviations * window_deviation(values, period)
    bandwidth = np.divide(2.0 * spread, middle, out=absent(len(values)), where=middle > 0.0)
    return Bollinger(upper=middle + spread, middle=middle, lower=middle - spread, bandwidth=bandwidth)
