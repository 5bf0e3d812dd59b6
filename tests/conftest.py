"""Fixtures that every test may ask for."""

import gc
import os
import shutil
from pathlib import Path

import pytest

from tests.clean_logging import clean_logging
from tests.postgres import database, empty_database, migrated_server, postgres_server

__all__ = ["clean_logging", "database", "empty_database", "migrated_server", "postgres_server"]

_MEMORY = Path("/dev/shm")  # noqa: S108 - asked for its size and rights before it is used
_NEEDED_BYTES = 4 * 1024**3


def pytest_configure() -> None:
    """Keep the tests' folders in memory where it has room: what is written has to survive kills, and those need no disk.

    Every journal, candle file and database is synced as it is in earnest, and waiting for a disk would be half of the time.
    """
    if not _MEMORY.is_dir() or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return
    if os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _NEEDED_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_MEMORY))


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
