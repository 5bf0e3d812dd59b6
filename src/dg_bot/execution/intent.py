"""The state machine of one order, and the book of all orders that is folded from the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import takewhile
from typing import assert_never

from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned, IntentSending, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import Role, Side
from dg_bot.errors import InvariantViolated

REMEMBERED = timedelta(days=7)
# The `error_name` of an answer by which the venue knows the identifier already: an order of that name may be.
DUPLICATE = "duplicate"


class IntentState(StrEnum):
    """Where an order stands, as far as the journal knows."""

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CLOSED = "closed"


class EventKind(StrEnum):
    """What happened to an order, as far as the next state depends on it.

    A refusal is recorded for an identifier's own first answer only; whoever sends it again records UNKNOWN for one. Each way to
    close is a kind of its own.
    """

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"
    CLOSED_EXECUTED = "closed_executed"
    CLOSED_NOT_EXECUTED = "closed_not_executed"
    CLOSED_REJECTED = "closed_rejected"
    CLOSED_NEVER_ACCEPTED = "closed_never_accepted"


# None is an identifier that nobody has planned. Whoever finds SENDING after a restart records what the venue says of it, or
# UNKNOWN, before anything is sent again. An order that turns up is ACCEPTED before it is closed.
TRANSITIONS: Mapping[tuple[IntentState | None, EventKind], IntentState] = {
    (None, EventKind.PLANNED): IntentState.PLANNED,
    (IntentState.PLANNED, EventKind.SENDING): IntentState.SENDING,
    (IntentState.PLANNED, EventKind.CLOSED_NEVER_ACCEPTED): IntentState.CLOSED,
    (IntentState.SENDING, EventKind.ACCEPTED): IntentState.ACCEPTED,
    (IntentState.SENDING, EventKind.REJECTED): IntentState.REJECTED,
    (IntentState.SENDING, EventKind.UNKNOWN): IntentState.UNKNOWN,
    (IntentState.UNKNOWN, EventKind.SENDING): IntentState.SENDING,
    (IntentState.UNKNOWN, EventKind.ACCEPTED): IntentState.ACCEPTED,
    (IntentState.UNKNOWN, EventKind.CLOSED_NEVER_ACCEPTED): IntentState.CLOSED,
    (IntentState.ACCEPTED, EventKind.CLOSED_EXECUTED): IntentState.CLOSED,
    (IntentState.ACCEPTED, EventKind.CLOSED_NOT_EXECUTED): IntentState.CLOSED,
    (IntentState.REJECTED, EventKind.CLOSED_REJECTED): IntentState.CLOSED,
}

_CLOSINGS: Mapping[Closing, EventKind] = {
    Closing.EXECUTED: EventKind.CLOSED_EXECUTED,
    Closing.NOT_EXECUTED: EventKind.CLOSED_NOT_EXECUTED,
    Closing.REJECTED: EventKind.CLOSED_REJECTED,
    Closing.NEVER_ACCEPTED: EventKind.CLOSED_NEVER_ACCEPTED,
}


def next_state(identifier: str, state: IntentState | None, kind: EventKind) -> IntentState:
    """Look the next state up; raises InvariantViolated for a pair that is not in the table."""
    following = TRANSITIONS.get((state, kind))
    if following is None:
        before = "unplanned" if state is None else state
        raise InvariantViolated("order state table", f"{identifier} is {before} and cannot become {kind}")
    return following


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """One order of ours: what was meant, where it stands, and how it ended.

    `sends` counts the requests that may have left, `last_sent_at` is the time of the last of them. `error_name` is that of the
    last answer that was not an acceptance. `closing` holds what was executed, exactly; it and `closed_at` are set when CLOSED.
    """

    plan: IntentPlanned
    planned_at: datetime
    state: IntentState = IntentState.PLANNED
    sends: int = 0
    last_sent_at: datetime | None = None
    venue_id: str | None = None
    error_name: str | None = None
    closing: IntentClosed | None = None
    closed_at: datetime | None = None

    @property
    def identifier(self) -> str:
        return self.plan.identifier

    @property
    def is_open(self) -> bool:
        return self.state is not IntentState.CLOSED

    @property
    def is_duplicate(self) -> bool:
        """Tell whether the venue has said that it knows this identifier already."""
        return self.error_name == DUPLICATE

    def after(self, event: IntentSending | IntentAnswered | IntentClosed, at: datetime) -> "Intent":
        """Give the intent after one more event; raises InvariantViolated where the table has no such step."""
        state = next_state(self.identifier, self.state, self._kind(event))
        match event:
            case IntentSending():
                return replace(self, state=state, sends=self.sends + 1, last_sent_at=at)
            case IntentAnswered(answer=Answer.ACCEPTED):
                return replace(self, state=state, venue_id=event.venue_id)
            case IntentAnswered():
                return replace(self, state=state, error_name=event.error_name)
            case IntentClosed():
                return replace(self, state=state, closing=event, closed_at=at)
            case _:
                assert_never(event)

    def _kind(self, event: IntentSending | IntentAnswered | IntentClosed) -> EventKind:
        match event:
            case IntentSending():
                return EventKind.SENDING
            case IntentAnswered(answer=Answer.ACCEPTED):
                return EventKind.ACCEPTED
            case IntentAnswered(answer=Answer.REJECTED):
                return EventKind.REJECTED
            case IntentAnswered():
                return EventKind.UNKNOWN
            case IntentClosed():
                return _CLOSINGS[event.closing]
            case _:
                assert_never(event)


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentBook:
    """The intents that matter now, in the order in which they were planned; a fold, so that a restart knows the same.

    Open ones are never dropped. Closed ones are kept for a week after they ended: long past the hour in which their identifiers
    could be derived again.
    """

    intents: Mapping[str, Intent] = field(default_factory=dict)
    _open: tuple[Intent, ...] | None = field(default=None, init=False, repr=False, compare=False)

    def after(self, record: Record) -> "IntentBook":
        """Fold one record in; other kinds of event change nothing. Raises InvariantViolated for a step outside the table."""
        match record.event:
            case IntentPlanned() as plan:
                known = self.intents.get(plan.identifier)
                next_state(plan.identifier, known.state if known else None, EventKind.PLANNED)
                kept = {name: intent for name, intent in self.intents.items() if not _is_past(intent, record.at)}
                return IntentBook(intents={**kept, plan.identifier: Intent(plan=plan, planned_at=record.at)})
            case IntentSending() | IntentAnswered() | IntentClosed() as event:
                changed = self.by_identifier(event.identifier).after(event, record.at)
                return IntentBook(intents={**self.intents, event.identifier: changed})
            case _:
                return self

    def by_identifier(self, identifier: str) -> Intent:
        """Give one intent; raises InvariantViolated for an identifier that was never planned, or is forgotten."""
        intent = self.intents.get(identifier)
        if intent is None:
            raise InvariantViolated("order state table", f"{identifier} is spoken of, but was never planned")
        return intent

    def open_intents(self) -> tuple[Intent, ...]:
        """Give the intents without an end."""
        if self._open is None:
            # Asked for at every tick, and another one only where an order has moved.
            object.__setattr__(self, "_open", tuple(intent for intent in self.intents.values() if intent.is_open))
        return self._open or ()

    def open_on(self, market: Market) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.open_intents() if intent.plan.market == market)

    def is_selling(self, market: Market) -> bool:
        """Tell whether a sale on `market` has no end yet: until it has, nothing there may be sold a second time."""
        return any(intent.plan.side is Side.SELL for intent in self.open_on(market))

    def refused_sales(self, market: Market) -> tuple[Intent, ...]:
        """Give the newest sales on `market` that the venue refused, oldest first: those since one that it did not refuse."""
        sales = [intent for intent in self.intents.values() if intent.plan.market == market and intent.plan.side is Side.SELL]
        refused = takewhile(lambda intent: intent.closing is not None and intent.closing.closing is Closing.REJECTED, sales[::-1])
        return tuple(refused)[::-1]

    def planned_after(self, intent: Intent) -> tuple[Intent, ...]:
        """Give the intents on the market of `intent` that were planned later than it."""
        names = list(self.intents)
        later = names[names.index(intent.identifier) + 1 :]
        return tuple(self.intents[name] for name in later if self.intents[name].plan.market == intent.plan.market)

    def of_cycle(self, market: Market, cycle_id: str, role: Role | None = None) -> tuple[Intent, ...]:
        """Give the intents of one market, cycle and role (None for each), open and closed."""
        return tuple(
            intent
            for intent in self.intents.values()
            if intent.plan.cycle_id == cycle_id and (role is None or intent.plan.role is role) and intent.plan.market == market
        )


def _is_past(intent: Intent, now: datetime) -> bool:
    return intent.closed_at is not None and intent.closed_at <= now - REMEMBERED
