from collections.abc import Iterator
from dataclasses import replace

import pytest

from dg_bot.adapters.postgres_trials import PostgresTrials, sets_tried
from dg_bot.domain.calendar import DAY, HOUR
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Objective, Ranking, Stretch, Study, Trial, TrialFigures, Within
from dg_bot.errors import StoreError

STUDY = Study(
    market=Market("KRW-BTC"),
    strategy="sma_cross",
    timeframe=HOUR,
    data_sha256="a" * 64,
    program_sha256="b" * 64,
    rules={"fee_fraction": 0.0005},
    stretches=(Stretch(0, 100), Stretch(0, 60), Stretch(70, 100)),
)


def trial(short: int, *sharpes: float, trips: int = 20, calmar: float | None = 1.0) -> Trial:
    figures = [
        TrialFigures(round_trips=trips, total_return=ratio / 10, sharpe=ratio, calmar=calmar, max_drawdown=0.1)
        for ratio in sharpes
    ]
    return Trial({"long_period": 30, "short_period": short}, tuple(figures))


@pytest.fixture
def book(database: str) -> Iterator[PostgresTrials]:
    trials = PostgresTrials(database, STUDY)
    yield trials
    trials.close()


def test_what_was_kept_is_known(book: PostgresTrials) -> None:
    kept = [trial(3, 0.1 + 0.2, 1e-300, -1.0), trial(4, 1.0, 2.0, 3.0, calmar=None)]
    book.add(kept)

    assert [kept[1], None, kept[0]] == book.known([kept[1].values, trial(9, 0.0).values, kept[0].values])
    assert kept == list(book.each({}))


def test_a_trial_is_kept_as_it_was_first(book: PostgresTrials) -> None:
    book.add([trial(3, 1.0, 1.0, 1.0)])
    book.add([trial(3, 2.0, 2.0, 2.0), trial(4, 1.0, 1.0, 1.0)])

    assert [1.0, 1.0] == [one.figures[0].sharpe for one in book.each({})]


def test_the_best_are_those_of_the_stretch_that_is_asked_for(book: PostgresTrials) -> None:
    book.add([trial(3, 1.0, 3.0, 2.0), trial(4, 2.0, 1.0, 3.0), trial(5, 3.0, 2.0, 1.0, trips=9)])

    def best(ranking: Ranking) -> list[object]:
        return [one.values["short_period"] for one in book.best(ranking, 2)]

    assert [5, 4] == best(Ranking(within={}, objective=Objective.SHARPE))
    assert [3, 5] == best(Ranking(within={}, objective=Objective.SHARPE, stretch=1))
    assert [5, 4] == best(Ranking(within={}, objective=Objective.RETURN, fewest_trips=9))
    assert [4, 3] == best(Ranking(within={}, objective=Objective.RETURN, fewest_trips=10))


@pytest.mark.parametrize(
    ("within", "found"),
    [
        ({"short_period": [3, 4]}, [4, 3]),
        ({"short_period": [3, 4], "long_period": [31]}, []),
        ({"short_period": [3.0], "long_period": [30]}, [3]),
    ],
)
def test_only_sets_within_count(book: PostgresTrials, within: Within, found: list[int]) -> None:
    book.add([trial(short, float(short)) for short in (3, 4, 5)])
    ranking = Ranking(objective=Objective.SHARPE, within=within)

    assert found == [one.values["short_period"] for one in book.best(ranking, 9)]
    assert sorted(found) == [one.values["short_period"] for one in book.each(within)]


@pytest.mark.parametrize(("value", "share"), [(2.9, 0.0), (3.0, 0.125), (3.1, 0.25), (5.0, 0.75), (9.0, 1.0)])
def test_the_share_below_a_figure_is_counted(book: PostgresTrials, value: float, share: float) -> None:
    book.add([trial(3, 3.0), trial(4, 4.0), trial(5, 5.0), trial(6, 5.0)])

    assert share == book.share_below(Ranking(objective=Objective.SHARPE, within={}), value)


def test_a_calmar_that_is_none_ranks_last_and_equals_by_their_parameters(book: PostgresTrials) -> None:
    book.add([trial(3, 1.0, 1.0, 1.0, calmar=None), trial(5, 1.0, 1.0, 1.0), trial(4, 1.0, 1.0, 1.0)])

    assert [4, 5, 3] == [one.values["short_period"] for one in book.best(Ranking(within={}, objective=Objective.CALMAR), 3)]


def test_sets_count_over_studies_of_the_same_candles(book: PostgresTrials, database: str) -> None:
    book.add([trial(3, 1.0, 1.0, 1.0), trial(4, 1.0, 1.0, 1.0)])
    others = {
        "the same sets elsewhere": replace(STUDY, stretches=(Stretch(0, 100),)),
        "other rules": replace(STUDY, rules={"fee_fraction": 0.001}),
        "other candles": replace(STUDY, data_sha256="c" * 64),
    }
    counts = []
    for study in others.values():
        other = PostgresTrials(database, study)
        other.add([trial(3, *(1.0 for _ in study.stretches))])
        counts.append(other.tried_on_these_bars())
        other.close()

    assert [2, 3, 1] == counts


def test_the_same_study_is_found_again(book: PostgresTrials, database: str) -> None:
    book.add([trial(3, 1.0, 1.0, 1.0)])
    again = PostgresTrials(database, STUDY)

    assert 1 == len(list(again.each({})))
    again.close()


def test_a_database_that_is_away_is_told_without_its_password() -> None:
    away = PostgresTrials("postgresql://me:secret-word@127.0.0.1:1/none", STUDY)

    with pytest.raises(StoreError) as caught:
        away.add([trial(3, 1.0)])

    assert "secret-word" not in str(caught.value)


def test_the_sets_of_a_market_count_once_each_whatever_the_data(database: str, book: PostgresTrials) -> None:
    """Two sets on two spans of the market's candles, one of them on another timeframe too, and one on another market."""
    book.add([trial(3, 1.0, 1.0, 1.0), trial(4, 1.0, 1.0, 1.0)])
    for other in (replace(STUDY, data_sha256="c" * 64), replace(STUDY, timeframe=DAY), replace(STUDY, market=Market("KRW-XRP"))):
        again = PostgresTrials(database, other)
        again.add([trial(3, 2.0, 2.0, 2.0)])
        again.close()

    tried = sets_tried(database, [STUDY.market, Market("KRW-XRP"), Market("KRW-ETH")])

    assert {Market("KRW-BTC"): 3, Market("KRW-XRP"): 1} == tried
