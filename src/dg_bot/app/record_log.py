"""The log as a rendering of the journal: one line a record, a stable verb with its keys."""

from typing import assert_never

import structlog

from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    CapsuleStored,
    ChallengersHeard,
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

_log = structlog.get_logger("dg_bot.journal")


def log_record(record: Record) -> None:
    """Log what was recorded; alarms and safe mode as warnings."""
    log = _log.bind(sequence=record.sequence)
    event = record.event
    match event:
        case Started():
            log.info("started", mode=event.mode, version=event.version)
        case Stopped():
            log.info("stopped", mode=event.mode, open_positions=event.open_positions)
        case AccountOpened():
            log.info("account_opened", currencies=[balance.currency for balance in event.balances])
        case IntentPlanned():
            amount = {"notional_krw": event.notional_krw} if event.quantity is None else {"quantity": event.quantity}
            log.info("order_planned", identifier=event.identifier, side=event.side, reason=event.reason, **amount)
        case IntentSending():
            log.info("order_sending", identifier=event.identifier)
        case IntentAnswered():
            log.info("order_answered", identifier=event.identifier, answer=event.answer, error_name=event.error_name)
        case IntentClosed():
            log.info(
                "order_closed",
                identifier=event.identifier,
                closing=event.closing,
                quantity=event.executed_quantity,
                funds_krw=event.funds_krw,
                fee_krw=event.paid_fee_krw,
            )
        case PeriodOpened():
            log.info("period_opened", period=event.period, equity_krw=event.equity_krw)
        case HighestPriceRaised():
            log.debug("highest_price_raised", market=event.market, price_krw=event.price_krw)
        case SafeModeEntered():
            log.warning("safe_mode_entered", reason=event.reason)
        case SafeModeLeft():
            log.warning("safe_mode_left", by=event.by)
        case TransferDeclared():
            log.info("transfer_declared", currency=event.currency, amount=event.amount)
        case PositionAdopted():
            log.info("position_adopted", market=event.market, quantity=event.quantity, cost_krw=event.cost_krw)
        case ModelAsked():
            log.debug("model_asked", purpose=event.purpose, model=event.model, most_tokens=event.most_tokens)
        case ModelAnswered(answer=answer):
            log.info("model_answered", kind=answer.kind, model=answer.model, tokens=event.tokens, cost_krw=answer.cost_krw)
        case NewsSeen(entries=entries):
            log.info("news_seen", source=event.source, entries=len(entries))
        case NewsJudged(scores=scores, unscored=unscored):
            log.info("news_judged", kind=event.kind, scored=len(scores), unscored=len(unscored))
        case AlarmRaised():
            log.warning("alarm_raised", kind=event.kind, text=event.text)
        case CycleCompleted(report=report):
            log.info("cycle_completed", market=report.market, outcome=report.outcome, stage=report.stage, reason=report.reason)
        case ChallengersHeard():
            told = [f"{one.model} {one.problem or one.action}" for one in event.opinions]
            log.info("challengers_heard", cycle_id=event.cycle_id, opinions=told)
        case CapsuleStored():
            log.debug("capsule_stored", cycle_id=event.cycle_id, file=event.file, size_bytes=event.size_bytes)
        case CommandTaken():
            log.info("command_taken", update=event.update, user=event.user, text=event.text)
        case CommandEnded():
            log.info("command_ended", update=event.update, outcome=event.outcome, note=event.note)
        case _:
            assert_never(event)
