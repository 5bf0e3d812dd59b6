"""What a model learns, on which rows it is judged, and that it finds nothing where there is nothing to be found."""

import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dg_bot.analysis.features import NAMES, WINDOW_BARS, features
from dg_bot.backtesting.walks import driftless_walk, trending_walk
from dg_bot.domain.market import Market
from dg_bot.errors import ConfigurationError, DataError, ImpossibleValue
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.models import boosting
from dg_bot.models.boosting import Parameters, Scaler, require_training_libraries, train_baseline
from dg_bot.models.dataset import Dataset, Label, dataset_of, returns_after
from dg_bot.models.judging import OutOfSample, longest_run, out_of_sample, skill
from dg_bot.models.splits import Split, WalkLengths, last_training, walk
from tests.training_data import DAY, LENGTHS, SMALL, series_of

HOUR_S = 3600


def hours(closes: list[float], missing: set[int] | None = None) -> Bars:
    """Give bars whose closes are known; hours in `missing` have no candle."""
    kept = [place for place in range(len(closes)) if place not in (missing or set())]
    price = np.array([closes[place] for place in kept])
    times = np.array(kept, dtype=np.int64) * HOUR_S
    return Bars(opened_at=times, open=price, high=price, low=price, close=price, volume=price, seconds=HOUR_S)


def walked(seed: int, days: int = 365) -> Dataset:
    return dataset_of([series_of(driftless_walk(seed, days=days))], DAY)


def predictor(rows: Dataset) -> boosting.Baseline:
    return train_baseline(rows, SMALL)


def test_a_label_is_the_return_to_the_price_that_held_a_horizon_later() -> None:
    market = hours([100.0, 110.0, 121.0, 100.0, 90.0])

    assert [0.21, pytest.approx(-1 / 11), pytest.approx(90 / 121 - 1)] == pytest.approx(returns_after(market, 2 * HOUR_S)[:3])
    assert [True, True] == np.isnan(returns_after(market, 2 * HOUR_S))[3:].tolist()
    assert [] == returns_after(hours([]), HOUR_S).tolist()


def test_hours_without_a_trade_keep_their_last_price_for_a_while_and_no_longer() -> None:
    closes = [100.0, 110.0, *[0.0] * 5, 200.0]

    after = returns_after(hours(closes, missing={2, 3, 4, 5, 6}), 4 * HOUR_S)

    assert 0.1 == pytest.approx(after[0])
    assert np.isnan(returns_after(hours(closes, missing={2, 3, 4, 5, 6}), 5 * HOUR_S)[0])


def test_a_row_is_what_was_known_at_a_close_and_what_came_of_it() -> None:
    series = series_of(driftless_walk(2, days=30))
    rows = dataset_of([series], DAY)
    at = 400
    place = series.opened_at.index(int(rows.known_at[at]) - HOUR_S)

    assert features(driftless_walk(2, days=30))[place].tolist() == rows.features[at].tolist()
    assert series.close[place + 24] / series.close[place] - 1 - 0.0014 == pytest.approx(rows.net[at])
    assert series.close[place + 1] / series.close[place] - 1 == pytest.approx(rows.next_move[at])
    assert (len(series) - 24 - WINDOW_BARS + 1, len(NAMES)) == rows.features.shape
    assert rows.gains.tolist() == (rows.net > 0).tolist()


def test_markets_are_joined_in_the_order_of_time() -> None:
    one, other = driftless_walk(2, days=20), driftless_walk(3, days=20)
    rows = dataset_of([series_of(one), series_of(other, Market("KRW-ETH"))], DAY)

    assert (np.diff(rows.known_at) >= 0).all()
    assert ("KRW-BTC", "KRW-ETH") == rows.markets
    assert dataset_of([series_of(other, Market("KRW-ETH"))], DAY).net.tolist() == rows.chosen(rows.market == 1).net.tolist()


@pytest.mark.parametrize("hours", [0, 100, WINDOW_BARS + 23])
def test_too_few_hours_are_told(hours: int) -> None:
    with pytest.raises(DataError, match="training"):
        dataset_of([series_of(driftless_walk(1, days=20)).tail(hours)], DAY)


def test_no_label_of_a_training_reaches_into_its_test() -> None:
    rows = walked(1, days=200)
    lengths = WalkLengths(train=60 * 24, test=20 * 24, embargo=10)

    splits = walk(rows, lengths)

    tests = np.concatenate([np.flatnonzero(split.test) for split in splits])
    assert len(tests) == len(set(tests.tolist()))
    assert len(rows) - 1 == tests[-1]
    for split in splits:
        trained, tested = rows.known_at[split.train], rows.known_at[split.test]
        assert trained[-1] + DAY.horizon_s + 10 * HOUR_S < tested[0]
        assert (60 * 24, 20 * 24) == (len(trained), len(tested))


def test_a_row_that_is_purged_would_have_known_an_answer() -> None:
    """One hour less of a gap, and the last training label would be a return that the first test hour is asked about."""
    rows = walked(1, days=200)
    (split, *_) = walk(rows, WalkLengths(train=60 * 24, test=20 * 24, embargo=0))

    last, first = rows.known_at[split.train][-1], rows.known_at[split.test][0]

    assert DAY.horizon_s + HOUR_S == first - last


def test_a_walk_that_does_not_fit_says_what_is_needed() -> None:
    with pytest.raises(DataError, match="4,320 to train, 193 between, 960 to test"):
        walk(walked(1, days=100), LENGTHS)


def test_the_model_to_be_used_is_trained_on_the_newest_stretch() -> None:
    rows = walked(1, days=100)

    newest = last_training(rows, WalkLengths(train=50 * 24, test=1, embargo=0))

    assert (50 * 24, True) == (int(newest.sum()), bool(newest[-1]))


def plain_split(rows: Dataset, seed: int) -> list[Split]:
    """Draw test rows from anywhere, as is done where rows have nothing to do with one another."""
    tested = np.random.default_rng(seed).random(len(rows)) < 0.3
    return [Split(~tested, tested)]


@pytest.mark.parametrize("seed", range(4))
def test_labels_that_overlap_show_skill_under_a_plain_split_and_none_under_the_default_one(seed: int) -> None:
    """On a random walk there is nothing to be found; a plain split finds it all the same, in the answers of the hours around."""
    rows = walked(seed)

    leaked = skill(out_of_sample(rows, plain_split(rows, seed), lambda known: predictor(known).predict))
    honest = skill(out_of_sample(rows, walk(rows, LENGTHS), lambda known: predictor(known).predict))

    assert (True, False) == (leaked.has_skill, honest.has_skill)
    assert (leaked.brier_gain.errors_above_zero or 0.0) > 4.0
    assert (leaked.correlation or 0.0) > 0.2 > abs(honest.correlation or 0.0)


def test_trends_that_last_are_found() -> None:
    """Where prices drift up and down by turns of weeks there is something to be found, and the default split shows it."""
    rows = dataset_of([series_of(trending_walk(4, days=500, strength=0.35, mean_hours=400.0))], DAY)

    found = skill(out_of_sample(rows, walk(rows, LENGTHS), lambda known: predictor(known).predict))

    assert found.has_skill
    assert (found.correlation or 0.0) > 0.2


def told(chance: Floats, expected: Floats | None = None, *, gained: Floats) -> OutOfSample:
    """Give predictions over made-up rows of one market; half of the rows used to gain."""
    count = len(chance)
    rows = Dataset(
        label=Label(horizon_hours=1, cost_fraction=0.0),
        markets=("KRW-BTC",),
        known_at=np.arange(count, dtype=np.int64) * HOUR_S,
        market=np.zeros(count, dtype=np.int64),
        features=np.zeros((count, 1)),
        net=np.where(gained > 0.5, 0.01, -0.01),
        next_move=np.zeros(count),
    )
    return OutOfSample(
        rows=rows,
        expected=np.zeros(count) if expected is None else expected,
        chance=chance,
        usual_net=np.zeros(count),
        usual_chance=np.full(count, 0.5),
    )


def test_an_oracle_is_scored_as_what_it_is() -> None:
    random = np.random.default_rng(1)
    chance = random.choice([0.15, 0.45, 0.85], 30_000)
    gained = (random.random(30_000) < chance).astype(np.float64)

    found = skill(told(chance, 0.02 * (chance - 0.5), gained=gained))

    assert found.has_skill
    assert float((chance * (1 - chance)).mean()) == pytest.approx(found.brier, abs=0.005)
    assert [0.1, 0.4, 0.8] == [one.low for one in found.reliability]
    assert [one.mean_chance for one in found.reliability] == pytest.approx([one.gained for one in found.reliability], abs=0.015)
    assert 30_000 == sum(one.rows for one in found.reliability) == found.independent


def test_who_is_too_sure_is_worse_than_who_says_the_usual() -> None:
    random = np.random.default_rng(2)
    chance = random.choice([0.02, 0.98], 5_000)

    found = skill(told(chance, gained=random.integers(0, 2, 5_000).astype(np.float64)))

    assert not found.has_skill
    assert (found.brier_gain.value or 0.0) < -0.2
    assert found.correlation is None


def test_one_horizon_alone_has_no_error() -> None:
    found = skill(told(np.array([0.5]), gained=np.array([1.0])))

    assert (None, None, False) == (found.brier_gain.error, found.brier_gain.errors_above_zero, found.has_skill)


def test_the_longest_run_of_one_answer_is_counted_market_by_market() -> None:
    chance = np.array([0.5, 0.5, 0.5, 0.6, 0.5, 0.5])
    one = told(chance, gained=np.zeros(6))
    two = replace(one, rows=replace(one.rows, markets=("KRW-BTC", "KRW-ETH"), market=np.array([0, 1, 0, 1, 0, 0])))

    assert (3, 4, 1) == (longest_run(one), longest_run(two), longest_run(told(chance[:1], gained=np.zeros(1))))


def test_the_same_rows_and_seed_give_the_same_model() -> None:
    rows = walked(1, days=60)

    one, same, other = (train_baseline(rows, replace(SMALL, rounds=5, seed=seed)) for seed in (1, 1, 2))

    assert one.size.model_to_string() == same.size.model_to_string() != other.size.model_to_string()
    assert one.predict(rows.features).tobytes() == same.predict(rows.features).tobytes()


def test_a_feature_that_never_changes_is_left_where_it_is() -> None:
    scaler = Scaler.of(np.array([[1.0, 5.0], [3.0, 5.0]]))

    assert [[-1.0, 0.0], [1.0, 0.0]] == scaler.scaled(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()


def test_a_missing_library_is_told_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxmltools", None)

    with pytest.raises(ConfigurationError, match=r"onnxmltools: is not installed.*make train"):
        require_training_libraries()


@pytest.mark.parametrize(
    "build",
    [
        lambda: Label(horizon_hours=0, cost_fraction=0.0),
        lambda: Label(horizon_hours=721, cost_fraction=0.0),
        lambda: Label(horizon_hours=24, cost_fraction=1.0),
        lambda: Label(horizon_hours=24, cost_fraction=-0.1),
        lambda: Parameters(seed=1 << 31),
    ],
)
def test_what_cannot_be_meant_cannot_be_built(build: Callable[[], object]) -> None:
    with pytest.raises(ImpossibleValue):
        build()


def test_parameters_are_told_by_name() -> None:
    assert {"library": "lightgbm", "rounds": 60, "seed": 1}.items() <= dict(Parameters(rounds=60, seed=1).facts()).items()
