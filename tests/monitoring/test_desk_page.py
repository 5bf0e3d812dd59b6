"""The desk's page as its reader sees it: in a browser, on a phone and on a desk, by day and by night, full and empty."""

import json
import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from pathlib import Path

import pytest

from dg_bot.adapters.postgres_tables import reading
from dg_bot.app.desk import own_desk
from dg_bot.app.setting_sources import load_settings
from dg_bot.domain.calendar import HOUR
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.page import desk_page
from dg_bot.operator.page_parts import asset
from tests.browser import Browser, chromium
from tests.monitoring.grafana_files import ROOT, WHOLE
from tests.monitoring.month import ENDS_AT
from tests.postgres import rows

LATER = datetime(2027, 1, 1, 3, tzinfo=UTC)
_DRAWN = """[...document.querySelectorAll("[data-panel]")].filter(place =>
    place.querySelector("svg path, svg rect, svg circle, .value, .rank, td")).length"""
_STATS = """Object.fromEntries([...document.querySelectorAll("article.stat")].map(card =>
    [card.querySelector("h3").textContent, card.querySelector(".value")?.textContent]))"""
_POINT = """(() => { const box = document.querySelector(".chart"), at = box.getBoundingClientRect();
    box.dispatchEvent(new PointerEvent("pointermove", {clientX: at.left + at.width / 2, clientY: at.top + 40}));
    return document.getElementById("tip").innerText; })()"""
_TRIPS = """[...document.querySelectorAll("article.table")].find(card => card.querySelector("h3").textContent === "Round trips")
    .querySelectorAll("tbody tr").length"""


def test_the_page_of_a_month_shows_what_the_database_says_everywhere_and_asks_nobody(month_database: str, tmp_path: Path) -> None:
    file = tmp_path / "desk.html"
    with reading(month_database) as reader:
        file.write_text(desk_page(dashboards(), WHOLE, reader.table, source="a month"), encoding="utf-8")
    ((value,),) = rows(month_database, "SELECT round(value_krw) FROM portfolio_history ORDER BY at DESC LIMIT 1")
    ((fall,),) = rows(month_database, "SELECT round(min(drawdown_fraction) * 100, 2) FROM portfolio_history")
    trips = rows(month_database, "SELECT 1 FROM round_trips")
    panels = json.loads(_between(file, "data"))

    with chromium(tmp_path / "profile") as browser:
        browser.open(file)
        assert len(panels) == browser.value(_DRAWN)
        stats = browser.value(_STATS)
        assert (f"₩{value:,}", f"−{abs(Decimal(str(fall)))} %") == (stats["Value"], stats["Deepest drawdown"])
        assert len(trips) == browser.value(_TRIPS)
        assert re.search(r"2026-10-\d\d \d\d:\d\d\s+Bot\s+−?\d+\.\d+ %\s+Buy and hold", browser.value(_POINT))
        grounds = {_look(browser, width, len(panels), is_dark=is_dark) for width in (390, 1280) for is_dark in (False, True)}
        assert 2 == len(grounds)
        assert [] == browser.of("Runtime.exceptionThrown") + browser.of("Log.entryAdded") + browser.of("Runtime.consoleAPICalled")
        assert [file.as_uri()] == [request["request"]["url"] for request in browser.of("Network.requestWillBeSent")]


@pytest.mark.parametrize(("mode", "end"), [("demo", ENDS_AT - HOUR.length), ("paper", LATER)])
def test_the_page_ends_now_and_in_a_demo_with_its_newest_cycle(month_database: str, mode: str, end: datetime) -> None:
    """The clock of a demo is its venue's, and far from this machine's."""
    settings = load_settings(environment={"MODE": mode, "DATABASE_URL": month_database}, env_file=Path("none"))

    page = own_desk(settings, days=2, now=LATER)

    begun, ended = json.loads(page.partition('id="range">')[2].partition("</script>")[0])
    assert (end.timestamp(), 2 * 86_400) == (ended - ended % 3600, ended - begun)
    assert f"The {mode} bot" in page


def test_the_command_draws_an_empty_time_and_says_so(month_database: str, tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "MODE": "paper", "DATABASE_URL": month_database, "DATA_DIR": "data"}
    command = [sys.executable, str(ROOT / "scripts/desk.py"), "--days", "1", "--file", "mine.html"]

    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert (0, f"written: {tmp_path / 'mine.html'}\n", "") == (done.returncode, done.stdout, done.stderr)
    with chromium(tmp_path / "profile") as browser:
        browser.open(tmp_path / "mine.html")
        assert "Nothing in this time." == browser.value('document.querySelector(".empty").textContent')
        assert [] == browser.of("Runtime.exceptionThrown")


def test_before_the_first_run_the_command_says_that_there_is_nothing_yet(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "MODE": "paper", "DATA_DIR": "data"}

    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/desk.py")],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (3, True) == (done.returncode, "this bot has not run yet" in done.stderr), done.stderr
    assert not (tmp_path / "desk.html").exists()


def test_the_page_in_the_documents_is_of_this_version() -> None:
    """Its figures are those of the month as it was drawn; `make desk` draws it anew."""
    page = (ROOT / "docs" / "desk.html").read_text(encoding="utf-8")
    titles = [panel.title for one in dashboards() for panel in one.panels if panel.is_of_rows]

    assert asset("desk.js") in page, "run make desk"
    assert asset("desk.css") in page, "run make desk"
    assert [] == [title for title in titles if f"<h3>{escape(title)}" not in page]
    assert len(page) < 300_000


def _look(browser: Browser, width: int, panels: int, *, is_dark: bool) -> object:
    browser.show(width=width, height=844, is_dark=is_dark)
    assert width == browser.value("document.documentElement.scrollWidth")
    assert panels == browser.value(_DRAWN)
    return browser.value("getComputedStyle(document.body).backgroundColor")


def _between(file: Path, name: str) -> str:
    return file.read_text(encoding="utf-8").partition(f'id="{name}">')[2].partition("</script>")[0]
