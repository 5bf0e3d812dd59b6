"""Indicators as rolling updates in a form that can be compiled; the same values as those of `indicators`, but for rounding."""

import math

from dg_bot.indicators.bars import Floats


def average_true_range(count: int, high: Floats, low: Floats, close: Floats, period: int, result: Floats) -> None:
    """Fill `result` `(count,)` with Wilder's mean of the true range, seeded by the first `period` of them; NaN before."""
    total, average = 0.0, math.nan
    kept, added = (period - 1.0) / period, 1.0 / period
    for number in range(count):
        if number > 0:
            reach = true_range(high[number], low[number], close[number - 1])
            if number > period:
                average = average * kept + reach * added
            else:
                total += reach
                if number == period:
                    average = total / period
        result[number] = average


def true_range(high: float, low: float, close_before: float) -> float:
    """Give the range of a bar widened to the close before it."""
    return max(high, close_before) - min(low, close_before)
