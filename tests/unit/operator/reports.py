"""Cycle reports and events as the tests of this package need them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from dg_bot.domain.cycle_report import CycleReport, Mode, OrderSummary, Outcome, PositionSummary, Stage, StateSummary
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import Closing, Event, IntentClosed, IntentPlanned, Record
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Role, Side
from dg_bot.domain.screen import ScreenResult
from dg_bot.operator import messages
from dg_bot.operator.phrasebook import Phrasebook

BTC = Market("KRW-BTC")
OPENED_AT = datetime(2026, 11, 20, 13, tzinfo=UTC)

RISK_GATES = (
    Gate("risk.safe_mode", "off", "off", passed=True),
    Gate("risk.daily_loss", Decimal("-0.0123"), Decimal("-0.10"), passed=True),
    Gate("risk.unexplained_balance", "none", "none", passed=True),
    Gate("risk.flat", value=True, limit=True, passed=True),
    Gate("risk.hours_since_entry", None, 4.0, passed=True),
    Gate("risk.exposure", Decimal("0.1"), Decimal("0.80"), passed=True),
    Gate("risk.krw_today", Decimal(0), Decimal(5_000_000), passed=True),
)
DATA_GATES = (
    Gate("data.candle_age", "2026-11-20T12:00Z", "2026-11-20T12:00Z", passed=True),
    Gate("data.reference KRW-BTC", "is this market", None, passed=True),
    Gate("data.missing_hours", 37, None, passed=True),
)
ANALYSIS_GATES = (
    Gate("breakout.trend", 145_123_000.0, 139_456_789.123, passed=True),
    Gate("breakout.squeeze", "bandwidth 0.0312, adx 17.2", "bandwidth < 0.0391 or adx < 20", passed=True),
    Gate("filter.regime", "bull", "bull or sideways", passed=True),
    Gate("validator.rsi_contradiction", 64.25, 70.0, passed=True),
    Gate("validator.confidence", 0.8, 0.7, passed=True),
)
EXECUTION_GATES = (
    Gate("execution.size_fraction", Decimal("0.1"), "up to 0.10", passed=True),
    Gate("execution.slippage", Decimal("0.0004"), Decimal("0.01"), passed=True),
)
SCREEN = ScreenResult(
    evaluated_at=OPENED_AT,
    days=729.5,
    round_trips=34,
    total_return=0.1234,
    win_rate=0.4118,
    profit_factor=1.52,
    payoff=2.1,
    sharpe=1.104,
    max_drawdown=0.084,
    gates=(Gate("total_return", 0.1234, 0.03, passed=True), Gate("win_rate", 0.4118, 0.35, passed=True)),
)
POSITION = PositionSummary(
    market=BTC,
    quantity=Decimal("0.00689655"),
    average_cost_krw=Decimal("145072500"),
    mark_krw=Decimal("145000000"),
    stop_krw=Decimal("137818875"),
    target_krw=Decimal("159579750"),
)
STATE = StateSummary(
    equity_krw=Decimal("10012345.67891"),
    free_krw=Decimal("9011845.12"),
    daily_pnl_fraction=Decimal("0.0012"),
    weekly_pnl_fraction=Decimal("-0.004"),
    daily_trade_count=1,
    safe_mode=False,
    safe_mode_reason=None,
    positions=(POSITION,),
)
ORDER = OrderSummary(
    identifier="dg.KRW-BTC.20261120T13.entry.0.0",
    side=Side.BUY,
    kind="market",
    status="executed",
    executed_quantity=Decimal("0.00689655"),
    average_price_krw=Decimal("145000000"),
    fee_krw=Decimal("499.999875"),
)
TRADED = CycleReport(
    cycle_id="KRW-BTC/2026-11-20T13",
    market=BTC,
    mode=Mode.DEMO,
    opened_at=OPENED_AT,
    completed_at=OPENED_AT + timedelta(seconds=7),
    outcome=Outcome.TRADED,
    stage=Stage.EXECUTION,
    reason="all gates of the breakout passed",
    gates=(*RISK_GATES, *DATA_GATES, *ANALYSIS_GATES, *EXECUTION_GATES),
    decision=Decision(action=Action.BUY, confidence=0.8, source="rules", reason="all gates of the breakout passed"),
    orders=(ORDER,),
    slippage_bps=3.4,
    durations_ms={"risk_check": 3.25, "data_collection": 41.0, "analysis": 88.5, "execution": 61.0},
    indicators={"rsi": 64.25, "adx": float("nan")},
    mark_krw=Decimal("145000000"),
    screen=SCREEN,
    state=STATE,
)
RISK_HALT = replace(
    TRADED,
    outcome=Outcome.HALTED,
    stage=Stage.RISK_CHECK,
    reason="risk.safe_mode: daily_loss, limit off",
    gates=(Gate("risk.safe_mode", "daily_loss: lost 0.1012", "off", passed=False), *RISK_GATES[1:]),
    decision=None,
    orders=(),
    slippage_bps=None,
    durations_ms={"risk_check": 2.0},
    indicators={},
    mark_krw=None,
    screen=None,
    state=replace(STATE, safe_mode=True, safe_mode_reason="daily_loss: lost 0.1012, limit 0.10", positions=()),
)
DATA_HALT = replace(
    RISK_HALT,
    stage=Stage.DATA_COLLECTION,
    reason="data.candle_age: none, limit 2026-11-20T12:00Z",
    gates=(*RISK_GATES, Gate("data.candle_age", None, "2026-11-20T12:00Z", passed=False)),
    state=STATE,
)
HELD = replace(
    TRADED,
    outcome=Outcome.HELD,
    stage=Stage.ANALYSIS,
    reason="validator.rsi_contradiction: 74.25, limit 70",
    gates=(*RISK_GATES, *DATA_GATES, Gate("validator.rsi_contradiction", 74.25, 70.0, passed=False)),
    decision=Decision(action=Action.HOLD, confidence=0.7, source="rules", reason="rsi_contradiction did not pass"),
    orders=(),
    slippage_bps=None,
)
EXECUTION_HALT = replace(
    HELD,
    outcome=Outcome.HALTED,
    stage=Stage.EXECUTION,
    reason="execution.slippage: 0.02, limit 0.01",
    gates=(*RISK_GATES, *DATA_GATES, *ANALYSIS_GATES, Gate("execution.slippage", 0.02, Decimal("0.01"), passed=False)),
)
FAILED = replace(
    RISK_HALT, outcome=Outcome.FAILED, reason="accounts: the exchange is unavailable (timed out)", gates=(), state=None
)
REPORTS = {
    "traded": TRADED,
    "held": HELD,
    "halted by risk": RISK_HALT,
    "halted by data": DATA_HALT,
    "halted in execution": EXECUTION_HALT,
    "failed": FAILED,
}

PLANNED_BUY = IntentPlanned(
    identifier=ORDER.identifier,
    market=BTC,
    cycle_id=TRADED.cycle_id,
    role=Role.ENTRY,
    leg=0,
    attempt=0,
    side=Side.BUY,
    notional_krw=Decimal(1_000_000),
    quantity=None,
    reference_krw=Decimal("145000000"),
    minimum_notional_krw=Decimal(5000),
    reason="all gates of the breakout passed",
    decision_digest="d",
)
PLANNED_STOP = replace(
    PLANNED_BUY,
    identifier="dg.KRW-BTC.20261120T14.exit.0.0",
    cycle_id="KRW-BTC/2026-11-20T14",
    role=Role.EXIT,
    side=Side.SELL,
    notional_krw=None,
    quantity=Decimal("0.00689655"),
    reason="stop_loss",
)


def closed(planned: IntentPlanned, quantity: str = "0.00689655", closing: Closing = Closing.EXECUTED) -> IntentClosed:
    """End an order with `quantity` filled at 145,000,000 won."""
    executed = Decimal(quantity)
    funds = executed * Decimal("145000000")
    return IntentClosed(
        identifier=planned.identifier,
        closing=closing,
        executed_quantity=executed,
        funds_krw=funds,
        paid_fee_krw=funds * Decimal("0.0005"),
        fills=(),
    )


def record(event: Event, sequence: int = 1) -> Record:
    return Record(sequence=sequence, at=OPENED_AT + timedelta(seconds=sequence), event=event)


def cycle_messages(report: CycleReport, book: Phrasebook) -> tuple[str, str, str, str]:
    """Give the four messages of a cycle: its start, the backtest, the decision, the portfolio."""
    return (
        messages.cycle_start(report, book),
        messages.cycle_screen(report, book),
        messages.cycle_decision(report, book),
        messages.cycle_portfolio(report, book),
    )
