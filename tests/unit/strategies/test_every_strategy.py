"""What holds for every strategy of the catalog, and for each the bars by which it is known."""

from collections.abc import Sequence

import numpy as np
import pytest

from dg_bot.errors import ConfigurationError
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy
from dg_bot.strategies.rule_signals import BASE_CONFIDENCE
from tests.unit.indicators.columns import cut, random_bars
from tests.unit.strategies.signal_checks import assert_same_past, real_bars

every_strategy = pytest.mark.parametrize("name", STRATEGY_NAMES)


def bars_of_closes(
    closes: Sequence[float], *, reach: float = 0.0, volumes: Sequence[float] | None = None, seconds: int = 3600
) -> Bars:
    """Make bars from closes, beginning at midnight UTC; each opens at the close before, and reaches `reach` beyond both."""
    close = np.array(closes, dtype=np.float64)
    opened = np.concatenate([close[:1], close[:-1]])
    return Bars(
        opened_at=1_640_995_200 + seconds * np.arange(len(close), dtype=np.int64),
        open=opened,
        high=np.maximum(opened, close) + reach,
        low=np.minimum(opened, close) - reach,
        close=close,
        volume=np.full(len(close), 10.0) if volumes is None else np.array(volumes, dtype=np.float64),
        seconds=seconds,
    )


def entries(name: str, bars: Bars, **parameters: str) -> list[int]:
    return np.flatnonzero(make_strategy(name, parameters).signals(bars).entry).tolist()


def exits(name: str, bars: Bars, **parameters: str) -> list[int]:
    return np.flatnonzero(make_strategy(name, parameters).signals(bars).exit).tolist()


@every_strategy
@pytest.mark.parametrize("bars", [random_bars(21, 900), real_bars], ids=["random", "real"])
def test_signals_never_depend_on_later_bars(name: str, bars: object) -> None:
    strategy = make_strategy(name)
    known = bars if isinstance(bars, Bars) else real_bars()
    whole = strategy.signals(known)

    assert whole.entry.any()
    for end in np.random.default_rng(4).integers(1, len(known), 10):
        assert_same_past(whole, strategy.signals(cut(known, int(end))), int(end))


@every_strategy
def test_an_entry_is_where_every_gate_passes_after_the_warm_up(name: str) -> None:
    strategy = make_strategy(name)
    signals = strategy.signals(random_bars(22, 1200))

    expected = np.logical_and.reduce([gate.passed for gate in signals.gates])
    expected[: strategy.warm_up - 1] = False
    np.testing.assert_array_equal(expected, signals.entry)
    assert not signals.exit[: strategy.warm_up - 1].any()
    assert (signals.confidence[signals.entry] >= BASE_CONFIDENCE).all()
    assert not (signals.entry & signals.exit).any()


@every_strategy
def test_every_gate_has_a_value_once_the_warm_up_is_over(name: str) -> None:
    strategy = make_strategy(name)
    signals = strategy.signals(random_bars(23, max(strategy.warm_up, 60)))

    measured = [condition for gate in signals.gates for condition in gate.conditions]
    values = [number for condition in measured for number in (condition.values[-1], condition.limits[-1])]
    # The grid has no line above a close that stands over all of them: there is nothing to fall through.
    assert name == "grid" or np.isfinite(values).all()


@every_strategy
@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_market_without_a_past_gives_no_signal(name: str, count: int) -> None:
    signals = make_strategy(name).signals(random_bars(1, count))

    assert (count, False, False) == (len(signals.entry), bool(signals.entry.any()), bool(signals.exit.any()))


@every_strategy
def test_the_name_is_the_one_it_is_asked_for_by(name: str) -> None:
    assert name == make_strategy(name).name


def test_an_unknown_strategy_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="'sma' is not a strategy; choose one of volatility_breakout, sma_cross"):
        make_strategy("sma")


@pytest.mark.parametrize(
    ("name", "parameters", "named"),
    [
        ("sma_cross", {"short_period": "0"}, "short_period"),
        ("sma_cross", {"short_period": "30"}, "long_period"),
        ("sma_cross", {"long_period": "1001"}, "long_period"),
        ("ema_cross", {"short_period": "21"}, "long_period"),
        ("macd_cross", {"fast_period": "26"}, "slow_period"),
        ("macd_cross", {"signal_period": "0"}, "signal_period"),
        ("rsi_reversal", {"period": "1"}, "period"),
        ("rsi_reversal", {"oversold": "0"}, "oversold"),
        ("rsi_reversal", {"overbought": "30"}, "overbought"),
        ("rsi_reversal", {"overbought": "100"}, "overbought"),
        ("bollinger_reentry", {"period": "1"}, "period"),
        ("bollinger_reentry", {"deviations": "0.09"}, "deviations"),
        ("bollinger_reentry", {"minimum_bandwidth": "1.01"}, "minimum_bandwidth"),
        ("vwap_return", {"deviation": "0"}, "deviation"),
        ("vwap_return", {"minimum_bars": "29"}, "minimum_bars"),
        ("volume_profile", {"lookback_bars": "9"}, "lookback_bars"),
        ("volume_profile", {"bins": "4"}, "bins"),
        ("volume_profile", {"value_area_fraction": "1"}, "value_area_fraction"),
        ("grid", {"mean_period": "1"}, "mean_period"),
        ("grid", {"lines": "1"}, "lines"),
        ("grid", {"range_fraction": "0.91"}, "range_fraction"),
    ],
)
def test_a_parameter_out_of_range_is_named(name: str, parameters: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        make_strategy(name, parameters)


@pytest.mark.parametrize("name", ["sma_cross", "ema_cross"])
def test_a_crossing_enters_on_its_bar_and_leaves_on_the_opposite_one(name: str) -> None:
    closes = [100.0] * 5 + [90.0] * 3 + [120.0] * 6 + [80.0] * 4
    lengths = {"short_period": "2", "long_period": "4"}

    assert [8] == entries(name, bars_of_closes(closes), **lengths)
    assert 14 in exits(name, bars_of_closes(closes), **lengths)


def test_means_that_only_touch_do_not_cross() -> None:
    closes = [100.0] * 5 + [90.0] * 3 + [100.0] * 10

    # The short mean crosses at bar 8, 95.0 over 92.5; from bar 11 on both are 100.0, which is no crossing back.
    assert [8] == entries("sma_cross", bars_of_closes(closes), short_period="2", long_period="4")
    assert [5] == exits("sma_cross", bars_of_closes(closes), short_period="2", long_period="4")


def test_the_macd_enters_where_its_histogram_turns_positive() -> None:
    closes = [100.0] * 10 + [95.0, 92.0, 90.0, 89.0, 95.0, 105.0, 115.0]
    bars = bars_of_closes(closes)
    strategy = make_strategy("macd_cross", {"fast_period": "2", "slow_period": "4", "signal_period": "2"})
    signals = strategy.signals(bars)
    was, now = (gate.conditions[0].values for gate in signals.gates)

    # The fall slows down at 90 to 89: momentum turns before the price does.
    (bar,) = np.flatnonzero(signals.entry)
    assert was[bar] <= 0.0 < now[bar]
    assert 13 == bar


def test_the_rsi_enters_when_it_recovers_and_leaves_when_it_cools() -> None:
    falling = [100.0 - step for step in range(8)]
    rising = [93.0 + step * 2 for step in range(1, 12)]
    cooling = [110.0, 105.0]
    bars = bars_of_closes([*falling, *rising, *cooling])

    assert [8] == entries("rsi_reversal", bars, period="3")
    assert [19] == exits("rsi_reversal", bars, period="3")


def test_the_bands_are_entered_when_the_close_comes_back_into_them() -> None:
    closes = [100.0, 101.0] * 10 + [90.0, 100.0, 100.5, 112.0, 101.0]
    bars = bars_of_closes(closes)

    assert [21] == entries("bollinger_reentry", bars)
    assert [24] == exits("bollinger_reentry", bars)


def test_narrow_bands_are_left_alone() -> None:
    closes = [100.0, 101.0] * 10 + [90.0, 100.0, 100.5, 112.0, 101.0]
    bars = bars_of_closes(closes)

    assert ([], []) == (
        entries("bollinger_reentry", bars, minimum_bandwidth="0.5"),
        exits("bollinger_reentry", bars, minimum_bandwidth="0.5"),
    )


def test_the_vwap_is_entered_from_below_and_left_from_above() -> None:
    calm = [100.0] * 40
    bars = bars_of_closes([*calm, 99.0, 99.9, 100.0, 101.0, 100.1])

    assert [41] == entries("vwap_return", bars)
    assert [44] == exits("vwap_return", bars)


def test_the_vwap_waits_for_its_bars() -> None:
    bars = bars_of_closes([*[100.0] * 26, 99.0, 99.9, 100.0, 100.0, 99.0, 100.0])

    assert [31] == entries("vwap_return", bars)


def test_the_value_area_is_bought_at_its_low_and_left_at_its_high() -> None:
    # Most is traded between 99 and 101; the rare 90 and 110 only stretch the range.
    calm = [100.0, 99.0, 101.0, 100.0, 99.0, 101.0, 100.0, 90.0, 110.0, 100.0]
    volumes = [50.0] * 7 + [1.0, 1.0] + [50.0]
    dip = bars_of_closes([*calm, 97.0, 100.0], volumes=[*volumes, 50.0, 50.0])
    peak = bars_of_closes([*calm, 103.0, 100.0], volumes=[*volumes, 1.0, 50.0])
    lengths = {"lookback_bars": "10", "bins": "10"}

    assert [11] == entries("volume_profile", dip, **lengths)
    assert [11] == exits("volume_profile", peak, **lengths)


def test_the_grid_buys_below_a_line_and_aims_at_the_next_one() -> None:
    closes = [100.0] * 10 + [99.0]
    bars = bars_of_closes(closes)
    parameters = {"mean_period": "10", "lines": "5", "range_fraction": "0.10"}
    signals = make_strategy("grid", parameters).signals(bars)

    # The mean is 99.9, the lines lie 4.995 apart: 89.91, 94.905, 99.9, 104.895 and 109.89; the close fell through 99.9.
    assert [10] == np.flatnonzero(signals.entry).tolist()
    assert pytest.approx(104.895 - 99.0) == signals.target_distance[10]
    assert not signals.exit.any()


def test_a_fall_through_several_lines_aims_above_the_lowest() -> None:
    bars = bars_of_closes([100.0] * 10 + [93.0])
    signals = make_strategy("grid", {"mean_period": "10", "lines": "5", "range_fraction": "0.10"}).signals(bars)

    # The mean is 99.3, the lines lie 4.965 apart: the close fell through 99.3 and 94.335, the lowest above it.
    assert signals.entry[10]
    assert pytest.approx(94.335 + 4.965 - 93.0) == signals.target_distance[10]


def test_a_close_on_a_line_has_not_fallen_through_it() -> None:
    bars = bars_of_closes([100.0] * 12)

    assert [] == entries("grid", bars, mean_period="10", lines="5")


def test_no_line_lies_above_a_close_over_the_whole_grid() -> None:
    bars = bars_of_closes([*[100.0] * 10, 150.0, 140.0])

    assert [] == entries("grid", bars, mean_period="10", lines="5")
