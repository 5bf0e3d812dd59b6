import numpy as np
import pytest

from dg_bot.indicators.volume import obv, obv_mean, obv_slope, volume_ratio


def test_the_volume_ratio_counts_its_own_bar_into_the_mean() -> None:
    volume = np.array([1.0] * 19 + [21.0])

    assert volume_ratio(volume)[-1] == pytest.approx(21.0 / 2.0)


def test_the_volume_ratio_is_absent_where_nothing_traded() -> None:
    assert np.isnan(volume_ratio(np.zeros(30))).all()


def test_a_huge_volume_leaves_nothing_behind_once_it_left_the_window() -> None:
    volume = np.array([1e12] + [1e-8] * 40)

    assert pytest.approx(volume_ratio(volume)[-1], rel=1e-12) == 1.0


def test_obv_adds_rising_and_takes_off_falling_volume() -> None:
    close, volume = np.array([10.0, 11.0, 11.0, 9.0, 10.0]), np.array([5.0, 2.0, 7.0, 4.0, 1.0])

    np.testing.assert_array_equal([5.0, 7.0, 7.0, 3.0, 4.0], obv(close, volume))
    np.testing.assert_allclose([np.nan, 6.0, 7.0, 5.0, 3.5], obv_mean(close, volume, 2))


def test_the_obv_slope_is_one_where_every_bar_rises_on_equal_volume() -> None:
    rising, volume = np.arange(1.0, 31.0), np.full(30, 4.0)

    assert obv_slope(rising, volume)[-1] == pytest.approx(1.0)
    assert obv_slope(rising[::-1].copy(), volume)[-1] == pytest.approx(-1.0)
