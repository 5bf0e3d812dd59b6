import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.risk.exit_rules import (
    ExitReason,
    fake_out_exit,
    price_exit,
    stop_price,
    target_price,
    time_out_exit,
    trend_exit,
)

NONE, STOP, TRAILING, TARGET, STAGE = (
    ExitReason.NONE,
    ExitReason.STOP_LOSS,
    ExitReason.TRAILING_STOP,
    ExitReason.TAKE_PROFIT,
    ExitReason.STAGED_PROFIT,
)
POSITIVE = st.floats(min_value=1e-6, max_value=1e9)
FRACTION = st.floats(min_value=0.001, max_value=0.999)


def test_a_reason_has_the_word_that_appears_in_reports() -> None:
    assert ["none", "stop_loss", "trailing_stop", "take_profit", "staged_profit", "fake_out", "time_out", "trend_weakening"] == [
        reason.word for reason in ExitReason
    ]


@pytest.mark.parametrize(("distance", "stop"), [(0.0, 95.0), (4.9, 95.1), (5.0, 95.0), (5.1, 95.0), (1000.0, 95.0), (-1.0, 95.0)])
def test_the_tighter_stop_holds(distance: float, stop: float) -> None:
    assert stop == pytest.approx(stop_price(100.0, 0.05, distance), rel=1e-12)


@pytest.mark.parametrize(("distance", "target"), [(0.0, 110.0), (9.9, 109.9), (10.0, 110.0), (10.1, 110.0), (-1.0, 110.0)])
def test_the_tighter_target_holds(distance: float, target: float) -> None:
    assert target == pytest.approx(target_price(100.0, 0.10, distance), rel=1e-12)


def test_a_distance_of_less_than_a_won_counts_where_a_coin_costs_a_few() -> None:
    assert (9.75, 10.5) == (stop_price(10.0, 0.05, 0.25), target_price(10.0, 0.10, 0.5))


@given(cost=POSITIVE, fraction=FRACTION, distance=st.floats(min_value=0.0, max_value=1e9))
def test_a_stop_lies_below_the_cost_and_above_zero_and_a_target_above(cost: float, fraction: float, distance: float) -> None:
    assert 0.0 < stop_price(cost, fraction, distance) <= cost
    assert cost <= target_price(cost, fraction, distance)


@pytest.mark.parametrize(
    ("price", "reason"),
    [
        (94.99, STOP),
        (95.0, STOP),
        (95.01, NONE),
        (104.99, NONE),
        (105.0, STAGE),
        (105.01, STAGE),
        (109.99, STAGE),
        (110.0, TARGET),
        (110.01, TARGET),
    ],
)
def test_a_price_at_a_level_has_reached_it(price: float, reason: ExitReason) -> None:
    assert reason == price_exit(price, 95.0, 100.0, 0.0, 110.0, 105.0)


@pytest.mark.parametrize(("price", "reason"), [(106.99, TRAILING), (107.0, TRAILING), (107.01, NONE)])
def test_a_trailing_stop_follows_the_highest_price(price: float, reason: ExitReason) -> None:
    assert reason == price_exit(price, 95.0, 112.0, 5.0, 120.0, 0.0)


def test_a_stop_comes_before_every_gain() -> None:
    assert STOP == price_exit(100.0, 100.0, 100.0, 1.0, 90.0, 80.0)


def test_a_stage_that_is_taken_is_not_taken_again() -> None:
    assert NONE == price_exit(107.0, 95.0, 107.0, 0.0, 110.0, 0.0)


def test_a_price_that_is_no_number_reaches_nothing() -> None:
    assert NONE == price_exit(math.nan, 95.0, 100.0, 5.0, 110.0, 105.0)


@given(price=POSITIVE, stop=POSITIVE, width=POSITIVE)
def test_nothing_is_held_at_or_below_its_stop(price: float, stop: float, width: float) -> None:
    reason = price_exit(price, stop, max(price, stop), 0.0, stop + width, 0.0)

    assert (reason == STOP) is (price <= stop)


@pytest.mark.parametrize(
    ("price", "bars", "is_out"),
    [
        (98.01, 1, False),
        (98.0, 1, True),
        (97.99, 1, True),
        (98.0, 0, False),
        (98.0, 2, True),
        (98.0, 3, True),
        (98.0, 4, False),
    ],
)
def test_a_breakout_that_falls_back_within_its_first_bars_was_none(price: float, bars: int, is_out: bool) -> None:
    assert (ExitReason.FAKE_OUT if is_out else NONE) == fake_out_exit(price, 100.0, bars, 0.02, 3)


@pytest.mark.parametrize(
    ("price", "bars", "is_out"),
    [
        (101.99, 23, False),
        (101.99, 24, True),
        (101.99, 25, True),
        (102.0, 24, False),
        (102.01, 24, False),
    ],
)
def test_a_position_that_gains_too_little_in_its_time_is_ended(price: float, bars: int, is_out: bool) -> None:
    assert (ExitReason.TIME_OUT if is_out else NONE) == time_out_exit(price, 100.0, bars, 24, 0.02)


@pytest.mark.parametrize(
    "rule", [lambda: fake_out_exit(50.0, 100.0, 1, 0.02, 0), lambda: time_out_exit(50.0, 100.0, 99, 0, 0.02)]
)
def test_a_rule_of_no_bars_is_off(rule: Callable[[], int]) -> None:
    assert NONE == rule()


@pytest.mark.parametrize(
    ("adx", "is_out"),
    [(15.99, True), (16.0, False), (16.01, False), (25.0, False)],
)
def test_a_trend_has_weakened_below_its_share_of_what_it_was(adx: float, is_out: bool) -> None:
    assert (ExitReason.TREND_WEAKENING if is_out else NONE) == trend_exit(adx, 20.0, 0.8, 20.0)


@pytest.mark.parametrize(("adx", "is_out"), [(19.99, True), (20.0, False), (20.01, False)])
def test_a_trend_above_the_floor_has_not_weakened_however_strong_it_was(adx: float, is_out: bool) -> None:
    assert (ExitReason.TREND_WEAKENING if is_out else NONE) == trend_exit(adx, 50.0, 0.8, 20.0)


@pytest.mark.parametrize(("adx", "at_entry"), [(math.nan, 20.0), (5.0, math.nan)])
def test_a_strength_that_is_not_known_ends_nothing(adx: float, at_entry: float) -> None:
    assert NONE == trend_exit(adx, at_entry, 0.8, 20.0)


def test_levels_of_a_coin_worth_less_than_a_won_are_levels_too() -> None:
    assert TRAILING == price_exit(0.52, 0.4, 0.6, 0.08, 0.9, 0.0)
    assert STAGE == price_exit(0.7, 0.4, 0.7, 0.0, 0.9, 0.65)


def test_a_time_out_of_one_bar_ends_at_the_first() -> None:
    assert ExitReason.TIME_OUT == time_out_exit(50.0, 100.0, 1, 1, 0.02)
