import numpy as np
import pytest

from dg_bot.indicators.volatility import atr, bollinger, true_range
from tests.unit.indicators.columns import recorded


def test_true_range_and_atr_equal_the_reference() -> None:
    quotes, reference = recorded("spy502_quotes.csv"), recorded("spy502_atr.csv")
    columns = (quotes["high"], quotes["low"], quotes["close"])

    np.testing.assert_allclose(true_range(*columns), recorded("spy502_tr.csv")["tr"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(atr(*columns), reference["atr"], rtol=0, atol=1e-9)


def test_bollinger_bands_equal_the_reference() -> None:
    result, reference = bollinger(recorded("spy502_quotes.csv")["close"]), recorded("spy502_bb.csv")

    np.testing.assert_allclose(result.upper, reference["upperBand"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.middle, reference["sma"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.lower, reference["lowerBand"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.bandwidth, reference["width"], rtol=0, atol=1e-9)


def test_bollinger_bands_equal_the_worksheet() -> None:
    # The worksheet rounds its deviation to six decimals, and so its bands are off by up to half a unit of the sixth.
    sheet = recorded("stockcharts_bbands20.csv")
    result = bollinger(sheet["close"])

    np.testing.assert_allclose(result.middle, sheet["middle"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(result.upper, sheet["upper"], rtol=0, atol=5e-7)
    np.testing.assert_allclose(result.lower, sheet["lower"], rtol=0, atol=5e-7)


def test_small_moves_of_a_large_price_keep_their_bands() -> None:
    swing = 150_000_000.0 + np.tile([0.0, 1000.0], 100)

    assert bollinger(swing).upper[-1] == pytest.approx(150_000_500.0 + 2 * 500.0, abs=1e-6)
