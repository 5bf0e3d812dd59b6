"""An answer before it is put on the wire, and how it is put there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from dg_bot.simulator.rest_json import Json, dumps

JSON_TYPE: Final = "application/json;charset=utf-8"
TEXT_TYPE: Final = "text/plain;charset=utf-8"
HTML_TYPE: Final = "text/html;charset=utf-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """Status, body and the headers of its own; Date and Content-Length are added on the wire."""

    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A reply and its manner: whole, byte by byte `drip_s` apart, or cut after `bytes_sent` of its body.

    With `hangs_up` the connection is closed afterwards without saying so.
    """

    reply: Reply
    drip_s: float | None = None
    bytes_sent: int | None = None
    hangs_up: bool = False


def json_reply(status: int, body: Json) -> Reply:
    return Reply(status=status, body=dumps(body).encode())


def error_reply(status: int, name: str | int, message: str) -> Reply:
    """Build the venue's error body; `name` is a number on quotation calls and a word on exchange calls."""
    return json_reply(status, {"error": {"name": name, "message": message}})
