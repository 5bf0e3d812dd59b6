from array import array
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from dg_bot.backtesting.heat_map import HeatMap, heat_map
from dg_bot.backtesting.parameter_grid import Axis, ParameterGrid
from dg_bot.backtesting.sharpe_odds import SharpeOdds
from dg_bot.backtesting.sweep import SweepCount
from dg_bot.backtesting.walk_forward import WalkForward, Window, walk_forward
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Objective, Ranking, Stretch, Study, Trial, TrialFigures
from dg_bot.operator.sweep_text import SweepResult, print_sweep
from tests.unit.backtesting.memory_book import MemoryBook
from tests.unit.backtesting.test_sweep import ground
from tests.unit.backtesting.test_walk_forward import traded

RANKING = Ranking(objective=Objective.SHARPE, within={}, fewest_trips=10)


def figures(sharpe: float, total_return: float = 0.05) -> TrialFigures:
    return TrialFigures(round_trips=12, total_return=total_return, sharpe=sharpe, calmar=None, max_drawdown=0.1)


def trial(short: int, long: int, sharpe: float) -> Trial:
    return Trial({"short_period": short, "long_period": long}, (figures(sharpe), figures(2.0), figures(-1.0, -0.02)))


def walk(chosen: Trial | None) -> WalkForward:
    window = Window(Stretch(0, 300), Stretch(321, 421))
    book = MemoryBook()
    book.add([trial(3, 10, 1.0), trial(4, 10, 1.0)])
    on = ground(600)
    return walk_forward((window,), RANKING, book, choose=lambda _: chosen, trade=lambda one, at: traded(on, one, at))


def result(**changes: object) -> SweepResult:
    study = Study(
        market=Market("KRW-BTC"),
        strategy="sma_cross",
        timeframe=HOUR,
        data_sha256="a" * 64,
        program_sha256="b" * 64,
        rules={},
        stretches=(Stretch(0, 600),),
    )
    whole = SweepResult(
        study=study,
        source="hours.csv",
        bars=600,
        axes=("short_period", "long_period"),
        ranking=RANKING,
        count=SweepCount(judged=1200, known=34, refused={"long_period: it must be longer": 5}),
        tried=2000,
        best=[trial(3, 10, 1.25), trial(4, 10, 1.0)],
        odds=SharpeOdds(error=0.71, above_zero=0.93, above_luck=0.12),
        map=None,
        walk=None,
        opened_at=array("q", range(1_704_067_200, 1_704_067_200 + 600 * 3600, 3600)),
    )
    return replace(whole, **changes)  # type: ignore[arg-type] # changes are those of the dataclass


def text(shown: SweepResult) -> str:
    written = StringIO()
    print_sweep(shown, Console(file=written, width=80, highlight=False))
    lines = written.getvalue()
    assert max(map(len, lines.splitlines())) <= 80
    return lines


def test_what_was_tried_and_what_was_best_is_told() -> None:
    shown = text(result())

    for words in (
        "sma_cross  KRW-BTC  60m", "600 bars of hours.csv", "1,239 sets: 1,200 judged now, 34 known from before",
        "5 left out: long_period: it must be longer", "2,000 sets were ever tried on these candles",
        "Best by sharpe, of sets with 10 round trips or more",
        "           3           10           12  +5.00%    1.25       –         10.00%",
        "standard error of 0.71", "above zero with probability 0.93", "with 0.12 (deflated Sharpe",
    ):  # fmt: skip
        assert " ".join(words.split()) in " ".join(shown.split())


def test_where_nothing_traded_enough_nothing_is_best() -> None:
    assert "No set made 10 round trips: there is no best one.\n" == text(result(best=[], odds=None)).splitlines(keepends=True)[-1]


def test_a_map_is_read_without_colour() -> None:
    chart = HeatMap(row="a", column="b", row_values=(1, 2), column_values=(5, 6), cells=((0.0, 1.0), (None, -1.0)))
    *_, head, first, second = text(result(map=chart)).splitlines()

    assert ["5", "6"] == head.split()
    assert ["1", "0.00▒", "1.00█"] == first.split()
    assert ["2", "–", "-1.00"] == second.split()


def test_each_window_shows_what_became_of_its_choice() -> None:
    shown = text(result(walk=walk(trial(3, 10, 1.0))))

    assert "2024-01-14 2024-01-18" in shown
    assert ["3,", "10", "2.00", "-1.00", "+5.00%", "-2.00%", "0%"] == next(
        one for one in shown.splitlines() if "01-14" in one
    ).split()[2:]
    assert "mean sharpe 2.00 in, -1.00 out of sample; lost 150%" in shown
    assert "worse than half of all sets in 100% of the tests" in shown
    assert "tests joined: return " in shown


def test_a_window_without_a_choice_shows_none() -> None:
    shown = text(result(walk=walk(None)))

    assert ["2024-01-14", "2024-01-18", *("–" * 6)] == next(line for line in shown.splitlines() if "01-14" in line).split()
    assert "mean sharpe – in, – out of sample; lost –" in shown


def test_a_map_averages_over_what_it_does_not_show() -> None:
    grid = ParameterGrid(tuple(Axis.parse(axis) for axis in ("flag=true,false", "short_period=3:5", "long_period=10,20,30,40")))
    trials = [
        Trial({"flag": flag, "short_period": short, "long_period": 20}, (figures(float(short + flag)),))
        for flag in (True, False)
        for short in (3, 4)
    ]
    chart = heat_map(grid, RANKING, trials)

    assert chart is not None
    assert ("short_period", "long_period") == (chart.row, chart.column)
    assert ((None, 3.5, None, None), (None, 4.5, None, None), (None, None, None, None)) == chart.cells
    assert ((4.0, None), (None, None)) == chart.coarse(2, 2).cells
    assert ((3, 5), (10, 30)) == (chart.coarse(2, 2).row_values, chart.coarse(2, 2).column_values)


@pytest.mark.parametrize("axes", [["a=1:9"], ["a=1:9", "b=3"]])
def test_one_axis_makes_no_map(axes: list[str]) -> None:
    assert heat_map(ParameterGrid(tuple(Axis.parse(axis) for axis in axes)), RANKING, []) is None
