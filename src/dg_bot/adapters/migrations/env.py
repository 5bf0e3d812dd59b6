"""Alembic's entry: run the migrations on the connection that `migrate` handed over, in one transaction."""

from alembic import context
from sqlalchemy import Connection, text

_MIGRATION_LOCK = 4_738_216_001  # any number that nothing else in the database locks


def run() -> None:
    connection: Connection = context.config.attributes["connection"]
    context.configure(connection=connection)
    with context.begin_transaction():
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        context.run_migrations()


run()
