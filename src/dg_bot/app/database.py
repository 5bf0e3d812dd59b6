"""The database as the process uses it: given by DATABASE_URL, or a server of our own that is started when it is first needed."""

from pathlib import Path
from threading import Lock

import structlog

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.migrations import migrate
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import StoreError

_log = structlog.get_logger(__name__)


class Database:
    """Starts, migrates and connects on the first use that succeeds; until then every use tries again."""

    def __init__(self, *, url: str | None, folder: Path, password_file: Path, mode: Mode | None = None) -> None:
        """`mode` is that of the bot that will write; a database with rows of another one is refused."""
        self._mode = mode
        self._server = EmbeddedPostgres(data_dir=folder, password_file=password_file) if url is None else None
        self._url = url or ""
        self._store: PostgresStore | None = None
        self._lock = Lock()

    def store(self) -> PostgresStore:
        """Give the connected store; raises StoreError while the database is away, ConfigurationError where it cannot be used."""
        with self._lock:
            if self._store is None:
                dsn = self._url if self._server is None else self._server.start()
                migrate(dsn)
                store = PostgresStore(dsn)
                if self._mode is not None:
                    store.require_mode(self._mode)
                self._store = store
            return self._store

    def lost(self) -> None:
        """Forget the connection: the next use looks for the server anew, and starts our own again where it has died."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None

    def close(self) -> None:
        """Disconnect, and stop the server of our own where nobody else uses it; one that goes on running is found again."""
        with self._lock:
            if self._store is not None:
                self._store.close()
                self._store = None
            if self._server is not None:
                try:
                    self._server.stop()
                except StoreError as error:
                    _log.warning("database_left_running", error=str(error))
