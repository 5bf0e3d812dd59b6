"""An example of everything that an operator is told: for the tests that hold it, and for the page of all messages."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from dg_bot.adapters.postgres import TradeRow
from dg_bot.adapters.postgres_answers import EquityRow, LogRow
from dg_bot.domain.approval import EntryProposal
from dg_bot.domain.conversation import Reply
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.events import (
    AlarmRaised,
    Answer,
    Closing,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    PositionAdopted,
    SafeModeEntered,
    SafeModeLeft,
    Started,
)
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import Side
from dg_bot.domain.portfolio import Position, ProtectionPlan, ProtectiveLevels
from dg_bot.domain.screen import DriftlessPasses, Honesty, ScreenFailure
from dg_bot.execution.intent import Intent, IntentBook
from dg_bot.operator import answers, answers_of_acts, answers_of_rows, messages
from dg_bot.operator.commands import ALL, Asked, Command, Misread, Problem, Span
from dg_bot.operator.confirmations import Pending, Verdict
from dg_bot.operator.day_summary import Day, day_summary
from dg_bot.operator.glance import Glance, HealthCheck
from dg_bot.operator.phrasebook import Phrasebook
from dg_bot.operator.realised import gains
from dg_bot.pipeline.operator_hands import Comparison, Sale, SaleEnd
from dg_bot.remembered import Remembered
from dg_bot.risk.operator_halt import OperatorHalt
from dg_bot.risk.state import RiskState, SafeMode
from tests.unit.operator.reports import (
    BTC,
    HELD,
    OPENED_AT,
    PLANNED_BUY,
    PLANNED_STOP,
    REPORTS,
    RISK_HALT,
    SCREEN,
    TRADED,
    closed,
    cycle_messages,
)

Sections = Mapping[str, Mapping[str, tuple[Reply, ...]]]
ETH = Market("KRW-ETH")
NOW = OPENED_AT + timedelta(minutes=5)
SETTINGS = {
    "MODE": "paper",
    "MARKETS": "KRW-BTC,KRW-ETH",
    "RISK_DAILY_LOSS_FRACTION": "0.10",
    "RISK_WEEKLY_LOSS_FRACTION": "0.15",
    "RISK_STOP_LOSS_FRACTION": "0.05",
    "RISK_TAKE_PROFIT_FRACTION": "0.10",
    "RISK_MAX_POSITION_FRACTION": "0.10",
    "RISK_MAX_EXPOSURE_FRACTION": "0.80",
    "TELEGRAM_BOT_TOKEN": "set",
}
LOSS = SafeMode("daily_loss: lost 0.1012 of the opening equity, limit 0.10", OPENED_AT)
PAUSED = SafeMode(OperatorHalt.PAUSED.reason("Telegram 123456789"), NOW)
POSITION = Position(
    market=BTC,
    quantity=Decimal("0.00689655"),
    average_cost_krw=Decimal("145072500"),
    opened_at=OPENED_AT,
    levels=ProtectiveLevels(stop_krw=Decimal("137818875"), target_krw=Decimal("159579750"), highest_krw=Decimal("145072500")),
)
ETH_HALT = replace(
    RISK_HALT,
    cycle_id="KRW-ETH/2026-11-20T13",
    market=ETH,
    reason="screen.profit_factor: 1.12, limit 1.3",
    gates=(Gate("screen.profit_factor", 1.12, 1.3, passed=False),),
    screen=replace(SCREEN, gates=(Gate("profit_factor", 1.12, 1.3, passed=False),)),
    state=TRADED.state,
)
HONESTY = Honesty(
    trials=30,
    sharpe_error=0.4,
    mean_trip=0.004,
    trip_error=0.002,
    probabilistic_sharpe=0.97,
    deflated_sharpe=0.61,
    driftless=DriftlessPasses(identity="x", measured_on=OPENED_AT, seed=1, walks=200, passes=34),
)
WELL = (
    HealthCheck(name="guard", is_well=True, detail="last tick 3 s ago"),
    HealthCheck(name="cycle", is_well=True, detail="KRW-BTC/2026-11-20T13 traded"),
    HealthCheck(name="outbox", is_well=True, detail="all delivered"),
)
UNWELL = (HealthCheck(name="guard", is_well=False, detail="last tick 95 s ago"), *WELL[1:])
PROPOSAL = EntryProposal(
    cycle_id=TRADED.cycle_id,
    market=BTC,
    decision=Decision(action=Action.BUY, confidence=0.8, source="rules", reason="all gates of the breakout passed"),
    mark_krw=Decimal(145_000_000),
)
ADOPTED = PositionAdopted(
    market=BTC,
    quantity=Decimal("0.5"),
    cost_krw=Decimal(90_000_000),
    mark_krw=Decimal(91_000_000),
    protection=ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.1")),
)


def intents(*events: tuple[IntentPlanned, IntentClosed | None]) -> IntentBook:
    """Give orders that were sent, each with its end where it has one."""
    book: dict[str, Intent] = {}
    for planned, end in events:
        intent = Intent(plan=planned, planned_at=OPENED_AT).after(IntentSending(identifier=planned.identifier), OPENED_AT)
        if end is None:
            answer = IntentAnswered(identifier=planned.identifier, answer=Answer.UNKNOWN, error_name="timed out")
            intent = intent.after(answer, OPENED_AT)
        else:
            is_refused = end.closing is Closing.REJECTED
            answer = IntentAnswered(
                identifier=planned.identifier, answer=Answer.REJECTED if is_refused else Answer.ACCEPTED, venue_id="v"
            )
            intent = intent.after(answer, OPENED_AT).after(end, OPENED_AT + timedelta(seconds=2))
        book[planned.identifier] = intent
    return IntentBook(intents=book)


BOUGHT = (PLANNED_BUY, closed(PLANNED_BUY))
SOLD = (PLANNED_STOP, closed(PLANNED_STOP))
OPEN_SALE = (replace(PLANNED_STOP, identifier="dg.KRW-BTC.20261120T15.exit.0.0"), None)


def glance(
    *,
    safe_mode: SafeMode | None = None,
    positions: tuple[Position, ...] = (POSITION,),
    orders: IntentBook | None = None,
    reports: tuple[CycleReport, ...] = (TRADED, ETH_HALT),
    is_well: bool = True,
) -> Glance:
    """Give a bot with a position and two markets, whose second market fails the screen."""
    state = RiskState(
        sequence=1234,
        positions={position.market: position for position in positions},
        safe_mode=safe_mode,
        alarms={"thin_book:KRW-BTC": OPENED_AT, "unprotected": OPENED_AT},
    )
    failing = ScreenFailure(since=OPENED_AT - timedelta(days=12), figure=Gate("profit_factor", 1.12, 1.3, passed=False))
    return Glance(
        at=NOW,
        mode=Mode.PAPER,
        version="0.1.0",
        markets=(BTC, ETH),
        remembered=Remembered(
            state=state,
            intents=orders or intents(BOUGHT),
            reports={report.cycle_id: report for report in reports},
            failing_screens={ETH: failing},
        ),
        checks=WELL if is_well else UNWELL,
        behind={} if is_well else {"database": "connection refused"},
        settings=SETTINGS,
    )


def trade(name: str, side: Side, total: str, hours: int = 0, *, quantity: str = "0.00689655") -> TradeRow:
    return TradeRow(
        identifier=f"dg.{name}.0.0",
        market=BTC,
        side=side,
        price_krw=Decimal(total) / Decimal(quantity),
        quantity=Decimal(quantity),
        total_krw=Decimal(total),
        fee_krw=Decimal(total) * Decimal("0.0005"),
        status="completed",
        created_at=OPENED_AT + timedelta(hours=hours),
    )


TRADES = (
    trade("KRW-BTC.20261119T13.entry", Side.BUY, "1000000", -24),
    trade("KRW-BTC.20261120T02.exit", Side.SELL, "1060000", -11),
    trade("KRW-BTC.20261120T06.entry", Side.BUY, "1000000", -7),
    trade("KRW-BTC.20261120T10.exit", Side.SELL, "970000", -3),
)
ADOPTED_SALE = trade("KRW-BTC.20261120T11.exit", Side.SELL, "500000", -2)


def told(book: Phrasebook) -> dict[str, tuple[Reply, ...]]:
    """Give what the bot tells by itself."""
    at = OPENED_AT
    made: dict[str, str] = {}
    for name, report in REPORTS.items():
        parts = ("start", "backtest", "decision", "portfolio") if name == "traded" else ("", "", "decision", "")
        texts = cycle_messages(report, book)
        made |= {f"cycle {name}: {part}": text for part, text in zip(parts, texts, strict=True) if part}
    failed_screen = replace(TRADED, screen=ETH_HALT.screen)
    made |= {
        "backtest failed": messages.cycle_screen(failed_screen, book),
        "backtest, and what it is worth": messages.cycle_screen(replace(TRADED, screen=replace(SCREEN, honesty=HONESTY)), book),
        "no backtest": messages.cycle_screen(RISK_HALT, book),
        "bought": messages.order_closed(PLANNED_BUY, closed(PLANNED_BUY), at, book),
        "stop reached": messages.exit_triggered(PLANNED_STOP, at, book),
        "sold": messages.order_closed(PLANNED_STOP, closed(PLANNED_STOP), at, book),
        "not bought": messages.order_closed(PLANNED_BUY, closed(PLANNED_BUY, "0", Closing.NEVER_ACCEPTED), at, book),
        "not sold": messages.order_closed(PLANNED_STOP, closed(PLANNED_STOP, "0", Closing.REJECTED), at, book),
        "safe mode on": messages.safe_mode_entered(SafeModeEntered(reason=LOSS.reason), at, book),
        "safe mode off": messages.safe_mode_left(SafeModeLeft(by="operator"), at, book),
        "alarm": messages.alarm(AlarmRaised(kind="thin_book", text="the visible bids do not hold the whole sale"), at, book),
        "coins adopted": messages.position_adopted(ADOPTED, at, book),
        "started": messages.process_started(Started(mode=Mode.PAPER, version="0.1.0", settings={}), at, book),
        "stopped": messages.process_stopped(Mode.PAPER, 2, at, book),
        "account unreadable": messages.cycle_portfolio(REPORTS["failed"], book),
        "the day in short": day_summary(Day.of(at).after(TRADED).after(ETH_HALT).after(HELD), book),
    }
    return {name: (Reply(text),) for name, text in made.items()}


def asked(book: Phrasebook) -> dict[str, tuple[Reply, ...]]:
    """Give what is answered to questions."""
    calm, empty = glance(), glance(positions=(), orders=IntentBook(), reports=())
    everything = gains(TRADES)
    found = (gains((*TRADES, ADOPTED_SALE)), EquityRow(Decimal(10_000_000), Decimal(10_012_345)), Decimal(2015))
    logs = (LogRow(NOW, "critical", "safe mode entered: daily_loss: lost 0.1012"), LogRow(NOW, "error", "rows refused"))
    return {
        "/status": (answers.status(calm, book),),
        "/status, nothing yet": (answers.status(empty, book),),
        "/status, paused": (answers.status(glance(safe_mode=PAUSED), book),),
        "/status, safe mode and not well": (
            answers.status(glance(safe_mode=LOSS, is_well=False, orders=intents(BOUGHT, OPEN_SALE)), book),
        ),
        "/status, stopped": (answers.status(glance(safe_mode=_stopped()), book),),
        "/why": (answers.why(glance(reports=(HELD, ETH_HALT)), book),),
        "/why, no cycle": (answers.why(empty, book),),
        "/why, bought": (answers.why(calm, book),),
        "/balance": (answers.balance(calm, book),),
        "/balance, nothing read": (answers.balance(empty, book),),
        "/profit": (answers_of_rows.profit(calm, Span.DAY, (everything, None, Decimal(1015)), book),),
        "/profit week": (answers_of_rows.profit(calm, Span.WEEK, (everything, found[1], Decimal(2015)), book),),
        "/profit month": (answers_of_rows.profit(calm, Span.MONTH, found, book),),
        "/profit, database away": (answers_of_rows.profit(calm, Span.DAY, None, book),),
        "/trades": answers_of_rows.trades(calm, TRADES[::-1], 10, book),
        "/trades, none": answers_of_rows.trades(calm, (), 10, book),
        "/trades, database away": answers_of_rows.trades(calm, None, 10, book),
        "/order": (answers.order(glance(orders=intents(BOUGHT, SOLD, OPEN_SALE)), "", book),),
        "/order, none": (answers.order(empty, "", book),),
        "/order NAME": (answers.order(glance(orders=intents(OPEN_SALE)), OPEN_SALE[0].identifier, book),),
        "/order NAME, unknown": (answers.order(calm, "dg.KRW-BTC.1", book),),
        "/performance": (answers_of_rows.performance(everything, book),),
        "/performance, none": (answers_of_rows.performance(gains(()), book),),
        "/performance, database away": (answers_of_rows.performance(None, book),),
        "/risk": (answers.risk(calm, book),),
        "/health": (answers.health(calm, book),),
        "/health, not well": (answers.health(glance(is_well=False), book),),
        "/logs": answers_of_rows.logs(calm, logs, book),
        "/logs, none": answers_of_rows.logs(calm, (), book),
        "/logs, database away": answers_of_rows.logs(calm, None, book),
        "/config": answers.config(calm, {**SETTINGS, "MODE": "demo", "TELEGRAM_BOT_TOKEN": ""}, book),
        "/version": (answers.version(calm, book),),
        "/help": (answers.help_(calm, book),),
        "a word": (answers_of_acts.misread(Misread(Problem.NO_COMMAND), book),),
        "/nothing": (answers_of_acts.misread(Misread(Problem.UNKNOWN), book),),
        **{
            f"/{command}, misspelt": (answers_of_acts.misread(Misread(Problem.ARGUMENT, command), book),)
            for command in (
                Command.EXIT,
                Command.PROFIT,
                Command.TRADES,
                Command.ORDER,
                Command.CONFIRM,
                Command.RESUME,
                Command.APPROVE,
                Command.REJECT,
            )
        },
    }


def acted(book: Phrasebook) -> dict[str, tuple[Reply, ...]]:
    """Give what is answered to commands that do something."""
    calm, paused, off = glance(), glance(safe_mode=PAUSED), glance(positions=())
    sold = intents(SOLD).intents[PLANNED_STOP.identifier]
    refused = intents((PLANNED_STOP, closed(PLANNED_STOP, "0", Closing.REJECTED))).intents[PLANNED_STOP.identifier]
    unclear = intents(OPEN_SALE).open_intents()
    closing_gate = Gate("sell_minimum", Decimal(3210), Decimal(5000), passed=False)
    ends = {
        "/exit done": Sale(end=SaleEnd.PLACED, market=BTC, intents=(sold,)),
        "/exit refused": Sale(end=SaleEnd.PLACED, market=BTC, intents=(refused,)),
        "/exit unclear": Sale(end=SaleEnd.PLACED, market=BTC, intents=unclear),
        "/exit, sold already": Sale(end=SaleEnd.UNDER_WAY, market=BTC),
        "/exit, nothing held": Sale(end=SaleEnd.NOTHING_HELD, market=BTC),
        "/exit, an entry without an end": Sale(end=SaleEnd.ENTRY_OPEN, market=BTC),
        "/exit, too small": Sale(end=SaleEnd.NOT_SENT, market=BTC, gate=closing_gate),
    }
    differs = Comparison(open_intents=unclear, unexplained={"KRW": Decimal(-5000), "BTC": Decimal("0.001")})
    plain = {
        "/pause": answers_of_acts.halted(OperatorHalt.PAUSED, None, book),
        "/pause in safe mode": answers_of_acts.halted(OperatorHalt.PAUSED, LOSS, book),
        "/pause again": answers_of_acts.already(PAUSED, book),
        "/stop": answers_of_acts.halted(OperatorHalt.STOPPED, None, book),
        "/resume": answers_of_acts.asked_again(_waiting(Command.RESUME), paused, book),
        "/resume, not paused": answers_of_acts.asked_again(_waiting(Command.RESUME), calm, book),
        "/resume confirmed": answers_of_acts.resumed(PAUSED, book),
        "/resume confirmed, off": answers_of_acts.resumed(None, book),
        "/cycle": answers_of_acts.asked_again(_waiting(Command.CYCLE), calm, book),
        "/cycle confirmed": answers_of_acts.cycle_begun(book, has_begun=True),
        "/cycle, running": answers_of_acts.cycle_begun(book, has_begun=False),
        "/cycle, stopped": answers_of_acts.cycle_stopped(book),
        "/exit": answers_of_acts.asked_again(_waiting(Command.EXIT, ALL), calm, book),
        "/exit without a position": answers_of_acts.asked_again(_waiting(Command.EXIT, ALL), off, book),
        "/exit all, nothing": answers_of_acts.exited((), book),
        **{name: answers_of_acts.exited((sale,), book) for name, sale in ends.items()},
        **{f"/confirm, {verdict.name.lower()}": answers_of_acts.unconfirmed(verdict, book) for verdict in Verdict},
        "an entry waits for a word": answers_of_acts.proposed(PROPOSAL, "K7M2QX", 5, book),
        "an entry is approved": answers_of_acts.word_taken(book, is_approved=True, is_taken=True),
        "an entry is rejected": answers_of_acts.word_taken(book, is_approved=False, is_taken=True),
        "a word too late": answers_of_acts.word_taken(book, is_approved=True, is_taken=False),
        "/cancel": answers_of_acts.cancelled(Asked(Command.EXIT, "KRW-BTC"), (), book),
        "/cancel, an order is out": answers_of_acts.cancelled(None, unclear, book),
        "/sync": answers_of_acts.compared(Comparison(open_intents=(), unexplained={}), book),
        "/sync, differs": answers_of_acts.compared(differs, book),
        "something goes wrong": answers_of_acts.failed("accounts: the exchange is unavailable (timed out)", book),
        "too much at once": answers_of_acts.busy(book),
        "far too much": answers_of_acts.flood(book),
        "sent while away": answers_of_acts.too_old(("/resume", "/exit all"), book),
        "cut short by the end": answers_of_acts.interrupted("/exit KRW-BTC", book),
    }
    return {name: (reply,) for name, reply in plain.items()}


SECTIONS: Mapping[str, Callable[[Phrasebook], dict[str, tuple[Reply, ...]]]] = {"told": told, "asked": asked, "acted": acted}


def sections(book: Phrasebook) -> Sections:
    return {name: examples(book) for name, examples in SECTIONS.items()}


def _waiting(command: Command, argument: str = "") -> Pending:
    return Pending(asked=Asked(command, argument), code="K7M2QX", until_s=60.0, seen="")


def _stopped() -> SafeMode:
    return SafeMode(OperatorHalt.STOPPED.reason("Telegram 123456789"), NOW)
