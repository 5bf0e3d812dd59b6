import json
import re
from dataclasses import replace

import pytest

from dg_bot.backtesting.strategy_study import HistoryFigures, StudyRow
from dg_bot.backtesting.walk_study import ANY, PLANTED, PassRate, shortfalls, walks_json
from dg_bot.errors import DataError
from dg_bot.operator.study_text import between, study_table, walks_table
from tests.architecture.source import ROOT

ROW = StudyRow(
    market="KRW-BTC",
    timeframe="240m",
    strategy="sma_cross",
    first_day="2020-01-01",
    end_day="2024-01-01",
    candles_sha256="ab",
    traded=HistoryFigures(total_return=0.102, sharpe=1.02, max_drawdown=0.038),
    round_trips=100,
    held=HistoryFigures(total_return=5.857, sharpe=1.12, max_drawdown=0.748),
    windows=25,
    passed=9,
    strict=0,
)


def rates(chance: int, edge: int) -> dict[float, dict[str, PassRate]]:
    none = PassRate(walks=1000, passed=80, strict=chance, median_sharpe=-0.1)
    some = PassRate(walks=200, passed=200, strict=edge, median_sharpe=3.0)
    return {0.0: {"volatility_breakout": none, ANY: none}, PLANTED: {"volatility_breakout": some}}


def test_a_market_is_a_table_with_holding_above_its_strategies() -> None:
    table = study_table([ROW, replace(ROW, strategy="ema_cross"), replace(ROW, market="KRW-ETH", windows=1, passed=1)])

    first, second = table.split("\n\n**KRW-ETH**")
    assert first.splitlines() == [
        "**KRW-BTC**, 2020-01-01 to 2024-01-01, 25 windows of two years:",
        "",
        "| bars | strategy | return | Sharpe | max drawdown | round trips | windows passed | strict |",
        "|---|---|---|---|---|---|---|---|",
        "| 240m | *buy and hold* | +585.7% | 1.12 | 74.8% |  |  |  |",
        "|  | sma_cross | +10.2% | 1.02 | 3.8% | 100 | 9 of 25 | 0 of 25 |",
        "|  | ema_cross | +10.2% | 1.02 | 3.8% | 100 | 9 of 25 | 0 of 25 |",
    ]
    assert "1 window of two years" in second


def test_walks_are_told_with_their_bound_and_planted_ones_without() -> None:
    lines = walks_table(rates(2, 190)).splitlines()

    assert "| no drift | volatility_breakout | 1000 | 8.0% | 0.2% (at most 0.6%) | -0.10 |" == lines[2]
    assert ["| drift 0.25 | volatility_breakout | 200 | 100.0% | 95.0% | 3.00 |"] == lines[4:]


@pytest.mark.parametrize(("chance", "edge", "missed"), [(38, 170, 0), (40, 170, 1), (38, 168, 1), (60, 100, 2)])
def test_what_the_study_has_to_show_is_held_against_its_bounds(chance: int, edge: int, missed: int) -> None:
    assert missed == len(shortfalls(rates(chance, edge)))


def test_the_walks_are_written_by_strength_and_strategy() -> None:
    document = json.loads(walks_json(rates(2, 190)))

    assert ["0", "0.25"] == list(document["strengths"])
    assert 2 == document["strengths"]["0"]["volatility_breakout"]["strict"]


def test_a_table_goes_between_its_marks_and_nothing_else_changes() -> None:
    document = "a\n<!-- walks: begin -->\nold\n<!-- walks: end -->\nb\n"

    assert "a\n<!-- walks: begin -->\n\nnew\n\n<!-- walks: end -->\nb\n" == between(document, "walks", "new")
    assert between(document, "walks", "new") == between(between(document, "walks", "new"), "walks", "new")
    with pytest.raises(DataError, match="study"):
        between(document, "study", "new")


def test_the_document_shows_the_figures_of_the_results() -> None:
    results = json.loads((ROOT / "docs/results/strategies.json").read_text(encoding="utf-8"))["rows"]
    rows = [
        StudyRow(**{**row, "traded": HistoryFigures(**row["traded"]), "held": HistoryFigures(**row["held"])}) for row in results
    ]
    walks = json.loads((ROOT / "docs/results/screen_walks.json").read_text(encoding="utf-8"))["strengths"]
    passes = {
        float(strength): {
            name: PassRate(**{key: value for key, value in rate.items() if key != "strict_at_most"}) for name, rate in of.items()
        }
        for strength, of in walks.items()
    }
    document = (ROOT / "docs/strategies.md").read_text(encoding="utf-8")

    assert document == between(between(document, "study", study_table(rows)), "walks", walks_table(passes))
    assert [] == shortfalls(passes)
    assert 4 * 3 * 9 == len(rows)
    assert re.search(r"`make study-walks`", document)
