"""Ask the database what somebody wants to look at: one statement, a table back, and nothing can be changed by it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import psycopg
from psycopg import Connection

from dg_bot.adapters.postgres_errors import require_dsn, store_error

Cell = datetime | Decimal | int | float | str | bool | None
_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=10s -c lock_timeout=2s -c timezone=UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What a query gave: the names of its columns, and its rows in order."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[Cell, ...]]


class TableReader:
    """Reads tables over one connection; each statement has ten seconds."""

    def __init__(self, connection: Connection, dsn: str) -> None:
        self._connection = connection
        self._dsn = dsn

    def table(self, statement: str) -> Table:
        """Run a statement; raises StoreError with the server's words where it does not."""
        try:
            cursor = self._connection.execute(statement.encode())
            return Table(columns=tuple(column.name for column in cursor.description or ()), rows=cursor.fetchall())
        except psycopg.Error as error:
            raise store_error("read", error, self._dsn) from error


@contextmanager
def reading(dsn: str) -> Iterator[TableReader]:
    """Open the database for reading alone; raises StoreError while it is away, ConfigurationError for a `dsn` of no use."""
    require_dsn(dsn)
    try:
        connection = psycopg.connect(dsn, autocommit=True, connect_timeout=3, application_name="dg_bot desk", options=_OPTIONS)
    except psycopg.Error as error:
        raise store_error("read", error, dsn) from error
    with connection:
        yield TableReader(connection, dsn)
