"""A journal on a disk that can be full, and whose last write dies with the process: wholly, in part, or not at all."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from dg_bot.adapters.journal_codec import decode, decode_remembered, encode, encode_remembered
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.state_file import canonical_json
from dg_bot.domain.events import CycleCompleted, Event, Record
from dg_bot.errors import StateError
from dg_bot.remembered import Remembered
from tests.fault.simulation.plan import Kind
from tests.fault.simulation.trouble import Killed, Trouble

_CODED_REPORTS = 64
_CODED_SNAPSHOTS = 24
_SEGMENT_BYTES = 40_000
_TORN = b'{"schema_version":1,"sequence":17,"at":"2026-11-'
OnDurable = Callable[[Record], None]


class DyingJournal:
    """Append syncs before it returns, so that a death can only take the record that is being written.

    A death before the write stands for a torn one, too: the file sets a torn tail aside, and nothing of the record is left.
    What is kept has gone through the real codec; of the cycle reports, which are many and large, one in sixty-four, and of
    the snapshots one in twenty-four.
    """

    def __init__(self, *, now: Callable[[], datetime], trouble: Trouble, on_durable: OnDurable, segment_records: int) -> None:
        self._now = now
        self._trouble = trouble
        self._on_durable = on_durable
        self._segment_records = segment_records
        self._records: list[Record] = []
        self._snapshot: Remembered | None = None

    def reopen(self) -> None:
        """Begin a new process on what is left."""

    def append(self, event: Event) -> Record:
        operation = f"append {type(event).__name__}"
        self._enter(operation)
        record = self._kept(event)
        if self._trouble.trace is not None:
            self._trouble.note(f"  {_words(event)}")
        self._on_durable(record)
        self._trouble.leave(operation)
        return record

    def records(self, after: int = 0) -> Iterator[Record]:
        yield from self._records[max(after, 0) :]

    def __len__(self) -> int:
        return len(self._records)

    def snapshot(self) -> Remembered | None:
        return self._snapshot

    def compact(self, remembered: Remembered) -> None:
        kept = 0 if self._snapshot is None else self._snapshot.sequence
        if remembered.sequence - kept < self._segment_records:
            return
        self._enter("compact")
        if remembered.sequence % _CODED_SNAPSHOTS == 0:
            remembered = decode_remembered(json.loads(canonical_json(encode_remembered(remembered))))
        self._snapshot = remembered
        self._trouble.leave("compact")

    def _enter(self, operation: str) -> None:
        if self._trouble.enter("append", operation) is Kind.DISK_FULL:
            raise StateError("journal", "no space is left on the disk", "make room")

    def _kept(self, event: Event) -> Record:
        sequence = len(self._records) + 1
        if sequence % _CODED_REPORTS == 0 or not isinstance(event, CycleCompleted):
            kind, body = encode(event)
            event = decode(kind, json.loads(canonical_json(body)))
        record = Record(sequence=sequence, at=self._now(), event=event)
        self._records.append(record)
        return record


class DyingFile(DyingJournal):
    """The same over the real file: a death before a write leaves the beginning of a line in it."""

    def __init__(self, *, path: Path, now: Callable[[], datetime], trouble: Trouble, on_durable: OnDurable) -> None:
        super().__init__(now=now, trouble=trouble, on_durable=on_durable, segment_records=0)
        self._path = path
        self._file: JournalFile | None = None

    def reopen(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = JournalFile.open(self._path, self._now, segment_bytes=_SEGMENT_BYTES)

    def records(self, after: int = 0) -> Iterator[Record]:
        return self._open.records(after)

    def __len__(self) -> int:
        return len(self._open)

    def snapshot(self) -> Remembered | None:
        return self._open.snapshot()

    def compact(self, remembered: Remembered) -> None:
        self._enter("compact")
        self._open.compact(remembered)
        self._trouble.leave("compact")

    @property
    def _open(self) -> JournalFile:
        assert self._file is not None
        return self._file

    def _enter(self, operation: str) -> None:
        try:
            super()._enter(operation)
        except Killed:
            with self._path.open("ab") as file:
                file.write(_TORN)
            raise

    def _kept(self, event: Event) -> Record:
        return self._open.append(event)


def _words(event: Event) -> str:
    if isinstance(event, CycleCompleted):
        return f"{event.report.cycle_id} {event.report.outcome} {event.report.reason}"
    return ", ".join(
        f"{name}={getattr(event, name)}"
        for name in ("identifier", "answer", "error_name", "closing", "executed_quantity", "notional_krw", "quantity", "reason")
        if getattr(event, name, None) is not None
    )
