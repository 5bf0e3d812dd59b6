"""The state machine of one order, and the book of all orders that is folded from the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned, IntentSending, Record
from dg_bot.domain.market import Market
from dg_bot.domain.order import Role
from dg_bot.errors import InvariantViolated
from dg_bot.execution.layered_map import LayeredMap


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

    A refusal that is not the identifier's own first answer (`REFUSED_AGAIN`) proves nothing: the first request may have become an
    order, and the repeat was refused because of it. Each way to close is a kind of its own.
    """

    PLANNED = "planned"
    SENDING = "sending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    REFUSED_AGAIN = "refused_again"
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
    (IntentState.SENDING, EventKind.REFUSED_AGAIN): IntentState.UNKNOWN,
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

IntentEvent = IntentPlanned | IntentSending | IntentAnswered | IntentClosed


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
    def may_exist_at_venue(self) -> bool:
        """Tell whether the venue may hold this order now: a request may have left, and its end is not recorded."""
        return self.state in (IntentState.SENDING, IntentState.UNKNOWN, IntentState.ACCEPTED)

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
                return EventKind.REFUSED_AGAIN if self.sends > 1 else EventKind.REJECTED
            case IntentAnswered():
                return EventKind.UNKNOWN
            case IntentClosed():
                return _CLOSINGS[event.closing]
            case _:
                assert_never(event)


@dataclass(frozen=True, slots=True)
class _Leg:
    """The orders of one market, cycle and role."""

    market: Market
    cycle_id: str
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentBook:
    """All intents that the journal speaks of; a fold, so that a restart knows the same.

    Open intents are few and are copied at each event. Closed ones never change and may be many: they and the lists of
    identifiers lie in layered maps, in which adding one costs a handful of copies and looking one up a handful of lookups.
    """

    opened: Mapping[str, Intent] = field(default_factory=dict)
    closed: LayeredMap[str, Intent] = field(default_factory=LayeredMap)
    legs: LayeredMap[_Leg, tuple[str, ...]] = field(default_factory=LayeredMap)

    def after(self, record: Record) -> "IntentBook":
        """Fold one record in; other kinds of event change nothing. Raises InvariantViolated for a step outside the table."""
        match record.event:
            case IntentPlanned() as plan:
                known = self._find(plan.identifier)
                next_state(plan.identifier, known.state if known else None, EventKind.PLANNED)
                leg = _Leg(plan.market, plan.cycle_id, plan.role)
                return replace(
                    self,
                    opened={**self.opened, plan.identifier: Intent(plan=plan, planned_at=record.at)},
                    legs=self.legs.adding(leg, (*(self.legs.get(leg) or ()), plan.identifier)),
                )
            case IntentSending() | IntentAnswered() | IntentClosed() as event:
                return self._with(self.by_identifier(event.identifier).after(event, record.at))
            case _:
                return self

    def by_identifier(self, identifier: str) -> Intent:
        """Give one intent; raises InvariantViolated for an identifier that was never planned, or is forgotten."""
        intent = self._find(identifier)
        if intent is None:
            raise InvariantViolated("order state table", f"{identifier} is spoken of, but was never planned")
        return intent

    def open_intents(self) -> tuple[Intent, ...]:
        """Give the intents without an end, in the order in which they were planned."""
        return tuple(self.opened.values())

    def open_on(self, market: Market) -> tuple[Intent, ...]:
        return tuple(intent for intent in self.opened.values() if intent.plan.market == market)

    def of_cycle(self, market: Market, cycle_id: str, role: Role) -> tuple[Intent, ...]:
        """Give the intents of one market, cycle and role, open and closed, in the order in which they were planned."""
        identifiers = self.legs.get(_Leg(market, cycle_id, role)) or ()
        return tuple(map(self.by_identifier, identifiers))

    def next_leg(self, market: Market, cycle_id: str, role: Role) -> int:
        """Give the ordinal of the next order of one market, cycle and role: how many of them are closed, however they ended."""
        return sum(not intent.is_open for intent in self.of_cycle(market, cycle_id, role))

    def compacted(self, before: datetime) -> "IntentBook":
        """Forget what is closed and older than `before`, as far as no identifier could be derived anew from its absence.

        Orders of one market, cycle and role are forgotten together or not at all: only when all of them closed before `before`,
        and never those of the newest cycle that a market has had, which may be the present one.
        """
        newest = self._newest_cycles()
        legs: LayeredMap[_Leg, tuple[str, ...]] = LayeredMap()
        closed: LayeredMap[str, Intent] = LayeredMap()
        for leg, identifiers in self.legs.items():
            intents = self.of_cycle(leg.market, leg.cycle_id, leg.role)
            if newest[leg.market] != leg.cycle_id and all(_is_closed_before(intent, before) for intent in intents):
                continue
            legs = legs.adding(leg, identifiers)
            for intent in intents:
                closed = closed if intent.is_open else closed.adding(intent.identifier, intent)
        return replace(self, closed=closed, legs=legs)

    def _newest_cycles(self) -> Mapping[Market, str]:
        newest: dict[Market, tuple[datetime, str]] = {}
        for leg, identifiers in self.legs.items():
            last = self.by_identifier(identifiers[-1])
            if leg.market not in newest or newest[leg.market][0] <= last.planned_at:
                newest[leg.market] = (last.planned_at, leg.cycle_id)
        return {market: cycle_id for market, (_, cycle_id) in newest.items()}

    def _find(self, identifier: str) -> Intent | None:
        return self.opened.get(identifier) or self.closed.get(identifier)

    def _with(self, intent: Intent) -> "IntentBook":
        if intent.is_open:
            return replace(self, opened={**self.opened, intent.identifier: intent})
        others = {name: other for name, other in self.opened.items() if name != intent.identifier}
        return replace(self, opened=others, closed=self.closed.adding(intent.identifier, intent))


def _is_closed_before(intent: Intent, before: datetime) -> bool:
    return intent.closed_at is not None and intent.closed_at < before
