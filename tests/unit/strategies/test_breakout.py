from dataclasses import fields

import numpy as np
import pytest

from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars
from dg_bot.indicators.trend import donchian_high, sma
from dg_bot.indicators.volatility import atr
from dg_bot.strategies.base import Condition, GateSeries
from dg_bot.strategies.breakout import (
    BreakoutParameters,
    VolatilityBreakout,
    breakout_gate,
    confidence,
    squeeze_gate,
    trend_gate,
    volume_gate,
)
from tests.unit.indicators.columns import cut, random_bars
from tests.unit.strategies.signal_checks import assert_same_past, real_bars

DEFAULTS = BreakoutParameters()


def steady_bars(count: int = 60, **last: float) -> Bars:
    """Make bars that swing by 1 around 100 on a volume of 10; `last` replaces columns of the newest one."""
    close = 100.0 + np.where(np.arange(count) % 2, 0.5, -0.5)
    bars = Bars(
        opened_at=14400 * np.arange(count, dtype=np.int64),
        open=np.full(count, 100.0),
        high=np.full(count, 101.0),
        low=np.full(count, 99.0),
        close=close,
        volume=np.full(count, 10.0),
        seconds=14400,
    )
    for name, value in last.items():
        getattr(bars, name)[-1] = value
    return bars


@pytest.mark.parametrize("parameters", [DEFAULTS, BreakoutParameters(dynamic_range_multiple=True, noise_days=5)])
def test_signals_never_depend_on_later_bars(parameters: BreakoutParameters) -> None:
    strategy, bars = VolatilityBreakout(parameters), random_bars(21, 500)
    whole = strategy.signals(bars)

    for end in np.random.default_rng(4).integers(0, 500, 15):
        assert_same_past(whole, strategy.signals(cut(bars, int(end))), int(end))


def test_signals_never_depend_on_later_bars_of_a_real_market() -> None:
    strategy, bars = VolatilityBreakout(DEFAULTS), real_bars()
    whole = strategy.signals(bars)

    assert whole.entry.any()
    for end in np.random.default_rng(4).integers(1, len(bars), 15):
        assert_same_past(whole, strategy.signals(cut(bars, int(end))), int(end))


def test_an_entry_needs_all_four_gates() -> None:
    signals = VolatilityBreakout(DEFAULTS).signals(random_bars(22, 800))

    assert [gate.name for gate in signals.gates] == ["trend", "squeeze", "breakout", "volume"]
    np.testing.assert_array_equal(np.logical_and.reduce([gate.passed for gate in signals.gates]), signals.entry)
    assert 0 < signals.entry.sum() < 200
    assert not signals.exit.any()


def test_every_value_exists_once_the_warm_up_is_over() -> None:
    strategy = VolatilityBreakout(DEFAULTS)
    signals = strategy.signals(random_bars(23, strategy.warm_up))

    assert strategy.warm_up == 50
    for gate in signals.gates:
        for condition in gate.conditions:
            assert np.isfinite(condition.values[-1])
            assert np.isfinite(condition.limits[-1])
    assert np.isfinite(signals.trend_strength[-1])


def test_no_entry_comes_before_the_warm_up() -> None:
    short = (
        "trend_period",
        "bollinger_period",
        "bandwidth_period",
        "adx_period",
        "donchian_period",
        "volume_period",
        "atr_period",
    )
    eager = BreakoutParameters(**dict.fromkeys(short, 2), obv_slow_period=30)  # type: ignore[arg-type]
    strategy = VolatilityBreakout(eager)

    entry = strategy.signals(random_bars(2, 400)).entry

    assert strategy.warm_up == 30
    assert not entry[:29].any()
    assert entry[29:].any()


def test_too_few_bars_give_no_signal_and_no_error() -> None:
    for count in (0, 1, 2, 49):
        signals = VolatilityBreakout(DEFAULTS).signals(random_bars(1, count))

        assert count == len(signals.entry)
        assert not signals.entry.any()


def test_a_hole_in_the_bars_is_refused() -> None:
    with pytest.raises(DataError):
        VolatilityBreakout(DEFAULTS).signals(steady_bars(close=np.nan))


@pytest.mark.parametrize(("above", "passes"), [(-0.01, False), (0.0, False), (0.01, True)])
def test_the_trend_gate_needs_a_close_above_its_mean(above: float, passes: bool) -> None:
    # With a mean over two bars the close equals it exactly where it equals the close before.
    bars = steady_bars(close=99.5 + above)

    gate = trend_gate(bars, BreakoutParameters(trend_period=2))

    assert passes == gate.passed[-1]
    np.testing.assert_array_equal(sma(bars.close, 2), gate.conditions[0].limits)


@pytest.mark.parametrize(("adx", "passes"), [(19.99, True), (20.0, False), (20.01, False), (np.nan, False)])
def test_the_squeeze_gate_passes_below_its_adx(adx: float, passes: bool) -> None:
    gate = squeeze_gate(steady_bars(), np.full(60, adx), DEFAULTS)

    assert passes == gate.conditions[1].passed[-1]


def test_the_squeeze_gate_looks_at_the_bands_of_the_bar_before() -> None:
    narrowing = steady_bars()
    narrowing.close[:45] = 100.0 + np.where(np.arange(45) % 2, 5.0, -5.0)
    wild_now = steady_bars(close=150.0)
    wild_now.close[:45] = narrowing.close[:45]

    for bars in (narrowing, wild_now):
        (narrow, _) = squeeze_gate(bars, np.full(60, 50.0), DEFAULTS).conditions
        assert narrow.passed[-1]


@pytest.mark.parametrize(("close", "passes"), [(100.99, False), (101.0, False), (101.01, True)])
def test_the_breakout_gate_needs_a_close_above_the_channel_of_the_bars_before(close: float, passes: bool) -> None:
    bars = steady_bars(close=close, high=200.0)

    (channel, _) = breakout_gate(bars, DEFAULTS).conditions

    assert passes == channel.passed[-1]
    assert donchian_high(bars.high)[-1] == 101.0


@pytest.mark.parametrize(("close", "passes"), [(100.99, False), (101.0, False), (101.01, True)])
def test_the_breakout_gate_needs_a_close_above_the_days_open_and_half_of_yesterdays_range(close: float, passes: bool) -> None:
    (_, from_open) = breakout_gate(steady_bars(close=close), DEFAULTS).conditions

    assert from_open.limits[-1] == 100.0 + 0.5 * 2.0
    assert passes == from_open.passed[-1]


@pytest.mark.parametrize(("volume", "passes"), [(15.40, False), (15.41, True)])
def test_the_volume_gate_needs_its_multiple_of_the_mean(volume: float, passes: bool) -> None:
    # The mean counts the bar itself: v / ((190 + v) / 20) reaches 1.5 at 285 / 18.5 = 15.405...
    (unusual, _) = volume_gate(steady_bars(volume=volume), DEFAULTS).conditions

    assert passes == unusual.passed[-1]


def test_the_volume_gate_passes_at_exactly_its_multiple() -> None:
    (unusual, _) = volume_gate(steady_bars(volume=30.0), BreakoutParameters(volume_period=2, volume_multiple=1.5)).conditions

    assert (unusual.values[-1], unusual.passed[-1]) == (1.5, True)


def test_the_volume_gate_passes_while_the_short_obv_mean_is_above_the_long_one() -> None:
    rising, falling = steady_bars(), steady_bars()
    rising.close[:] = np.linspace(100.0, 110.0, 60)
    falling.close[:] = np.linspace(110.0, 100.0, 60)

    assert volume_gate(rising, DEFAULTS).conditions[1].passed[-1]
    assert not volume_gate(falling, DEFAULTS).conditions[1].passed[-1]


def a_gate(*outcomes: bool) -> GateSeries:
    nothing = np.zeros(1)
    return GateSeries(
        name="x",
        conditions=tuple(
            Condition(measure="m", values=nothing, comparison=">", limits=nothing, passed=np.array([one])) for one in outcomes
        ),
    )


@pytest.mark.parametrize(
    ("gates", "expected"),
    [
        ([(True, False), (False, True), (True, False)], 0.70),
        ([(True, True), (False, True), (True, False)], 0.80),
        ([(True, True), (True, True), (True, False)], 0.90),
        ([(True, True), (True, True), (True, True)], 1.00),
    ],
)
def test_confidence_rises_with_each_gate_that_passes_both_ways(gates: list[tuple[bool, bool]], expected: float) -> None:
    assert expected == confidence((a_gate(True), *(a_gate(*outcome) for outcome in gates)))[0]


def test_distances_are_multiples_of_the_average_true_range() -> None:
    bars = random_bars(6, 100)
    signals = VolatilityBreakout(DEFAULTS).signals(bars)
    expected = np.nan_to_num(atr(bars.high, bars.low, bars.close))

    np.testing.assert_array_equal(2.0 * expected, signals.stop_distance)
    np.testing.assert_array_equal(3.0 * expected, signals.target_distance)
    assert signals.stop_distance[13] == 0.0


def test_bars_without_entry_have_no_confidence() -> None:
    signals = VolatilityBreakout(DEFAULTS).signals(random_bars(22, 800))

    assert not signals.confidence[~signals.entry].any()
    assert (signals.confidence[signals.entry] >= 0.7).all()


def test_the_exits_left_to_risk_come_from_the_parameters() -> None:
    exits = VolatilityBreakout(DEFAULTS).bar_exits

    assert (0.02, 3, 24, 0.02, 0.8, 20.0) == tuple(getattr(exits, field.name) for field in fields(exits))
