"""JSON as the venue writes it: numbers keep every digit of their Decimal, and none passes through a float."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

_MOST_DIGITS = 400
Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | bool | Decimal | None"


def dumps(value: Json) -> str:
    """Write compact JSON; a Decimal becomes a number in fixed point with the digits it has."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_text(key)}:{dumps(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "[" + ",".join(dumps(item) for item in value) + "]"
    return _text(value)


def loads(text: str) -> Json:
    """Read JSON with exact numbers; raises ValueError for anything that is not JSON, NaN and infinities included.

    So are numbers that nobody can mean and nestings that cannot be followed.
    """
    try:
        value: Json = json.loads(text, parse_float=_number, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return value


def _number(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return _refuse(text)
    return number if abs(number.adjusted()) <= _MOST_DIGITS else _refuse(text)


def _text(value: str | int | None) -> str:
    return json.dumps(value, ensure_ascii=False)


def _refuse(name: str) -> Decimal:
    raise ValueError(f"{name[:40]} is not a JSON number")
