import math
from decimal import Decimal

import pytest

from dg_bot.domain.portfolio import ProtectionPlan
from dg_bot.errors import ImpossibleValue
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.protection import protection_plan


def plan(limits: RiskLimits | None = None, *, atr: float = 10.0, stop: float = 20.0, target: float = 30.0) -> ProtectionPlan:
    return protection_plan(
        limits=limits or RiskLimits(), atr=atr, stop_distance=stop, target_distance=target, trend_strength=25.0
    )


def test_the_fractions_are_those_of_risk_and_the_distances_those_of_the_strategy() -> None:
    assert (
        ProtectionPlan(
            stop_fraction=Decimal("0.05"),
            target_fraction=Decimal("0.10"),
            stop_distance_krw=Decimal(20),
            target_distance_krw=Decimal(30),
            trend_strength=25.0,
        )
        == plan()
    )


def test_a_strategy_without_distances_leaves_the_fractions_alone() -> None:
    it = plan(stop=0.0, target=0.0)

    assert it.stop_distance_krw is None
    assert it.target_distance_krw is None


@pytest.mark.parametrize(("multiple", "distance"), [("1.9", "19"), ("2", "20"), ("2.1", "20")])
def test_the_tighter_of_strategy_and_atr_stop_holds(multiple: str, distance: str) -> None:
    assert Decimal(distance) == plan(RiskLimits(atr_stop_multiple=Decimal(multiple))).stop_distance_krw


@pytest.mark.parametrize(("multiple", "distance"), [("2.9", "29"), ("3", "30"), ("3.1", "30")])
def test_the_tighter_of_strategy_and_atr_target_holds(multiple: str, distance: str) -> None:
    assert Decimal(distance) == plan(RiskLimits(atr_target_multiple=Decimal(multiple))).target_distance_krw


def test_an_atr_stop_holds_where_the_strategy_has_none() -> None:
    it = plan(RiskLimits(atr_stop_multiple=Decimal("1.5"), atr_target_multiple=Decimal("2.5")), stop=0.0, target=0.0)

    assert (Decimal(15), Decimal(25)) == (it.stop_distance_krw, it.target_distance_krw)


def test_the_trailing_distance_is_a_multiple_of_the_atr() -> None:
    assert plan().trailing_distance_krw is None
    assert Decimal(20) == plan(RiskLimits(trailing_atr_multiple=Decimal(2))).trailing_distance_krw


def test_the_stage_of_profit_is_handed_on() -> None:
    assert Decimal("0.05") == plan(RiskLimits(stage_fraction=Decimal("0.05"))).stage_fraction


@pytest.mark.parametrize(
    ("limits", "atr", "stop", "target"),
    [
        (RiskLimits(), 10.0, math.nan, 30.0),
        (RiskLimits(), 10.0, 20.0, math.nan),
        (RiskLimits(), 10.0, math.inf, 30.0),
        (RiskLimits(), 10.0, -1.0, 30.0),
        (RiskLimits(atr_stop_multiple=Decimal(2)), math.nan, 20.0, 30.0),
        (RiskLimits(atr_target_multiple=Decimal(2)), math.nan, 20.0, 30.0),
        (RiskLimits(trailing_atr_multiple=Decimal(2)), math.nan, 20.0, 30.0),
        (RiskLimits(trailing_atr_multiple=Decimal(2)), 0.0, 20.0, 30.0),
    ],
)
def test_no_entry_is_protected_by_a_distance_that_is_no_number(
    limits: RiskLimits, atr: float, stop: float, target: float
) -> None:
    with pytest.raises(ImpossibleValue):
        plan(limits, atr=atr, stop=stop, target=target)


def test_an_atr_that_no_rule_asks_for_may_be_unknown() -> None:
    assert Decimal(20) == plan(atr=math.nan).stop_distance_krw
