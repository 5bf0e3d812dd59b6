"""Rows read back for an operator who asks, on a connection of its own that changes nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TypeVar

import psycopg
from psycopg import Cursor

from dg_bot.adapters.postgres import TradeRow, trade_row
from dg_bot.adapters.postgres_errors import store_error
from dg_bot.adapters.postgres_queries import queries

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LogRow:
    """A line of `system_logs`."""

    at: datetime
    level: str
    message: str


@dataclass(frozen=True, slots=True)
class EquityRow:
    """The first and the last equity that was noted within a period, in won."""

    first_krw: Decimal
    last_krw: Decimal


class AnswerRows:
    """Reads with a connection for each question; `dsn` gives the database. All methods raise StoreError while it is away."""

    def __init__(self, dsn: Callable[[], str]) -> None:
        self._dsn = dsn

    def latest_trades(self, most: int) -> list[TradeRow]:
        """Give up to `most` trades, newest first."""
        return self._read(
            "latest_trades", lambda cursor: [*map(trade_row, cursor.execute(_sql("latest_trades"), {"limit": most}))]
        )

    def all_trades(self) -> list[TradeRow]:
        """Give all trades, oldest first."""
        return self._read("all_trades", lambda cursor: [*map(trade_row, cursor.execute(_sql("all_trades")))])

    def equity_since(self, start: datetime) -> EquityRow | None:
        """Give the equity at both ends of the time since `start`; None where no cycle noted any."""

        def read(cursor: Cursor) -> EquityRow | None:
            row = cursor.execute(_sql("equity_since"), {"since": start}).fetchone()
            return None if row is None else EquityRow(*row)

        return self._read("equity_since", read)

    def fees_since(self, start: datetime) -> Decimal:
        def read(cursor: Cursor) -> Decimal:
            (fees,) = cursor.execute(_sql("fees_since"), {"since": start}).fetchone() or (Decimal(0),)
            return Decimal(fees)

        return self._read("fees_since", read)

    def latest_logs(self, most: int) -> list[LogRow]:
        """Give up to `most` warnings and errors, newest first."""

        def read(cursor: Cursor) -> list[LogRow]:
            rows = cursor.execute(_sql("latest_logs"), {"limit": most})
            return [LogRow(at.astimezone(UTC), level, message) for at, level, message in rows]

        return self._read("latest_logs", read)

    def _read(self, operation: str, work: Callable[[Cursor], T]) -> T:
        dsn = self._dsn()
        try:
            with (
                psycopg.connect(dsn, connect_timeout=3, application_name="dg_bot answers") as connection,
                connection.transaction(),
                connection.cursor() as cursor,
            ):
                connection.execute("SET TRANSACTION READ ONLY")
                cursor.execute(_sql("limit_answer"))
                return work(cursor)
        except psycopg.Error as error:
            raise store_error(operation, error, dsn) from error


def _sql(name: str) -> str:
    return queries()[name]
