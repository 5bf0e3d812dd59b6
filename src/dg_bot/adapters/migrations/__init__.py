"""Bring a database to the newest schema, forward only."""

from pathlib import Path

import psycopg

from dg_bot.adapters.postgres_errors import require_dsn, store_error
from dg_bot.errors import ConfigurationError

HEAD = "m0009_score_speed"
_OPERATION = "migrate"
_FOLDER = Path(__file__).parent


def migrate(dsn: str) -> None:
    """Run the migrations that this database lacks; does nothing, and quickly, where it has them all.

    Two processes may call it at once: the second waits and finds nothing left to do. Raises StoreError, and
    ConfigurationError for a `dsn` that cannot be read and for a schema that is newer than this program.
    """
    require_dsn(dsn)
    try:
        with psycopg.connect(dsn, autocommit=True, connect_timeout=3) as connection:
            version = schema_version(connection)
            if version is not None and not (_FOLDER / "versions" / f"{version}.py").exists():
                raise ConfigurationError(
                    "DATABASE_URL", f"its schema {version} is newer than this program", "run the newer program again"
                )
            if version != HEAD:
                _upgrade(connection)
    except psycopg.Error as error:
        raise store_error(_OPERATION, error, dsn) from error


def schema_version(connection: psycopg.Connection) -> str | None:
    """Give the name of the last migration that ran, None in a database without any."""
    with connection.cursor() as cursor:
        found = cursor.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()
        if found is None or not found[0]:
            return None
        row = cursor.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def _upgrade(connection: psycopg.Connection, to: str = "head") -> None:
    # Alembic and SQLAlchemy take most of a second to import, and almost no start needs them.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415
    from sqlalchemy.pool import StaticPool  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    connection.execute("SET lock_timeout = '10s'")
    connection.autocommit = False
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection, poolclass=StaticPool)
    try:
        with engine.connect() as bound:
            config.attributes["connection"] = bound
            command.upgrade(config, to)
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()
