"""Journal records as tests write them: what matters is an argument, the rest is an ordinary trade on KRW-BTC."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters.journal_reader import read_journal
from dg_bot.domain.cycle_report import CycleReport, Mode, Outcome, PositionSummary, Stage, StateSummary
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import Answer, Closing, Event, IntentAnswered, IntentClosed, IntentPlanned, IntentSending, Record
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Fill, Role, Side
from dg_bot.domain.screen import ScreenResult
from dg_bot.remembered import Remembered
from tests.builders import protection

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BTC = Market("KRW-BTC")
BUY_ID = "demo.KRW-BTC.20261120T12.entry.0.0"
SELL_ID = "demo.KRW-BTC.20261120T12.exit.0.0"


def of(path: Path, problem: str) -> str:
    """Give the pattern of a refusal that names `path` first, then the problem; the pattern of that may end with the remedy's."""
    return f"^{re.escape(str(path))}: .*{problem}"


def record(sequence: int, event: Event) -> Record:
    return Record(sequence=sequence, at=NOON + timedelta(seconds=sequence), event=event)


def planned_buy(identifier: str = BUY_ID, *, market: Market = BTC, notional: str = "50000", price: str = "1000") -> IntentPlanned:
    return IntentPlanned(
        identifier=identifier,
        market=market,
        cycle_id=f"{market}/2026-11-20T12",
        role=Role.ENTRY,
        leg=0,
        attempt=0,
        side=Side.BUY,
        notional_krw=Decimal(notional),
        quantity=None,
        reference_krw=Decimal(price),
        minimum_notional_krw=Decimal(5000),
        reason="breakout",
        decision_digest="0" * 64,
    )


def planned_sell(identifier: str = SELL_ID, *, market: Market = BTC, quantity: str = "0.5", price: str = "1000") -> IntentPlanned:
    return IntentPlanned(
        identifier=identifier,
        market=market,
        cycle_id=f"{market}/2026-11-20T12",
        role=Role.EXIT,
        leg=0,
        attempt=0,
        side=Side.SELL,
        notional_krw=None,
        quantity=Decimal(quantity),
        reference_krw=Decimal(price),
        minimum_notional_krw=Decimal(5000),
        reason="stop_loss",
        decision_digest="0" * 64,
    )


def answered(answer: Answer, identifier: str = BUY_ID, *, error_name: str | None = None) -> IntentAnswered:
    venue_id = "venue-1" if answer is Answer.ACCEPTED else None
    return IntentAnswered(identifier=identifier, answer=answer, venue_id=venue_id, error_name=error_name)


def fill(trade_id: str, quantity: str, *, price: str) -> Fill:
    funds = Decimal(quantity) * Decimal(price)
    return Fill(trade_id=trade_id, price=Decimal(price), quantity=Decimal(quantity), funds_krw=funds, at=NOON)


def closed(identifier: str = BUY_ID, *, fills: tuple[Fill, ...] = (), fee: str = "0") -> IntentClosed:
    """Close an order with these fills; executed quantity and funds are their sums."""
    return IntentClosed(
        identifier=identifier,
        closing=Closing.EXECUTED if fills else Closing.NOT_EXECUTED,
        executed_quantity=sum((one.quantity for one in fills), Decimal(0)),
        funds_krw=sum((one.funds_krw for one in fills), Decimal(0)),
        paid_fee_krw=Decimal(fee),
        fills=fills,
    )


def bought(quantity: str, price: str, *, fee: str = "0") -> tuple[Event, ...]:
    """Give the records of one protected purchase."""
    plan = replace(planned_buy(), protection=protection())
    done = closed(fills=(fill("one", quantity, price=price),), fee=fee)
    return plan, IntentSending(identifier=BUY_ID), answered(Answer.ACCEPTED), done


def state(*, equity: str = "1000000", usdt: str | None = "1400", cost: str = "1000") -> StateSummary:
    position = PositionSummary(
        market=BTC,
        quantity=Decimal("0.5"),
        average_cost_krw=Decimal(cost),
        mark_krw=Decimal(1100),
        stop_krw=Decimal(950),
        target_krw=Decimal(1100),
    )
    return StateSummary(
        equity_krw=Decimal(equity),
        free_krw=Decimal(500_000),
        daily_pnl_fraction=Decimal("0.01"),
        weekly_pnl_fraction=Decimal("-0.02"),
        daily_trade_count=1,
        safe_mode=False,
        safe_mode_reason=None,
        positions=(position,),
        usdt_krw=None if usdt is None else Decimal(usdt),
    )


def report(
    cycle_id: str = "KRW-BTC/2026-11-20T12",
    *,
    outcome: Outcome = Outcome.TRADED,
    confidence: float = 0.8,
    slippage_bps: float | None = 1.5,
    account: StateSummary | None = None,
) -> CycleReport:
    gates = (Gate("loss_breaker", Decimal("0.0100"), Decimal("0.10"), passed=True), Gate("adx", 18.5, 20, passed=False))
    screen = ScreenResult(
        evaluated_at=NOON,
        days=730.0,
        round_trips=24,
        total_return=0.12,
        win_rate=0.5,
        profit_factor=1.6,
        payoff=1.6,
        sharpe=1.1,
        max_drawdown=0.08,
        gates=(),
    )
    return CycleReport(
        cycle_id=cycle_id,
        market=BTC,
        mode=Mode.DEMO,
        opened_at=NOON,
        completed_at=NOON + timedelta(seconds=1),
        outcome=outcome,
        stage=Stage.EXECUTION,
        reason="bought 50000 KRW",
        gates=gates,
        decision=Decision(action=Action.BUY, confidence=confidence, source="rules", reason="breakout"),
        slippage_bps=slippage_bps,
        durations_ms={"risk_check": 1.25},
        indicators={"rsi_14": 61.5, "adx_14": float("nan")},
        mark_krw=Decimal("1000.10"),
        screen=screen,
        state=account or state(),
    )


def replayed(path: Path) -> Remembered:
    """Fold every record that a journal on disk has ever had."""
    remembered = Remembered()
    for record in read_journal(path):
        remembered = remembered.after(record)
    return remembered
