import numpy as np
import pytest

from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars
from tests.unit.indicators.columns import INDICATORS, WARM_UP, cut, random_bars, recorded

NAMES = sorted(INDICATORS)
SINGLE_COLUMN = {"sma", "ema", "rsi", "bandwidth"} | {name for name in NAMES if name.startswith(("macd", "bollinger"))}


def flat_bars(count: int) -> Bars:
    price = np.full(count, 0.1)
    return Bars(
        opened_at=14400 * np.arange(count, dtype=np.int64),
        open=price,
        high=price,
        low=price,
        close=price,
        volume=np.full(count, 2.0),
        seconds=14400,
    )


def with_price_scale(bars: Bars, scale: float) -> Bars:
    return Bars(
        opened_at=bars.opened_at,
        open=bars.open * scale,
        high=bars.high * scale,
        low=bars.low * scale,
        close=bars.close * scale,
        volume=bars.volume,
        seconds=bars.seconds,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_value_never_depends_on_what_comes_after_it(name: str) -> None:
    bars = random_bars(11, 400)
    whole = INDICATORS[name](bars)

    for end in np.random.default_rng(5).integers(1, 400, 12):
        np.testing.assert_array_equal(whole[:end], INDICATORS[name](cut(bars, int(end))))


@pytest.mark.parametrize("name", NAMES)
def test_only_the_warm_up_is_nan(name: str) -> None:
    values = INDICATORS[name](random_bars(3, 120))

    assert (len(values), str(values.dtype)) == (120, "float64")
    np.testing.assert_array_equal(np.arange(120) < WARM_UP[name], np.isnan(values))


@pytest.mark.parametrize("name", NAMES)
def test_too_few_bars_give_nan_and_no_error(name: str) -> None:
    for count in range(WARM_UP[name] + 1):
        values = INDICATORS[name](random_bars(3, count))

        assert count == len(values)
        assert np.isnan(values).all()


def holed(position: int, hole: float) -> Bars:
    bars = random_bars(3, 100)
    for column in (bars.high, bars.low, bars.close, bars.volume):
        column[position] = hole
    return bars


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("position", "hole"), [(0, np.inf), (60, np.nan), (60, -np.inf), (99, np.nan)])
def test_a_hole_in_the_input_is_refused(name: str, position: int, hole: float) -> None:
    with pytest.raises(DataError, match=f"value {position} of 100"):
        INDICATORS[name](holed(position, hole))


@pytest.mark.parametrize("name", sorted(set(NAMES) - SINGLE_COLUMN))
def test_a_bar_without_a_first_price_is_refused(name: str) -> None:
    with pytest.raises(DataError, match="value 0 of 100"):
        INDICATORS[name](holed(0, np.nan))


@pytest.mark.parametrize("name", sorted(SINGLE_COLUMN))
def test_a_single_column_may_begin_with_the_warm_up_of_another_indicator(name: str) -> None:
    values = INDICATORS[name](holed(0, np.nan))

    np.testing.assert_array_equal(np.arange(100) < WARM_UP[name] + 1, np.isnan(values))


@pytest.mark.parametrize("name", ["rsi", "stochastic k", "stochastic d", "williams r", "cci", "mfi"])
def test_an_oscillator_says_nothing_where_nothing_moved(name: str) -> None:
    assert np.isnan(INDICATORS[name](flat_bars(80))).all()


def test_a_market_that_does_not_move_has_no_trend_and_no_width() -> None:
    bars = flat_bars(80)

    assert INDICATORS["adx"](bars)[-1] == 0.0
    assert INDICATORS["atr"](bars)[-1] == 0.0
    assert INDICATORS["bandwidth"](bars)[-1] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("name", ["rsi", "adx", "plus di", "stochastic d", "williams r", "cci", "mfi", "bandwidth"])
@pytest.mark.parametrize("scale", [1e-9, 1e4])
def test_the_unit_of_the_price_does_not_matter(name: str, scale: float) -> None:
    bars = random_bars(8, 200)

    np.testing.assert_allclose(INDICATORS[name](with_price_scale(bars, scale)), INDICATORS[name](bars), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_recorded_quotes_with_holes_and_odd_values_raise_or_give_numbers(name: str) -> None:
    quotes = recorded("edge_bad.csv")
    count = len(quotes["close"])
    columns = {key: quotes[key] for key in ("open", "high", "low", "close", "volume")}
    bars = Bars(opened_at=np.arange(count, dtype=np.int64), seconds=86400, **columns)
    first_hole = min(int((~np.isfinite(column)).argmax()) for column in columns.values())

    with pytest.raises(DataError):
        INDICATORS[name](bars)

    assert first_hole > 400
    assert not np.isinf(INDICATORS[name](cut(bars, first_hole))).any()
