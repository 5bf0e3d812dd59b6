"""Read the named queries of the desk's .sql files, and put a time and a market in place of Grafana's macros."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

from dg_bot.errors import ImpossibleValue
from dg_bot.operator.desk.panels import Query

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_MACRO = re.compile(r"\$__(\w+)(?:\(([^()]*)\))?")
_VARIABLE = re.compile(r"\$\{market:sqlstring\}")
_STEPS_S = (60, 300, 900, 3600, 10_800, 21_600, 86_400)
_POINTS = 800


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is looked at: a half-open time, and the markets that are chosen."""

    start: datetime
    end: datetime
    markets: tuple[str, ...]

    @property
    def step_s(self) -> int:
        """The width of a point in seconds, as Grafana would choose it for a wide screen."""
        wanted = (self.end - self.start).total_seconds() / _POINTS
        return next((step for step in _STEPS_S if step >= wanted), _STEPS_S[-1])


@cache
def sql(name: str) -> Mapping[str, Query]:
    """Give each query of one of the desk's files by the name in the comment above it."""
    text = files("dg_bot.operator.desk").joinpath(f"{name}.sql").read_text(encoding="utf-8")
    _, *parts = _NAME.split(text)
    return {found: Query(text=query.strip().rstrip(";")) for found, query in zip(parts[::2], parts[1::2], strict=True)}


def expanded(text: str, span: Span) -> str:
    """Write a query as Grafana would send it; raises ImpossibleValue for a macro that is not known here."""
    markets = ", ".join(_quoted(market) for market in span.markets) or "NULL"
    return _MACRO.sub(lambda found: _macro(found[0], found[1], found[2], span), _VARIABLE.sub(markets, text))


def _macro(whole: str, name: str, argument: str | None, span: Span) -> str:
    start, end = _quoted(_instant(span.start)), _quoted(_instant(span.end))
    match name, argument:
        case "timeFilter", str(column):
            return f"{column} BETWEEN {start} AND {end}"
        case "timeFrom", _:
            return start
        case "timeTo", _:
            return end
        case "interval", None:
            return f"{span.step_s}s"
        case "timeGroup", str(pair) if pair.count(",") == 1:
            column, width = (part.strip().strip("'") for part in pair.split(","))
            seconds = span.step_s if width == "$__interval" else _seconds(whole, width)
            return f"to_timestamp(floor(extract(epoch FROM {column}) / {seconds}) * {seconds})"
        case _:
            raise ImpossibleValue("macro", whole, "the desk does not know it")


def _seconds(whole: str, width: str) -> int:
    found = re.fullmatch(r"(\d+)([smhd])", width)
    if found is None:
        raise ImpossibleValue("macro", whole, "its width is no time such as 1h")
    return int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
