"""The trade store on PostgreSQL: rows projected from the journal, candles, and trades read back."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from threading import Lock
from typing import TypeVar

import psycopg
import structlog
from psycopg import Connection, Cursor
from psycopg.adapt import Dumper, PyFormat
from psycopg.types.datetime import DatetimeDumper

from dg_bot.adapters.account_lock import AccountLock
from dg_bot.adapters.postgres_audit import altered_rows
from dg_bot.adapters.postgres_errors import require_dsn, store_error
from dg_bot.adapters.postgres_projection import CapsuleOf, write_rejected, write_rows
from dg_bot.adapters.postgres_queries import queries
from dg_bot.domain.calendar import Timeframe, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import CapsuleStored, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.errors import AccountInUse, ConfigurationError, DataError

_log = structlog.get_logger()
_CONNECT_TIMEOUT_S = 3
# What is wrong with the record itself, and would be wrong again at the next try.
_RECORD_ERRORS = (psycopg.DataError, psycopg.IntegrityError, DataError, ArithmeticError, UnicodeEncodeError)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRow:
    """A closed order with executed quantity, as it stands in the database; `price_krw` is total over quantity."""

    identifier: str
    market: Market
    side: Side
    price_krw: Decimal
    quantity: Decimal
    total_krw: Decimal
    fee_krw: Decimal
    status: str
    created_at: datetime


class PostgresStore:
    """Writes and reads the rows. Connects when it is first needed, and once anew when the connection turns out to be dead.

    Raises ConfigurationError for a `dsn` that cannot be read. All methods raise StoreError where the database is away, full,
    locked by somebody for longer than `lock_timeout_s`, or slower than `statement_timeout_s`, and AccountInUse where `account` is
    given and another session holds it. May be called from several threads.
    """

    def __init__(
        self,
        dsn: str,
        *,
        account: AccountLock | None = None,
        capsule_of: CapsuleOf = lambda _stored: None,
        statement_timeout_s: float = 5.0,
        lock_timeout_s: float = 2.0,
    ) -> None:
        """`capsule_of` gives the bytes of a capsule for its row; None where its file is gone."""
        require_dsn(dsn)
        self._dsn = dsn
        self._account = account
        self._capsule_of = capsule_of
        self._limits = {
            "statement_timeout": f"{statement_timeout_s * 1000:.0f}ms",
            "lock_timeout": f"{lock_timeout_s * 1000:.0f}ms",
        }
        self._connection: Connection | None = None
        self._lock = Lock()

    def close(self) -> None:
        """Close the connection; a later call opens another."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def connect(self) -> None:
        """Open the connection, where there is none, and take the account's lock with it."""
        self._transact("connect", lambda _: None)

    def require_owner(self, mode: Mode, namespace: str) -> None:
        """Raise ConfigurationError where this database holds the rows of a bot in another mode or of another namespace."""

        def read(cursor: Cursor) -> tuple[str | None, str | None]:
            kept_mode, kept_namespace = cursor.execute(queries()["kept_owner"]).fetchone() or (None, None)
            return kept_mode, kept_namespace

        kept_mode, kept_namespace = self._transact("require_owner", read)
        if kept_mode not in (None, mode.value):
            problem = f"names a database that holds the rows of a bot in mode {kept_mode}"
            raise ConfigurationError("DATABASE_URL", problem, f"give mode {mode.value} a database of its own")
        if kept_namespace not in (None, namespace):
            problem = f"names a database that holds the rows of namespace {kept_namespace}"
            raise ConfigurationError("DATABASE_URL", problem, f"give namespace {namespace} a database of its own")

    def project(self, records: Sequence[Record]) -> list[Record]:
        """Write the rows of these records, in order and in one transaction; again is harmless.

        A record that the tables refuse is set aside in `rejected_records`, with a line in `system_logs`, and blocks nothing.
        Gives these records.
        """
        if not records:
            return []

        def write(cursor: Cursor) -> list[Record]:
            return [record for record in records if not _is_written(cursor, record, self._capsule_of)]

        return self._transact("project", write)

    def add_candles(self, market: Market, timeframe: Timeframe, candles: CandleSeries | Iterable[Candle]) -> int:
        """Store closed candles and give the number of those that were not there; one that was stays as it is."""
        lines = "".join(_candle_lines(candles))

        def write(cursor: Cursor) -> int:
            cursor.execute(queries()["stage_candles"])
            with cursor.copy(queries()["copy_candles"]) as copy:
                copy.write(lines)
            cursor.execute(queries()["add_candles"], {"timeframe": str(timeframe), "symbol": market.code})
            return cursor.rowcount

        return self._transact("add_candles", write)

    def latest_trades(self, limit: int) -> list[TradeRow]:
        """Give up to `limit` trades, newest first."""

        def read(cursor: Cursor) -> list[TradeRow]:
            return [trade_row(row) for row in cursor.execute(queries()["latest_trades"], {"limit": limit})]

        return self._transact("latest_trades", read)

    def row_counts(self) -> Mapping[str, int]:
        """Give how many rows there are, by table."""

        def read(cursor: Cursor) -> dict[str, int]:
            return dict(cursor.execute(queries()["row_counts"]))

        return self._transact("row_counts", read)

    def altered_rows(self, records: Iterable[Record]) -> list[str]:
        """Say of each row in what it is not what these records, all from the first to some place, make of it; changes nothing."""

        def write(cursor: Cursor, record: Record) -> bool:
            return _is_written(cursor, record, lambda _stored: None)

        return self._transact("audit", lambda cursor: altered_rows(cursor, records, write))

    def capsule(self, stored: CapsuleStored) -> bytes | None:
        """Give the bytes of a capsule as they were when its row was written; None where there are none."""

        def read(cursor: Cursor) -> bytes | None:
            row = cursor.execute(queries()["kept_capsule"], {"cycle_id": stored.cycle_id, "sha256": stored.sha256}).fetchone()
            return None if row is None or row[0] is None else bytes(row[0])

        return self._transact("capsule", read)

    def _transact(self, operation: str, work: Callable[[Cursor], T]) -> T:
        with self._lock:
            try:
                try:
                    return self._attempt(work)
                except _StaleConnection:
                    # The server may have committed before it went: rows are keyed, so doing it again settles both cases.
                    return self._attempt(work)
            except psycopg.Error as error:
                raise store_error(operation, error, self._dsn) from error

    def _attempt(self, work: Callable[[Cursor], T]) -> T:
        is_reused = self._connection is not None and not self._connection.closed
        connection = self._connected()
        try:
            with connection.transaction(), connection.cursor() as cursor:
                cursor.execute(queries()["limit_transaction"], self._limits)
                return work(cursor)
        except psycopg.OperationalError as error:
            if is_reused and connection.closed:
                raise _StaleConnection from error
            raise

    def _connected(self) -> Connection:
        if self._connection is None or self._connection.closed:
            connection = psycopg.connect(
                self._dsn,
                autocommit=True,
                connect_timeout=_CONNECT_TIMEOUT_S,
                application_name="dg_bot",
                keepalives_idle=5,
                keepalives_interval=2,
                keepalives_count=3,
                tcp_user_timeout=10_000,
            )
            connection.adapters.register_dumper(datetime, _AwareDatetimeDumper)
            if self._account is not None:
                self._take(self._account, connection)
            self._connection = connection
        return self._connection

    def _take(self, account: AccountLock, connection: Connection) -> None:
        """Take the lock within the limits of any other statement, or close the connection."""
        try:
            with connection.transaction():
                connection.execute(queries()["limit_transaction"], self._limits)
                account.take(connection)
        except (psycopg.Error, AccountInUse):
            connection.close()
            raise


class _StaleConnection(psycopg.OperationalError):
    """A connection from an earlier call was dead; nothing is known about the server."""


class _AwareDatetimeDumper(DatetimeDumper):
    """Refuse times without an offset, which PostgreSQL would read in the session's zone."""

    def upgrade(self, obj: datetime, format: PyFormat) -> Dumper:  # noqa: A002, ARG002
        if obj.tzinfo is None:
            raise psycopg.DataError(f"{obj.isoformat()} lacks its offset from UTC")
        return self


def _is_written(cursor: Cursor, record: Record, capsule_of: CapsuleOf) -> bool:
    """Write the rows of a record, or set it aside."""
    try:
        with cursor.connection.transaction():
            write_rows(cursor, record, capsule_of)
        return True
    except _RECORD_ERRORS as error:
        problem = _problem(error)
        _log.error("record_set_aside", sequence=record.sequence, kind=type(record.event).__name__, problem=problem)
        write_rejected(cursor, record, problem)
        return False


def _problem(error: Exception) -> str:
    text = (error.diag.message_primary if isinstance(error, psycopg.Error) else None) or str(error)
    return f"{type(error).__name__}: {text}".encode("ascii", "backslashreplace").decode().replace("\0", "\\0")


def _candle_lines(candles: CandleSeries | Iterable[Candle]) -> Iterator[str]:
    """Write candles as COPY reads them, since two years of hours are 17,520 rows: seconds since 1970, prices, volume."""
    if isinstance(candles, CandleSeries):
        columns = (candles.open, candles.high, candles.low, candles.close, candles.volume)
        for second, opened, high, low, close, volume in zip(candles.opened_at, *columns, strict=True):
            yield f"{second}\t{opened!r}\t{high!r}\t{low!r}\t{close!r}\t{volume!r}\n"
        return
    for candle in candles:
        prices = f"{candle.open}\t{candle.high}\t{candle.low}\t{candle.close}"
        yield f"{to_epoch(candle.opened_at)}\t{prices}\t{candle.volume}\n"


def trade_row(row: tuple[str, str, str, Decimal, Decimal, Decimal, Decimal, str, datetime]) -> TradeRow:
    """Read one row of `trades`, in the order of its statement."""
    identifier, symbol, side, price, amount, total, fee, status, created_at = row
    return TradeRow(
        identifier=identifier,
        market=Market(symbol),
        side=Side(side),
        price_krw=price,
        quantity=amount,
        total_krw=total,
        fee_krw=fee,
        status=status,
        created_at=created_at.astimezone(UTC),
    )
