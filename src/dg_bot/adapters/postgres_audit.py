"""Hold the rows against the journal: project the records a second time, into temporary tables, and name each row that differs."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal

from psycopg import Cursor
from psycopg.sql import SQL, Identifier

from dg_bot.domain.events import Record

# The tables of facts, with the column that names a row in each.
_AUDITED = {
    "orders": "order_id",
    "fills": "trade_id",
    "trades": "trade_id",
    "cycles": "cycle_id",
    "ai_decisions": "cycle_id",
    "portfolio_snapshots": "cycle_id",
    "opinions": "opinion_id",
}
# What else a record writes: its rows must not land among the real ones.
_BESIDE = ("system_logs", "bot_config", "rejected_records", "llm_questions")
_SHADOW = SQL("CREATE TEMPORARY TABLE {table} (LIKE {schema}.{table} INCLUDING ALL) ON COMMIT DROP")
_DIFFERING = SQL(
    """SELECT {key}, (to_jsonb(kept) - {apart})::text, (to_jsonb(told) - {apart})::text
    FROM {schema}.{table} AS kept FULL JOIN pg_temp.{table} AS told USING ({key})
    WHERE to_jsonb(kept) - {apart} IS DISTINCT FROM to_jsonb(told) - {apart} ORDER BY 1"""
)
# A capsule's bytes come from its file and not from the journal; that has their hash, to which a replay holds them.
_APART = SQL("array['id', 'capsule']")
_LONGEST_VALUE = 60


def altered_rows(cursor: Cursor, records: Iterable[Record], write: Callable[[Cursor, Record], object]) -> list[str]:
    """Say of each row of facts in what it is not what `write` makes of the records; call it inside a transaction.

    Only temporary tables are written, which end with the transaction.
    """
    found = cursor.execute("SELECT current_schema()").fetchone()
    schema = Identifier(str(found[0] if found else None))
    for table in (*_AUDITED, *_BESIDE):
        cursor.execute(_SHADOW.format(table=Identifier(table), schema=schema))
    for record in records:
        write(cursor, record)
    altered = []
    for table, key in _AUDITED.items():
        cursor.execute(_DIFFERING.format(table=Identifier(table), schema=schema, key=Identifier(key), apart=_APART))
        altered += [f"{table} {name}: {_said(kept, told)}" for name, kept, told in cursor]
    return altered


def _said(kept: str | None, told: str | None) -> str:
    if kept is None:
        return "the row is missing"
    if told is None:
        return "the bot never wrote this row"
    return ", ".join(_columns(_document(kept), _document(told)))


def _columns(kept: Mapping[str, object], told: Mapping[str, object]) -> Iterator[str]:
    for column, value in told.items():
        if kept.get(column) != value:
            yield f"{column} is {_short(kept.get(column))}, the journal says {_short(value)}"


def _document(text: str) -> Mapping[str, object]:
    document: Mapping[str, object] = json.loads(text, parse_float=Decimal)
    return document


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"
