"""The account's books: every fact goes through the journal first, and all that is remembered is folded from it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import AlarmRaised, Event, Record, SafeModeEntered
from dg_bot.errors import StateError
from dg_bot.execution.intent import IntentBook
from dg_bot.ports import Clock, Journal
from dg_bot.remembered import Remembered
from dg_bot.risk.loss_breaker import is_loss
from dg_bot.risk.state import RiskState

_ALARM_SILENCE = timedelta(hours=6)


class Books:
    """Journal, risk state, intents and recent reports, behind one lock.

    Whoever reads state for an order holds `locked()` until the order is settled; `record` may be called at any time.
    """

    def __init__(self, *, journal: Journal, clock: Clock, on_record: Callable[[Record], None]) -> None:
        """Go on from the journal's snapshot, or replay it from its first record; raises StateError when it cannot be read."""
        self._journal = journal
        self._clock = clock
        self._on_record = on_record
        self._deciding = threading.RLock()
        self._writing = threading.Lock()
        self._is_closing = False
        self._remembered = journal.snapshot() or Remembered()
        for record in journal.records(self._remembered.sequence):
            self._remembered = self._remembered.after(record)

    @property
    def remembered(self) -> Remembered:
        return self._remembered

    @property
    def state(self) -> RiskState:
        return self._remembered.state

    @property
    def intents(self) -> IntentBook:
        return self._remembered.intents

    def report_of(self, cycle_id: str) -> CycleReport | None:
        """Give the recorded report of a cycle that has completed within the last two days."""
        return self._remembered.reports.get(cycle_id)

    @property
    def last_reports(self) -> tuple[CycleReport, ...]:
        """Give the recent reports, oldest first."""
        return tuple(self._remembered.reports.values())

    def record(self, event: Event) -> Record:
        """Make one fact durable, then remember it.

        Raises StateError when it could not be made durable, InvariantViolated when it contradicts what is known; then nothing is
        written: a journal that cannot be replayed would be worse than a process that stops.
        """
        with self._writing:
            expected = Record(sequence=self.state.sequence + 1, at=self._clock.now(), event=event)
            after = self._remembered.after(expected)
            record = self._journal.append(event)
            self._remembered = after if record.at == expected.at else self._remembered.after(record)
        self._on_record(record)
        return record

    def enter_safe_mode(self, reason: str) -> None:
        """Enter safe mode, where none holds that lasts: one for a loss may end after some hours, and gives way to this one."""
        held = self.state.safe_mode
        if held is None:
            self.record(SafeModeEntered(reason=reason))
        elif is_loss(held.reason):
            self.record(SafeModeEntered(reason=f"{reason}; before: {held.reason}"))

    @property
    def is_closing(self) -> bool:
        """Tell that the process is about to end: nothing new is sent any more."""
        return self._is_closing

    def close_for_orders(self) -> None:
        """Let no new order begin; what is under way is settled as far as time allows."""
        self._is_closing = True

    def alarm(self, kind: str, text: str, *, silence: timedelta = _ALARM_SILENCE) -> None:
        """Record an alarm for the operator, once in `silence` (six hours) for each kind."""
        last = self.state.alarms.get(kind)
        if last is None or self._clock.now() - last >= silence:
            self.record(AlarmRaised(kind=kind, text=text))

    def compact(self) -> None:
        """Let the journal keep a snapshot and close what is before it, where enough has come together; never raises.

        Nothing waits for it, and nothing depends on it but the time that the next start takes.
        """
        try:
            self._journal.compact(self._remembered)
        except StateError as error:
            # A disk that takes no snapshot may take no alarm either; the next record that it refuses says so by itself.
            with suppress(StateError):
                self.alarm("compaction", f"the journal could not be compacted: {error}")

    @contextmanager
    def locked(self, deadline_s: float) -> Iterator[None]:
        """Hold the account; raises StateError when another holder does not let go within `deadline_s`."""
        if not self._deciding.acquire(timeout=deadline_s):
            raise StateError(
                "account lock", f"held by another task for over {deadline_s:g} s", "it is tried again at the next tick"
            )
        try:
            yield
        finally:
            self._deciding.release()
