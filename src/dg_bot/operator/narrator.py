"""Turn journal records into the messages an operator wants to read, at the verbosity that was chosen."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import partial

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


@dataclass(frozen=True, slots=True)
class _Due:
    """A message that a record calls for; its text is written where somebody is to read it."""

    urgency: Urgency
    text: Callable[[], str]


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
        least = _LEAST[self._verbosity]
        return tuple(Message(text=due.text(), urgency=due.urgency) for due in self._told(record) if due.urgency >= least)

    def remember(self, record: Record) -> None:
        """Follow a record of which nobody is to be told."""
        for _ in self._told(record):
            pass

    def _told(self, record: Record) -> Iterator[_Due]:
        event, at, book = record.event, record.at, self._book
        yield from self._day_that_ended(at)
        match event:
            case IntentPlanned():
                self._planned[event.identifier] = event
                if self._is_first_of_its_exit(event):
                    yield _alert(partial(messages.exit_triggered, event, at, book))
            case IntentClosed():
                planned = self._planned.pop(event.identifier, None)
                if planned is not None:
                    text = partial(messages.order_closed, planned, event, at, book)
                    # An exit that sold nothing leaves a position that should be gone.
                    is_alarming = planned.role is Role.EXIT and event.executed_quantity == ZERO
                    yield _alert(text) if is_alarming else _change(text)
            case SafeModeEntered():
                yield _alert(partial(messages.safe_mode_entered, event, at, book))
            case SafeModeLeft():
                yield _alert(partial(messages.safe_mode_left, event, at, book))
            case PositionAdopted():
                yield _change(partial(messages.position_adopted, event, at, book))
            case AlarmRaised():
                yield _alert(partial(messages.alarm, event, at, book))
            case Started():
                yield _change(partial(messages.process_started, event, at, book))
            case Stopped():
                unwatched = partial(messages.process_stopped, event.mode, event.open_positions, at, book)
                yield _alert(unwatched) if event.open_positions else _change(unwatched)
            case CycleCompleted():
                self._day = (self._day or Day.of(at)).after(event.report)
                yield from self._cycle(event.report)
            case _:
                return

    def _day_that_ended(self, at: datetime) -> Iterator[_Due]:
        """Tell the last day with cycles at the first record after its end."""
        if self._day is not None and seoul_day_start(at) > self._day.start:
            yield _change(partial(day_summary, self._day, self._book))
            self._day = None

    def _is_first_of_its_exit(self, planned: IntentPlanned) -> bool:
        """Tell whether this order opens an exit; its later parts and repeats are the same piece of news."""
        if planned.role is not Role.EXIT:
            return False
        exit_ = (planned.cycle_id, planned.reason)
        is_first = self._last_exit.get(planned.market) != exit_
        self._last_exit[planned.market] = exit_
        return is_first

    def _cycle(self, report: CycleReport) -> Iterator[_Due]:
        failed = report.stopping_gate
        ending = (report.outcome, None if failed is None else failed.name)
        has_changed = self._last_ending.get(report.market) != ending
        self._last_ending[report.market] = ending
        urgency = _urgency(report.outcome, has_changed=has_changed)
        yield _Due(Urgency.CHATTER, partial(messages.cycle_start, report, self._book))
        yield _Due(Urgency.CHATTER, partial(messages.cycle_screen, report, self._book))
        yield _Due(urgency, partial(messages.cycle_decision, report, self._book))
        yield _Due(Urgency.CHATTER, partial(messages.cycle_portfolio, report, self._book))


def _urgency(outcome: Outcome, *, has_changed: bool) -> Urgency:
    if not has_changed:
        return Urgency.CHATTER
    return Urgency.ALERT if outcome is Outcome.FAILED else Urgency.CHANGE


def _alert(text: Callable[[], str]) -> _Due:
    return _Due(Urgency.ALERT, text)


def _change(text: Callable[[], str]) -> _Due:
    return _Due(Urgency.CHANGE, text)
