"""Turn journal records into the messages an operator wants to read, at the verbosity that was chosen."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.events import (
    AlarmRaised,
    CycleCompleted,
    IntentClosed,
    IntentPlanned,
    PositionAdopted,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    Stopped,
)
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Role
from dg_bot.operator import messages
from dg_bot.operator.day_summary import Day, day_summary
from dg_bot.operator.phrasebook import Language, Phrasebook
from dg_bot.operator.verbosity import Verbosity


class Urgency(IntEnum):
    """How much a message matters; where a queue is full, the smallest is dropped first."""

    CHATTER = 0
    CHANGE = 1
    ALERT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    text: str
    urgency: Urgency


_LEAST = {Verbosity.FULL: Urgency.CHATTER, Verbosity.CHANGES: Urgency.CHANGE, Verbosity.ALERTS: Urgency.ALERT}


class Narrator:
    """Fold over the journal: feed it every record from the first on, and send what it gives for those that are new."""

    def __init__(self, *, language: Language, verbosity: Verbosity) -> None:
        self._book = Phrasebook(language)
        self._verbosity = verbosity
        self._planned: dict[str, IntentPlanned] = {}
        self._last_exit: dict[Market, tuple[str, str]] = {}
        self._last_ending: dict[Market, tuple[Outcome, str | None]] = {}
        self._day: Day | None = None

    def observe(self, record: Record) -> tuple[Message, ...]:
        """Give the messages that this record calls for, in order."""
        return tuple(message for message in self._told(record) if message.urgency >= _LEAST[self._verbosity])

    def _told(self, record: Record) -> Iterator[Message]:
        event, at, book = record.event, record.at, self._book
        yield from self._day_that_ended(at)
        match event:
            case IntentPlanned():
                self._planned[event.identifier] = event
                if self._is_first_of_its_exit(event):
                    yield _alert(messages.exit_triggered(event, at, book))
            case IntentClosed():
                planned = self._planned.pop(event.identifier, None)
                if planned is not None:
                    text = messages.order_closed(planned, event, at, book)
                    # An exit that sold nothing leaves a position that should be gone.
                    is_alarming = planned.role is Role.EXIT and event.executed_quantity == ZERO
                    yield _alert(text) if is_alarming else _change(text)
            case SafeModeEntered():
                yield _alert(messages.safe_mode_entered(event, at, book))
            case SafeModeLeft():
                yield _alert(messages.safe_mode_left(event, at, book))
            case PositionAdopted():
                yield _change(messages.position_adopted(event, at, book))
            case AlarmRaised():
                yield _alert(messages.alarm(event, at, book))
            case Started():
                yield _change(messages.process_started(event, at, book))
            case Stopped():
                unwatched = messages.process_stopped(event.mode, event.open_positions, at, book)
                yield _alert(unwatched) if event.open_positions else _change(unwatched)
            case CycleCompleted():
                self._day = (self._day or Day.of(at)).after(event.report)
                yield from self._cycle(event.report)
            case _:
                return

    def _day_that_ended(self, at: datetime) -> Iterator[Message]:
        """Tell the last day with cycles at the first record after its end."""
        if self._day is not None and seoul_day_start(at) > self._day.start:
            yield _change(day_summary(self._day, self._book))
            self._day = None

    def _is_first_of_its_exit(self, planned: IntentPlanned) -> bool:
        """Tell whether this order opens an exit; its later parts and repeats are the same piece of news."""
        if planned.role is not Role.EXIT:
            return False
        exit_ = (planned.cycle_id, planned.reason)
        is_first = self._last_exit.get(planned.market) != exit_
        self._last_exit[planned.market] = exit_
        return is_first

    def _cycle(self, report: CycleReport) -> Iterator[Message]:
        failed = report.stopping_gate
        ending = (report.outcome, None if failed is None else failed.name)
        has_changed = self._last_ending.get(report.market) != ending
        self._last_ending[report.market] = ending
        start, screen, decision, portfolio = messages.cycle_messages(report, self._book)
        yield _chatter(start)
        yield _chatter(screen)
        yield Message(text=decision, urgency=_urgency(report.outcome, has_changed=has_changed))
        yield _chatter(portfolio)


def _urgency(outcome: Outcome, *, has_changed: bool) -> Urgency:
    if not has_changed:
        return Urgency.CHATTER
    return Urgency.ALERT if outcome is Outcome.FAILED else Urgency.CHANGE


def _alert(text: str) -> Message:
    return Message(text=text, urgency=Urgency.ALERT)


def _change(text: str) -> Message:
    return Message(text=text, urgency=Urgency.CHANGE)


def _chatter(text: str) -> Message:
    return Message(text=text, urgency=Urgency.CHATTER)
