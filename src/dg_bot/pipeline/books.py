"""The account's books: every fact goes through the journal first, and all that is remembered is folded from it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import AlarmRaised, CycleCompleted, Event, Record
from dg_bot.errors import StateError
from dg_bot.execution.intent import IntentBook
from dg_bot.ports import Clock, Journal
from dg_bot.risk import state as risk_state
from dg_bot.risk.state import RiskState

_ALARM_SILENCE = timedelta(hours=6)
_REPORTS_KEPT = timedelta(days=2)


class Books:
    """Journal, risk state, intents and recent reports, behind one lock.

    Whoever reads state for an order holds `locked()` until the order is settled; `record` may be called at any time.
    """

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        on_record: Callable[[Record], None],
        on_replayed: Callable[[Record], None] = lambda _: None,
    ) -> None:
        """Replay the journal; raises StateError when it cannot be read."""
        self._journal = journal
        self._clock = clock
        self._on_record = on_record
        self._deciding = threading.RLock()
        self._writing = threading.Lock()
        self._state = RiskState()
        self._intents = IntentBook()
        self._reports: dict[str, CycleReport] = {}
        self._is_closing = False
        for record in journal.records():
            self._fold(record)
            on_replayed(record)

    @property
    def state(self) -> RiskState:
        return self._state

    @property
    def intents(self) -> IntentBook:
        return self._intents

    def report_of(self, cycle_id: str) -> CycleReport | None:
        """Give the recorded report of a cycle that has completed within the last two days."""
        return self._reports.get(cycle_id)

    @property
    def last_reports(self) -> tuple[CycleReport, ...]:
        """Give the recent reports, oldest first."""
        return tuple(self._reports.values())

    def record(self, event: Event) -> Record:
        """Make one fact durable, then remember it.

        Raises StateError when it could not be made durable, InvariantViolated when it contradicts what is known; then nothing is
        written: a journal that cannot be replayed would be worse than a process that stops.
        """
        with self._writing:
            trial = Record(sequence=self._state.sequence + 1, at=self._clock.now(), event=event)
            risk_state.after(self._state, trial)
            self._intents.after(trial)
            record = self._journal.append(event)
            self._fold(record)
        self._on_record(record)
        return record

    @property
    def is_closing(self) -> bool:
        """Tell that the process is about to end: nothing new is sent any more."""
        return self._is_closing

    def close_for_orders(self) -> None:
        """Let no new order begin; what is under way is settled as far as time allows."""
        self._is_closing = True

    def alarm(self, kind: str, text: str) -> None:
        """Record an alarm for the operator, once in six hours for each kind."""
        last = self._state.alarms.get(kind)
        if last is None or self._clock.now() - last >= _ALARM_SILENCE:
            self.record(AlarmRaised(kind=kind, text=text))

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

    def _fold(self, record: Record) -> None:
        self._state = risk_state.after(self._state, record)
        self._intents = self._intents.after(record)
        if isinstance(record.event, CycleCompleted):
            self._reports[record.event.report.cycle_id] = record.event.report
            oldest = record.at - _REPORTS_KEPT
            for cycle_id in [name for name, report in self._reports.items() if report.opened_at < oldest]:
                del self._reports[cycle_id]
