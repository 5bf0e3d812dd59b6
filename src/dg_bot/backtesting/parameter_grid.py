"""Which parameter sets a search may try: axes of values, and their combinations by number."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

import numpy as np

from dg_bot.errors import ConfigurationError

MOST_SETS: Final = 100_000
_MOST_VALUES = 10_000
_MOST_COMBINATIONS = 10**15

# Texts by parameter, as `make_strategy` takes them.
ParameterSet = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """A parameter and the texts of the values that it may take, in order."""

    name: str
    values: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Axis":
        """Read `name=low:high`, `name=low:high:step` (both ends belong to it), or `name=a,b,c`; raises ConfigurationError."""
        name, equals, values = text.partition("=")
        if not (name and equals and values):
            raise _refused(text, "is not name=low:high, name=low:high:step or name=a,b,c")
        if ":" in values:
            return cls(name=name, values=tuple(_steps(text, values.split(":"))))
        listed = tuple(value.strip() for value in values.split(","))
        if not all(listed):
            raise _refused(text, "has an empty value")
        if len(set(listed)) != len(listed):
            raise _refused(text, "has a value twice")
        return cls(name=name, values=listed)

    @property
    def literals(self) -> tuple[bool | int | float, ...]:
        """Give the values as what their texts mean, leaving out those that mean nothing."""
        return tuple(value for text in self.values if (value := _literal(text)) is not None)


@dataclass(frozen=True, slots=True)
class ParameterGrid:
    """Every combination of the axes' values, the last axis changing fastest.

    Raises ConfigurationError for an axis that comes twice, and for more combinations than can be counted.
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        for name in names:
            if names.count(name) > 1:
                raise ConfigurationError("--grid", f"{name} is given twice", "give each parameter one range")
        if self._combinations() > _MOST_COMBINATIONS:
            raise ConfigurationError("--grid", f"makes more than {_MOST_COMBINATIONS:,} sets", "narrow the ranges")

    def __len__(self) -> int:
        return self._combinations()

    def _combinations(self) -> int:
        return math.prod(len(axis.values) for axis in self.axes)

    def at(self, number: int) -> ParameterSet:
        """Give the combination of a number from 0 to below the length."""
        chosen = {}
        for axis in reversed(self.axes):
            number, place = divmod(number, len(axis.values))
            chosen[axis.name] = axis.values[place]
        return {axis.name: chosen[axis.name] for axis in self.axes}


def every_set(grid: ParameterGrid) -> Iterator[ParameterSet]:
    """Give all combinations; raises ConfigurationError where those are more than anybody can mean."""
    if len(grid) > MOST_SETS:
        problem = f"{len(grid):,} sets are more than {MOST_SETS:,}"
        raise ConfigurationError("--grid", problem, "narrow the ranges, or have some of them drawn with --random")
    return _sets(grid, range(len(grid)))


def random_sets(grid: ParameterGrid, count: int, seed: int) -> Iterator[ParameterSet]:
    """Draw that many different combinations, or all where there are no more; the same seed draws the same ones."""
    numbers: Sequence[int] = range(len(grid))
    if count < len(grid):
        numbers = np.random.default_rng(seed).choice(len(grid), count, replace=False).tolist()
    return _sets(grid, numbers)


def edge_sets(grid: ParameterGrid) -> Iterator[ParameterSet]:
    """Give the combinations of each axis's lowest and highest value."""
    edges = tuple(Axis(name=axis.name, values=tuple(dict.fromkeys((axis.values[0], axis.values[-1])))) for axis in grid.axes)
    return every_set(ParameterGrid(edges))


def _sets(grid: ParameterGrid, numbers: Iterable[int]) -> Iterator[ParameterSet]:
    return (grid.at(number) for number in numbers)


def _steps(text: str, bounds: list[str]) -> Iterator[str]:
    if len(bounds) > 3:
        raise _refused(text, "has more than low, high and step")
    try:
        low, high, step = (Decimal(bound) for bound in (*bounds, "1")[:3])
    except InvalidOperation as error:
        raise _refused(text, "has a bound that is no number") from error
    if not all(bound.is_finite() for bound in (low, high, step)):
        raise _refused(text, "has a bound that is not finite")
    if step <= 0:
        raise _refused(text, f"has a step of {step}, which must be above zero")
    if low > high:
        raise _refused(text, f"goes from {low} down to {high}; write the lower bound first")
    count = int((high - low) / step) + 1
    if count > _MOST_VALUES:
        raise _refused(text, f"has {count:,} values, more than {_MOST_VALUES:,}")
    return (str(low + number * step) for number in range(count))


def _literal(text: str) -> bool | int | float | None:
    if text in ("true", "false"):
        return text == "true"
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    return int(number) if number == number.to_integral_value() else float(number)


def _refused(text: str, problem: str) -> ConfigurationError:
    return ConfigurationError("--grid", f"{text!r} {problem}", "write for example short_period=3:30 or lines=5,10,20")
