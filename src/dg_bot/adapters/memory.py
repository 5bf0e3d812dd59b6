"""A journal kept in memory, for backtests and tests: the same contract as on disk, and nothing outlives the process."""

from collections.abc import Callable, Iterator
from datetime import datetime
from threading import Lock

from dg_bot.domain.events import Event, Record
from dg_bot.remembered import Remembered

_SEGMENT_RECORDS = 500


class MemoryJournal:
    """A journal as a list; safe for threads."""

    def __init__(self, now: Callable[[], datetime], *, segment_records: int = _SEGMENT_RECORDS) -> None:
        """`segment_records` is how many records come together before a snapshot is kept."""
        self._now = now
        self._segment_records = segment_records
        self._lock = Lock()
        self._records: list[Record] = []
        self._snapshot: Remembered | None = None

    def __len__(self) -> int:
        return len(self._records)

    def append(self, event: Event) -> Record:
        """Keep one event."""
        with self._lock:
            record = Record(sequence=len(self._records) + 1, at=self._now(), event=event)
            self._records.append(record)
            return record

    def records(self, after: int = 0) -> Iterator[Record]:
        """Give the records with a sequence above `after` that are there when the first is asked for, in order."""
        yield from self._records[max(after, 0) :]

    def snapshot(self) -> Remembered | None:
        """Give what was kept last."""
        return self._snapshot

    def compact(self, remembered: Remembered) -> None:
        """Keep `remembered` where enough records follow the one kept before."""
        kept = 0 if self._snapshot is None else self._snapshot.sequence
        if remembered.sequence - kept >= self._segment_records:
            self._snapshot = remembered
