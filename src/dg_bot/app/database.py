"""The database as the process uses it: given by DATABASE_URL, or a server of our own that is started when it is first needed."""

import time
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread

import structlog

from dg_bot.adapters.account_lock import AccountLock
from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.migrations import migrate
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.adapters.postgres_projection import CapsuleOf
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import AccountInUse, ConfigurationError, StoreError, UnsafeSetup

# Longer than a connection may take to be refused, and no longer than positions may wait for their first look.
_CLAIM_S = 6.0
# The session of a process that was killed lives on for as long as its last statement takes.
_FAREWELL_S = 2.0
_PAUSE_S = 0.05
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose rows a database holds."""

    mode: Mode
    namespace: str


class Database:
    """Starts, migrates and connects on the first use that succeeds; until then every use tries again."""

    def __init__(
        self,
        *,
        url: str | None,
        folder: Path,
        password_file: Path,
        owner: Owner | None = None,
        capsule_of: CapsuleOf = lambda _stored: None,
    ) -> None:
        """`owner` is the bot that will write: it alone may, and a database with rows of another one is refused.

        `capsule_of` gives the bytes of a capsule for its row.
        """
        self._owner = owner
        self._capsule_of = capsule_of
        self._account = None if owner is None else AccountLock(owner.mode, owner.namespace)
        self._server = EmbeddedPostgres(data_dir=folder, password_file=password_file) if url is None else None
        self._url = url or ""
        self._dsn = ""
        self._store: PostgresStore | None = None
        self._is_ready = False
        self._lock = Lock()

    def claim(self) -> None:
        """Take the account's lock in a named database, where it answers within seconds.

        Raises UnsafeSetup where another process holds it and goes on doing so. A server of our own is not asked: its folder has a
        lock of its own.
        """
        held: list[AccountInUse] = []
        if self._server is not None:
            return
        thread = Thread(target=self._try_claim, args=(held,), name="claim", daemon=True)
        thread.start()
        thread.join(_CLAIM_S)
        if held:
            problem = f"the account is in use by another bot ({held[0].holder})"
            raise UnsafeSetup("DATABASE_URL", problem, "stop that one first: two bots must not trade one account") from held[0]

    def store(self) -> PostgresStore:
        """Give the connected store; raises StoreError while the database is away, ConfigurationError where it cannot be used.

        Raises AccountInUse, a StoreError, while another process holds the account's lock.
        """
        with self._lock:
            store = self._connected()
            if not self._is_ready:
                migrate(self._dsn)
                if self._owner is not None:
                    store.require_owner(self._owner.mode, self._owner.namespace)
                self._is_ready = True
            return store

    def dsn(self) -> str:
        """Give the connection string of the database with all its tables; raises as `store` does."""
        self.store()
        return self._dsn

    def address(self) -> str:
        """Give the connection string of the database as it is, with tables or without; raises as `store` does."""
        with self._lock:
            self._connected()
            return self._dsn

    def lost(self) -> None:
        """Forget the connection: the next use looks for the server anew, and starts our own again where it has died."""
        with self._lock:
            self._disconnect()

    def close(self) -> None:
        """Disconnect, and stop the server of our own where nobody else uses it; one that goes on running is found again."""
        with self._lock:
            self._disconnect()
            if self._server is not None:
                try:
                    self._server.stop()
                except StoreError as error:
                    _log.warning("database_left_running", error=str(error))

    def _try_claim(self, held: list[AccountInUse]) -> None:
        deadline = time.monotonic() + _FAREWELL_S
        while True:
            try:
                with self._lock:
                    self._connected()
            except AccountInUse as error:
                if time.monotonic() > deadline:
                    held.append(error)
                    return
                time.sleep(_PAUSE_S)
            except (StoreError, ConfigurationError) as error:
                _log.info("account_not_claimed", reason=str(error))
                return
            else:
                return

    def _connected(self) -> PostgresStore:
        if self._store is None:
            self._dsn = self._server.start() if self._server is not None else self._url
            store = PostgresStore(self._dsn, account=self._account, capsule_of=self._capsule_of)
            store.connect()
            self._store = store
        return self._store

    def _disconnect(self) -> None:
        self._is_ready = False
        if self._store is not None:
            self._store.close()
            self._store = None
