"""Fixtures that every test may ask for."""

import gc

import pytest

from tests.clean_logging import clean_logging
from tests.postgres import database, empty_database, migrated_server, postgres_server

__all__ = ["clean_logging", "database", "empty_database", "migrated_server", "postgres_server"]


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what lives to the end, thousands of tests and all modules, out of every later collection of garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what the tests of dashboards and alerts have gone through."""
    for report in terminalreporter.getreports("passed"):
        for name, value in report.user_properties:
            if name == "monitoring":
                terminalreporter.write_line(f"monitoring: {value}")
