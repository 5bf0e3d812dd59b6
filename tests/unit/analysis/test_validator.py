from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dg_bot.analysis.market_context import MarketContext, ReferenceContext, market_context
from dg_bot.analysis.validator import (
    ValidatorLimits,
    bar_checks,
    bearish_divergence,
    confidence,
    correlation_shift,
    entry_mask,
    fake_out,
    flash_crash,
    high_volatility,
    overbought,
    oversold,
    reference_fall,
    rising_volatility,
    validate,
    verdict,
)
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.gate import Gate
from dg_bot.indicators.bars import Floats, bars_of
from dg_bot.strategies.base import GateSeries
from tests.unit.analysis.market_series import CALM, REFERENCE, series, walk

LIMITS = ValidatorLimits()
NAN = float("nan")
CANDLE_CHECKS = {"rsi_contradiction", "volatility_level", "volatility_jump", "fake_out", "flash_crash", "rsi_divergence"}
ALL_CHECKS = [
    "rsi_contradiction",
    "volatility_level",
    "volatility_jump",
    "fake_out",
    "reference_fall",
    "correlation_shift",
    "flash_crash",
    "rsi_divergence",
    "confidence",
]


def _decision(action: Action, sure: float = 0.9) -> Decision:
    return Decision(action=action, confidence=sure, source="rules", reason="breakout")


def _with(reference: ReferenceContext) -> MarketContext:
    return replace(CALM, reference=reference)


def _validated(action: Action, *, context: MarketContext = CALM, count: int = 300, sure: float = 0.9) -> tuple[Gate, ...]:
    return validate(_decision(action, sure), bars_of(walk(5, count, minutes=240)), context, LIMITS, 0.7)


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (overbought, [(69.9, True), (70.0, True), (70.1, False), (NAN, False)]),
        (high_volatility, [(0.0599, True), (0.06, True), (0.0601, False), (NAN, False)]),
        (rising_volatility, [(1.99, True), (2.0, True), (2.01, False), (NAN, False)]),
        (flash_crash, [(0.0499, True), (0.05, False), (0.0501, False), (NAN, False)]),
    ],
)
def test_a_buy_check_holds_its_limit(
    check: Callable[[Floats, ValidatorLimits], GateSeries], values: list[tuple[float, bool]]
) -> None:
    column = np.array([value for value, _ in values])

    assert [passed for _, passed in values] == list(check(column, LIMITS).passed)


@pytest.mark.parametrize(
    ("adx", "ratio", "passed"),
    [
        (19.9, 1.29, False),
        (20.0, 1.29, True),
        (20.1, 1.29, True),
        (19.9, 1.3, True),
        (19.9, 1.31, True),
        (NAN, 5.0, False),
        (50.0, NAN, False),
    ],
)
def test_a_move_without_trend_and_volume_is_a_fake_out(adx: float, ratio: float, passed: bool) -> None:
    assert [passed] == list(fake_out(np.array([adx]), np.array([ratio]), LIMITS).passed)


def test_a_fake_out_is_told_with_both_measures_and_limits() -> None:
    gate = fake_out(np.array([15.0]), np.array([1.1]), LIMITS).at(-1)

    assert Gate("fake_out", "adx 15, volume ratio 1.1", "adx >= 20 or volume ratio >= 1.3", False) == gate


def test_a_divergence_below_zero_is_bearish() -> None:
    assert [True, True, False, False] == list(bearish_divergence(np.array([0.1, 0.0, -0.1, NAN])).passed)


@pytest.mark.parametrize(("strength", "passed"), [(29.9, False), (30.0, True), (30.1, True)])
def test_an_oversold_market_is_not_sold(strength: float, passed: bool) -> None:
    assert Gate("rsi_contradiction", strength, 30.0, passed) == oversold(np.array([strength]), LIMITS)


@pytest.mark.parametrize("column", [np.array([NAN]), np.empty(0)])
def test_an_rsi_that_cannot_be_measured_holds_no_sell_back(column: Floats) -> None:
    assert Gate("rsi_contradiction", None, None, True) == oversold(column, LIMITS)


@pytest.mark.parametrize(
    ("fall", "beta", "alpha", "passed"),
    [
        (-0.0101, 1.21, -0.0001, False),
        (-0.01, 1.21, -0.0001, True),
        (-0.0099, 1.21, -0.0001, True),
        (-0.0101, 1.2, -0.0001, True),
        (-0.0101, 1.19, -0.0001, True),
        (-0.0101, 1.21, 0.0, True),
        (-0.0101, 1.21, 0.0001, True),
    ],
)
def test_no_entry_into_a_market_dragged_down_by_its_reference(fall: float, beta: float, alpha: float, passed: bool) -> None:
    gate = reference_fall(_with(replace(REFERENCE, return_24h=fall, beta=beta, alpha_24h=alpha)), LIMITS)

    assert passed is gate.passed
    assert f"24 h return {fall:.6g}, beta {beta:.6g}, alpha {alpha:.6g}" == gate.value


@pytest.mark.parametrize(
    "reference", [replace(REFERENCE, return_24h=None), replace(REFERENCE, beta=None), replace(REFERENCE, alpha_24h=None)]
)
def test_a_reference_that_cannot_be_measured_blocks_an_entry(reference: ReferenceContext) -> None:
    gate = reference_fall(_with(reference), LIMITS)

    assert (None, False) == (gate.value, gate.passed)


@pytest.mark.parametrize(
    ("short", "passed"), [(0.26, True), (0.25, True), (0.24, False), (1.24, True), (1.25, True), (1.26, False)]
)
def test_no_entry_while_the_correlation_has_shifted(short: float, passed: bool) -> None:
    gate = correlation_shift(_with(replace(REFERENCE, correlation_24=short, correlation_720=0.75)), LIMITS)

    assert (0.5, passed) == (gate.limit, gate.passed)


@pytest.mark.parametrize("reference", [replace(REFERENCE, correlation_24=None), replace(REFERENCE, correlation_720=None)])
def test_a_correlation_that_cannot_be_measured_blocks_an_entry(reference: ReferenceContext) -> None:
    assert Gate("correlation_shift", None, 0.5, False) == correlation_shift(_with(reference), LIMITS)


def test_without_a_reference_its_checks_do_not_apply() -> None:
    alone = replace(CALM, reference=None)

    assert Gate("reference_fall", None, None, True) == reference_fall(alone, LIMITS)
    assert Gate("correlation_shift", None, None, True) == correlation_shift(alone, LIMITS)


@pytest.mark.parametrize(("sure", "passed"), [(0.69, False), (0.7, True), (0.71, True)])
def test_an_unsure_decision_does_not_act(sure: float, passed: bool) -> None:
    assert Gate("confidence", sure, 0.7, passed) == confidence(_decision(Action.BUY, sure), 0.7)


def test_every_check_applies_to_a_buy() -> None:
    assert ALL_CHECKS == [gate.name for gate in _validated(Action.BUY)]


def test_only_an_oversold_rsi_and_confidence_apply_to_a_sell() -> None:
    assert ["rsi_contradiction", "confidence"] == [gate.name for gate in _validated(Action.SELL)]


def test_nothing_applies_to_a_hold() -> None:
    assert () == _validated(Action.HOLD)


def test_a_buy_passes_when_nothing_objects() -> None:
    calm = bars_of(walk(12, 300, minutes=240))
    steady = replace(calm, volume=np.concatenate([calm.volume[:-1], [calm.volume.max() * 2]]))

    gates = validate(_decision(Action.BUY), steady, CALM, LIMITS, 0.7)

    assert [] == [gate for gate in gates if not gate.passed]


@pytest.mark.parametrize(
    ("context", "failed"),
    [
        (replace(CALM, crash_drop=0.05), "flash_crash"),
        (replace(CALM, crash_drop=None), "flash_crash"),
        (replace(CALM, rsi_divergence=-0.1), "rsi_divergence"),
        (replace(CALM, rsi_divergence=None), "rsi_divergence"),
        (_with(replace(REFERENCE, beta=None)), "reference_fall"),
        (_with(replace(REFERENCE, correlation_24=-0.5)), "correlation_shift"),
    ],
)
def test_the_surroundings_can_forbid_a_buy(context: MarketContext, failed: str) -> None:
    gates = {gate.name: gate.passed for gate in _validated(Action.BUY, context=context)}

    assert gates[failed] is False


@pytest.mark.parametrize("count", [0, 1, 14, 30])
def test_a_buy_on_bars_that_have_not_warmed_up_fails_with_no_value(count: int) -> None:
    gates = {gate.name: gate for gate in _validated(Action.BUY, count=count)}

    assert not gates["volatility_jump"].passed
    assert gates["volatility_jump"].value is None


def test_a_market_in_which_nothing_moved_is_not_bought() -> None:
    bars = bars_of(series([100.0] * 60, minutes=240))

    gates = {gate.name: gate.passed for gate in validate(_decision(Action.BUY), bars, CALM, LIMITS, 0.7)}

    assert (False, False) == (gates["rsi_contradiction"], gates["volatility_jump"])


def test_a_decision_without_objection_stays_as_it_is() -> None:
    buy = _decision(Action.BUY)

    assert buy is verdict(buy, (Gate("rsi", 50.0, 70.0, True),))


@pytest.mark.parametrize("action", [Action.BUY, Action.SELL])
def test_the_first_failed_gate_turns_a_decision_into_hold(action: Action) -> None:
    gates = (Gate("rsi", 50.0, 70.0, True), Gate("adx", 17.25, 20, False), Gate("later", 1, 2, False))

    held = verdict(_decision(action), gates)

    assert (Action.HOLD, 0.9, "rules") == (held.action, held.confidence, held.source)
    assert f"adx: 17.25, limit 20 ({action}: breakout)" == held.reason


def test_a_hold_stays_as_it_is_whatever_failed() -> None:
    hold = _decision(Action.HOLD)

    assert hold is verdict(hold, (Gate("rsi", 80.0, 70.0, False),))


@pytest.mark.parametrize("seed", range(3))
def test_the_mask_agrees_with_the_validator_at_random_bars(seed: int) -> None:
    hourly = walk(seed, 2400, step=0.012)
    whole = hourly.resampled(replace(hourly.timeframe, minutes=240))
    mask = entry_mask(bars_of(whole), LIMITS, bars_of(hourly))

    for end in np.random.default_rng(seed).integers(1, len(whole), 40):
        closed_at = from_epoch(whole.opened_at[end - 1] + 14400)
        bars = whole.tail(len(whole)).between(from_epoch(whole.opened_at[0]), closed_at)
        context = market_context(hourly=hourly.closed_by(closed_at), strategy_bars=bars, reference_hourly=None)
        gates = validate(_decision(Action.BUY), bars_of(bars), context, LIMITS, 0.7)
        assert all(gate.passed for gate in gates if gate.name in CANDLE_CHECKS) is bool(mask[end - 1])


def test_the_mask_lets_some_bars_pass_and_not_others() -> None:
    mask = entry_mask(bars_of(walk(0, 600, minutes=240)), LIMITS)

    assert (False, True) == (bool(mask[:33].any()), 0 < mask.sum() < len(mask))


def test_each_check_of_the_mask_decides_on_some_bar() -> None:
    hourly = walk(1, 8000, step=0.02)
    bars = bars_of(hourly.resampled(replace(hourly.timeframe, minutes=240)))

    others = {check.name: int((~check.passed[40:]).sum()) for check in bar_checks(bars, LIMITS)}

    assert {"rsi_contradiction", "volatility_level", "fake_out"} <= {name for name, count in others.items() if count}


def test_a_flash_crash_is_seen_in_the_hours_of_a_longer_bar() -> None:
    hourly = walk(6, 1200, step=0.003)
    hourly.high[-3] = hourly.close[-1] / 0.94
    bars, hours = bars_of(hourly.resampled(replace(hourly.timeframe, minutes=240))), bars_of(hourly)
    calm = entry_mask(bars, LIMITS)

    crashed = entry_mask(bars, LIMITS, hours)

    assert not crashed[-1]
    assert not flash_crash(np.array([1.0 - 0.94]), LIMITS).passed[0]
    np.testing.assert_array_equal(calm[:-1], crashed[:-1])


def test_a_bar_before_the_first_hour_is_not_measurable() -> None:
    hourly = walk(7, 1200)
    bars = bars_of(hourly.resampled(replace(hourly.timeframe, minutes=240)))

    mask = entry_mask(bars, LIMITS, bars_of(hourly.tail(400)))

    assert not mask[:200].any()


def test_hourly_bars_are_their_own_hours() -> None:
    hourly = bars_of(walk(8, 600))

    np.testing.assert_array_equal(entry_mask(hourly, LIMITS, hourly), entry_mask(hourly, LIMITS))


def test_an_empty_series_has_an_empty_mask() -> None:
    assert [] == list(entry_mask(bars_of(series([], minutes=240)), LIMITS))
