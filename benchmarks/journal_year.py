"""A year in a bot's journal, as two markets write it, and the time that a start takes on it."""

import os
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from unittest import mock

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.domain.calendar import seoul_day_start, seoul_week_start
from dg_bot.domain.cycle_report import CycleReport, Mode, Outcome, PositionSummary, Stage, StateSummary
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    Answer,
    Closing,
    CycleCompleted,
    Event,
    HighestPriceRaised,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    Period,
    PeriodOpened,
    Started,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import ExitCause, Fill, Role, Side
from dg_bot.domain.portfolio import Balance, ProtectionPlan
from dg_bot.domain.screen import ScreenResult
from dg_bot.pipeline.books import Books
from dg_bot.ports import Journal

HOURS = 8760
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
MARKETS = (Market("KRW-BTC"), Market("KRW-ETH"))
# Each market trades every second day, one behind the other: in at five o'clock, out at eleven of the day after.
_EVERY_HOURS = 48
_HELD_HOURS = 30
_PRICE = Decimal(1_000_000)
_EQUITY = Decimal(10_000_000)


class SetClock:
    """Time as the life that is being written has it."""

    def __init__(self) -> None:
        self.at = BEGIN

    def now(self) -> datetime:
        return self.at

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return (self.at - BEGIN).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def restart_seconds(path: Path, hours: int) -> float:
    """Give the time in which the books of a life of that length are open again."""
    clock = SetClock()
    clock.at += timedelta(hours=hours)
    started = time.perf_counter()
    journal = JournalFile.open(path, clock.now)
    books_on(journal, clock)
    seconds = time.perf_counter() - started
    journal.close()
    return seconds


def write(path: Path, hours: int) -> None:
    """Live that long, with the journal compacted after each hour as the bot does it."""
    clock = SetClock()
    # A year of syncs would take as long as a disk pleases, and shows nothing.
    with mock.patch.object(os, "fdatasync", return_value=None):
        journal = JournalFile.open(path, clock.now)
        books = books_on(journal, clock)
        for hour in range(hours):
            live_hour(books, clock, hour)
            books.compact()
        journal.close()


def books_on(journal: Journal, clock: SetClock) -> Books:
    return Books(journal=journal, clock=clock, on_record=lambda _record: None)


def live_hour(books: Books, clock: SetClock, hour: int) -> None:
    """Record what the hour of that number brings."""
    clock.at = BEGIN + timedelta(hours=hour)
    for event in _hour(hour, clock.at):
        books.record(event)
        clock.at += timedelta(milliseconds=200)


def _hour(hour: int, at: datetime) -> Iterator[Event]:
    if hour == 0:
        yield AccountOpened(balances=(Balance("KRW", _EQUITY, Decimal(0)),))
        yield Started(mode=Mode.PAPER, version="0", settings={f"SETTING_{number}": "value" for number in range(40)})
    if hour == 0 or seoul_day_start(at) == at:
        yield PeriodOpened(period=Period.DAY, start=seoul_day_start(at), equity_krw=_EQUITY)
    if hour == 0 or seoul_week_start(at) == at:
        yield PeriodOpened(period=Period.WEEK, start=seoul_week_start(at), equity_krw=_EQUITY)
    for number, market in enumerate(MARKETS):
        since = (hour - 5 - 24 * number) % _EVERY_HOURS
        if since == 0:
            yield from _order(_planned(market, at, Side.BUY), at)
        elif since == _HELD_HOURS and hour > _EVERY_HOURS:
            yield from _order(_planned(market, at, Side.SELL), at)
        elif since < _HELD_HOURS and hour > _EVERY_HOURS:
            yield HighestPriceRaised(market=market, price_krw=_PRICE + hour)
        if hour % 100 == number:
            yield AlarmRaised(kind=f"thin_book:{market}", text="the book holds less than the order would take")
        yield CycleCompleted(report=_report(market, at))


def _planned(market: Market, at: datetime, side: Side) -> IntentPlanned:
    role = Role.ENTRY if side is Side.BUY else Role.EXIT
    return IntentPlanned(
        identifier=f"dg.{market}.{at:%Y%m%dT%H}.{role}.0.0",
        market=market,
        cycle_id=f"{market}/{at:%Y-%m-%dT%H}",
        role=role,
        leg=0,
        attempt=0,
        side=side,
        notional_krw=_PRICE if side is Side.BUY else None,
        quantity=None if side is Side.BUY else Decimal(1),
        reference_krw=_PRICE,
        minimum_notional_krw=Decimal(5000),
        reason="range breakout" if side is Side.BUY else "take_profit",
        decision_digest="0" * 64,
        exit_cause=None if side is Side.BUY else ExitCause.TAKE_PROFIT,
        protection=None if side is Side.SELL else _PROTECTION,
    )


_PROTECTION = ProtectionPlan(
    stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.1"), trailing_distance_krw=Decimal(30_000), trend_strength=31.5
)


def _order(plan: IntentPlanned, at: datetime) -> Iterator[Event]:
    fill = Fill(trade_id=f"{plan.identifier}-1", price=_PRICE, quantity=Decimal(1), funds_krw=_PRICE, at=at)
    yield plan
    yield IntentSending(identifier=plan.identifier)
    yield IntentAnswered(identifier=plan.identifier, answer=Answer.ACCEPTED, venue_id=f"venue-{plan.identifier}")
    yield IntentClosed(
        identifier=plan.identifier,
        closing=Closing.EXECUTED,
        executed_quantity=Decimal(1),
        funds_krw=_PRICE,
        paid_fee_krw=Decimal(500),
        fills=(fill,),
    )


def _report(market: Market, at: datetime) -> CycleReport:
    """Give a report of the size that a cycle through all four stages writes."""
    checks = ("risk", "data", "screen", "strategy", "validator", "execution")
    gates = tuple(
        Gate(f"{check}.check_{number}", 0.123456789 * number, Decimal("0.5"), passed=True)
        for check in checks
        for number in range(6)
    )
    return CycleReport(
        cycle_id=f"{market}/{at:%Y-%m-%dT%H}",
        market=market,
        mode=Mode.PAPER,
        opened_at=at,
        completed_at=at + timedelta(seconds=7),
        outcome=Outcome.HELD,
        stage=Stage.EXECUTION,
        reason="the strategy sees no entry",
        gates=gates,
        decision=Decision(action=Action.HOLD, confidence=0.5, source="rules", reason="no breakout"),
        durations_ms={str(stage): 12.345 for stage in Stage},
        indicators={f"indicator_{number}": 1234.56789 * number for number in range(24)},
        mark_krw=_PRICE,
        screen=ScreenResult(
            evaluated_at=at,
            days=730.0,
            round_trips=40,
            total_return=0.31,
            win_rate=0.55,
            profit_factor=1.8,
            payoff=1.5,
            sharpe=1.2,
            max_drawdown=0.11,
            gates=gates[:6],
        ),
        state=_state(market),
    )


def _state(market: Market) -> StateSummary:
    position = PositionSummary(
        market=market,
        quantity=Decimal(1),
        average_cost_krw=_PRICE,
        mark_krw=_PRICE,
        stop_krw=_PRICE,
        target_krw=_PRICE,
    )
    return StateSummary(
        equity_krw=_EQUITY,
        free_krw=_EQUITY,
        daily_pnl_fraction=Decimal("0.01"),
        weekly_pnl_fraction=Decimal("-0.02"),
        daily_trade_count=1,
        safe_mode=False,
        safe_mode_reason=None,
        positions=(position,),
        usdt_krw=Decimal(1400),
    )
