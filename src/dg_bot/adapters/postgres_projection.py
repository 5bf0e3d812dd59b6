"""Turn journal records into rows: which statements each event means, run on one cursor."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from psycopg import Cursor
from psycopg.types.json import Jsonb

from dg_bot.adapters.postgres_json import to_json
from dg_bot.adapters.postgres_queries import queries
from dg_bot.analysis.opinions import GivenOpinion, challengers_opinions, opinions_given
from dg_bot.domain.cycle_report import CycleReport, StateSummary
from dg_bot.domain.decision import Decision
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    Answer,
    CapsuleStored,
    ChallengersHeard,
    Closing,
    CommandEnded,
    CommandTaken,
    CycleCompleted,
    HighestPriceRaised,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    ModelAnswered,
    ModelAsked,
    NewsJudged,
    NewsSeen,
    PeriodOpened,
    PositionAdopted,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    Stopped,
    TransferDeclared,
)
from dg_bot.domain.money import ZERO, plain, product
from dg_bot.errors import DataError

Parameter = str | bytes | int | float | Decimal | datetime | Jsonb | None

_LONGEST_SOURCE = 100
_STATUS_OF_ANSWER = {Answer.ACCEPTED: "open", Answer.UNKNOWN: "open", Answer.REJECTED: "failed"}
_STATUS_OF_CLOSING = {
    Closing.EXECUTED: "filled",
    Closing.NOT_EXECUTED: "cancelled",
    Closing.REJECTED: "failed",
    Closing.NEVER_ACCEPTED: "failed",
}


CapsuleOf = Callable[[CapsuleStored], bytes | None]


def write_rows(cursor: Cursor, record: Record, capsule_of: CapsuleOf) -> None:
    """Write the rows of one record; again is harmless. `capsule_of` gives what a capsule's file holds, None where it is gone.

    Raises DataError where the record contradicts rows that are there, and psycopg's errors.
    """
    match record.event:
        case Started() as event:
            _write_settings(cursor, record, event)
        case IntentPlanned() as event:
            _write_order(cursor, record, event)
        case IntentAnswered() as event:
            _write_answer(cursor, record, event)
        case IntentClosed() as event:
            _write_closing(cursor, record, event)
        case CycleCompleted(report=report):
            _write_cycle(cursor, record, report)
        case ChallengersHeard(cycle_id=cycle_id, opinions=opinions):
            _write_opinions(cursor, record, cycle_id, challengers_opinions(opinions))
        case CapsuleStored(cycle_id=cycle_id, file=file, sha256=sha256, size_bytes=size) as stored:
            kept = capsule_of(stored)
            _run(cursor, "note_capsule", cycle_id=cycle_id, file=file, sha256=sha256, size_bytes=size, capsule=kept)
        case NewsSeen(source=source, entries=entries):
            for entry in entries:
                published = {"title": entry.title, "published_at": entry.published_at}
                _run(cursor, "put_news", url=entry.url, source=source[:_LONGEST_SOURCE], at=record.at, **published)
        case NewsJudged(scores=scores):
            for url, score in scores.items():
                _run(cursor, "score_news", url=url, score=Decimal(repr(score)), at=record.at)
        case AlarmRaised(kind=kind, text=text):
            write_log(cursor, record, level="error", message=text, context={"kind": kind})
        case SafeModeEntered(reason=reason):
            write_log(cursor, record, level="critical", message=f"safe mode entered: {reason}", context={"reason": reason})
        case SafeModeLeft(by=by):
            write_log(cursor, record, level="info", message=f"safe mode left by {by}", context={"by": by})
        case TransferDeclared(currency=currency, amount=amount, note=note):
            context = {"currency": currency, "amount": amount, "note": note}
            write_log(cursor, record, level="info", message=f"transfer declared: {plain(amount)} {currency}", context=context)
        case PositionAdopted(market=market, quantity=quantity, cost_krw=cost_krw, mark_krw=mark_krw):
            message = f"position adopted: {plain(quantity)} {market.base} at {plain(cost_krw)} KRW"
            context = {"market": market, "quantity": quantity, "cost_krw": cost_krw, "mark_krw": mark_krw}
            write_log(cursor, record, level="info", message=message, context=context)
        case Stopped(open_positions=count):
            level = "info" if count == 0 else "warning"
            write_log(cursor, record, level=level, message=f"stopped with open positions: {count}", context={"open": count})
        case ModelAnswered() as event:
            _write_question(cursor, record, event)
        case CommandTaken(update=update, user=user, text=text):
            context = {"update": update, "user": user, "text": text}
            write_log(cursor, record, level="info", message=f"command of {user}: {text}", context=context)
        case CommandEnded(update=update, outcome=outcome, note=note):
            message = f"command {outcome}: {note}"
            write_log(cursor, record, level="info", message=message, context={"update": update, "outcome": outcome})
        case AccountOpened() | IntentSending() | PeriodOpened() | HighestPriceRaised() | ModelAsked():
            pass  # they matter to the state alone
        case _:
            assert_never(record.event)


def write_rejected(cursor: Cursor, record: Record, error: str) -> None:
    """Set a record aside that has no place in the tables, and say so in the log."""
    kind = type(record.event).__name__
    _run(cursor, "put_rejected", sequence=record.sequence, kind=kind, body=to_json(record.event), error=error, at=record.at)
    message = f"record {record.sequence} ({kind}) was set aside: {error}"
    write_log(cursor, record, level="error", message=message, context={"kind": kind})


def write_log(cursor: Cursor, record: Record, *, level: str, message: str, context: Mapping[str, object]) -> None:
    """Write the one line that a record may have in the log."""
    _run(cursor, "put_log", sequence=record.sequence, level=level, message=message, context=_json(context), at=record.at)


def _write_settings(cursor: Cursor, record: Record, event: Started) -> None:
    settings = {**event.settings, "version": event.version, "mode": event.mode}
    for key, value in settings.items():
        _run(cursor, "put_setting", key=key, value=_json(value), at=record.at)
    _run(cursor, "drop_earlier_settings", at=record.at)


def _write_order(cursor: Cursor, record: Record, event: IntentPlanned) -> None:
    _put(
        cursor,
        "put_order",
        identifier=event.identifier,
        symbol=event.market.code,
        side=event.side,
        reference_krw=event.reference_krw,
        amount=event.notional_krw if event.quantity is None else event.quantity,
        cycle_id=event.cycle_id,
        role=event.role,
        reason=event.reason,
        sequence=record.sequence,
        at=record.at,
    )


def _write_answer(cursor: Cursor, record: Record, event: IntentAnswered) -> None:
    _, _, newest = _order(cursor, event.identifier)
    if newest > record.sequence:
        return
    _run(
        cursor,
        "answer_order",
        identifier=event.identifier,
        status=_STATUS_OF_ANSWER[event.answer],
        error_name=event.error_name,
        venue_id=event.venue_id,
        sequence=record.sequence,
        at=record.at,
    )


def _write_closing(cursor: Cursor, record: Record, event: IntentClosed) -> None:
    symbol, side, newest = _order(cursor, event.identifier)
    if newest <= record.sequence:
        _run(
            cursor,
            "close_order",
            identifier=event.identifier,
            status=_STATUS_OF_CLOSING[event.closing],
            filled_amount=event.executed_quantity,
            sequence=record.sequence,
            at=record.at,
        )
    for fill in event.fills:
        _put(
            cursor,
            "put_fill",
            trade_id=fill.trade_id,
            identifier=event.identifier,
            symbol=symbol,
            side=side,
            price=fill.price,
            quantity=fill.quantity,
            funds=fill.funds_krw,
            at=fill.at,
        )
    if event.executed_quantity > ZERO:
        _write_trade(cursor, record, event, symbol=symbol, side=side)


def _write_trade(cursor: Cursor, record: Record, event: IntentClosed, *, symbol: str, side: str) -> None:
    _put(
        cursor,
        "put_trade",
        identifier=event.identifier,
        symbol=symbol,
        side=side,
        price=event.funds_krw / event.executed_quantity,
        amount=event.executed_quantity,
        total=event.funds_krw,
        fee=event.paid_fee_krw,
        at=record.at,
    )


def _write_cycle(cursor: Cursor, record: Record, report: CycleReport) -> None:
    _run(cursor, "drop_failed_cycle", cycle_id=report.cycle_id, completed_at=report.completed_at)
    _put(
        cursor,
        "put_cycle",
        cycle_id=report.cycle_id,
        symbol=report.market.code,
        mode=report.mode,
        outcome=report.outcome,
        stage=report.stage,
        reason=report.reason,
        gates=_json(report.gates),
        decision=None if report.decision is None else _json(report.decision),
        proposed=None if report.proposed is None else _json(report.proposed),
        votes=_json(report.votes),
        indicators=_json(report.indicators),
        screen=None if report.screen is None else _json(report.screen),
        durations=_json(report.durations_ms),
        mark_price=report.mark_krw,
        slippage_bps=report.slippage_bps,
        opened_at=report.opened_at,
        completed_at=report.completed_at,
    )
    _write_opinions(cursor, record, report.cycle_id, opinions_given(report))
    if report.decision is not None:
        _write_decision(cursor, record, report, report.decision)
    if report.state is not None:
        _write_snapshot(cursor, record, report.cycle_id, report.state)


def _write_decision(cursor: Cursor, record: Record, report: CycleReport, decision: Decision) -> None:
    _run(
        cursor,
        "put_decision",
        cycle_id=report.cycle_id,
        symbol=report.market.code,
        action=decision.action,
        confidence_pct=Decimal(repr(decision.confidence)) * 100,
        source=decision.source,
        reason=decision.reason,
        market_data=_json({"mark_krw": report.mark_krw, "indicators": report.indicators}),
        at=record.at,
    )


def _write_question(cursor: Cursor, record: Record, event: ModelAnswered) -> None:
    _put(
        cursor,
        "put_question",
        sequence=record.sequence,
        purpose=event.purpose,
        model=event.model,
        kind=event.answer.kind,
        tokens=event.tokens,
        cost_krw=event.answer.cost_krw,
        at=record.at,
    )


def _write_opinions(cursor: Cursor, record: Record, cycle_id: str, opinions: Iterable[GivenOpinion]) -> None:
    for one in opinions:
        _run(
            cursor,
            "put_opinion",
            opinion_id=f"{cycle_id}/{one.voice}/{one.model}",
            cycle_id=cycle_id,
            voice=one.voice,
            model=one.model,
            action=one.action,
            confidence=Decimal(repr(one.confidence)),
            has_read=one.has_read,
            problem=one.problem or None,
            vetoed_by=one.vetoed_by,
            at=record.at,
        )


def _write_snapshot(cursor: Cursor, record: Record, cycle_id: str, state: StateSummary) -> None:
    positions = {
        position.market.code: {
            "amount": position.quantity,
            "value": product(position.quantity, position.mark_krw),
            "profit_rate": round(position.mark_krw / position.average_cost_krw - 1, 8),
            "average_cost": position.average_cost_krw,
            "stop": position.stop_krw,
            "target": position.target_krw,
        }
        for position in state.positions
    }
    _run(
        cursor,
        "put_snapshot",
        cycle_id=cycle_id,
        equity_krw=state.equity_krw,
        usdt_krw=state.usdt_krw,
        positions=_json(positions),
        free_krw=state.free_krw,
        daily_pnl_fraction=state.daily_pnl_fraction,
        weekly_pnl_fraction=state.weekly_pnl_fraction,
        is_safe_mode=state.safe_mode,
        at=record.at,
    )


def _order(cursor: Cursor, identifier: str) -> tuple[str, str, int]:
    """Give symbol, side and newest journal sequence of the order's row."""
    row = cursor.execute(queries()["find_order"], {"identifier": identifier}).fetchone()
    if row is None:
        raise DataError("orders", f"{identifier} was never planned here")
    symbol, side, newest = row
    return symbol, side, newest


def _run(cursor: Cursor, name: str, **parameters: Parameter) -> None:
    cursor.execute(queries()[name], parameters)


def _put(cursor: Cursor, name: str, **parameters: Parameter) -> None:
    """Insert a row that must either be absent or already be this same one."""
    _run(cursor, name, **parameters)
    if cursor.rowcount == 0:
        raise DataError(name, "a different row has the same key")


def _json(value: object) -> Jsonb:
    return Jsonb(value, dumps=to_json)
