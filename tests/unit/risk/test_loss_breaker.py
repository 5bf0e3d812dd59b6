from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.loss_breaker import Trip, TripReason, is_loss, pnl_fraction, tripped
from dg_bot.risk.state import Opening

MIDNIGHT = datetime(2026, 11, 19, 15, tzinfo=UTC)


def opening(equity: str) -> Opening:
    return Opening(MIDNIGHT, Decimal(equity))


@pytest.mark.parametrize(
    ("opened_with", "equity", "capital", "fraction"),
    [
        ("1000", "900", None, "-0.1"),
        ("1000", "1100", None, "0.1"),
        ("1000", "1000", None, "0"),
        ("1000", "0", None, "-1"),
        ("1000", "900", "500", "-0.2"),  # of the capital that is at work
        ("1000", "900", "1000", "-0.1"),
        ("1000", "900", "2000", "-0.1"),
    ],
)
def test_a_loss_is_a_fraction_of_what_the_period_began_with(
    opened_with: str, equity: str, capital: str | None, fraction: str
) -> None:
    at_work = None if capital is None else Decimal(capital)

    assert Decimal(fraction) == pnl_fraction(opening(opened_with), Decimal(equity), at_work)


def test_nothing_is_lost_before_the_period_has_been_opened() -> None:
    assert Decimal(0) == pnl_fraction(None, Decimal(1), None)


@pytest.mark.parametrize("opened_with", ["0", "-5"])
def test_a_period_that_began_with_nothing_loses_nothing(opened_with: str) -> None:
    assert Decimal(0) == pnl_fraction(opening(opened_with), Decimal(0), None)


@pytest.mark.parametrize(
    ("daily", "weekly", "reason"),
    [
        ("-0.099999", "0", None),
        ("-0.1", "0", TripReason.DAILY_LOSS),
        ("-0.100001", "0", TripReason.DAILY_LOSS),
        ("0", "-0.149999", None),
        ("0", "-0.15", TripReason.WEEKLY_LOSS),
        ("0", "-0.150001", TripReason.WEEKLY_LOSS),
        ("-0.1", "-0.15", TripReason.DAILY_LOSS),
        ("0.5", "0.5", None),
    ],
)
def test_the_breaker_trips_at_its_limit_and_names_what_it_measured(daily: str, weekly: str, reason: TripReason | None) -> None:
    trip = tripped(daily_pnl=Decimal(daily), weekly_pnl=Decimal(weekly), limits=RiskLimits())

    if reason is None:
        assert trip is None
    else:
        is_daily = reason is TripReason.DAILY_LOSS
        measured, limit = (-Decimal(daily), "0.10") if is_daily else (-Decimal(weekly), "0.15")
        assert Trip(reason=reason, measured=measured, limit=Decimal(limit)) == trip


@pytest.mark.parametrize(
    ("reason", "is_one"),
    [
        ("daily_loss: lost 0.1003 of the opening equity, limit 0.10", True),
        ("weekly_loss: lost 0.15", True),
        ("daily_loss", True),
        ("the journal is new, but the venue knows orders of ours", False),
        ("operator: daily_loss", False),
        ("", False),
    ],
)
def test_a_loss_is_told_from_other_reasons_for_safe_mode(reason: str, is_one: bool) -> None:
    assert is_one is is_loss(reason)
