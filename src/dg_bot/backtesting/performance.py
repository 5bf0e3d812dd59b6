"""Figures of a trading history, from its round trips and its equity curve; GLOSSARY words, fractions throughout."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dg_bot.backtesting.compiled import compiled
from dg_bot.backtesting.curve_figures import DAY_S, day_ends, deepest_fall
from dg_bot.indicators.bars import Floats, Seconds
from dg_bot.risk.exit_rules import ExitReason

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
    """Equity at the close of each bar, columns `(n,)`, from `opening` at `opened_at` on; times are epoch seconds."""

    opening: float
    opened_at: int
    closed_at: Seconds
    equity: Floats

    @property
    def ends_at(self) -> int:
        return int(self.closed_at[-1]) if len(self.closed_at) else self.opened_at

    @property
    def days(self) -> float:
        return (self.ends_at - self.opened_at) / DAY_S

    @property
    def total_return(self) -> float:
        return float(self.equity[-1]) / self.opening - 1.0 if len(self.equity) else 0.0


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
    return measured(np.array([trip.pnl for trip in round_trips]), curve)


def measured(pnl: Floats, curve: EquityCurve) -> Performance:
    """Measure a history of which only the gain of each round trip is given, `(trips,)`."""
    gains, losses = pnl[pnl > 0.0], -pnl[pnl < 0.0]
    won, lost, count = float(gains.sum()), float(losses.sum()), len(pnl)
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
        profit_factor=won / lost if len(losses) else None,
        payoff=_payoff(won, len(gains), lost, len(losses)),
        expectancy=(won - lost) / count if count else None,
        sharpe=sharpe(daily),
        sortino=sortino(daily),
        calmar=growth / fall.deepest if fall.deepest > 0.0 else None,
        drawdown=fall,
    )


def _payoff(won: float, winners: int, lost: float, losers: int) -> float | None:
    """Give the mean win over the mean loss, zero without a win, None without a loss."""
    if not losers:
        return None
    return (won / winners) / (lost / losers) if winners else 0.0


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
    if not len(curve.equity):
        return ()
    months = (np.asarray(curve.closed_at) - 1).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
    last = np.flatnonzero(np.append(months[1:] != months[:-1], True))
    levels = np.append(curve.opening, curve.equity[last])
    fractions = levels[1:] / levels[:-1] - 1.0
    return tuple(
        MonthReturn(year=1970 + month // 12, month=1 + month % 12, fraction=fraction)
        for month, fraction in zip(months[last].tolist(), fractions.tolist(), strict=True)
    )


def daily_returns(curve: EquityCurve) -> Floats:
    """Give the return of each UTC day from the first to the last, `(days,)`; a day without bars has none.

    A bar belongs to the day in which it ends; one that ends at midnight to the day before.
    """
    if not len(curve.equity):
        return np.empty(0)
    first = min(curve.opened_at, int(curve.closed_at[0]) - 1) // DAY_S
    ends = np.empty((int(curve.closed_at[-1]) - 1) // DAY_S - first + 2)
    compiled(day_ends)(
        count=len(curve.equity),
        opening=curve.opening,
        opened_at=curve.opened_at,
        closed_at=curve.closed_at,
        equity=curve.equity,
        ends=ends,
    )
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
    longest = np.zeros(1)
    deepest = compiled(deepest_fall)(
        count=len(curve.equity),
        opening=curve.opening,
        opened_at=curve.opened_at,
        closed_at=curve.closed_at,
        equity=curve.equity,
        longest=longest,
    )
    return Drawdown(deepest=deepest, longest_days=float(longest[0]) / DAY_S)
