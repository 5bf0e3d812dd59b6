"""The page of a sweep in a browser."""

from pathlib import Path

import pytest

from dg_bot.backtesting.heat_map import HeatMap
from dg_bot.operator.sweep_page import sweep_page
from tests.browser import chromium
from tests.unit.operator.test_sweep_text import result

MAP = HeatMap(row="a", column="b", row_values=(1, 2), column_values=(5, 6), cells=((0.0, 1.0), (None, -1.0)))

_LABELS = """[...document.querySelectorAll("#map .xtick text")].map(label => getComputedStyle(label).fill)"""


@pytest.mark.parametrize("shown", [MAP, None])
def test_the_page_draws_its_map_and_asks_nobody(tmp_path: Path, shown: HeatMap | None) -> None:
    file = tmp_path / "sweep.html"
    file.write_text(sweep_page(result(map=shown, source="<b>hours</b>.csv")), encoding="utf-8")

    with chromium(tmp_path / "profile") as browser:
        browser.open(file)
        assert (shown is not None) == browser.value("document.querySelectorAll('#map .heatmaplayer image').length > 0")
        assert "600 bars of <b>hours</b>.csv" in str(browser.value("document.querySelector('pre').textContent"))
        for width, is_dark in ((390, False), (390, True), (1280, False)):
            browser.show(width=width, height=844, is_dark=is_dark)
            assert width == browser.value("document.documentElement.scrollWidth")
            # The page may turn dark, and light again, while somebody looks at it.
            assert {browser.value("getComputedStyle(document.body).color")} >= set(browser.value(_LABELS))
        assert [] == browser.of("Runtime.exceptionThrown") + browser.of("Log.entryAdded")
        # The map's pixels are an image within the page.
        asked = [request["request"]["url"] for request in browser.of("Network.requestWillBeSent")]
        assert [file.as_uri()] == [url for url in asked if not url.startswith("data:")]
