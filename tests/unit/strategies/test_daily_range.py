import numpy as np
import pytest

from dg_bot.indicators.bars import Bars
from dg_bot.strategies.daily_range import breakout_level

H12 = 12 * 3600
DAY = 86_400


def half_days(*rows: tuple[int, float, float, float, float]) -> Bars:
    """Make twelve-hour bars from (half day number, open, high, low, close)."""
    columns = np.array(rows, dtype=np.float64).T
    return Bars(
        opened_at=(columns[0] * H12).astype(np.int64),
        open=columns[1],
        high=columns[2],
        low=columns[3],
        close=columns[4],
        volume=np.ones(len(rows)),
        seconds=H12,
    )


def test_the_level_is_the_days_open_plus_part_of_the_range_of_the_day_before() -> None:
    bars = half_days((0, 100, 105, 98, 103), (1, 103, 110, 101, 108), (2, 108, 109, 107, 108), (3, 108, 130, 90, 100))

    np.testing.assert_allclose([np.nan, np.nan, 108 + 0.5 * 12, 108 + 0.5 * 12], breakout_level(bars, 0.5))


def test_a_day_of_which_the_beginning_is_not_there_has_no_range() -> None:
    bars = half_days((1, 103, 110, 101, 108), (2, 108, 109, 107, 108), (3, 108, 112, 104, 106), (4, 106, 107, 105, 106))

    np.testing.assert_allclose([np.nan, np.nan, np.nan, 106 + 0.5 * 8], breakout_level(bars, 0.5))


def test_a_missing_day_is_not_replaced_by_an_older_one() -> None:
    bars = half_days((0, 100, 105, 98, 103), (1, 103, 110, 101, 108), (4, 108, 109, 107, 108))

    assert np.isnan(breakout_level(bars, 0.5)[-1])


def test_a_day_that_lost_its_first_bar_opens_with_the_next() -> None:
    bars = half_days((0, 100, 105, 98, 103), (1, 103, 110, 101, 108), (3, 111, 112, 110, 111))

    assert breakout_level(bars, 0.5)[-1] == pytest.approx(111 + 0.5 * 12)


@pytest.mark.parametrize(
    ("close", "expected_k"),
    [(110.0, 0.3), (107.0, 0.3), (106.0, 0.4), (105.0, 0.5), (103.0, 0.7), (100.0, 0.7)],
)
def test_dynamic_k_is_the_mean_noise_within_its_limits(close: float, expected_k: float) -> None:
    # Each day runs from 100 to 110; its noise is the part of that range that its close gave back.
    days = [(2 * day, 100.0, 110.0, 100.0, close) for day in range(3)]

    level = breakout_level(half_days(*days), 0.5, noise_days=2, noise_limits=(0.3, 0.7))

    assert level[-1] == pytest.approx(100.0 + expected_k * 10.0)


def test_no_bars_have_no_levels() -> None:
    assert len(breakout_level(half_days((0, 1, 1, 1, 1)), 0.5)) == 1
    empty = Bars(
        opened_at=np.empty(0, np.int64),
        open=np.empty(0),
        high=np.empty(0),
        low=np.empty(0),
        close=np.empty(0),
        volume=np.empty(0),
        seconds=H12,
    )
    assert len(breakout_level(empty, 0.5)) == 0
