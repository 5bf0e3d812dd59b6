"""Training and serving see the same numbers, to the last bit, and neither sees the future."""

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest

from dg_bot.analysis.features import NAMES, SCHEMA, WINDOW_BARS, FeatureSchema, features, latest_features
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars, bars_of
from tests.training_data import series_of

WALK = driftless_walk(1, days=90)
WHOLE = features(WALK)


def flat(hours: int) -> Bars:
    price = np.full(hours, 1000.0)
    times = np.arange(hours, dtype=np.int64) * 3600
    return Bars(opened_at=times, open=price, high=price, low=price, close=price, volume=price, seconds=3600)


def named(row: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, row.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(40))
def test_the_last_bar_of_any_history_has_the_features_that_training_saw(seed: int) -> None:
    random = np.random.default_rng(seed)
    end = int(random.integers(WINDOW_BARS, len(WALK)))
    start = int(random.integers(0, end - WINDOW_BARS + 1))
    history = series_of(WALK).tail(len(WALK) - start)._slice(0, end - start)
    rows = int(random.integers(1, 30))

    served = latest_features(history, rows)

    seen = min(rows, len(history))
    usable = seen if start == 0 else min(seen, len(history) - WINDOW_BARS + 1)
    assert WHOLE[end - usable : end].tobytes() == served[-usable:].tobytes()


def test_nothing_that_comes_later_changes_what_was_known() -> None:
    later = WALK.close.copy()
    later[1500:] *= 3.0
    changed = replace(WALK, close=later, high=np.maximum(WALK.high, later))

    assert WHOLE[:1500].tobytes() == features(changed)[:1500].tobytes()
    assert WHOLE[1500].tobytes() != features(changed)[1500].tobytes()


def test_the_window_is_exactly_as_long_as_the_schema_says() -> None:
    whole = [bool(np.isfinite(row).all()) for row in WHOLE]

    assert (False, True) == (any(whole[: WINDOW_BARS - 1]), all(whole[WINDOW_BARS - 1 :]))


def test_a_market_that_stands_still_is_in_the_middle_of_everything() -> None:
    row = named(features(flat(200))[-1])

    assert {0.5} == {row[name] for name in ("place_24", "place_168", "rise_share_14", "close_place")}
    assert {0.0} == {
        value for name, value in row.items() if name.startswith(("move", "volatility", "above", "range", "pressure"))
    }
    assert (1.0, 1.0, 7.0) == (row["volume_ratio_24"], row["volume_trend"], row["hour"])


def test_a_rise_shows_in_each_feature() -> None:
    market = flat(200)
    close, high, volume = market.close.copy(), market.high.copy(), market.volume.copy()
    close[-1], high[-1], volume[-1] = 1100.0, 1200.0, 25_000.0
    row = named(features(replace(market, close=close, high=high, volume=volume))[-1])

    assert 0.1 == pytest.approx(row["move_1"]) == pytest.approx(row["move_168"])
    assert 0.5 == row["place_24"] == row["close_place"]
    assert 1100 / (24_100 / 24) - 1 == pytest.approx(row["above_mean_24"])
    assert 25 / 2 == pytest.approx(row["volume_ratio_24"])
    assert 25 / 48 == pytest.approx(row["pressure_24"])
    assert 1.0 == row["rise_share_14"]
    assert 0.2 / 1.1 / 24 == pytest.approx(row["range_24"])


def test_what_cannot_be_measured_is_absent() -> None:
    market = flat(200)
    silent = replace(market, volume=np.zeros(200))

    assert [] == features(flat(0)).tolist()
    assert np.isnan(features(silent)[-1][NAMES.index("volume_ratio_24")])
    with pytest.raises(DataError, match="hourly"):
        features(replace(market, seconds=60))
    with pytest.raises(DataError, match="features"):
        features(replace(market, close=np.full(200, np.nan)))


def test_a_changed_formula_needs_a_raised_edition() -> None:
    """Where this fails, raise FORMULAS and write the new hashes down: models that were trained before are refused then."""
    random = np.random.default_rng(3)
    close = 1e6 + 1e3 * np.cumsum(random.integers(-9, 10, 400)).astype(np.float64)
    high, low = close + 1e3 * random.integers(0, 9, 400), close - 1e3 * random.integers(0, 9, 400)
    market = replace(flat(400), close=close, high=high, low=low, volume=random.integers(1, 99, 400).astype(np.float64))

    digest = sha256(features(market)[WINDOW_BARS:].tobytes()).hexdigest()

    assert ("4186b261cc9239f3", "173e6eedd3cb1555") == (SCHEMA.sha256[:16], digest[:16])


@pytest.mark.parametrize(
    "other",
    [
        FeatureSchema(names=NAMES[::-1]),
        FeatureSchema(names=NAMES[:-1]),
        FeatureSchema(window_bars=WINDOW_BARS + 1),
        FeatureSchema(bar_minutes=240),
        FeatureSchema(formulas=2),
    ],
)
def test_every_part_of_the_schema_is_in_its_hash(other: FeatureSchema) -> None:
    assert SCHEMA.sha256 != other.sha256


def test_bars_and_series_are_one() -> None:
    assert WHOLE.tobytes() == features(bars_of(series_of(WALK))).tobytes()
