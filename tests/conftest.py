"""Fixtures that every test may ask for."""

from tests.clean_logging import clean_logging
from tests.postgres import database, empty_database, migrated_server, postgres_server

__all__ = ["clean_logging", "database", "empty_database", "migrated_server", "postgres_server"]
