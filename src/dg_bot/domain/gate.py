"""A gate: one check with its measured value, its limit and its outcome."""

from dataclasses import dataclass
from decimal import Decimal

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


def first_failure(gates: tuple[Gate, ...]) -> Gate | None:
    """Give the first gate that did not pass."""
    return next((gate for gate in gates if not gate.passed), None)
