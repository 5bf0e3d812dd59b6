import numpy as np
import pytest

from dg_bot.indicators.momentum import cci, mfi, rsi, stochastic, williams_r
from tests.unit.indicators.columns import recorded


def test_rsi_equals_the_reference() -> None:
    np.testing.assert_allclose(rsi(recorded("spy502_quotes.csv")["close"]), recorded("spy502_rsi.csv")["rsi"], rtol=0, atol=1e-9)


def test_rsi_equals_the_classic_example() -> None:
    sheet = recorded("stockcharts_rsi14_2dp.csv")
    known = ~np.isnan(sheet["rsi"])

    np.testing.assert_allclose(rsi(sheet["close"])[known], sheet["rsi"][known], rtol=0, atol=1e-9)


def test_rsi_is_extreme_only_where_every_change_had_one_direction() -> None:
    assert rsi(np.arange(1.0, 30.0))[-1] == 100.0
    assert rsi(np.arange(30.0, 1.0, -1.0))[-1] == 0.0


def test_rsi_falls_silent_once_nothing_changed_for_its_period() -> None:
    values = np.concatenate([np.arange(1.0, 20.0), np.full(14, 19.0)])

    result = rsi(values)

    assert not np.isnan(result[-2])
    assert np.isnan(result[-1])


def test_stochastic_and_williams_place_the_close_in_its_range() -> None:
    high, low = np.full(20, 110.0), np.full(20, 90.0)
    close = np.full(20, 95.0)
    close[-1] = 107.0

    result = stochastic(high, low, close)

    assert result.k[-1] == pytest.approx(85.0)
    assert result.d[-1] == pytest.approx((25.0 + 25.0 + 85.0) / 3.0)
    assert williams_r(high, low, close)[-1] == -15.0


def test_cci_is_the_distance_from_the_mean_in_mean_deviations() -> None:
    price = np.array([10.0] * 19 + [12.0])

    assert cci(price, price, price)[-1] == pytest.approx((12.0 - 10.1) / (0.015 * 0.19))


def test_mfi_is_the_share_of_value_on_rising_prices() -> None:
    price = np.array([10.0] + [11.0, 10.0] * 7)
    flow_up, flow_down = 7 * 11.0 * 3.0, 7 * 10.0 * 1.0
    volume = np.array([5.0] + [3.0, 1.0] * 7)

    assert mfi(price, price, price, volume)[-1] == pytest.approx(100.0 * flow_up / (flow_up + flow_down))


def test_mfi_hears_the_smallest_flow() -> None:
    price = np.array([10.0] + [11.0, 10.0] * 7) * 1e-6
    volume = np.full(15, 0.001)

    assert mfi(price, price, price, volume)[-1] == pytest.approx(100.0 * 11.0 / 21.0)
