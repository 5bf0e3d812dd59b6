"""A database that a simulated month has filled, once for all processes of a session."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import Connection

from dg_bot.adapters.journal_codec import decode, encode
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.events import Record
from tests.e2e.tape_bench import SharedResults
from tests.monitoring.month import candles, month
from tests.postgres import copy_of_template, run_sql


@pytest.fixture(scope="session")
def month_records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    """Give the journal of the month; whichever process asks first lets the bot live through it."""
    own = tmp_path_factory.getbasetemp()
    folder = own.parent if own.name.startswith("popen-") else own
    lines = SharedResults(folder / "month").get("records", lambda: [_line(record) for record in month().records])
    return tuple(_record(line) for line in lines)


def _line(record: Record) -> str:
    return json.dumps([record.sequence, record.at.isoformat(), *encode(record.event)])


def _record(line: str) -> Record:
    sequence, at, kind, body = json.loads(line)
    return Record(sequence=sequence, at=datetime.fromisoformat(at), event=decode(kind, body))


@pytest.fixture(scope="session")
def month_database(migrated_server: str, month_records: tuple[Record, ...]) -> str:
    """Give the connection string of the month's database, with all rights: tests change nothing in it."""
    dsn = copy_of_template(migrated_server)
    fill(dsn, month_records)
    return dsn


def fill(dsn: str, records: tuple[Record, ...]) -> None:
    """Project the month as the outbox does, and let PostgreSQL look at what it has now."""
    store = PostgresStore(dsn)
    assert [] == store.project(records)
    for market, series in candles().items():
        store.add_candles(market, HOUR, series)
    store.close()
    run_sql(dsn, "ANALYZE")


@pytest.fixture
def reader(month_database: str) -> Iterator[Connection]:
    """Look at the month as the role that Grafana reads by."""
    with psycopg.connect(month_database, autocommit=True) as connection:
        connection.execute("SET SESSION AUTHORIZATION dg_bot_reader")
        connection.execute("SET default_transaction_read_only = on")
        connection.execute("SET statement_timeout = '5s'")
        yield connection


@pytest.fixture(scope="session")
def monitoring() -> Path:
    """Give the folder that is mounted into the containers."""
    return Path(__file__).resolve().parents[2] / "monitoring"
