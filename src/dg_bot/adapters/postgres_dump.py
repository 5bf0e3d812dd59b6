"""Rows of a database as one dump, by PostgreSQL's own programs: those of the package, or of the machine."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dg_bot.adapters.embedded_postgres import packaged_binaries
from dg_bot.adapters.migrations import migrate, schema_version
from dg_bot.adapters.postgres_errors import store_error
from dg_bot.errors import ConfigurationError, StoreError

_DUMP, _RESTORE = "pg_dump", "pg_restore"
_LONGEST_S = 3600
# By environment, so that the password is in no process list.
_VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER", "password": "PGPASSWORD",
    "dbname": "PGDATABASE", "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT",
    "gssencmode": "PGGSSENCMODE", "passfile": "PGPASSFILE", "require_auth": "PGREQUIREAUTH",
}  # fmt: skip


def dumped_rows(dsn: str) -> tuple[bytes, str]:
    """Give all rows as they were at one moment, and the name of their schema; others may be writing.

    Raises StoreError where the database or the program does not serve.
    """
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            version = schema_version(connection)
    except psycopg.Error as error:
        raise store_error(_DUMP, error, dsn) from error
    if version is None:
        raise StoreError(_DUMP, "there are no tables in it yet")
    done = _run(_DUMP, dsn, "--format=custom", "--data-only", "--exclude-table=alembic_version", "--lock-wait-timeout=10000")
    return done, version


def restore_rows(dsn: str, dump: bytes) -> bool:
    """Make the tables in an empty database and put the rows of a dump into them, all or none.

    Gives False, and changes nothing, where there are tables already. Raises StoreError.
    """
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=5) as connection:
            if schema_version(connection) is not None:
                return False
    except psycopg.Error as error:
        raise store_error(_RESTORE, error, dsn) from error
    migrate(dsn)
    script = _run(_RESTORE, dsn, "--data-only", "--no-owner", "--file=-", stdin=dump)
    # The first line of its kind, before any row: a server older than 17 does not know it.
    script = script.replace(b"SET transaction_timeout = 0;\n", b"", 1)
    _run("psql", dsn, "--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", stdin=script)
    return True


def _run(program: str, dsn: str, *options: str, stdin: bytes = b"") -> bytes:
    given = conninfo_to_dict(dsn)
    environment = {_VARIABLES[name]: str(value) for name, value in given.items() if name in _VARIABLES and value is not None}
    environment |= {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        done = subprocess.run(  # noqa: S603
            [_found(program), *options], input=stdin, env=environment, capture_output=True, check=False, timeout=_LONGEST_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StoreError(program, f"it could not be run to its end ({type(error).__name__})") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise StoreError(program, said[0] if said else f"it ended with {done.returncode}")
    return done.stdout


def _found(program: str) -> str:
    """Give the packaged program, which is the newest, or the machine's."""
    try:
        packaged = packaged_binaries() / program
    except ConfigurationError:
        packaged = Path(program)
    found = str(packaged) if packaged.is_file() else shutil.which(program)
    if found is None:
        raise StoreError(program, "is not there: install the requirements, or PostgreSQL's client programs")
    return found
