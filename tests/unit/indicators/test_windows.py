import numpy as np
import pytest

from dg_bot.errors import DataError
from dg_bot.indicators.windows import before, first_valid, require_columns, window_deviation, window_max, window_min, window_sum

VALUES = np.array([3.0, 1.0, 2.0, 5.0])


def test_windows_cover_the_last_values_only() -> None:
    np.testing.assert_array_equal([np.nan, 4.0, 3.0, 7.0], window_sum(VALUES, 2))
    np.testing.assert_array_equal([np.nan, 3.0, 2.0, 5.0], window_max(VALUES, 2))
    np.testing.assert_array_equal([np.nan, 1.0, 1.0, 2.0], window_min(VALUES, 2))
    np.testing.assert_allclose([np.nan, 1.0, 0.5, 1.5], window_deviation(VALUES, 2))


@pytest.mark.parametrize("window", [window_sum, window_max, window_min])
def test_a_window_of_one_bar_is_the_bar(window: object) -> None:
    assert callable(window)
    np.testing.assert_array_equal(VALUES, window(VALUES, 1))


def test_a_column_is_shifted_into_the_future_only() -> None:
    np.testing.assert_array_equal([np.nan, 3.0, 1.0, 2.0], before(VALUES))
    np.testing.assert_array_equal([np.nan] * 4, before(VALUES, 9))


def test_leading_nan_are_a_warm_up_and_later_ones_a_hole() -> None:
    assert first_valid("x", np.array([np.nan, np.nan, 1.0])) == 2
    assert first_valid("x", np.array([np.nan, np.nan])) == 2
    with pytest.raises(DataError, match="value 2 of 3"):
        first_valid("x", np.array([np.nan, 1.0, np.nan]))


def test_columns_must_have_one_length_and_no_warm_up() -> None:
    with pytest.raises(DataError, match=r"different lengths \[4, 3\]"):
        require_columns("x", VALUES, VALUES[1:])
    with pytest.raises(DataError, match="value 0 of 2"):
        require_columns("x", np.array([np.nan, 1.0]))
