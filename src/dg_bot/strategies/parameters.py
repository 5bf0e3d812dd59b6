"""Strategy parameters: flat `key: value` files, read strictly into frozen classes that check themselves.

The files are YAML's simplest subset: one `key: value` a line, comments on lines of their own, values that are numbers or
true and false. Anything else is refused rather than guessed at.
"""

import dataclasses
import math
import re
from collections.abc import Mapping
from dataclasses import Field
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from typing import Any, ClassVar, Protocol, TypeVar, get_type_hints

from dg_bot.errors import ConfigurationError

Parameter = bool | int | float

_LINE = re.compile(r"([a-z][a-z0-9_]*):[ \t]+(\S+)", re.ASCII)


class Parameters(Protocol):
    """A frozen class of numbers and switches that checks itself."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


P = TypeVar("P", bound=Parameters)


class ParameterOutOfRange(ConfigurationError):
    """A parameter that can be read, but not be meant, alone or beside the others."""


@cache
def shipped_values(strategy: str) -> Mapping[str, str]:
    """Read the texts in the file that comes with a strategy of the catalog; once, for a sweep builds thousands of them."""
    source = f"{strategy}.yaml"
    return parse_lines(source, files("dg_bot.strategies").joinpath("params", source).read_text(encoding="utf-8"))


def parse_lines(source: str, text: str) -> dict[str, str]:
    """Split a parameter file into key and value texts; raises ConfigurationError naming the line it cannot read."""
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        content = line.rstrip()
        if not content or content.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(content)
        if match is None:
            raise ConfigurationError(f"{source} line {number}", f"cannot read {content!r}", "write one 'key: value' a line")
        key, value = match.groups()
        if key in values:
            raise ConfigurationError(f"{source} line {number}", f"{key} stands there twice", "keep one of them")
        values[key] = value
    return values


def build_parameters(kind: type[P], source: str, values: Mapping[str, str]) -> P:
    """Turn texts into the fields of `kind`, each by its annotated type; a key that is not given keeps its default.

    Raises ConfigurationError for a key that there is not and a text that is no such value, and what `kind` itself raises.
    """
    fields = dict.fromkeys(field.name for field in dataclasses.fields(kind) if field.init)
    types = get_type_hints(kind)
    for key in values:
        if key not in fields:
            nearest = get_close_matches(key, fields, n=1, cutoff=0.0)
            remedy = f"did you mean {nearest[0]}?" if nearest else "it has none"
            raise ConfigurationError(f"{source}: {key}", "there is no such parameter", remedy)
    return kind(**{key: _value(f"{source}: {key}", text, types[key]) for key, text in values.items()})


def require(parameter: str, value: Parameter, rule: str, *, holds: bool) -> None:
    """Raise ParameterOutOfRange unless the parameter's rule holds."""
    if not holds:
        raise ParameterOutOfRange(parameter, f"{value} is out of range", rule)


def _value(where: str, text: str, kind: object) -> Parameter:
    if kind not in (bool, int, float):
        raise ConfigurationError(where, f"is declared as {kind}", "declare it as bool, int or float")
    if kind is bool:
        if text not in ("true", "false"):
            raise ConfigurationError(where, f"{text!r} is not a switch", "write true or false")
        return text == "true"
    try:
        number = int(text) if kind is int else float(text)
    except ValueError as error:
        word = "an integer" if kind is int else "a number"
        raise ConfigurationError(where, f"{text!r} is not {word}", f"write {word}") from error
    if isinstance(number, float) and not math.isfinite(number):
        raise ConfigurationError(where, f"{text!r} is not finite", "write a number")
    return number
