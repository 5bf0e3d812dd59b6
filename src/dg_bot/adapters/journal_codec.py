"""What the journal's files hold, as JSON: events by their kind, and what is folded from them."""

import re
from typing import get_args

from dg_bot.adapters.typed_json import Json, Unfit, codec_of
from dg_bot.domain.events import Event
from dg_bot.errors import DataError
from dg_bot.remembered import Remembered

_EVENTS: dict[str, type] = {re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower(): event for event in get_args(Event)}
_KINDS = {event: kind for kind, event in _EVENTS.items()}


def encode(event: Event) -> tuple[str, dict[str, Json]]:
    """Give the kind and the body of an event; raises DataError naming a field that could not be read back."""
    cls: type = type(event)
    kind = _KINDS[cls]
    try:
        body: dict[str, Json] = codec_of(cls).write(event)
    except Unfit as error:
        raise DataError(f"event {kind}", str(error)) from error
    return kind, body


def decode(kind: str, body: Json) -> Event:
    """Give the event; raises DataError for an unknown kind, and for a field that is missing, unknown or of the wrong type."""
    if kind not in _EVENTS:
        raise DataError(f"event {kind}", "is of a kind that this program does not know")
    try:
        event: Event = codec_of(_EVENTS[kind]).read(body)
    except Unfit as error:
        raise DataError(f"event {kind}", str(error)) from error
    return event


def encode_remembered(remembered: Remembered) -> dict[str, Json]:
    """Give the body of a snapshot; raises DataError naming a field that could not be read back."""
    try:
        body: dict[str, Json] = codec_of(Remembered).write(remembered)
    except Unfit as error:
        raise DataError("snapshot", str(error)) from error
    return body


def decode_remembered(body: object) -> Remembered:
    """Give what a snapshot holds; raises DataError for a field that is missing, unknown or of the wrong type."""
    try:
        remembered: Remembered = codec_of(Remembered).read(body)
    except Unfit as error:
        raise DataError("snapshot", str(error)) from error
    return remembered
