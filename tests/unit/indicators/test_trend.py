import numpy as np

from dg_bot.indicators.trend import directional_movement, donchian_high, ema, macd, sma, wilder_mean
from tests.unit.indicators.columns import recorded


def test_sma_equals_the_reference() -> None:
    close, reference = recorded("spy502_quotes.csv")["close"], recorded("spy502_sma.csv")["sma"]

    np.testing.assert_allclose(sma(close, 20), reference, rtol=0, atol=1e-9)


def test_ema_equals_the_reference() -> None:
    close, reference = recorded("spy502_quotes.csv")["close"], recorded("spy502_ema.csv")["ema"]

    np.testing.assert_allclose(ema(close, 20), reference, rtol=0, atol=1e-9)


def test_macd_equals_the_reference() -> None:
    result, reference = macd(recorded("spy502_quotes.csv")["close"]), recorded("spy502_macd.csv")

    np.testing.assert_allclose(result.line, reference["macd"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.signal, reference["signal"], rtol=0, atol=1e-9)
    np.testing.assert_allclose(result.histogram, reference["histogram"], rtol=0, atol=1e-9)


def test_directional_movement_equals_the_worksheet() -> None:
    sheet = recorded("stockcharts_adx14.csv")
    result = directional_movement(sheet["high"], sheet["low"], sheet["close"])

    np.testing.assert_allclose(result.plus, sheet["plus_di14"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(result.minus, sheet["minus_di14"], rtol=0, atol=1e-7)
    np.testing.assert_allclose(result.adx, sheet["adx"], rtol=0, atol=1e-7)


def test_an_ema_starts_with_the_plain_mean_and_moves_by_its_weight() -> None:
    np.testing.assert_allclose([np.nan, np.nan, 2.0, 3.0, 4.0], ema(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), 3))


def test_wilders_mean_starts_with_the_plain_mean_and_moves_by_one_over_its_period() -> None:
    np.testing.assert_allclose([np.nan, 1.5, 2.25, 3.125], wilder_mean(np.array([1.0, 2.0, 3.0, 4.0]), 2))


def test_the_donchian_high_leaves_its_own_bar_out() -> None:
    high = np.array([5.0, 3.0, 4.0, 9.0, 2.0])

    np.testing.assert_array_equal([np.nan, np.nan, 5.0, 4.0, 9.0], donchian_high(high, 2))
