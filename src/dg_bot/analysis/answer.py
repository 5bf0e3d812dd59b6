"""Read what a language model answered: the agreed object and nothing else, or the kind of what it is instead."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from dg_bot.analysis.answer_text import Unusable, document_of, require_fields
from dg_bot.analysis.quoted_text import plain_text
from dg_bot.domain.decision import Action
from dg_bot.domain.language_model import AnswerKind

SECTIONS = ("trend", "momentum", "volatility", "volume_and_liquidity", "market_context", "risk")
SCHEMA_NAME = "decision"
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


def judge_answer(text: str) -> AnswerKind:
    """Give the kind of an answer; USABLE where it is an opinion."""
    read = read_answer(text)
    return read if isinstance(read, AnswerKind) else AnswerKind.USABLE


def read_answer(text: str) -> Opinion | AnswerKind:
    """Read the raw text of an answer. White space around the object is all that is forgiven."""
    try:
        return _opinion(document_of(text))
    except Unusable as unusable:
        return unusable.kind


def _opinion(document: object) -> Opinion:
    if not isinstance(document, dict):
        raise Unusable(AnswerKind.NO_OBJECT)
    require_fields(document, _FIELDS)
    action, confidence, reason = document["action"], document["confidence"], document["reason"]
    if not isinstance(reason, dict):
        raise Unusable(AnswerKind.WRONG_TYPE)
    require_fields(reason, set(SECTIONS))
    if not isinstance(action, str) or isinstance(confidence, bool) or not isinstance(confidence, int | float):
        raise Unusable(AnswerKind.WRONG_TYPE)
    if action not in _ACTIONS:
        raise Unusable(AnswerKind.OTHER_ACTION)
    if not 0 <= confidence <= 1:
        raise Unusable(AnswerKind.CONFIDENCE_OUT_OF_RANGE)
    sections = {name: _section(reason[name]) for name in SECTIONS}
    return Opinion(action=_ACTIONS[action], confidence=abs(float(confidence)), sections=sections)


def _section(text: object) -> str:
    if not isinstance(text, str):
        raise Unusable(AnswerKind.WRONG_TYPE)
    if not plain_text(text):
        raise Unusable(AnswerKind.EMPTY_SECTION)
    if len(text) > LONGEST_SECTION:
        raise Unusable(AnswerKind.TOO_LONG)
    return text
