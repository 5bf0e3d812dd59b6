from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise

import pytest

from dg_bot.backtesting.juries import CrossingJury
from dg_bot.backtesting.optuna_search import best_searched, optuna_search
from dg_bot.backtesting.parameter_grid import Axis, ParameterGrid, ParameterSet, edge_sets, every_set
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.set_judging import Ground, replayed, signals_on
from dg_bot.backtesting.sweep import Sweep
from dg_bot.backtesting.walk_forward import WalkForward, Window, WindowLengths, stretches_of, walk_forward, windows
from dg_bot.domain.trials import Objective, Ranking, Stretch, Trial
from dg_bot.errors import DataError
from dg_bot.strategies.catalog import make_strategy
from tests.unit.backtesting.memory_book import MemoryBook
from tests.unit.backtesting.test_sweep import ground

CROSS = partial(make_strategy, "sma_cross")
GRID = ParameterGrid((Axis.parse("short_period=3:9:3"), Axis.parse("long_period=10:20:5")))
LENGTHS = WindowLengths(train=300, test=100, purge=21, embargo=4)
RANKING = Ranking(objective=Objective.SHARPE, within={})


def lengths(purge: int = 0, embargo: int = 0) -> WindowLengths:
    return WindowLengths(train=10, test=5, purge=purge, embargo=embargo)


@pytest.mark.parametrize(
    ("bars", "tests"), [(15, [(10, 15)]), (19, [(10, 15)]), (20, [(10, 15), (15, 20)]), (21, [(10, 15), (15, 20)])]
)
def test_tests_lie_side_by_side_and_are_whole(bars: int, tests: list[tuple[int, int]]) -> None:
    assert tests == [(one.test.start, one.test.stop) for one in windows(bars, lengths())]


@pytest.mark.parametrize(("purge", "embargo"), [(0, 0), (3, 0), (0, 2), (3, 2)])
def test_purge_and_embargo_lie_between_training_and_test(purge: int, embargo: int) -> None:
    found = windows(60, lengths(purge, embargo))

    assert {purge + embargo} == {one.test.start - one.train.stop for one in found}
    assert Stretch(purge, purge + 10) == found[0].train
    assert {5} == {later.train.start - one.train.start for one, later in pairwise(found)}


def test_nothing_that_a_test_looks_back_at_was_trained_on() -> None:
    """A decision at the first bar of the test looks at `warm_up` bars, itself among them."""
    warm_up = CROSS({"short_period": "5", "long_period": "20"}).warm_up
    (window, *_) = windows(600, replace(LENGTHS, purge=warm_up, embargo=0))

    assert window.test.start - warm_up + 1 == window.train.stop + 1


@pytest.mark.parametrize(("bars", "is_enough"), [(22, False), (23, True)])
def test_too_few_bars_for_one_window_are_told(bars: int, *, is_enough: bool) -> None:
    if is_enough:
        assert 1 == len(windows(bars, lengths(3, 2)))
    else:
        with pytest.raises(DataError, match=r"22 bars are too few for one window of 23: 3 to warm up, 10 to train, 5 between"):
            windows(bars, lengths(3, 2))


def walked(book: MemoryBook) -> tuple[Ground, tuple[Window, ...], Sweep]:
    walk = windows(1900, LENGTHS)
    on = ground(1900, stretches=stretches_of(1900, walk))
    sweep = Sweep(make=CROSS, longest_warm_up=21, jury=CrossingJury(on), book=book, on_progress=lambda _: None)
    return on, walk, sweep


def traded(on: Ground, trial: Trial, stretch: Stretch) -> Replay:
    strategy = CROSS({name: str(value) for name, value in trial.values.items()})
    return replayed(strategy, signals_on(on, strategy), on, stretch)


def results(book: MemoryBook, ranking: Ranking = RANKING) -> WalkForward:
    on, walk, sweep = walked(book)
    sweep.run(every_set(GRID))
    return walk_forward(walk, ranking, book, choose=lambda by: next(iter(book.best(by, 1)), None), trade=partial(traded, on))


def test_the_best_of_the_training_is_judged_on_the_test() -> None:
    book = MemoryBook()
    found = results(book)

    assert 15 == len(found.results)
    for number, one in enumerate(found.results):
        in_sample = [trial.figures[1 + 2 * number].sharpe for trial in book.each({})]
        assert one.chosen is not None
        assert max(in_sample) == one.chosen.figures[1 + 2 * number].sharpe
        assert one.chosen.figures[2 + 2 * number] == one.out_of_sample
        below = [trial.figures[2 + 2 * number].sharpe < one.chosen.figures[2 + 2 * number].sharpe for trial in book.each({})]
        assert sum(below) / len(below) == one.rank


def test_the_tests_joined_are_traded_one_after_the_other() -> None:
    found = results(MemoryBook())
    growth = 1.0
    for one in found.results:
        assert one.out_of_sample is not None
        growth *= 1.0 + one.out_of_sample.total_return

    assert pytest.approx(growth - 1.0) == found.joined.total_return
    assert sum(one.out_of_sample.round_trips for one in found.results if one.out_of_sample) == found.joined.round_trips
    assert pytest.approx(1500 / 24) == found.joined.days


def test_what_is_lost_out_of_sample_is_told() -> None:
    found = results(MemoryBook())
    before, after = (found.mean(Objective.SHARPE, out_of_sample=out) for out in (False, True))

    assert before is not None
    assert after is not None
    assert 1.0 - after / before == found.degradation(Objective.SHARPE)
    assert found.overfit in {number / 15 for number in range(16)}


def test_a_window_without_a_set_that_traded_enough_has_none() -> None:
    found = results(MemoryBook(), replace(RANKING, fewest_trips=1000))

    assert {None} == {one.chosen for one in found.results}
    assert (None, None, 0) == (found.degradation(Objective.SHARPE), found.overfit, found.joined.round_trips)


def test_a_search_learns_from_the_training_alone() -> None:
    """What comes after the window, and so the figures of the whole, leads it nowhere else."""
    asked = []
    for bars in (1900, 1446):
        book = MemoryBook()
        walk = windows(bars, LENGTHS)[:1]
        on = ground(bars, stretches=stretches_of(bars, walk))
        sweep = Sweep(make=CROSS, longest_warm_up=21, jury=CrossingJury(on), book=book, on_progress=lambda _: None)
        best = best_searched(sweep, GRID, 20, 1, replace(RANKING, stretch=1))
        asked.append((best and best.values, list(book.trials)))

    assert asked[0] == asked[1]


def peak(sets: Sequence[ParameterSet]) -> list[float | None]:
    """Be best at 30 and 70, and nothing where the first is above the second."""
    places = [(int(one["a"]), int(one["b"])) for one in sets]
    return [None if first > second else -abs(first - 30) - abs(second - 70) for first, second in places]


def searched(seed: int, count: int = 96) -> list[float]:
    found: list[float] = []
    grid = ParameterGrid((Axis.parse("a=1:100"), Axis.parse("b=1:100")))

    def value(sets: Sequence[ParameterSet]) -> list[float | None]:
        values = peak(sets)
        found.extend(-1000.0 if one is None else one for one in values)
        return values

    optuna_search(grid, count, seed, value)
    return found


def test_a_search_that_learns_comes_nearer() -> None:
    found = searched(seed=1)

    assert 96 == len(found)
    assert max(found[48:]) > max(found[:16])


def test_the_seed_decides_what_a_search_asks_for() -> None:
    assert searched(seed=1, count=20) == searched(seed=1, count=20)
    assert searched(seed=1, count=20) != searched(seed=2, count=20)


def test_the_edges_of_a_grid_are_its_corners() -> None:
    corners = [tuple(one.values()) for one in edge_sets(ParameterGrid((Axis.parse("a=1:9"), Axis.parse("b=7"))))]

    assert [("1", "7"), ("9", "7")] == corners
