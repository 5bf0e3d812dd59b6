"""Fixtures that every test may ask for."""

from tests.postgres import database, empty_database, migrated_server, postgres_server

__all__ = ["database", "empty_database", "migrated_server", "postgres_server"]
