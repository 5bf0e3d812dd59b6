import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.operator.backtest_charts import bins, drawn_places


def test_a_short_line_is_drawn_whole() -> None:
    assert list(range(8)) == drawn_places(np.zeros(8), 8).tolist()


@given(st.integers(0, 2**32), st.integers(9, 3000))
def test_a_long_line_keeps_its_ends_its_peak_and_its_trough(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).normal(size=count)

    places = drawn_places(values, 8)

    assert len(places) <= 8
    assert {0, count - 1, int(values.argmin()), int(values.argmax())} <= set(places.tolist())
    assert np.all(np.diff(places) > 0)


@pytest.mark.parametrize("values", [[0.0], [0.012, -0.05, 0.1], [-0.3], [1e-9, 5.0], [0.05] * 3])
def test_gains_and_losses_never_share_a_bin(values: list[float]) -> None:
    edges, counts = bins(values)

    assert len(values) == counts.sum()
    assert 0.0 in edges
    assert len(counts) <= 82
