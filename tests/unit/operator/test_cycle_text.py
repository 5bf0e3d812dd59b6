import io
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from rich.console import Console

from dg_bot.adapters.postgres import TradeRow
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.operator.cycle_text import print_cycle, trades_table
from tests.unit.operator.reports import HELD, OPENED_AT, REPORTS, RISK_HALT, TRADED

ROWS = (
    TradeRow(
        identifier="dg.KRW-BTC.20261120T13.entry.0.0",
        market=Market("KRW-BTC"),
        created_at=OPENED_AT,
        side=Side.BUY,
        price_krw=Decimal("145000000"),
        quantity=Decimal("0.00689655"),
        total_krw=Decimal("999999.75"),
        fee_krw=Decimal("499.999875"),
        status="completed",
    ),
    TradeRow(
        identifier="dg.KRW-DOGE.20261120T13.exit.0.0",
        market=Market("KRW-DOGE"),
        created_at=OPENED_AT,
        side=Side.SELL,
        price_krw=Decimal("0.00001234"),
        quantity=Decimal("123456789.12345678"),
        total_krw=Decimal("1523"),
        fee_krw=Decimal("0.7615"),
        status="failed",
    ),
)


def on_paper(width: int = 80) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=False, color_system=None)


def in_colour() -> Console:
    return Console(file=io.StringIO(), width=80, force_terminal=True, color_system="standard", no_color=False)


def written(report: CycleReport, console: Console) -> str:
    print_cycle(report, console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


@pytest.mark.parametrize("name", REPORTS)
def test_no_line_is_wider_than_80_columns(name: str) -> None:
    assert [] == [line for line in written(REPORTS[name], on_paper()).splitlines() if len(line) > 80]


@pytest.mark.parametrize("name", REPORTS)
def test_colour_is_the_only_difference_that_a_terminal_makes(name: str) -> None:
    text = written(REPORTS[name], in_colour())

    assert (True, True) == (re.sub(r"\x1b\[[0-9;]*m", "", text) == written(REPORTS[name], on_paper()), "\x1b[" in text)


def test_all_four_stages_are_shown_with_their_gates() -> None:
    text = written(TRADED, on_paper())

    titles = ["1 Risk check  7 of 7", "2 Data collection  3 of 3", "3 Analysis  5 of 5", "4 Execution  2 of 2"]
    assert [True] * 4 == [title in text for title in titles]


def test_a_gate_is_a_line_with_verdict_value_and_limit() -> None:
    lines = written(HELD, on_paper()).splitlines()

    assert "  FAIL validator.rsi_contradiction  74.25                 70" in [line.rstrip() for line in lines]


def test_stages_after_the_end_are_not_reached() -> None:
    text = written(RISK_HALT, on_paper())

    assert [True] * 3 == [f"{title}  not reached" in text for title in ("2 Data collection", "3 Analysis", "4 Execution")]


def test_a_forced_exit_skips_the_stages_between() -> None:
    exit_report = replace(TRADED, decision=None, gates=TRADED.gates[:7], durations_ms={"risk_check": 1.0, "execution": 2.0})

    text = written(exit_report, on_paper())

    assert [True] * 2 == [f"{title}  skipped" in text for title in ("2 Data collection", "3 Analysis")]


def test_decision_order_and_account_are_told() -> None:
    text = written(TRADED, on_paper())

    expected = [
        "decision: BUY by rules, confidence 80%, price ₩145,000,000",
        "order: buy executed, 0.00689655 at ₩145,000,000, fee ₩500.00",
        "dg.KRW-BTC.20261120T13.entry.0.0",
        "account: equity ₩10,012,346, free ₩9,011,845",
        "KRW-BTC  0.00689655 145,072,500 145,000,000 -0.05% 137,818,875 159,579,750",
    ]
    assert [part in text for part in expected] == [True] * 5


def test_a_report_that_was_recorded_before_says_so() -> None:
    assert "HELD (recorded earlier)" in written(replace(HELD, repeated=True), on_paper())


def test_markup_in_a_reason_is_text() -> None:
    text = written(replace(HELD, reason="[red]no[/red] [/]", gates=(Gate("g[b]", "[i]x", "[/]", passed=False),)), on_paper())

    assert (True, True) == ("[red]no[/red] [/]" in text, "g[b]" in text)


def test_trades_fit_80_columns_one_line_each() -> None:
    console = on_paper()
    console.print(trades_table(ROWS))
    assert isinstance(console.file, io.StringIO)

    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    expected = [
        "time KST    market   side              price           quantity     total    fee",
        "11-20 22:00 KRW-BTC  buy         145,000,000         0.00689655 1,000,000 500.00",
        "11-20 22:00 KRW-DOGE sell failed  0.00001234 123456789.12345678     1,523   0.76",
    ]
    assert expected == lines
