"""Read typed fields out of parsed JSON, with exact numbers; what is missing or of the wrong kind is a MalformedReply.

`source` says in the error what was being read.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from dg_bot.domain.money import decimal_from_text
from dg_bot.errors import MalformedReply

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | Decimal | bool | None"
Record: TypeAlias = "dict[str, Json]"

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_MOST_DIGITS = 28
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_json(body: bytes) -> Json:
    """Parse a body with exact numbers; None where it is not JSON (or is `null`, which is no answer either)."""
    try:
        document: Json = json.loads(body, parse_float=Decimal, parse_constant=_refuse_constant)
    except (ValueError, ArithmeticError, RecursionError):
        return None
    return document


def records_of(source: str, document: Json) -> list[Record]:
    if not isinstance(document, list):
        raise MalformedReply(source, "reply", "is not a list")
    return [record_of(source, item) for item in document]


def record_of(source: str, document: Json, field: str = "reply") -> Record:
    if not isinstance(document, dict):
        raise MalformedReply(source, field, "is not an object")
    return document


def list_of(source: str, record: Record, field: str) -> list[Json]:
    value = _needed(source, record, field)
    if not isinstance(value, list):
        raise MalformedReply(source, field, "is not a list")
    return value


def _needed(source: str, record: Mapping[str, Json], field: str) -> Json:
    value = record.get(field)
    if value is None:
        raise MalformedReply(source, field)
    return value


def text_of(source: str, record: Record, field: str) -> str:
    value = _needed(source, record, field)
    if not isinstance(value, str) or not value:
        raise MalformedReply(source, field, "is not a text")
    return value


def optional_text_of(source: str, record: Record, field: str) -> str | None:
    return None if record.get(field) is None else text_of(source, record, field)


def flag_of(source: str, record: Record, field: str) -> bool:
    value = _needed(source, record, field)
    if not isinstance(value, bool):
        raise MalformedReply(source, field, "is neither true nor false")
    return value


def number_of(source: str, record: Record, field: str) -> Decimal:
    """Read an amount, be it a JSON number, '0.5' or '1E-8'; one with more digits than any amount is refused."""
    value = _needed(source, record, field)
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise MalformedReply(source, field, "is not a number")
    text = str(value)
    if _NUMBER.fullmatch(text) is None:
        raise MalformedReply(source, field, "is not a number")
    number = decimal_from_text(text, field)
    if len(number.as_tuple().digits) > _MOST_DIGITS or abs(number.adjusted()) > _MOST_DIGITS:
        raise MalformedReply(source, field, "has more digits than any amount")
    return number


def time_of(source: str, record: Record, field: str) -> datetime:
    """Read a time with its offset, as UTC."""
    at = _parsed_time(source, record, field)
    if at.tzinfo is None:
        raise MalformedReply(source, field, "has no offset from UTC")
    return at


def utc_time_of(source: str, record: Record, field: str) -> datetime:
    """Read a time that is UTC by its name and carries no offset."""
    at = _parsed_time(source, record, field)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _parsed_time(source: str, record: Record, field: str) -> datetime:
    text = text_of(source, record, field)
    try:
        at = datetime.fromisoformat(text)
        return at if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise MalformedReply(source, field, "is not a time") from error


def milliseconds_of(source: str, record: Record, field: str) -> datetime:
    """Read a time in whole milliseconds since 1970-01-01T00:00Z."""
    try:
        return _EPOCH + timedelta(milliseconds=int(number_of(source, record, field)))
    except OverflowError as error:
        raise MalformedReply(source, field, "is not a time") from error


def _refuse_constant(name: str) -> Json:
    raise ValueError(name)
