"""One writer an account, across hosts: an advisory lock of the database that a session holds for as long as it lives."""

from datetime import datetime

from psycopg import Connection

from dg_bot.adapters.postgres_queries import queries
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import AccountInUse


class AccountLock:
    """The right to write one account's rows, taken without waiting; the server takes it back when the session ends, however.

    Give one instance to all connections that a process makes one after the other: where the network went and the server still
    keeps the session before, that session is ended and not taken for somebody else's.
    """

    def __init__(self, mode: Mode, namespace: str) -> None:
        self._name = f"dg_bot {mode} {namespace}"
        self._session: tuple[int, datetime] | None = None

    def take(self, connection: Connection) -> None:
        """Take the lock for this session; raises AccountInUse naming the holder, and psycopg's errors."""
        with connection.transaction():
            connection.execute(queries()["notice_dead_peers"])
            if self._session is not None:
                pid, started_at = self._session
                connection.execute(queries()["end_session"], {"pid": pid, "started_at": started_at})
            row = connection.execute(queries()["take_account"], {"account": self._name}).fetchone()
            is_taken, pid, started_at = row or (False, 0, None)
            if not is_taken:
                raise AccountInUse(self._holder(connection))
        self._session = (pid, started_at)

    def _holder(self, connection: Connection) -> str:
        row = connection.execute(queries()["find_account_holder"], {"account": self._name}).fetchone()
        return "a session that has just ended" if row is None else str(row[0])
