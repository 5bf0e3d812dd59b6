"""Read the raw text of an answer as one JSON object with exact fields, or find the kind of what it is instead."""

import json
import math
from collections.abc import Set as AbstractSet
from typing import NoReturn

from dg_bot.domain.language_model import AnswerKind

LONGEST_ANSWER = 12_000


class Unusable(Exception):
    """An answer is not what was agreed; `kind` says in which way."""

    def __init__(self, kind: AnswerKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


def document_of(text: str) -> object:
    """Parse an answer whose object has each key once and finite numbers; white space around it is all that is forgiven.

    Raises Unusable.
    """
    body = text.strip(" \t\r\n")
    if not body:
        raise Unusable(AnswerKind.EMPTY)
    if len(text) > LONGEST_ANSWER:
        raise Unusable(AnswerKind.TOO_LONG)
    if "```" in body and not body.startswith("{"):
        raise Unusable(AnswerKind.FENCED)
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_short_integer)
    except json.JSONDecodeError as error:
        is_prose = error.msg == "Extra data" or body[0] not in "{["
        raise Unusable(AnswerKind.PROSE if is_prose else AnswerKind.BROKEN_JSON) from error
    except RecursionError as error:
        raise Unusable(AnswerKind.BROKEN_JSON) from error


def require_fields(record: dict[str, object], fields: AbstractSet[str]) -> None:
    """Raise Unusable for a field that is missing or one too many."""
    if not fields <= record.keys():
        raise Unusable(AnswerKind.MISSING_FIELD)
    if record.keys() - fields:
        raise Unusable(AnswerKind.EXTRA_FIELD)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise Unusable(AnswerKind.DUPLICATE_KEY)
    return record


def _no_number(_: str) -> NoReturn:
    raise Unusable(AnswerKind.NO_NUMBER)


def _finite(text: str) -> float:
    """Read a number; one that no float can hold is none."""
    number = float(text)
    if not math.isfinite(number):
        raise Unusable(AnswerKind.NO_NUMBER)
    return number


def _short_integer(text: str) -> int:
    if len(text) > 20:
        raise Unusable(AnswerKind.NO_NUMBER)
    return int(text)
