"""Say what the database refused, without the password and without the address it came in."""

from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dg_bot.errors import ConfigurationError, StoreError


def require_dsn(dsn: str) -> None:
    """Raise ConfigurationError unless `dsn` can be read as a PostgreSQL connection string, and as one that can be meant."""
    try:
        is_meant = _is_meant(conninfo_to_dict(dsn))
    except (psycopg.ProgrammingError, UnicodeError):
        is_meant = False
    if not is_meant:
        # Without a cause, which would quote the string with its password.
        raise ConfigurationError(
            "DATABASE_URL",
            "it cannot be read as a PostgreSQL connection string",
            "write postgresql://USER:PASSWORD@HOST:5432/DATABASE, with special characters of the password percent-encoded",
        )


def _is_meant(parts: Mapping[str, object]) -> bool:
    """Tell whether no place holds the end of a password: an `@` or `/` in one is read as its end, and what follows as a host.

    Errors name host, port and database. A host may begin with an `@`, and is a socket then.
    """
    host, port, database = (str(parts.get(name) or "") for name in ("host", "port", "dbname"))
    return "@" not in host[1:] + database and port.replace(",", "0").isdecimal() is bool(port)


def store_error(operation: str, error: psycopg.Error, dsn: str) -> StoreError:
    """Give the StoreError for what psycopg raised: its class and first line, never its details, which quote rows."""
    message = error.diag.message_primary or next(iter(str(error).splitlines()), "")
    password = conninfo_to_dict(dsn).get("password")
    if password:
        message = message.replace(str(password), "***")
    return StoreError(operation, f"{type(error).__name__}: {message}")
