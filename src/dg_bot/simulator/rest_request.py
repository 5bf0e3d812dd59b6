"""A request as the venue reads it: where its parameters are, what of them is signed, and their plain types."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, unquote

from dg_bot.domain.calendar import from_epoch
from dg_bot.simulator.rest_json import Json, loads

_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d+)?)(Z|[+-]\d\d:\d\d)?", re.ASCII)
_TRUE_OR_FALSE: Final = {"true": True, "false": False}


class BadParameter(ValueError):
    """A parameter is missing or cannot be read; `is_missing` tells which."""

    def __init__(self, name: str, problem: str, *, is_missing: bool = False) -> None:
        super().__init__(f"{name} {problem}")
        self.name = name
        self.is_missing = is_missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request; `query` is raw, `body` is text, `authorization` stays out of every rendering."""

    method: str
    path: str
    query: str = ""
    body: str = ""
    content_type: str = ""
    authorization: str | None = field(default=None, repr=False)
    has_origin: bool = False

    @property
    def is_json(self) -> bool:
        return self.content_type.split(";")[0].strip().lower() == "application/json"

    @property
    def identifier(self) -> str | None:
        """Give the identifier that the request carries, if it can be read."""
        try:
            return Parameters(self.pairs()).optional("identifier")
        except BadParameter:
            return None

    def pairs(self) -> list[tuple[str, str]]:
        """Give the parameters in order, decoded.

        A POST has them in its JSON body. The others have them in the query; where that is empty a body is read as well, form or
        JSON, because the venue takes it and an old client sends it. Raises BadParameter where a body cannot be read.
        """
        if self.method == "POST" or (self.body and not self.query and self.is_json):
            return _json_pairs(self.body) if self.is_json else []
        return parse_qsl(self.query or self.body, keep_blank_values=True)

    def signed_text(self) -> str:
        """Give the text whose SHA-512 is signed: `k=v&...` of a JSON body, or the query with its escapes undone."""
        if self.is_json and (self.method == "POST" or not self.query):
            return "&".join(f"{name}={value}" for name, value in self.pairs())
        return unquote(self.query or self.body)


def _json_pairs(body: str) -> list[tuple[str, str]]:
    if not body:
        return []
    try:
        fields = loads(body)
    except ValueError as error:
        raise BadParameter("body", "is not JSON") from error
    if not isinstance(fields, dict):
        raise BadParameter("body", "is not a JSON object")
    pairs: list[tuple[str, str]] = []
    for name, value in fields.items():
        values = value if isinstance(value, list) else [value]
        pairs.extend((f"{name}[]" if isinstance(value, list) else name, _scalar(name, item)) for item in values)
    return pairs


def _scalar(name: str, value: Json) -> str:
    """Read a JSON scalar as the text that stands in a query; Decimal and int keep their digits, null is empty."""
    if isinstance(value, dict | list):
        raise BadParameter(name, "must not be nested")
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


class Parameters:
    """Named values of one request; a list comes as `name[]=a&name[]=b`, `name=a&name=b` or `name=a,b`."""

    def __init__(self, pairs: Sequence[tuple[str, str]], *, raw_query: str = "") -> None:
        self._pairs = pairs
        self._raw_query = raw_query

    def optional(self, name: str) -> str | None:
        """Give the last value of `name`; an empty text counts as absent."""
        values = [value for key, value in self._pairs if key == name]
        return values[-1] or None if values else None

    def required(self, name: str) -> str:
        value = self.optional(name)
        if value is None:
            raise BadParameter(name, "is missing", is_missing=True)
        return value

    def many(self, name: str) -> tuple[str, ...]:
        """Give every value of a list, in order; empty where there is none."""
        values = [value for key, value in self._pairs if key in (name, f"{name}[]")]
        return tuple(part for value in values for part in value.split(",") if part)

    def whole(self, name: str, *, default: int, least: int, most: int) -> int:
        """Read a whole number; raises BadParameter outside [least, most]."""
        text = self.optional(name)
        if text is None:
            return default
        if re.fullmatch(r"-?\d{1,9}", text, re.ASCII) is None or not least <= int(text) <= most:
            raise BadParameter(name, f"must be a whole number from {least} to {most}")
        return int(text)

    def flag(self, name: str) -> bool:
        text = (self.optional(name) or "false").lower()
        if text not in _TRUE_OR_FALSE:
            raise BadParameter(name, "must be true or false")
        return _TRUE_OR_FALSE[text]

    def time(self, name: str) -> datetime | None:
        """Read `2026-11-20T09:00:00Z`, `...+09:00`, or without offset, which is UTC; epoch milliseconds as well."""
        text = self.optional(name)
        if text is None:
            return None
        if re.fullmatch(r"\d{13}", text, re.ASCII):
            return from_epoch(0) + timedelta(milliseconds=int(text))
        parts = _TIME.fullmatch(text)
        if parts is None:
            raise BadParameter(name, "is not a time in ISO 8601")
        try:
            at = datetime.fromisoformat(f"{parts[1]}T{parts[2]}{parts[3] or 'Z'}")
        except ValueError as error:
            raise BadParameter(name, "is not a time in ISO 8601") from error
        return at.astimezone(UTC)

    def encoded_time(self, name: str) -> datetime | None:
        """Read a time as `time` does; raises BadParameter where it stands in the raw query with a bare ':'.

        A bare '+' of an offset needs no rule: it is read as a space, and no time has one there.
        """
        for pair in self._raw_query.split("&"):
            key, _, value = pair.partition("=")
            if key == name and ":" in value:
                raise BadParameter(name, "must be URL-encoded")
        return self.time(name)
