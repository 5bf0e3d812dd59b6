"""One session an account, for as long as it lives and not a moment longer."""

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from dg_bot.adapters.account_lock import AccountLock
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.cycle_report import Mode
from dg_bot.errors import AccountInUse, ConfigurationError, StoreError
from tests.journal_records import planned_buy, record
from tests.postgres import rows, run_sql

Connect = Callable[[], psycopg.Connection]
DEADLINE_S = 20


@pytest.fixture
def connect(database: str) -> Iterator[Connect]:
    opened: list[psycopg.Connection] = []

    def make() -> psycopg.Connection:
        opened.append(psycopg.connect(database, autocommit=True))
        return opened[-1]

    yield make
    for connection in opened:
        connection.close()


def lock(mode: Mode = Mode.LIVE, namespace: str = "dg") -> AccountLock:
    return AccountLock(mode, namespace)


def taken_in_time(connection: psycopg.Connection) -> bool:
    """Try until the server has noticed that the holder is gone."""
    pause = threading.Event()
    for _ in range(DEADLINE_S * 50):
        try:
            lock().take(connection)
        except AccountInUse:
            pause.wait(0.02)
        else:
            return True
    return False


def test_a_second_session_is_refused_at_once_and_told_who_holds_the_account(connect: Connect) -> None:
    lock().take(first := connect())

    with pytest.raises(AccountInUse, match=rf"session {first.info.backend_pid} from 127\.0\.0\.1 since 20") as caught:
        lock().take(connect())

    assert isinstance(caught.value, StoreError)


def test_an_account_may_be_taken_again_by_who_holds_it(connect: Connect) -> None:
    one, connection = lock(), connect()

    one.take(connection)
    one.take(connection)

    with pytest.raises(AccountInUse):
        lock().take(connect())


@pytest.mark.parametrize("other", [(Mode.PAPER, "dg"), (Mode.LIVE, "other")])
def test_other_accounts_are_free_until_they_are_taken(connect: Connect, other: tuple[Mode, str]) -> None:
    lock().take(connect())
    lock(*other).take(connect())

    with pytest.raises(AccountInUse):
        lock(*other).take(connect())


def test_a_session_that_ends_gives_the_account_back(connect: Connect) -> None:
    first = connect()
    lock().take(first)
    first.close()

    assert taken_in_time(connect())


def test_a_session_that_is_ended_gives_the_account_back(connect: Connect, database: str) -> None:
    first = connect()
    lock().take(first)
    run_sql(database, f"SELECT pg_terminate_backend({first.info.backend_pid}, 5000)")

    assert taken_in_time(connect())


_HOLDER = """
import sys, psycopg
from dg_bot.adapters.account_lock import AccountLock
from dg_bot.domain.cycle_report import Mode
connection = psycopg.connect(sys.argv[1], autocommit=True)
AccountLock(Mode.LIVE, "dg").take(connection)
print("held", flush=True)
sys.stdin.read()
"""


def test_a_process_that_is_killed_gives_the_account_back(connect: Connect, database: str) -> None:
    command = [sys.executable, "-c", _HOLDER, database]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert "held\n" == holder.stdout.readline()
        with pytest.raises(AccountInUse):
            lock().take(connect())
        holder.kill()
        holder.wait()

    assert taken_in_time(connect())


def test_a_session_that_the_network_cut_off_is_ended_and_not_taken_for_a_rival(connect: Connect) -> None:
    """The server does not know yet that nobody is at the other end."""
    one, cut_off, later = lock(), connect(), connect()
    one.take(cut_off)

    one.take(later)

    with pytest.raises(psycopg.OperationalError):
        cut_off.execute("SELECT 1")
    with pytest.raises(AccountInUse):
        lock().take(connect())


def test_the_server_notices_a_dead_peer_within_seconds(connect: Connect) -> None:
    connection = connect()
    lock().take(connection)

    shown = [connection.execute(f"SHOW tcp_keepalives_{name}".encode()).fetchone() for name in ("idle", "interval", "count")]
    assert [("5",), ("2",), ("3",)] == shown


# The store


def test_a_store_writes_nothing_while_another_holds_the_account(database: str) -> None:
    first, second = PostgresStore(database, account=lock()), PostgresStore(database, account=lock())
    first.connect()

    with pytest.raises(AccountInUse):
        second.project([record(1, planned_buy())])
    assert [] == rows(database, "SELECT * FROM orders")

    first.close()
    assert_taken_over(second)
    assert [(1,)] == rows(database, "SELECT count(*) FROM orders")
    second.close()


def assert_taken_over(store: PostgresStore) -> None:
    pause = threading.Event()
    for _ in range(DEADLINE_S * 50):
        try:
            store.project([record(1, planned_buy())])
        except AccountInUse:
            pause.wait(0.02)
        else:
            return
    raise AssertionError("the account was never free")


def test_a_store_that_was_cut_off_takes_the_account_with_its_next_connection(database: str) -> None:
    first = PostgresStore(database, account=lock())
    first.connect()
    run_sql(database, "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'dg_bot'")

    first.project([record(1, planned_buy())])

    rival = PostgresStore(database, account=lock())
    with pytest.raises(AccountInUse):
        rival.connect()
    first.close()


@pytest.mark.parametrize(
    ("kept", "problem"),
    [
        (("paper", "dg"), "rows of a bot in mode paper"),
        (("live", "other"), "rows of namespace other"),
    ],
)
def test_the_rows_of_another_bot_are_left_alone(database: str, kept: tuple[str, str], problem: str) -> None:
    for key, value in zip(("mode", "ORDER_NAMESPACE"), kept, strict=True):
        run_sql(database, f"INSERT INTO bot_config (key, value, updated_at) VALUES ('{key}', '\"{value}\"', now())")  # noqa: S608
    store = PostgresStore(database)

    with pytest.raises(ConfigurationError, match=problem):
        store.require_owner(Mode.LIVE, "dg")
    store.close()


@pytest.mark.parametrize("kept", [{}, {"mode": "live"}, {"mode": "live", "ORDER_NAMESPACE": "dg"}])
def test_rows_of_ones_own_are_welcome(database: str, kept: dict[str, str]) -> None:
    for key, value in kept.items():
        run_sql(database, f"INSERT INTO bot_config (key, value, updated_at) VALUES ('{key}', '\"{value}\"', now())")  # noqa: S608
    store = PostgresStore(database)

    store.require_owner(Mode.LIVE, "dg")

    store.close()
    assert sorted(kept.items()) == rows(database, "SELECT key, value #>> '{}' FROM bot_config ORDER BY key")
