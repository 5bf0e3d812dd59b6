"""The journal on disk: JSON lines, each durable before `append` returns and chained to the one before it by its hash.

`journal.jsonl` is the active segment. Where it has grown long, `compact` closes what is before its newest records: a compressed
file in `archive`, a snapshot of what was remembered then, and an active segment that goes on with sequence and chain.
"""

import os
from array import array
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from threading import Lock

from dg_bot.adapters.atomic_file import (
    cause_of,
    make_private_folder,
    open_private,
    remove_leftovers,
    sync_folder,
    write_atomically,
)
from dg_bot.adapters.journal_archive import (
    Segment,
    archive_of,
    archived,
    last_checksum,
    missing_in,
    remove_segments,
    segments_in,
    write_segment,
)
from dg_bot.adapters.journal_codec import encode
from dg_bot.adapters.journal_lines import (
    FIRST_PREVIOUS,
    RESTORE,
    AlteredRecord,
    Link,
    StoredRecord,
    TornRecord,
    examined,
    line_of,
    lines_in,
    record_of,
    scanned,
    sequence_in,
)
from dg_bot.adapters.journal_snapshots import Snapshot, snapshots_in, write_snapshot
from dg_bot.adapters.state_file import canonical_json
from dg_bot.adapters.typed_json import time_text
from dg_bot.domain.calendar import require_aware
from dg_bot.domain.events import Event, Record
from dg_bot.errors import DataError, StateError
from dg_bot.remembered import Remembered

SEGMENT_BYTES = 2 * 1024 * 1024
_MAKE_ROOM = "make room and check the disk and the folder's rights"


class JournalFile:
    """The journal as files that one process writes to; safe for threads.

    Memory holds an offset a record of the active segment, and no record.
    """

    def __init__(self, *, path: Path, fd: int, now: Callable[[], datetime], segment_bytes: int) -> None:
        self._path = path
        self._fd = fd
        self._now = now
        self._segment_bytes = segment_bytes
        self._lock = Lock()
        self._compacting = Lock()
        self._first, self._last = 1, 0
        self._offsets = array("q")
        self._end = 0
        self._previous = FIRST_PREVIOUS
        self._is_poisoned = False
        self.quarantined: Path | None = None
        self.doubts: list[str] = []

    @classmethod
    def open(cls, path: Path, now: Callable[[], datetime], *, segment_bytes: int = SEGMENT_BYTES) -> "JournalFile":
        """Open or start the journal at `path` with its active segment verified, and its link to the newest closed one.

        `now` gives exchange time; an active segment of `segment_bytes` is worth closing. A last line whose writing was cut off is
        moved to `quarantined`, a file beside it. `doubts` names closed segments and snapshots that are missing or damaged, which
        a start can do without. Raises StateError for an altered record, for a journal that ends before what is known to have been
        in it, and where a file cannot be opened and synced.
        """
        try:
            make_private_folder(path.parent)
            fd = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise StateError(str(path), f"cannot be opened ({cause_of(error)})", _MAKE_ROOM) from error
        journal = cls(path=path, fd=fd, now=now, segment_bytes=segment_bytes)
        try:
            journal._load()
        except OSError as error:
            journal.close()
            raise StateError(str(path), f"cannot be read ({cause_of(error)})", _MAKE_ROOM) from error
        except StateError:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        """Give the file back; nothing is pending, because every append was durable."""
        with self._lock:
            os.close(self._fd)
            self._fd = -1

    def __len__(self) -> int:
        """Give the sequence of the last record; 0 before the first."""
        return self._last

    def append(self, event: Event) -> Record:
        """Write one event and return only when it is durable; raises StateError when it is not, and then holds nothing of it."""
        try:
            kind, body = encode(event)
            content = canonical_json(body)
        except (DataError, ValueError) as error:
            raise StateError(str(self._path), f"cannot hold this event ({error})", "report this as a defect") from error
        with self._lock:
            self._require_untouched()
            at = self._now()
            require_aware("journal time", at)
            sequence = self._last + 1
            line, checksum = line_of(sequence=sequence, at=time_text(at), kind=kind, body=content, previous=self._previous)
            try:
                self._write(line)
            except OSError as error:
                self._cut_back()
                raise StateError(str(self._path), f"record {sequence} was not written ({cause_of(error)})", _MAKE_ROOM) from error
            self._offsets.append(self._end)
            self._end += len(line)
            self._last, self._previous = sequence, checksum
            return Record(sequence=sequence, at=at, event=event)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Give the records with a sequence above `after` that are there when the first is asked for, in order.

        Raises StateError naming a record that is missing or damaged, or that this program cannot read.
        """
        end = self._last
        link = Link() if after <= 0 else Link(after + 1, None)
        while link.sequence <= end:
            for found in self._stored(link):
                stored = self._required(found)
                if stored.sequence <= end:
                    yield record_of(self._path, stored)
                link = Link(stored.sequence + 1, stored.checksum)

    def snapshot(self) -> Remembered | None:
        """Give the newest snapshot that belongs to these records; None where a fold has to begin at the first one.

        One that another version of the program has folded is good only where its records are gone.
        """
        files = snapshots_in(self._path.parent)
        for file in files:
            try:
                snapshot = file.read()
                if snapshot.is_ours or self._misses_records():
                    self._require_ours(snapshot)
                    return snapshot.remembered()
            except StateError as error:
                self.doubts.append(str(error))
        if self._first > 1 and not files:
            self.doubts.append("there is no snapshot beside the journal: everything is read from its first record on")
        return None

    def compact(self, remembered: Remembered) -> None:
        """Where the active segment has grown long, close what is before the last record that is in `remembered`.

        No record is thrown away, and appending goes on meanwhile but for the moment in which two files change places. Each step
        is durable before the next, so that a crash leaves the old arrangement or the new one. Raises StateError; then the old one
        stands, or nothing more is taken where the change of places may not last.
        """
        if self._end < self._segment_bytes or not self._compacting.acquire(blocking=False):
            return
        try:
            if self._first < remembered.sequence <= self._last:
                self._close_before(remembered)
        except OSError as error:
            raise StateError(str(self._path), f"cannot be compacted ({cause_of(error)})", _MAKE_ROOM) from error
        finally:
            self._compacting.release()

    def _close_before(self, remembered: Remembered) -> None:
        folder, link = archive_of(self._path), Link(self._first, None)
        remove_segments(segment for segment in segments_in(folder) if segment.first >= self._first)
        for first, last in self._parts(remembered.sequence):
            with self._lock:
                content = self._read(self._offsets[first - self._first], self._offset_after(last))
            for found in scanned(((line, False) for line in content.splitlines(keepends=True)), link):
                stored = self._required(found)
                link = Link(stored.sequence + 1, stored.checksum)
            write_segment(folder, first, last, content)
        newest = self._required(next(self._stored(link)))
        write_snapshot(self._path.parent, remembered, newest.checksum)
        self._drop_before(newest.sequence)

    def _parts(self, boundary: int) -> Iterator[tuple[int, int]]:
        """Cut the active records before `boundary` into parts of about the length of a segment: first and last sequence."""
        first = self._first
        for sequence in range(self._first, boundary):
            size = self._offset_after(sequence) - self._offsets[first - self._first]
            if size >= self._segment_bytes or sequence == boundary - 1:
                yield first, sequence
                first = sequence + 1

    def _drop_before(self, boundary: int) -> None:
        """Put a segment that begins with record `boundary` in the place of the active one."""
        with self._lock:
            self._require_untouched()
            kept = self._offsets[boundary - self._first :]
            # Where this fails after the file was replaced, its name may not last: the next append sees that, and takes nothing.
            write_atomically(self._path, self._read(kept[0], self._end))
            fd = open_private(self._path, os.O_RDWR | os.O_APPEND)
            os.close(self._fd)
            self._fd = fd
            self._first, self._end = boundary, self._end - kept[0]
            self._offsets = array("q", (offset - kept[0] for offset in kept))

    def _stored(self, link: Link) -> Iterator[StoredRecord | AlteredRecord]:
        """Give the stored records from `link` on, as far as they lie together; where that ends may move from call to call."""
        with self._lock:
            first, line = self._first, b""
            if link.sequence >= first:
                offset = self._offsets[link.sequence - first]
                try:
                    line = self._read(offset, self._offset_after(link.sequence))
                except OSError as error:
                    problem = f"record {link.sequence} cannot be read ({cause_of(error)})"
                    raise StateError(str(self._path), problem, RESTORE) from error
        if line:
            yield examined(line, link)
        else:
            yield from archived(archive_of(self._path), link, until=first)

    def _required(self, found: StoredRecord | TornRecord | AlteredRecord) -> StoredRecord:
        """Give a record that is what was written; raises StateError for anything else."""
        match found:
            case StoredRecord():
                return found
            case AlteredRecord(number, problem):
                raise StateError(str(self._path), f"record {number} {problem}", RESTORE)
            case TornRecord(sequence=number):
                raise StateError(str(self._path), f"record {number} is cut off", RESTORE)

    def _offset_after(self, sequence: int) -> int:
        index = sequence - self._first + 1
        return self._offsets[index] if index < len(self._offsets) else self._end

    def _read(self, start: int, end: int) -> bytes:
        content = os.pread(self._fd, end - start, start)
        if len(content) != end - start:
            raise OSError(None, f"{len(content)} of {end - start} bytes are there")
        return content

    def _load(self) -> None:
        """Verify the active segment, cut off a torn tail, and make the file and its name durable."""
        segments = segments_in(archive_of(self._path))
        with os.fdopen(os.dup(self._fd), "rb") as file:
            link = self._link(sequence_in(file.readline()), segments)
            self._first, self._last = link.sequence, link.sequence - 1
            for found in scanned(lines_in(file), link):
                if isinstance(found, TornRecord):
                    self.quarantined = self._quarantine(found)
                    break
                stored = self._required(found)
                self._offsets.append(self._end)
                self._end += stored.size
                self._last, self._previous = stored.sequence, stored.checksum
        os.fsync(self._fd)
        sync_folder(self._path.parent)
        self._require_end(segments)
        self._remove_leftovers([segment for segment in segments if segment.first >= self._first])

    def _link(self, first: int | None, segments: Sequence[Segment]) -> Link:
        """Give where the active segment, whose first whole record is `first`, has to go on from."""
        older = [segment for segment in segments if first is None or segment.first < first]
        if first is None and older:
            raise StateError(str(self._path), f"does not go on after record {older[-1].last}, the last in the archive", RESTORE)
        if first is None or first == 1:
            return Link()
        missing = missing_in(older, first)
        if missing and not snapshots_in(self._path.parent):
            raise StateError(str(self._path), f"record {missing[0][0]} is missing, and there is no snapshot", RESTORE)
        self.doubts += [f"records {start} to {end} are missing in the archive" for start, end in missing]
        if missing and missing[-1][1] == first - 1:
            return Link(first, None)
        checksum = last_checksum(older[-1])
        if checksum is None:
            self.doubts.append(f"{older[-1].path.name} in the archive is damaged")
        return Link(first, checksum)

    def _require_end(self, segments: Sequence[Segment]) -> None:
        """Raise StateError where an archived record or a snapshot is further on than the journal goes."""
        known = max((segment.last for segment in segments), default=0)
        known = max(known, *(file.sequence for file in snapshots_in(self._path.parent)), 0)
        if known > self._last:
            problem = f"ends at record {self._last}, but there was a record {known}: the journal was lost or cut"
            raise StateError(str(self._path), problem, RESTORE)

    def _remove_leftovers(self, leftovers: Sequence[Segment]) -> None:
        """Remove what a crash has left of closing a segment: copies of records that are still here."""
        remove_leftovers(archive_of(self._path))
        for segment in leftovers:
            [ours] = self._stored(Link(segment.last, None))
            if isinstance(ours, AlteredRecord) or last_checksum(segment) not in (ours.checksum, None):
                problem = f"holds other records {segment.first} to {segment.last} than {self._path.name}"
                raise StateError(str(segment.path), problem, RESTORE)
        remove_segments(leftovers)

    def _require_ours(self, snapshot: Snapshot) -> None:
        """Raise StateError for a snapshot that was made of other records than these."""
        ours = next(self._stored(Link(snapshot.sequence, None)))
        if isinstance(ours, AlteredRecord) or ours.checksum != snapshot.checksum:
            raise StateError(str(snapshot.path), "was not made of the journal beside it", "move it away")

    def _misses_records(self) -> bool:
        return bool(missing_in(segments_in(archive_of(self._path)), self._first))

    def _quarantine(self, torn: TornRecord) -> Path:
        """Copy the torn tail to a file of its own, durably, before it is cut off here."""
        path, fd = self._free_quarantine(torn.sequence)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(torn.tail)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            path.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
        os.ftruncate(self._fd, self._end)
        return path

    def _free_quarantine(self, sequence: int) -> tuple[Path, int]:
        number = 1
        while True:
            path = self._path.with_name(f"{self._path.stem}.torn-{sequence}-{number}.jsonl")
            try:
                return path, open_private(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            except FileExistsError:
                number += 1

    def _require_untouched(self) -> None:
        """Refuse to append to a file that a failure left longer, or that somebody else wrote, moved or replaced."""
        if self._is_poisoned:
            raise StateError(str(self._path), "could not be cut back after a failed write", "stop the program and check the disk")
        try:
            named, ours = os.stat(self._path, follow_symlinks=False), os.fstat(self._fd)
        except OSError as error:
            raise StateError(str(self._path), f"is no longer there ({cause_of(error)})", RESTORE) from error
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            raise StateError(str(self._path), "was replaced while it was open", RESTORE)
        if ours.st_size != self._end:
            problem = f"is {ours.st_size} bytes long instead of {self._end}: somebody else wrote to it"
            raise StateError(str(self._path), problem, "stop the other program, then start this one again")

    def _write(self, line: bytes) -> None:
        written = os.write(self._fd, line)
        if written != len(line):
            raise OSError(None, f"{written} of {len(line)} bytes were taken")
        os.fdatasync(self._fd)

    def _cut_back(self) -> None:
        """Take a failed record out again; where even that fails, take no further one."""
        self._is_poisoned = True
        try:
            os.ftruncate(self._fd, self._end)
            os.fsync(self._fd)
        except OSError:
            return  # the caller raises what failed first; the next append says that the journal is closed
        self._is_poisoned = False
