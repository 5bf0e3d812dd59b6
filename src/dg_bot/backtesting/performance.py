"""Figures of a trading history, from its round trips and its equity curve; GLOSSARY words, fractions throughout."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from dg_bot.indicators.bars import Floats
from dg_bot.risk.exit_rules import ExitReason

DAY_S = 86_400
DAYS_PER_YEAR = 365.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RoundTrip:
    """From flat to flat. Times are the opening, in epoch seconds, of the bars in which it was bought and finally sold.

    Prices are average fills; `pnl` is after fees, `pnl_fraction` is of what was spent. The reason NONE is the strategy's signal.
    """

    entered_at: int
    exited_at: int
    entry_price: float
    exit_price: float
    quantity: float
    pnl: float
    pnl_fraction: float
    bars_held: int
    reason: ExitReason

    @property
    def held_s(self) -> int:
        return self.exited_at - self.entered_at


@dataclass(frozen=True, slots=True, kw_only=True)
class EquityCurve:
    """Equity at the close of each bar, from `opening` at `opened_at` on; times are epoch seconds, the sequences of one length."""

    opening: float
    opened_at: int
    closed_at: Sequence[int]
    equity: Sequence[float]

    @property
    def days(self) -> float:
        return (self.closed_at[-1] - self.opened_at) / DAY_S if self.closed_at else 0.0

    @property
    def total_return(self) -> float:
        return self.equity[-1] / self.opening - 1.0 if self.equity else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawdown:
    """The deepest fall from a running peak, a fraction, and the longest time in days from a peak until it was reached again."""

    deepest: float
    longest_days: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """All figures; None where a figure is a division by nothing (no loss, no drawdown, no round trip)."""

    days: float
    round_trips: int
    winners: int
    losers: int
    total_return: float
    cagr: float
    win_rate: float
    profit_factor: float | None
    payoff: float | None
    expectancy: float | None
    sharpe: float
    sortino: float
    calmar: float | None
    drawdown: Drawdown


def performance(round_trips: Sequence[RoundTrip], curve: EquityCurve) -> Performance:
    """Measure a history; a trip that gained nothing counts as neither winner nor loser."""
    gains = [trip.pnl for trip in round_trips if trip.pnl > 0.0]
    losses = [-trip.pnl for trip in round_trips if trip.pnl < 0.0]
    count = len(round_trips)
    total = curve.total_return
    daily = daily_returns(curve)
    fall = drawdown(curve)
    growth = cagr(total, curve.days)
    return Performance(
        days=curve.days,
        round_trips=count,
        winners=len(gains),
        losers=len(losses),
        total_return=total,
        cagr=growth,
        win_rate=len(gains) / count if count else 0.0,
        profit_factor=sum(gains) / sum(losses) if losses else None,
        payoff=payoff(gains, losses),
        expectancy=(sum(gains) - sum(losses)) / count if count else None,
        sharpe=sharpe(daily),
        sortino=sortino(daily),
        calmar=growth / fall.deepest if fall.deepest > 0.0 else None,
        drawdown=fall,
    )


def payoff(gains: Sequence[float], losses: Sequence[float]) -> float | None:
    """Give the mean win over the mean loss, zero without a win, None without a loss."""
    if not losses:
        return None
    return (sum(gains) / len(gains)) / (sum(losses) / len(losses)) if gains else 0.0


def cagr(total_return: float, days: float) -> float:
    """Give the yearly growth that compounds to `total_return`; -1 when all is lost, 0 for no time."""
    if days <= 0.0:
        return 0.0
    if total_return <= -1.0:
        return -1.0
    exponent = math.log1p(total_return) * DAYS_PER_YEAR / days
    return math.expm1(min(exponent, 700.0))  # beyond that a float overflows: a few bars with a large gain


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeFigures:
    """Means and extremes of the round trips, fractions of what was spent; None where there was none of the kind."""

    average_win: float | None
    average_loss: float | None
    largest_win: float | None
    largest_loss: float | None
    average_hold_s: float | None


def trade_figures(round_trips: Sequence[RoundTrip]) -> TradeFigures:
    """Measure the round trips on their own; losses are negative."""
    wins = [trip.pnl_fraction for trip in round_trips if trip.pnl > 0.0]
    losses = [trip.pnl_fraction for trip in round_trips if trip.pnl < 0.0]
    holds = [trip.held_s for trip in round_trips]
    return TradeFigures(
        average_win=sum(wins) / len(wins) if wins else None,
        average_loss=sum(losses) / len(losses) if losses else None,
        largest_win=max(wins, default=None),
        largest_loss=min(losses, default=None),
        average_hold_s=sum(holds) / len(holds) if holds else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthReturn:
    """What a calendar month (UTC) made of the equity it began with."""

    year: int
    month: int
    fraction: float


def monthly_returns(curve: EquityCurve) -> tuple[MonthReturn, ...]:
    """Give each month that has a bar, in order; a bar belongs to the month in which it ends, as with days."""
    result: list[MonthReturn] = []
    opening, last = curve.opening, curve.opening
    for closed_at, equity in zip(curve.closed_at, curve.equity, strict=True):
        at = datetime.fromtimestamp(closed_at - 1, UTC)
        if result and (result[-1].year, result[-1].month) == (at.year, at.month):
            result.pop()
        else:
            opening = last
        result.append(MonthReturn(year=at.year, month=at.month, fraction=equity / opening - 1.0))
        last = equity
    return tuple(result)


def daily_returns(curve: EquityCurve) -> Floats:
    """Give the return of each UTC day from the first to the last, `(days,)`; a day without bars has none.

    A bar belongs to the day in which it ends; one that ends at midnight to the day before.
    """
    if not curve.equity:
        return np.empty(0)
    day = (np.asarray(curve.closed_at, dtype=np.int64) - 1) // DAY_S
    first = min(curve.opened_at // DAY_S, int(day[0]))
    last_bars = np.searchsorted(day, np.arange(first, day[-1] + 1), side="right")
    levels = np.concatenate([[curve.opening, curve.opening], curve.equity])
    ends = np.concatenate([[curve.opening], levels[last_bars + 1]])
    returns: Floats = ends[1:] / ends[:-1] - 1.0
    return returns


def sharpe(daily: Floats) -> float:
    """Give the mean daily return over its sample deviation, times sqrt(365); 0 where the returns never vary."""
    if len(daily) < 2:
        return 0.0
    deviation = float(daily.std(ddof=1))
    return float(daily.mean()) / deviation * math.sqrt(DAYS_PER_YEAR) if deviation > 0.0 else 0.0


def sortino(daily: Floats) -> float:
    """Give the mean daily return over its downside deviation from zero, times sqrt(365); 0 where no day lost."""
    if len(daily) < 2:
        return 0.0
    downside = math.sqrt(float(np.square(np.minimum(daily, 0.0)).mean()))
    return float(daily.mean()) / downside * math.sqrt(DAYS_PER_YEAR) if downside > 0.0 else 0.0


def drawdown(curve: EquityCurve) -> Drawdown:
    """Follow the equity at bar closes below its running peak; a fall that is not made good lasts until the end."""
    if not curve.equity:
        return Drawdown(deepest=0.0, longest_days=0.0)
    equity = np.concatenate([[curve.opening], curve.equity])
    times = np.concatenate([[curve.opened_at], curve.closed_at])
    peak = np.maximum.accumulate(equity)
    peak_at = np.maximum.accumulate(np.where(equity >= peak, times, 0))
    # A peak that is reached again ends its fall at that bar, so the fall is measured against the peak before it.
    since = np.concatenate([[0], times[1:] - peak_at[:-1]]) * np.concatenate([[False], equity[:-1] < peak[:-1]])
    return Drawdown(deepest=float((1.0 - equity / peak).max()), longest_days=float(since.max()) / DAY_S)
