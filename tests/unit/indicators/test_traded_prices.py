import numpy as np
import pytest

from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars
from dg_bot.indicators.traded_prices import daily_vwap, typical_price, value_area
from tests.unit.indicators.columns import cut, random_bars

MIDNIGHT = 1_640_995_200


def flat_bars(closes: list[float], volumes: list[float], *, start: int = MIDNIGHT, seconds: int = 3600) -> Bars:
    """Make bars whose open, high, low and close are one price."""
    price = np.array(closes, dtype=np.float64)
    opened_at = start + seconds * np.arange(len(closes), dtype=np.int64)
    return Bars(opened_at=opened_at, open=price, high=price, low=price, close=price, volume=np.array(volumes), seconds=seconds)


def slow_value_area(bars: Bars, bar: int, lookback: int, bins: int, fraction: float) -> tuple[float, float, float]:
    """Count bin by bin what the module counts by columns."""
    window = range(bar - lookback, bar)
    bottom, top = min(bars.low[i] for i in window), max(bars.high[i] for i in window)
    width = (top - bottom) / bins
    held = [0.0] * bins
    for i in window:
        held[min(int((typical_price(bars)[i] - bottom) / (top - bottom) * bins), bins - 1)] += bars.volume[i]
    low = high = fullest = held.index(max(held))
    while sum(held[low : high + 1]) < fraction * sum(held):
        under = held[low - 1] if low > 0 else -1.0
        over = held[high + 1] if high < bins - 1 else -1.0
        low, high = (low, high + 1) if over >= under else (low - 1, high)
    return bottom + low * width, bottom + (fullest + 0.5) * width, bottom + (high + 1) * width


def test_the_vwap_weighs_prices_by_volume_within_the_day() -> None:
    bars = flat_bars([100.0, 110.0, 120.0], [1.0, 3.0, 0.0])

    np.testing.assert_allclose(daily_vwap(bars), [100.0, 107.5, 107.5])


def test_the_vwap_starts_anew_at_midnight_utc() -> None:
    bars = flat_bars([100.0] * 24 + [200.0], [1.0] * 25)

    assert (100.0, 200.0) == (daily_vwap(bars)[23], daily_vwap(bars)[24])


def test_a_first_day_that_is_there_in_part_has_no_vwap() -> None:
    bars = flat_bars([100.0] * 4, [1.0] * 4, start=MIDNIGHT - 2 * 3600)

    np.testing.assert_array_equal(np.isnan(daily_vwap(bars)), [True, True, False, False])
    assert np.isnan(daily_vwap(cut(bars, 2))).all()


def test_without_trades_there_is_no_vwap() -> None:
    bars = flat_bars([100.0, 100.0], [0.0, 1.0])

    np.testing.assert_array_equal(daily_vwap(bars), [np.nan, 100.0])


def test_the_value_area_equals_a_plain_count() -> None:
    bars = random_bars(31, 200)
    area = value_area(bars, 40, 12, 0.7)

    for bar in range(40, 200):
        expected = slow_value_area(bars, bar, 40, 12, 0.7)
        np.testing.assert_allclose((area.low[bar], area.point_of_control[bar], area.high[bar]), expected, rtol=1e-12)
    assert np.isnan(area.low[:40]).all()


def test_chunks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    bars = random_bars(32, 300)
    whole = value_area(bars, 40, 12)
    monkeypatch.setattr("dg_bot.indicators.traded_prices._CHUNK", 7)

    for name in ("low", "point_of_control", "high"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(value_area(bars, 40, 12), name))


@pytest.mark.parametrize("bars", [flat_bars([100.0] * 30, [1.0] * 30), random_bars(3, 0), random_bars(3, 9)])
def test_prices_that_never_moved_or_are_too_few_have_no_value_area(bars: Bars) -> None:
    area = value_area(bars, 10, 10)

    assert np.isnan(area.low).all()
    assert np.isnan(area.high).all()


def test_a_window_in_which_nothing_traded_has_no_value_area() -> None:
    bars = flat_bars([100.0, 101.0] * 10, [0.0] * 20)

    assert np.isnan(value_area(bars, 10, 10).low).all()


def test_a_hole_is_refused() -> None:
    bars = random_bars(3, 50)
    bars.volume[4] = np.nan

    with pytest.raises(DataError, match="VWAP input"):
        daily_vwap(bars)
    with pytest.raises(DataError, match="volume profile input"):
        value_area(bars, 10, 10)
