"""Draw the desk of the simulated month for the documents: the page, and its picture where there is a browser."""

import sys
import tempfile
from pathlib import Path

import psycopg

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.migrations import migrate
from dg_bot.adapters.postgres_tables import reading
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.page import desk_page
from tests.browser import chromium, is_there
from tests.monitoring.conftest import fill
from tests.monitoring.grafana_files import ROOT, WHOLE
from tests.monitoring.month import month
from tests.postgres import database_of

PAGE = ROOT / "docs" / "desk.html"
PICTURE = ROOT / "docs" / "pictures" / "desk.png"
SOURCE = "A month that never was: the bot on a made-up market, in paper mode. Its gains and losses say nothing about real ones."
_WIDTH, _HEIGHT = 1280, 1330


def main() -> int:
    """Write both files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        PAGE.write_text(_page(folder), encoding="utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}, {PAGE.stat().st_size:,} bytes")
        if not is_there():
            print("there is no browser here: the picture stays as it is")
            return 0
        with chromium(folder / "profile") as browser:
            browser.show(width=_WIDTH, height=_HEIGHT)
            browser.open(PAGE)
            browser.show(width=_WIDTH, height=_HEIGHT)
            PICTURE.write_bytes(browser.picture())
        print(f"written: {PICTURE.relative_to(ROOT)}, {PICTURE.stat().st_size:,} bytes")
    return 0


def _page(folder: Path) -> str:
    server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "password")
    first = server.start()
    try:
        with psycopg.connect(first, autocommit=True) as connection:
            connection.execute("CREATE DATABASE desk")
        dsn = database_of(first, "desk")
        migrate(dsn)
        fill(dsn, month().records)
        with reading(dsn) as reader:
            return desk_page(dashboards(), WHOLE, reader.table, source=SOURCE)
    finally:
        server.stop()


if __name__ == "__main__":
    sys.exit(main())
