"""A gate: one check with its measured value, its limit and its outcome."""

import math
from dataclasses import dataclass
from decimal import Decimal

_LARGE = 100_000

Measure = bool | int | float | Decimal | str | None


@dataclass(frozen=True, slots=True)
class Gate:
    """What was checked (`name`), what was found (`value`), what was demanded (`limit`), and whether it passed.

    `value` is None where the quantity could not be measured; then the gate has not passed unless `limit` is None too.
    """

    name: str
    value: Measure
    limit: Measure
    passed: bool

    @property
    def words(self) -> str:
        """Say what was found and what was demanded: `adx: 17.2, limit 20`."""
        return f"{self.name}: {shown(self.value)}, limit {shown(self.limit)}"


def first_failure(gates: tuple[Gate, ...]) -> Gate | None:
    """Give the first gate that did not pass."""
    return next((gate for gate in gates if not gate.passed), None)


def named(prefix: str, gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """Put a stage's or a rule's name before those of its gates: `validator.rsi`."""
    return tuple(Gate(f"{prefix}.{gate.name}", gate.value, gate.limit, gate.passed) for gate in gates)


def shown(measure: Measure) -> str:
    """Write a measure for a person: six significant digits, thousands with commas, yes and no for booleans."""
    if isinstance(measure, bool):
        return "yes" if measure else "no"
    if isinstance(measure, float | Decimal):
        return f"{measure:,.0f}" if math.isfinite(measure) and abs(float(measure)) >= _LARGE else f"{measure:.6g}"
    return "none" if measure is None else str(measure)
