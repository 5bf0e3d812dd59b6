from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dg_bot.errors import ConfigurationError
from dg_bot.risk.limits import RiskLimits

TINY = Decimal("1E-9")
ONE = Decimal(1)
# The field, its setting, the smallest and the largest value that can be meant; None where there is no largest.
FRACTIONS = [
    ("daily_loss_fraction", "RISK_DAILY_LOSS_FRACTION", ONE - TINY),
    ("weekly_loss_fraction", "RISK_WEEKLY_LOSS_FRACTION", ONE - TINY),
    ("stop_loss_fraction", "RISK_STOP_LOSS_FRACTION", ONE - TINY),
    ("take_profit_fraction", "RISK_TAKE_PROFIT_FRACTION", ONE),
    ("max_position_fraction", "RISK_MAX_POSITION_FRACTION", ONE),
    ("unscreened_position_fraction", "RISK_UNSCREENED_POSITION_FRACTION", ONE),
    ("max_exposure_fraction", "RISK_MAX_EXPOSURE_FRACTION", ONE),
    ("buy_fraction", "RISK_BUY_FRACTION", ONE),
    ("sell_fraction", "RISK_SELL_FRACTION", ONE),
    ("stage_fraction", "RISK_STAGED_PROFIT_FRACTION", Decimal("0.1") - TINY),
    ("volatility_target_fraction", "RISK_VOLATILITY_TARGET_FRACTION", ONE),
]
AMOUNTS = [
    ("atr_stop_multiple", "RISK_ATR_STOP_MULTIPLE"),
    ("atr_target_multiple", "RISK_ATR_TARGET_MULTIPLE"),
    ("trailing_atr_multiple", "RISK_TRAILING_ATR_MULTIPLE"),
    ("capital_krw", "RISK_CAPITAL_KRW"),
    ("max_krw_per_day", "RISK_MAX_KRW_PER_DAY"),
]
COUNTS = [
    ("max_entries_per_day", "RISK_MAX_ENTRIES_PER_DAY"),
    ("max_positions", "RISK_MAX_POSITIONS"),
    ("max_orders_per_hour", "RISK_MAX_ORDERS_PER_HOUR"),
    ("safe_mode_hours", "RISK_SAFE_MODE_HOURS"),
]
# Small enough that no rule between two limits is touched by moving one of them.
ROOMY = {"weekly_loss_fraction": ONE - TINY, "max_position_fraction": TINY}


def limits(**changes: Any) -> RiskLimits:
    return RiskLimits(**{**ROOMY, **changes})


@pytest.mark.parametrize(("field", "setting", "largest"), FRACTIONS)
def test_a_fraction_is_refused_just_outside_its_range_and_taken_at_its_edges(field: str, setting: str, largest: Decimal) -> None:
    smallest = {"weekly_loss_fraction": Decimal("0.10")}.get(field, TINY)
    for inside in (smallest, largest):
        assert inside == getattr(limits(**{field: inside}), field)
    for outside in (Decimal(0), -TINY, largest + TINY, Decimal(10), Decimal("NaN"), Decimal("Infinity"), Decimal("-Infinity")):
        with pytest.raises(ConfigurationError) as caught:
            limits(**{field: outside})
        assert setting == caught.value.variable


@pytest.mark.parametrize(("field", "setting"), AMOUNTS)
def test_an_amount_is_above_zero_and_finite(field: str, setting: str) -> None:
    assert getattr(limits(**{field: TINY}), field) == TINY
    for outside in (Decimal(0), -TINY, Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ConfigurationError) as caught:
            limits(**{field: outside})
        assert setting == caught.value.variable


@pytest.mark.parametrize(("field", "setting"), COUNTS)
def test_a_count_is_at_least_one(field: str, setting: str) -> None:
    assert getattr(limits(**{field: 1}), field) == 1
    for outside in (0, -1):
        with pytest.raises(ConfigurationError) as caught:
            limits(**{field: outside})
        assert setting == caught.value.variable


@pytest.mark.parametrize(("seconds", "is_good"), [(-1.0, False), (0.0, False), (0.001, True), (300.0, True), (300.001, False)])
def test_a_clock_may_be_off_by_up_to_five_minutes(seconds: float, is_good: bool) -> None:
    if is_good:
        assert seconds == limits(max_clock_skew_s=seconds).max_clock_skew_s
    else:
        with pytest.raises(ConfigurationError, match=r"RISK_MAX_CLOCK_SKEW_SECONDS"):
            limits(max_clock_skew_s=seconds)


def test_a_clock_that_may_be_off_by_no_number_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"RISK_MAX_CLOCK_SKEW_SECONDS"):
        limits(max_clock_skew_s=float("nan"))


def test_entries_may_follow_one_another_at_once_but_not_backwards() -> None:
    assert timedelta(0) == limits(entry_interval=timedelta(0)).entry_interval
    with pytest.raises(ConfigurationError, match=r"RISK_ENTRY_INTERVAL_HOURS"):
        limits(entry_interval=timedelta(microseconds=-1))


@pytest.mark.parametrize("field", ["safe_mode_hours", "atr_stop_multiple", "atr_target_multiple", "trailing_atr_multiple"])
def test_an_optional_rule_is_off_without_a_value(field: str) -> None:
    assert getattr(RiskLimits(), field) is None
    assert getattr(limits(**{field: None}), field) is None


@pytest.mark.parametrize(("weekly", "is_good"), [("0.0999", False), ("0.10", True), ("0.1001", True)])
def test_a_week_allows_at_least_what_a_day_allows(weekly: str, is_good: bool) -> None:
    if is_good:
        assert Decimal(weekly) == RiskLimits(weekly_loss_fraction=Decimal(weekly)).weekly_loss_fraction
    else:
        with pytest.raises(ConfigurationError, match=r"RISK_WEEKLY_LOSS_FRACTION: .*RISK_DAILY_LOSS_FRACTION"):
            RiskLimits(weekly_loss_fraction=Decimal(weekly))


@pytest.mark.parametrize(("stage", "is_good"), [("0.0999", True), ("0.10", False), ("0.1001", False)])
def test_the_first_stage_of_profit_lies_before_the_target(stage: str, is_good: bool) -> None:
    if is_good:
        assert Decimal(stage) == RiskLimits(stage_fraction=Decimal(stage)).stage_fraction
    else:
        with pytest.raises(ConfigurationError, match=r"RISK_STAGED_PROFIT_FRACTION: .*RISK_TAKE_PROFIT_FRACTION"):
            RiskLimits(stage_fraction=Decimal(stage))


@pytest.mark.parametrize(
    ("stop", "position", "is_good"),
    [
        ("0.0999", "1", True),
        ("0.10", "1", False),
        ("0.1001", "1", False),
        ("0.1999", "0.5", True),
        ("0.20", "0.5", False),
        ("0.11", "0.99", False),
        ("0.99", "0.10", True),
    ],
)
def test_a_single_stopped_position_may_not_cost_what_trips_the_day(stop: str, position: str, is_good: bool) -> None:
    def wanted() -> RiskLimits:
        return RiskLimits(stop_loss_fraction=Decimal(stop), max_position_fraction=Decimal(position))

    if is_good:
        assert Decimal(stop) == wanted().stop_loss_fraction
    else:
        with pytest.raises(ConfigurationError, match=r"RISK_STOP_LOSS_FRACTION: .*RISK_DAILY_LOSS_FRACTION"):
            wanted()


@pytest.mark.parametrize(
    ("changes", "setting", "problem", "remedy"),
    [
        (
            {"stop_loss_fraction": ONE},
            "RISK_STOP_LOSS_FRACTION",
            "1 is out of range",
            "give a fraction between 0 and 1, such as 0.05 for 5 %",
        ),
        ({"buy_fraction": Decimal(2)}, "RISK_BUY_FRACTION", "2 is out of range", "give a fraction above 0 and up to 1"),
        ({"capital_krw": Decimal(0)}, "RISK_CAPITAL_KRW", "0 is out of range", "give a number above 0"),
        ({"max_positions": 0}, "RISK_MAX_POSITIONS", "0 is out of range", "give a whole number of at least 1"),
        ({"entry_interval": timedelta(-1)}, "RISK_ENTRY_INTERVAL_HOURS", "is negative", "give hours of at least 0"),
        (
            {"max_clock_skew_s": 301.0},
            "RISK_MAX_CLOCK_SKEW_SECONDS",
            "301.0 is out of range",
            "give seconds above 0 and up to 300",
        ),
        (
            {"weekly_loss_fraction": TINY},
            "RISK_WEEKLY_LOSS_FRACTION",
            "1E-9 is below RISK_DAILY_LOSS_FRACTION 0.10",
            "a week must allow at least what a day allows",
        ),
        (
            {"stage_fraction": Decimal("0.2")},
            "RISK_STAGED_PROFIT_FRACTION",
            "0.2 is not below RISK_TAKE_PROFIT_FRACTION 0.10",
            "the first stage must come before the target",
        ),
        (
            {"stop_loss_fraction": Decimal("0.5"), "max_position_fraction": ONE},
            "RISK_STOP_LOSS_FRACTION",
            "0.5 of a position of 1 of equity reaches RISK_DAILY_LOSS_FRACTION 0.10",
            "one position would trip the loss breaker before its stop; lower the stop or RISK_MAX_POSITION_FRACTION",
        ),
    ],
)
def test_a_refusal_names_the_setting_its_value_and_the_remedy(
    changes: dict[str, Any], setting: str, problem: str, remedy: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        limits(**changes)
    assert (setting, problem, remedy) == (caught.value.variable, caught.value.problem, caught.value.remedy)


def test_the_defaults_are_those_of_the_specification() -> None:
    assert (
        RiskLimits(
            daily_loss_fraction=Decimal("0.10"),
            weekly_loss_fraction=Decimal("0.15"),
            safe_mode_hours=None,
            stop_loss_fraction=Decimal("0.05"),
            take_profit_fraction=Decimal("0.10"),
            stage_fraction=None,
            entry_interval=timedelta(hours=4),
            max_entries_per_day=5,
            max_position_fraction=Decimal("0.10"),
            unscreened_position_fraction=Decimal("0.02"),
            max_positions=7,
            max_exposure_fraction=Decimal("0.80"),
            volatility_target_fraction=None,
            buy_fraction=Decimal(1),
            sell_fraction=Decimal(1),
            capital_krw=None,
            max_orders_per_hour=10,
            max_krw_per_day=Decimal(5_000_000),
            max_clock_skew_s=30.0,
        )
        == RiskLimits()
    )
