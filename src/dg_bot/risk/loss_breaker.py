"""The loss breaker: how much of the day's and the week's opening equity may be lost."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.money import ZERO
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.state import Opening


class TripReason(StrEnum):
    DAILY_LOSS = "daily_loss"
    WEEKLY_LOSS = "weekly_loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A loss limit was reached; both figures are fractions of opening equity."""

    reason: TripReason
    measured: Decimal
    limit: Decimal


def pnl_fraction(opening: Opening | None, equity_krw: Decimal, capital_krw: Decimal | None) -> Decimal:
    """Give gain (or loss, negative) since `opening` over the equity it began with, or over the capital where that is smaller.

    Zero before the period has been opened, and where it was opened with nothing.
    """
    if opening is None:
        return ZERO
    base = opening.equity_krw if capital_krw is None else min(opening.equity_krw, capital_krw)
    return (equity_krw - opening.equity_krw) / base if base > ZERO else ZERO


def tripped(*, daily_pnl: Decimal, weekly_pnl: Decimal, limits: RiskLimits) -> Trip | None:
    """Trip when a loss has reached its limit, the day's before the week's."""
    if -daily_pnl >= limits.daily_loss_fraction:
        return Trip(reason=TripReason.DAILY_LOSS, measured=-daily_pnl, limit=limits.daily_loss_fraction)
    if -weekly_pnl >= limits.weekly_loss_fraction:
        return Trip(reason=TripReason.WEEKLY_LOSS, measured=-weekly_pnl, limit=limits.weekly_loss_fraction)
    return None


def is_loss(safe_mode_reason: str) -> bool:
    """Tell whether safe mode was entered for a loss: only that kind ends by itself, where a time is set for it."""
    return safe_mode_reason.partition(":")[0] in set(TripReason)
