"""Measured comparisons of columns, from which strategies build their gates."""

import numpy as np

from dg_bot.indicators.bars import Flags, Floats
from dg_bot.indicators.windows import before
from dg_bot.strategies.base import Condition, GateSeries


def above(measure: str, values: Floats, limits: Floats) -> Condition:
    return _condition(measure, values, ">", limits, values > limits)


def at_least(measure: str, values: Floats, limits: Floats) -> Condition:
    return _condition(measure, values, ">=", limits, values >= limits)


def below(measure: str, values: Floats, limits: Floats) -> Condition:
    return _condition(measure, values, "<", limits, values < limits)


def at_most(measure: str, values: Floats, limits: Floats) -> Condition:
    return _condition(measure, values, "<=", limits, values <= limits)


def level(bars: int, value: float) -> Floats:
    """Give the same limit for every bar, `(bars,)`."""
    return np.full(bars, value)


def rising_through(measure: str, values: Floats, limits: Floats) -> tuple[GateSeries, GateSeries]:
    """Give the two gates of an upward crossing: at or under the limit on the bar before, above it on this one."""
    was = at_most(f"{measure} before", before(values), before(limits))
    return GateSeries(name="was_below", conditions=(was,)), GateSeries(
        name="is_above", conditions=(above(measure, values, limits),)
    )


def recovering(measure: str, values: Floats, limits: Floats) -> tuple[GateSeries, GateSeries]:
    """Give the two gates of a return from below: under the limit on the bar before, at or above it on this one."""
    was = below(f"{measure} before", before(values), before(limits))
    now = at_least(measure, values, limits)
    return GateSeries(name="was_below", conditions=(was,)), GateSeries(name="is_back", conditions=(now,))


def falls_through(values: Floats, limits: Floats) -> Flags:
    """Tell where values that were at or above their limit on the bar before are under it; NaN never does."""
    return (before(values) >= before(limits)) & (values < limits)


def falls_back(values: Floats, limits: Floats) -> Flags:
    """Tell where values that were above their limit on the bar before are at or under it again; NaN never does."""
    return (before(values) > before(limits)) & (values <= limits)


def _condition(measure: str, values: Floats, comparison: str, limits: Floats, passed: Flags) -> Condition:
    return Condition(measure=measure, values=values, comparison=comparison, limits=limits, passed=passed)
