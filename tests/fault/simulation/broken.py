"""Programs that are wrong on purpose, to show that the checks can see: each is the real one with a single habit changed."""

from dataclasses import replace

from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentSending
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.portfolio import Portfolio
from dg_bot.execution.intent import Intent, IntentBook, IntentState
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.pipeline.order_settlement import OrderSettlement
from dg_bot.ports import Accepted, Duplicate, Rejected, Submission, Unclear
from dg_bot.remembered import Remembered
from dg_bot.risk.manager import RiskApproved
from tests.fault.simulation.bot import SimulatedBot
from tests.fault.simulation.world import Change


class _FreshNameEachTry(OrderSender):
    """Retry at once, under a name of its own each time, as a client library without identifiers does."""

    def send(self, approved: RiskApproved) -> None:
        self._books.record(IntentSending(identifier=approved.identifier))
        answer = self._exchange.submit(approved)
        for number in range(1, 3):
            if not isinstance(answer, Unclear):
                break
            answer = self._exchange.submit(replace(approved, identifier=f"{approved.identifier}-{number}"))
        self._books.record(_recorded(approved, answer))


class _SavesAfterSending(OrderSender):
    """Write down that an order is being sent when it has been sent."""

    def send(self, approved: RiskApproved) -> None:
        answer = self._exchange.submit(approved)
        self._books.record(IntentSending(identifier=approved.identifier))
        self._books.record(_recorded(approved, answer))


class _TroubleIsFailure(OrderSender):
    """Take an error of the network for a refusal."""

    def send(self, approved: RiskApproved) -> None:
        self._books.record(IntentSending(identifier=approved.identifier))
        answer = self._exchange.submit(approved)
        if isinstance(answer, Unclear):
            answer = Rejected(answer.name, "taken for a failure")
        self._books.record(_recorded(approved, answer))


class _NotFoundIsNotPlaced(OrderSettlement):
    """Take an order that cannot be seen for one that was never placed, so that the next attempt goes out at once."""

    def _absent(self, intent: Intent, portfolio: Portfolio | None) -> None:
        if intent.state is IntentState.UNKNOWN:
            self._close(intent.identifier, Closing.NEVER_ACCEPTED)


class _BelievesFirstRead(OrderSettlement):
    """Book what the first read shows, whether the fills are all there or not."""

    def _adopt(self, intent: Intent, order: VenueOrder, *, is_final: bool) -> None:
        if intent.state is IntentState.UNKNOWN:
            self._answer(intent.identifier, Answer.ACCEPTED, venue_id=order.venue_id)
        executed = order.executed_quantity > 0
        self._close(intent.identifier, Closing.EXECUTED if executed else Closing.NOT_EXECUTED, order)


def _recorded(approved: RiskApproved, answer: Submission) -> IntentAnswered:
    name = approved.identifier
    match answer:
        case Accepted(venue_id):
            return IntentAnswered(identifier=name, answer=Answer.ACCEPTED, venue_id=venue_id)
        case Rejected(error, _):
            return IntentAnswered(identifier=name, answer=Answer.REJECTED, error_name=error)
        case Duplicate():
            return IntentAnswered(identifier=name, answer=Answer.UNKNOWN, error_name="duplicate")
        case _:
            return IntentAnswered(identifier=name, answer=Answer.UNKNOWN, error_name=answer.name)


def _sending_with(sender: type[OrderSender]) -> Change:
    def change(bot: SimulatedBot) -> None:
        old = bot.desk._sender
        wrong = sender(books=old._books, exchange=old._exchange, clock=old._clock, on_acknowledged=old._on_acknowledged)
        bot.desk._sender = bot.desk._settlement._sender = wrong

    return change


def _settling_with(settlement: type[OrderSettlement]) -> Change:
    def change(bot: SimulatedBot) -> None:
        old = bot.desk._settlement
        wrong = settlement(books=old._books, exchange=old._exchange, risk=old._risk, clock=old._clock, sender=old._sender)
        bot.desk._settlement = bot.reconciler._settlement = wrong

    return change


def _drop_keys(bot: SimulatedBot) -> None:
    """Let every snapshot forget the orders that have ended and the cycles that have run."""
    journal = bot.simulated_journal
    keep = type(journal).compact

    def compact(remembered: Remembered) -> None:
        open_ones = {intent.identifier: intent for intent in remembered.intents.open_intents()}
        keep(journal, replace(remembered, intents=IntentBook(intents=open_ones), reports={}))

    journal.compact = compact  # type: ignore[method-assign]


BROKEN: dict[str, Change] = {
    "retry_without_identifier": _sending_with(_FreshNameEachTry),
    "state_saved_after_the_send": _sending_with(_SavesAfterSending),
    "compaction_that_drops_keys": _drop_keys,
    "not_found_taken_for_not_placed": _settling_with(_NotFoundIsNotPlaced),
    "network_error_taken_for_failure": _sending_with(_TroubleIsFailure),
    "first_read_taken_for_the_end": _settling_with(_BelievesFirstRead),
}
