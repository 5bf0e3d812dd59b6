"""Say what the database refused, without the password and without the address it came in."""

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dg_bot.errors import ConfigurationError, StoreError


def require_dsn(dsn: str) -> None:
    """Raise ConfigurationError unless `dsn` can be read as a PostgreSQL connection string."""
    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # The cause quotes the string with its password, so it is not carried along.
        raise ConfigurationError(
            "DATABASE_URL",
            "it cannot be read as a PostgreSQL connection string",
            "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password percent-encoded",
        ) from None


def store_error(operation: str, error: psycopg.Error, dsn: str) -> StoreError:
    """Give the StoreError for what psycopg raised: its class and first line, never its details, which quote rows."""
    message = error.diag.message_primary or next(iter(str(error).splitlines()), "")
    password = conninfo_to_dict(dsn).get("password")
    if password:
        message = message.replace(str(password), "***")
    return StoreError(operation, f"{type(error).__name__}: {message}")
