"""Exact money: Decimal from the wire to the wire, rounded down and never by accident."""

import math
import re
from decimal import Context, Decimal, Inexact, InvalidOperation

from dg_bot.errors import ImpossibleValue

ZERO = Decimal(0)
WON = Decimal(1)
QUANTITY_STEP = Decimal("0.00000001")
# Its own operations are called: `localcontext` would copy it each time.
_EXACT = Context(prec=60, traps=[Inexact, InvalidOperation])
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def product(*factors: Decimal) -> Decimal:
    """Multiply without rounding; a result of over 60 digits raises `decimal.Inexact`."""
    result = WON
    for factor in factors:
        result = _EXACT.multiply(result, factor)
    return result


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Round towards zero to a multiple of `step`, exactly; `step` must be positive."""
    return _EXACT.multiply(_EXACT.divide_int(value, step), step)


def ceiling_to(value: Decimal, step: Decimal) -> Decimal:
    """Round a positive value up to a multiple of `step`, exactly; `step` must be positive."""
    lower = floor_to(value, step)
    return lower if lower == value else lower + step


def decimal_from_float(value: float, step: Decimal) -> Decimal:
    """Turn a float into exact money, rounded down to `step`; the only door from float to money.

    Raises ImpossibleValue for NaN and infinities.
    """
    if not math.isfinite(value):
        raise ImpossibleValue("amount", value, "it must be finite")
    return floor_to(Decimal(repr(value)), step)


def decimal_from_text(text: str, what: str) -> Decimal:
    """Parse a decimal string; raises ImpossibleValue for anything that is not a finite number.

    What `Decimal` would take beside that, such as spaces, underscores and digits of other scripts, is no amount.
    """
    if _NUMBER.fullmatch(text) is None:
        raise ImpossibleValue(what, text, "it must be a decimal number")
    try:
        return Decimal(text)
    except InvalidOperation as error:  # an exponent of twenty digits
        raise ImpossibleValue(what, text[:40], "it must be a decimal number") from error


def plain(value: Decimal) -> str:
    """Write a decimal without exponent and without trailing zeros."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def require_positive(what: str, value: Decimal) -> None:
    """Raise ImpossibleValue unless `value` is finite and above zero."""
    if not (value.is_finite() and value > ZERO):
        raise ImpossibleValue(what, value, "it must be above zero")


def require_not_negative(what: str, value: Decimal) -> None:
    """Raise ImpossibleValue unless `value` is finite and at least zero."""
    if not (value.is_finite() and value >= ZERO):
        raise ImpossibleValue(what, value, "it must not be negative")
