"""Grafana's dashboards as they lie in the repository, and their queries run as Grafana would run them."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.postgres import types

from dg_bot.operator.desk.queries import Span, expanded
from tests.monitoring.month import ENDS_AT, FIRST

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "monitoring" / "grafana" / "dashboards"
WHOLE = Span(start=FIRST, end=ENDS_AT - timedelta(minutes=5), markets=("KRW-BTC", "KRW-ETH"))
_NUMBERS = (Decimal, int, float)

# A parsed JSON document; its shape is what the tests are about.
Document = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Found:
    """What one query of a panel gave."""

    columns: tuple[str, ...]
    kinds: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]

    @property
    def shape(self) -> str:
        """Name the columns and their types: `time timestamptz, Value numeric`."""
        return ", ".join(f"{column} {kind}" for column, kind in zip(self.columns, self.kinds, strict=True))


def files() -> dict[str, Document]:
    """Give every dashboard by the name of its file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.json"))}


def panels() -> Iterator[tuple[str, Document]]:
    """Give every panel with the words that name it: `Portfolio / Value`."""
    for dashboard in files().values():
        for panel in dashboard["panels"]:
            yield f"{dashboard['title']} / {panel['title']}", panel


def sql_of(panel: Document) -> list[str]:
    return [target["rawSql"] for target in panel["targets"] if "rawSql" in target]


def promql() -> Iterator[tuple[str, str]]:
    """Give every PromQL with the panel that asks it."""
    for name, panel in panels():
        for target in panel["targets"]:
            if target["datasource"]["uid"] == "dg-prometheus":
                yield name, target["expr"]


def run(connection: Connection, text: str) -> Found:
    cursor = connection.execute(expanded(text, WHOLE).encode())
    columns = cursor.description or []
    return Found(
        columns=tuple(column.name for column in columns),
        kinds=tuple(getattr(types.get(column.type_code), "name", "unknown") for column in columns),
        rows=cursor.fetchall(),
    )


def shapes(connection: Connection) -> dict[str, list[str]]:
    """Give what each panel's queries return, as the current role; what PostgreSQL refuses is its words."""
    found = {}
    for name, panel in panels():
        found[name] = [_shape(connection, panel, text) for text in sql_of(panel)]
    return found


def broken(found: dict[str, list[str]]) -> dict[str, str]:
    """Give the first complaint of each panel that has one."""
    complaints = {name: [word for word in words if word.startswith("!")] for name, words in found.items()}
    return {name: words[0] for name, words in complaints.items() if words}


def _shape(connection: Connection, panel: Document, text: str) -> str:
    try:
        with connection.transaction():
            found = run(connection, text)
    except psycopg.Error as error:
        return f"! {type(error).__name__}: {error.diag.message_primary}"
    wrong = _complaint(panel, found)
    return f"! {wrong}: {found.shape}" if wrong else found.shape


def _complaint(panel: Document, found: Found) -> str | None:
    """Say in what the rows are not what this kind of panel draws."""
    if not found.rows:
        return "no rows"
    kind = panel["type"]
    if kind == "stat":
        is_one = len(found.rows) == 1 and len(found.columns) == 1 and found.rows[0][0] is not None
        return None if is_one else "not one value"
    if kind == "barchart":
        is_ranking = found.kinds == ("text", "int8") or found.kinds == ("varchar", "int8")
        return None if is_ranking else "not a text and a count"
    if kind == "timeseries":
        return _complaint_of_series(found)
    return None


def _complaint_of_series(found: Found) -> str | None:
    times = [row[0] for row in found.rows]
    if found.columns[0] != "time" or not all(isinstance(at, datetime) and at.tzinfo for at in times):
        return "the first column is no time"
    if times != sorted(times, key=str) and times != sorted(times):  # type: ignore[type-var]
        return "not in order"
    values = [value for row in found.rows for name, value in zip(found.columns[1:], row[1:], strict=True) if name != "metric"]
    if not all(value is None or isinstance(value, _NUMBERS) for value in values):
        return "not numbers"
    return None if any(value is not None for value in values) else "no value"
