"""A real PostgreSQL for tests: one embedded server a test process, a database of its own for each test that asks for one."""

from collections.abc import Iterator
from itertools import count

import psycopg
import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.migrations import migrate

_TEMPLATE = "migrated"
_numbers = count(1)


def database_of(dsn: str, name: str) -> str:
    """Give the connection string of another database on the server of `dsn`."""
    return dsn.replace("/postgres?", f"/{name}?")


def run_sql(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def rows(dsn: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def require_harmless(reader: psycopg.Connection) -> None:
    """Let a reader who leaves its read-only mode try to hold the bot off its account, and to fill the disk."""
    reader.rollback()
    reader.autocommit = True
    reader.execute("SET default_transaction_read_only = off")
    for statement in (
        "SELECT pg_try_advisory_lock(hashtextextended('dg_bot live dg', 0))",
        "SELECT pg_advisory_xact_lock_shared(1, 2)",
        "SELECT lo_from_bytea(0, 'x')",
        "SELECT lo_create(0)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "SET temp_file_limit = -1",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def make_template(server: str) -> None:
    """Make the database that the others are copied from: migrating each would take a second."""
    run_sql(server, f"CREATE DATABASE {_TEMPLATE}")
    migrate(database_of(server, _TEMPLATE))


def copy_of_template(server: str) -> str:
    """Make a fresh database with all tables and give its connection string."""
    name = f"fresh_{next(_numbers)}"
    run_sql(server, f"CREATE DATABASE {name} TEMPLATE {_TEMPLATE}")
    return database_of(server, name)


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start the server and give the connection string of its first database, which tests leave empty."""
    folder = tmp_path_factory.mktemp("postgres")
    server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "password")
    dsn = server.start()
    # What these rows have to survive is a test, not a power cut.
    run_sql(dsn, "ALTER SYSTEM SET fsync = off")
    run_sql(dsn, "SELECT pg_reload_conf()")
    yield dsn
    server.stop()


@pytest.fixture
def empty_database(postgres_server: str) -> str:
    """Give the connection string of a database without any table."""
    name = f"empty_{next(_numbers)}"
    run_sql(postgres_server, f"CREATE DATABASE {name}")
    return database_of(postgres_server, name)


@pytest.fixture(scope="session")
def migrated_server(postgres_server: str) -> str:
    make_template(postgres_server)
    return postgres_server


@pytest.fixture
def database(migrated_server: str) -> str:
    """Give the connection string of a fresh database with all tables."""
    return copy_of_template(migrated_server)
