"""Write figures for people: won, prices, percent, quantities, and times in Seoul."""

import math
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from dg_bot.domain.calendar import KST
from dg_bot.domain.gate import Gate, Measure
from dg_bot.domain.money import WON, ZERO, plain
from dg_bot.operator.gate_table import Unit, unit_of

UNKNOWN = "–"
_DIGITS = 60
_WHOLE_PRICE = Decimal(100)


def won(amount: Decimal) -> str:
    """Write an amount in whole won: `₩1,234,567`, the sign before it."""
    rounded = _rounded(amount, WON)
    return f"{'-' if rounded < ZERO else ''}₩{abs(rounded):,}"


def price(amount: Decimal) -> str:
    """Write a price: whole won from 100 up, else with all of its decimals."""
    return won(amount) if abs(amount) >= _WHOLE_PRICE else f"₩{plain(amount)}"


def fee(amount: Decimal) -> str:
    """Write a fee, which is often less than a won, to the hundredth."""
    return f"₩{_rounded(amount, Decimal('0.01')):,}"


def percent(fraction: Decimal | float, places: int = 2) -> str:
    """Write a fraction as percent: 0.0523 becomes `5.23%`; a figure that is not finite becomes `–`."""
    number = Decimal(repr(fraction)) if isinstance(fraction, float) else fraction
    if not number.is_finite():
        return UNKNOWN
    rounded = _rounded(number * 100, Decimal(1).scaleb(-places))
    return f"{abs(rounded) if rounded == ZERO else rounded:,}%"


def signed_percent(fraction: Decimal | float, places: int = 2) -> str:
    """Write a gain or a loss as percent: `+1.20%`, `-1.20%`."""
    text = percent(fraction, places)
    return f"+{text}" if fraction > 0 and text.strip("0.%") else text


def quantity(amount: Decimal) -> str:
    return plain(amount)


def ratio(value: float | None, places: int = 2) -> str:
    """Write a plain ratio; absent and not finite ones are `–`."""
    return f"{value:,.{places}f}" if value is not None and math.isfinite(value) else UNKNOWN


def seoul(at: datetime) -> str:
    """Write a time on the operator's clock: `11-20 22:00 KST`."""
    return f"{at.astimezone(KST):%m-%d %H:%M} KST"


def measure(gate: Gate) -> str:
    """Write what a gate measured, in the unit of that gate."""
    return _measure(gate.value, unit_of(gate.name))


def limit(gate: Gate) -> str:
    """Write what a gate demanded; a gate that demands nothing only reports."""
    return _measure(gate.limit, unit_of(gate.name))


def _measure(value: Measure, unit: Unit) -> str:
    match value:
        case None:
            return UNKNOWN
        case bool():
            return "yes" if value else "no"
        case str():
            return value
        case float() if not math.isfinite(value):
            return UNKNOWN
        case int():
            number = Decimal(value)
        case float():
            number = Decimal(repr(value))
        case Decimal():
            number = value
    return _number(number, unit)


def _number(number: Decimal, unit: Unit) -> str:
    match unit:
        case Unit.FRACTION:
            return percent(number)
        case Unit.KRW:
            return won(number)
        case Unit.HOURS:
            return f"{plain(_rounded(number, Decimal('0.1')))} h"
        case Unit.SECONDS:
            return f"{plain(_rounded(number, Decimal('0.1')))} s"
        case Unit.PLAIN:
            return _significant(number)


def _significant(number: Decimal) -> str:
    """Keep two decimals of large numbers and four significant digits of small ones."""
    places = 2 if abs(number) >= 1 or number == ZERO else min(8, 3 - number.adjusted())
    text = plain(_rounded(number, Decimal(1).scaleb(-places)))
    whole, dot, rest = text.partition(".")
    return f"{int(whole):,}{dot}{rest}" if not whole.startswith("-0") else text


def _rounded(number: Decimal, step: Decimal) -> Decimal:
    with localcontext(prec=_DIGITS):
        return number.quantize(step, ROUND_HALF_EVEN)
