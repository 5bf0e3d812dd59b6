"""Sliding windows over a column, and the check that a column may be calculated with at all.

Sums run over each window on its own rather than being carried along: a value depends on its window alone, so a far larger volume
or price in the past leaves no rounding behind.
"""

import numpy as np

from dg_bot.errors import DataError
from dg_bot.indicators.bars import Floats
from dg_bot.indicators.ta_lib import talib


def first_valid(what: str, values: Floats) -> int:
    """Give the index after the leading NaN of a warm-up, `len(values)` where there is nothing else.

    Raises DataError where a value from there on is NaN or infinite: TA-Lib answers such holes with numbers that look real.
    """
    numbers = ~np.isnan(values)
    start = int(numbers.argmax()) if numbers.any() else len(values)
    if not np.isfinite(values[start:]).all():
        position = start + int((~np.isfinite(values[start:])).argmax())
        raise DataError(what, f"value {position} of {len(values)} is {values[position]}, which cannot be calculated with")
    return start


def require_columns(what: str, *columns: Floats) -> None:
    """Raise DataError unless all columns have one length and hold finite numbers only."""
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise DataError(what, f"its columns have different lengths {lengths}")
    for column in columns:
        if len(column) and first_valid(what, column):
            raise DataError(what, f"value 0 of {len(column)} is nan, which cannot be calculated with")


def absent(count: int) -> Floats:
    """Give `(count,)` NaN: the result of an indicator that has not warmed up."""
    return np.full(count, np.nan)


def window_sum(values: Floats, period: int) -> Floats:
    """Sum the last `period` values; `(n,)`, NaN for the first `period - 1` and where the window reaches into a warm-up."""
    result = absent(len(values))
    if len(values) >= period:
        full = len(values) - period + 1
        total = values[:full].copy()
        for offset in range(1, period):
            total += values[offset : offset + full]
        result[period - 1 :] = total
    return result


def window_mean(values: Floats, period: int) -> Floats:
    """Average the last `period` values; NaN as in `window_sum`."""
    return window_sum(values, period) / period


def window_deviation(values: Floats, period: int) -> Floats:
    """Give the population deviation of the last `period` values, in two passes; NaN as in `window_sum`."""
    result = absent(len(values))
    if len(values) >= period:
        full = len(values) - period + 1
        mean = window_mean(values, period)[period - 1 :]
        total = np.zeros(full)
        for offset in range(period):
            total += np.square(values[offset : offset + full] - mean)
        result[period - 1 :] = np.sqrt(total / period)
    return result


def window_max(values: Floats, period: int) -> Floats:
    """Give the largest of the last `period` finite values; NaN for the first `period - 1`."""
    return talib.MAX(values, period) if len(values) >= period > 1 else _narrow(values, period)


def window_min(values: Floats, period: int) -> Floats:
    """Give the smallest of the last `period` finite values; NaN for the first `period - 1`."""
    return talib.MIN(values, period) if len(values) >= period > 1 else _narrow(values, period)


def before(values: Floats, bars: int = 1) -> Floats:
    """Shift a column so that each bar sees the value of `bars` bars ago; NaN at the start."""
    result = absent(len(values))
    result[bars:] = values[: max(0, len(values) - bars)]
    return result


def _narrow(values: Floats, period: int) -> Floats:
    return values.copy() if period == 1 else absent(len(values))
