from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial

import pytest

from dg_bot.backtesting.backtest import hours_of, run_backtest, tradable_bars
from dg_bot.backtesting.juries import CrossingJury, LocalJury, jury_for
from dg_bot.backtesting.parameter_grid import Axis, ParameterGrid, ParameterSet, every_set
from dg_bot.backtesting.set_judging import Ground, judged
from dg_bot.backtesting.study_identity import values_of
from dg_bot.backtesting.sweep import Candidate, MakeStrategy, Sweep, SweepCount, first_look
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.trials import Objective, Ranking, Stretch
from dg_bot.errors import ConfigurationError, ImpossibleValue
from dg_bot.indicators.bars import bars_of
from dg_bot.strategies.catalog import make_strategy
from tests.unit.backtesting.memory_book import MemoryBook
from tests.unit.backtesting.walks import hourly

CROSS = partial(make_strategy, "sma_cross")


def ground(bars: int = 2000, *, stretches: tuple[Stretch, ...] | None = None) -> Ground:
    candles = hourly(bars)
    series, mask = tradable_bars(candles, HOUR)
    return Ground(
        bars=bars_of(series),
        hours=hours_of(candles),
        market=candles.market,
        entry_mask=mask,
        rules=TradeRules(),
        stretches=stretches or (Stretch(0, len(series)),),
    )


def sets_of(*axes: str) -> Iterator[ParameterSet]:
    return every_set(ParameterGrid(tuple(Axis.parse(text) for text in axes)))


def sweep(book: MemoryBook, *axes: str, longest_warm_up: int = 599) -> SweepCount:
    jury = LocalJury(CROSS, ground())
    one = Sweep(make=CROSS, longest_warm_up=longest_warm_up, jury=jury, book=book, on_progress=lambda _: None)
    one.run(sets_of(*axes))
    return one.count


def test_a_set_shows_what_a_backtest_of_it_shows() -> None:
    candles = hourly(2000)
    strategy = CROSS({"short_period": "3", "long_period": "12"})
    backtest = run_backtest(candles, HOUR, strategy, TradeRules()).performance

    (figures,) = judged(strategy, ground())

    assert (backtest.round_trips, backtest.total_return, backtest.sharpe, backtest.calmar, backtest.drawdown.deepest) == (
        figures.round_trips, figures.total_return, figures.sharpe, figures.calmar, figures.max_drawdown,
    )  # fmt: skip
    assert figures.round_trips > 5


def test_a_stretch_knows_nothing_of_what_comes_after_it() -> None:
    strategy = CROSS({"short_period": "3", "long_period": "12"})
    part = (Stretch(800, 1200),)

    assert judged(strategy, ground(1600, stretches=part)) == judged(strategy, ground(1200, stretches=part))


def test_a_stretch_enters_nothing_before_it_begins() -> None:
    strategy = CROSS({"short_period": "3", "long_period": "12"})
    whole, begin, rest = judged(strategy, ground(stretches=(Stretch(0, 2000), Stretch(0, 1400), Stretch(1400, 2000))))

    assert 0 <= whole.round_trips - begin.round_trips - rest.round_trips <= 1
    assert min(begin.round_trips, rest.round_trips) > 0


@pytest.mark.parametrize(("start", "stop"), [(3, 3), (5, 4), (-1, 4)])
def test_a_stretch_holds_a_bar(start: int, stop: int) -> None:
    with pytest.raises(ImpossibleValue, match="it must hold a bar"):
        Stretch(start, stop)


def test_sets_that_cannot_be_are_counted_and_told() -> None:
    book = MemoryBook()
    count = sweep(book, "short_period=3:5", "long_period=4:6")

    reason = "long_period: it must be longer than short_period and at most 1000"
    assert SweepCount(judged=6, known=0, refused={reason: 3}) == count
    assert (9, 6) == (count.total, len(book.trials))


def test_what_is_known_is_not_judged_again() -> None:
    book = MemoryBook()
    sweep(book, "short_period=3,4", "long_period=20")

    assert SweepCount(judged=1, known=2, refused={}) == sweep(book, "short_period=3:5", "long_period=20")


@pytest.mark.parametrize(("longest", "judged_sets"), [(19, 0), (20, 1), (21, 2)])
def test_a_warm_up_longer_than_the_bars_is_refused(longest: int, judged_sets: int) -> None:
    count = sweep(MemoryBook(), "short_period=5", "long_period=19,20", longest_warm_up=longest)

    refused = {f"its warm-up is longer than {longest} bars": 2 - judged_sets} if judged_sets < 2 else {}
    assert SweepCount(judged=judged_sets, known=0, refused=refused) == count


def test_a_first_look_tells_the_warm_ups_of_all_sets_that_can_be() -> None:
    look = first_look(CROSS, sets_of("short_period=5,30", "long_period=20:25"))

    assert (21, 26, "sma_cross") == (look.shortest_warm_up, look.longest_warm_up, look.strategy.name)


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (["short_perod=3:5"], "there is no such parameter; did you mean short_period"),
        (["short_period=a,b"], "'a' is not an integer"),
        (["short_period=30:40", "long_period=20"], "no set can be tried: long_period: it must be longer than short_period"),
    ],
)
def test_a_search_in_which_nothing_can_be_meant_is_refused(axes: list[str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        first_look(CROSS, sets_of(*axes))


def test_the_best_made_round_trips_enough() -> None:
    book = MemoryBook()
    sweep(book, "short_period=3:9:3", "long_period=10:200:95")
    trips = sorted(trial.figures[0].round_trips for trial in book.each({}))

    (best,) = book.best(Ranking(objective=Objective.SHARPE, within={}, fewest_trips=trips[-1]), 1)

    assert trips[-1] == best.figures[0].round_trips


def candidates(make: MakeStrategy, *axes: str) -> list[Candidate]:
    return [Candidate(one, values_of(make(one).parameters)) for one in sets_of(*axes)]


def test_processes_judge_as_one_does() -> None:
    make = partial(make_strategy, "ema_cross")
    sets = candidates(make, "short_period=3:20", "long_period=21:30")
    with jury_for("ema_cross", len(sets), make, ground(200), processes=2) as jury:
        found = jury.judge(sets)

    assert LocalJury(make, ground(200)).judge(sets[:5]) == found[:5]
    assert 180 == len(found)


@pytest.mark.parametrize(
    ("strategy", "rules", "kind"),
    [
        ("sma_cross", TradeRules(), CrossingJury),
        ("sma_cross", TradeRules(trailing_atr=2.0), LocalJury),
        ("ema_cross", TradeRules(), LocalJury),
    ],
)
def test_crossings_are_judged_by_their_own_loop_where_it_knows_the_rules(
    strategy: str, rules: TradeRules, kind: type[object]
) -> None:
    with jury_for(strategy, 9, partial(make_strategy, strategy), replace(ground(), rules=rules)) as jury:
        assert kind is type(jury)


def test_the_loop_of_crossings_shows_what_a_backtest_shows() -> None:
    stretches = (Stretch(0, 2000), Stretch(800, 1700))
    on = ground(stretches=stretches)
    sets = candidates(CROSS, "short_period=3:9:3", "long_period=12:40:7")

    for quick, slow in zip(CrossingJury(on).judge(sets), LocalJury(CROSS, on).judge(sets), strict=True):
        for one, other in zip(quick, slow, strict=True):
            assert asdict(one) == pytest.approx(asdict(other))
