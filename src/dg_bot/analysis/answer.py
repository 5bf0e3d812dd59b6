"""Read what a language model answered: the agreed object and nothing else, or the kind of what it is instead."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

from dg_bot.analysis.quoted_text import plain_text
from dg_bot.domain.decision import Action
from dg_bot.domain.language_model import AnswerKind

SECTIONS = ("trend", "momentum", "volatility", "volume_and_liquidity", "market_context", "risk")
SCHEMA_NAME = "decision"
LONGEST_ANSWER = 12_000
LONGEST_SECTION = 1_200
_SHOWN = 200
_ACTIONS = {action.name: action for action in Action}
_FIELDS = {"action", "confidence", "reason"}


def _closed(properties: Mapping[str, object]) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


# Without bounds on numbers and lengths, which some servers refuse; they are checked here.
SCHEMA = json.dumps(
    _closed(
        {
            "action": {"type": "string", "enum": list(_ACTIONS)},
            "confidence": {"type": "number"},
            "reason": _closed({section: {"type": "string"} for section in SECTIONS}),
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """A usable answer; `confidence` is a fraction, `sections` the reason by name."""

    action: Action
    confidence: float
    sections: Mapping[str, str]

    @property
    def reason(self) -> str:
        """Give the sections on one line, each in plain characters and shortened."""
        return "; ".join(f"{name}: {plain_text(text)[:_SHOWN]}" for name, text in self.sections.items())


class _Unusable(Exception):
    def __init__(self, kind: AnswerKind) -> None:
        super().__init__(kind.value)
        self.kind = kind


def judge_answer(text: str) -> AnswerKind:
    """Give the kind of an answer; USABLE where it is an opinion."""
    read = read_answer(text)
    return read if isinstance(read, AnswerKind) else AnswerKind.USABLE


def read_answer(text: str) -> Opinion | AnswerKind:
    """Read the raw text of an answer. White space around the object is all that is forgiven."""
    try:
        return _opinion(_document(text))
    except _Unusable as unusable:
        return unusable.kind


def _document(text: str) -> object:
    body = text.strip(" \t\r\n")
    if not body:
        raise _Unusable(AnswerKind.EMPTY)
    if len(text) > LONGEST_ANSWER:
        raise _Unusable(AnswerKind.TOO_LONG)
    if "```" in body and not body.startswith("{"):
        raise _Unusable(AnswerKind.FENCED)
    try:
        return json.loads(body, object_pairs_hook=_once, parse_constant=_no_number, parse_float=_finite, parse_int=_short_integer)
    except json.JSONDecodeError as error:
        is_prose = error.msg == "Extra data" or body[0] not in "{["
        raise _Unusable(AnswerKind.PROSE if is_prose else AnswerKind.BROKEN_JSON) from error
    except RecursionError as error:
        raise _Unusable(AnswerKind.BROKEN_JSON) from error


def _opinion(document: object) -> Opinion:
    if not isinstance(document, dict):
        raise _Unusable(AnswerKind.NO_OBJECT)
    _require_fields(document, _FIELDS)
    action, confidence, reason = document["action"], document["confidence"], document["reason"]
    if not isinstance(reason, dict):
        raise _Unusable(AnswerKind.WRONG_TYPE)
    _require_fields(reason, set(SECTIONS))
    if not isinstance(action, str) or isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise _Unusable(AnswerKind.WRONG_TYPE)
    if action not in _ACTIONS:
        raise _Unusable(AnswerKind.OTHER_ACTION)
    if not 0 <= confidence <= 1:
        raise _Unusable(AnswerKind.CONFIDENCE_OUT_OF_RANGE)
    sections = {name: _section(reason[name]) for name in SECTIONS}
    return Opinion(action=_ACTIONS[action], confidence=abs(float(confidence)), sections=sections)


def _section(text: object) -> str:
    if not isinstance(text, str):
        raise _Unusable(AnswerKind.WRONG_TYPE)
    if not plain_text(text):
        raise _Unusable(AnswerKind.EMPTY_SECTION)
    if len(text) > LONGEST_SECTION:
        raise _Unusable(AnswerKind.TOO_LONG)
    return text


def _require_fields(record: dict[str, object], fields: set[str]) -> None:
    if not fields <= record.keys():
        raise _Unusable(AnswerKind.MISSING_FIELD)
    if record.keys() - fields:
        raise _Unusable(AnswerKind.EXTRA_FIELD)


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    record = dict(pairs)
    if len(record) != len(pairs):
        raise _Unusable(AnswerKind.DUPLICATE_KEY)
    return record


def _no_number(_: str) -> NoReturn:
    raise _Unusable(AnswerKind.NO_NUMBER)


def _finite(text: str) -> float:
    """Read a number; one that no float can hold is none."""
    number = float(text)
    if not math.isfinite(number):
        raise _Unusable(AnswerKind.NO_NUMBER)
    return number


def _short_integer(text: str) -> int:
    if len(text) > 20:
        raise _Unusable(AnswerKind.NO_NUMBER)
    return int(text)
