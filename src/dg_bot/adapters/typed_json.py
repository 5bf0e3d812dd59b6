"""Values and JSON: every field is written so that reading it gives the same value of the same type.

The declared type of a field decides its form: Decimal as plain digits in a string, a time as ISO 8601 with Z, an enum as its
value, a Market as its code, a tuple as a list, a dataclass and a mapping (from text, or from Market) as an object. Where one
field may hold several scalars, a Decimal is `{"decimal": "1.5"}`; a float that JSON has no number for is `{"float": "nan"}`.
A field whose metadata says `added` may be absent in what was written before it was; its default stands then.
"""

import math
import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Any, TypeAlias, Union, get_args, get_origin, get_type_hints

from dg_bot.domain.market import Market
from dg_bot.errors import DataError

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_INFINITE = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def time_text(at: datetime) -> str:
    """Write an aware time as ISO 8601 in UTC with Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def time_from_text(text: str) -> datetime:
    """Read what `time_text` wrote; raises ValueError for any other form."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None or time_text(at) != text:
        raise ValueError(f"{text!r} is not a UTC time with Z")
    return at.astimezone(UTC)


class Unfit(Exception):
    """A value does not fit the type its field declares; the path to it grows on the way out."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = ""

    def within(self, place: str) -> None:
        self.path = place + self.path

    def __str__(self) -> str:
        return f"field '{self.path.removeprefix('.')}' {self.problem}" if self.path else self.problem


@dataclass(frozen=True, slots=True)
class Codec:
    """How values of one type are written and read; both raise Unfit."""

    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


@cache
def codec_of(hint: Hashable) -> Codec:
    """Give the codec of a declared type; raises TypeError for one without a JSON form."""
    if hint in _SCALARS:
        return _SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _object(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return _sequence(codec_of(arguments[0]))
    if origin is Mapping and arguments[0] in (str, Market):
        return _mapping(codec_of(arguments[0]), codec_of(arguments[1]))
    if origin in (UnionType, Union):
        members = [member for member in arguments if member is not NoneType]
        if len(members) == 1:
            return _optional(codec_of(members[0]))
        return _one_of_scalars(frozenset(arguments))
    raise TypeError(f"no JSON form is known for {hint}")


def _write_text(value: Any) -> Json:
    if not isinstance(value, str):
        raise Unfit(f"holds {value!r}, not text")
    return str(value)


def _read_text(raw: Any) -> str:
    if type(raw) is not str:
        raise Unfit(f"holds {raw!r}, not text")
    return raw


def _exactly(kind: type) -> Callable[[Any], Any]:
    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise Unfit(f"holds {value!r}, not a {kind.__name__}")
        return value

    return check


def _write_float(value: Any) -> Json:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unfit(f"holds {value!r}, not a float")
    number = float(value)
    return number if math.isfinite(number) else {"float": str(number)}


def _read_float(raw: Any) -> float:
    if type(raw) is float:
        return raw
    if type(raw) is dict and raw.keys() == {"float"} and type(raw["float"]) is str and raw["float"] in _INFINITE:
        return _INFINITE[raw["float"]]
    raise Unfit(f"holds {raw!r}, not a float")


def _write_decimal(value: Any) -> Json:
    if not isinstance(value, Decimal) or not value.is_finite():
        raise Unfit(f"holds {value!r}, not a finite Decimal")
    return format(value, "f")


def _read_decimal(raw: Any) -> Decimal:
    # Decimal() also takes exponents, underscores and NaN, none of which is ever written.
    if _PLAIN.fullmatch(_read_text(raw)) is None:
        raise Unfit(f"holds {raw!r}, not a plain decimal")
    return Decimal(raw)


def _write_time(value: Any) -> Json:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise Unfit(f"holds {value!r}, not a time with its offset")
    return time_text(value)


def _read_time(raw: Any) -> datetime:
    try:
        return time_from_text(_read_text(raw))
    except (ValueError, OverflowError) as error:
        raise Unfit(f"holds {raw!r}, not a UTC time with Z") from error


def _write_market(value: Any) -> Json:
    if not isinstance(value, Market):
        raise Unfit(f"holds {value!r}, not a Market")
    return value.code


def _read_market(raw: Any) -> Market:
    try:
        return Market(_read_text(raw))
    except DataError as error:
        raise Unfit(f"holds {raw!r}, not a market") from error


_SCALARS: dict[Any, Codec] = {
    str: Codec(_write_text, _read_text),
    bool: Codec(_exactly(bool), _exactly(bool)),
    int: Codec(_exactly(int), _exactly(int)),
    float: Codec(_write_float, _read_float),
    Decimal: Codec(_write_decimal, _read_decimal),
    datetime: Codec(_write_time, _read_time),
    Market: Codec(_write_market, _read_market),
}


def _enum(kind: type[StrEnum]) -> Codec:
    members = {member.value: member for member in kind}

    def write(value: Any) -> Json:
        if type(value) is not kind:
            raise Unfit(f"holds {value!r}, not a {kind.__name__}")
        return str(value)

    def read(raw: Any) -> StrEnum:
        if type(raw) is not str or raw not in members:
            raise Unfit(f"holds {raw!r}, not one of {', '.join(members)}")
        return members[raw]

    return Codec(write, read)


def _optional(inner: Codec) -> Codec:
    return Codec(
        lambda value: None if value is None else inner.write(value),
        lambda raw: None if raw is None else inner.read(raw),
    )


def _one_of_scalars(kinds: frozenset[type]) -> Codec:
    """Write one of several scalars so that its type comes back: plain where JSON tells it apart, else under a tag."""
    if not kinds <= {NoneType, bool, int, float, Decimal, str}:
        raise TypeError(f"no JSON form is known for a union of {sorted(kind.__name__ for kind in kinds)}")
    # bool stands before int, which it derives from
    writers: dict[type, Callable[[Any], Json]] = {
        NoneType: lambda _: None,
        bool: bool,
        int: int,
        float: _write_float,
        Decimal: lambda value: {"decimal": _write_decimal(value)},
        str: str,
    }
    order = [kind for kind in writers if kind in kinds]
    names = ", ".join(kind.__name__ for kind in order)

    def write(value: Any) -> Json:
        kind = next((kind for kind in order if isinstance(value, kind)), None)
        if kind is None:
            raise Unfit(f"holds {value!r}, not one of {names}")
        return writers[kind](value)

    def read(raw: Any) -> Any:
        if type(raw) in kinds:
            return raw
        if type(raw) is dict and Decimal in kinds and raw.keys() == {"decimal"}:
            return _read_decimal(raw["decimal"])
        if type(raw) is dict and float in kinds:
            return _read_float(raw)
        raise Unfit(f"holds {raw!r}, not one of {names}")

    return Codec(write, read)


def _sequence(item: Codec) -> Codec:
    def each(values: Any, convert: Callable[[Any], Any]) -> list[Any]:
        done: list[Any] = []
        try:
            for value in values:
                done.append(convert(value))  # its length so far names the place
        except Unfit as error:
            error.within(f"[{len(done)}]")
            raise
        return done

    def write(value: Any) -> Json:
        if not isinstance(value, tuple):
            raise Unfit(f"holds a {type(value).__name__}, not a tuple")
        return each(value, item.write)

    def read(raw: Any) -> tuple[Any, ...]:
        if type(raw) is not list:
            raise Unfit(f"holds {raw!r}, not a list")
        return tuple(each(raw, item.read))

    return Codec(write, read)


def _mapping(name: Codec, item: Codec) -> Codec:
    def each(values: Any, convert_name: Callable[[Any], Any], convert: Callable[[Any], Any]) -> dict[Any, Any]:
        done, key = {}, ""
        try:
            for key, value in values.items():
                done[convert_name(key)] = convert(value)
        except Unfit as error:
            error.within(f"[{key}]")
            raise
        return done

    def write(value: Any) -> Json:
        if not isinstance(value, Mapping):
            raise Unfit(f"holds a {type(value).__name__}, not a mapping")
        return each(value, name.write, item.write)

    def read(raw: Any) -> dict[Any, Any]:
        if type(raw) is not dict:
            raise Unfit(f"holds {raw!r}, not an object")
        return each(raw, name.read, item.read)

    return Codec(write, read)


def _object(cls: type) -> Codec:
    hints = get_type_hints(cls)
    # The parameter is a dataclass, which the type checker cannot see through `type`.
    # What a value derives from its other fields when it is made is not written.
    codecs = {field.name: codec_of(hints[field.name]) for field in fields(cls) if field.init}
    readers = [(name, codec.read) for name, codec in codecs.items()]
    added = frozenset(field.name for field in fields(cls) if field.metadata.get("added"))

    def write(value: Any) -> Json:
        if type(value) is not cls:
            raise Unfit(f"holds a {type(value).__name__}, not a {cls.__name__}")
        body: dict[str, Json] = {}
        for name, codec in codecs.items():
            try:
                body[name] = codec.write(getattr(value, name))
            except Unfit as error:
                error.within(f".{name}")
                raise
        return body

    def read(raw: Any) -> Any:
        if type(raw) is not dict:
            raise Unfit(f"holds {raw!r}, not an object")
        if raw.keys() != codecs.keys() and (odds := (raw.keys() ^ codecs.keys()) - (added - raw.keys())):
            odd = min(odds)
            raise Unfit(f"has no field '{odd}'" if odd in codecs else f"has a field '{odd}' that this program does not know")
        values, name = {}, ""
        try:
            for name, reader in readers:
                if name in raw:
                    values[name] = reader(raw[name])
        except Unfit as error:
            error.within(f".{name}")
            raise
        try:
            return cls(**values)
        except DataError as error:
            raise Unfit(f"holds what cannot be true: {error}") from error

    return Codec(write, read)
