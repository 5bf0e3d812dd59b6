"""The page of a backtest as its reader sees it, in a browser, on a phone and on a desk."""

import json
from pathlib import Path

from dg_bot.backtesting.report import json_report
from dg_bot.operator.backtest_page import page
from dg_bot.operator.figures import ratio, signed_percent
from tests.browser import Browser, chromium
from tests.unit.backtesting.walks import grid_test, reported

_FIGURES = """Object.fromEntries([...document.querySelectorAll("dl > div")].map(row =>
    [row.children[0].textContent, row.children[1].textContent]))"""
_RESULTS = """[...document.querySelectorAll("#round-trips tbody tr")].map(row => row.cells[1].textContent)"""
_SORT = """document.querySelectorAll("#round-trips th button")[1].click()"""
_MARKS = """[...document.querySelectorAll("[data-chart]")].map(place => place.querySelectorAll("path").length > 5)"""


def test_the_page_shows_the_report_everywhere_and_asks_nobody(tmp_path: Path) -> None:
    backtest = grid_test()
    file = tmp_path / "report.html"
    file.write_text(page(reported(backtest)), encoding="utf-8")
    report = json.loads(json_report(reported(backtest)))
    results = [signed_percent(trip["pnl_fraction"]) for trip in report["round_trips"]]

    with chromium(tmp_path / "profile") as browser:
        browser.open(file)
        # The numbers of the JSON stand on the page.
        figures = browser.value(_FIGURES)
        assert signed_percent(report["performance"]["total_return"]) == figures["return"]
        assert signed_percent(report["buy_and_hold"]) == figures["buy and hold"]
        assert ratio(report["performance"]["sharpe"]) == figures["Sharpe"]
        assert str(report["performance"]["round_trips"]) == figures["round trips"]
        assert report["candles_sha256"] == figures["their SHA-256"]
        assert results == browser.value(_RESULTS)
        # A click sorts the round trips, the next one the other way round.
        browser.value(_SORT)
        assert sorted(results, key=_number, reverse=True) == browser.value(_RESULTS)
        browser.value(_SORT)
        assert sorted(results, key=_number) == browser.value(_RESULTS)
        # On a phone and on a desk, by day and by night, every chart is drawn, and nothing sticks out.
        grounds = {_look(browser, width, is_dark=is_dark) for width in (390, 1280) for is_dark in (False, True)}
        assert 2 == len(grounds)
        # Nothing went wrong on the way, and nothing but the file was asked for.
        assert [] == browser.of("Runtime.exceptionThrown") + browser.of("Log.entryAdded") + browser.of("Runtime.consoleAPICalled")
        assert [file.as_uri()] == [request["request"]["url"] for request in browser.of("Network.requestWillBeSent")]


def _look(browser: Browser, width: int, *, is_dark: bool) -> object:
    browser.show(width=width, height=844, is_dark=is_dark)
    assert width == browser.value("document.documentElement.scrollWidth")
    assert [True] * 4 == browser.value(_MARKS)
    return browser.value("getComputedStyle(document.body).backgroundColor")


def _number(text: str) -> float:
    return float(text.removesuffix("%"))
