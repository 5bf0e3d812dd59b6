import json
import re
from html import escape

from dg_bot.backtesting.report import Provenance, json_report
from dg_bot.operator.backtest_page import page
from tests.unit.backtesting.walks import grid_test, idle_test, reported


def test_what_comes_from_outside_is_escaped() -> None:
    nasty = "</script><img src=x onerror=alert(1)>"
    text = page(reported(idle_test(), Provenance(source=nasty, version="1", command=nasty)))

    assert nasty not in text
    assert escape(nasty) in text


def test_the_page_carries_its_report_as_json() -> None:
    backtest = grid_test()
    carried = re.search(r'<script type="application/json" id="report">(.*?)</script>', page(reported(backtest)))

    assert carried is not None
    assert json.loads(json_report(reported(backtest))) == json.loads(carried.group(1))


def test_the_page_brings_its_scripts_along_and_asks_nobody() -> None:
    text = page(reported(idle_test()))

    assert 1 == text.count("plotly.js v")
    assert not re.search(r"<(script|link|img|iframe)[^>]*(src|href)=\"(?!data:)", text)


def test_a_backtest_without_a_trade_has_a_page() -> None:
    assert "There was no round trip." in page(reported(idle_test()))
