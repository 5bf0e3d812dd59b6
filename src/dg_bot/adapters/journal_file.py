"""The journal on disk: JSON lines, each durable before `append` returns and chained to the one before it by its hash.

A line is `{"schema_version":1,"sequence":n,"at":…,"kind":…,"body":{…},"length":…,"previous":…,"checksum":…}`. `length` is the
size of the body in bytes; `checksum` is the SHA-256 of the canonical JSON of sequence, at, kind, body and previous, and
`previous` is the checksum of the record before, 64 zeros in the first. A line has one spelling only, so that no altered byte
goes unseen and nothing has to be parsed to be verified.
"""

import hashlib
import json
import os
import re
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, open_private, sync_folder
from dg_bot.adapters.journal_codec import decode, encode, time_from_text, time_text
from dg_bot.adapters.state_file import canonical_json
from dg_bot.domain.calendar import require_aware
from dg_bot.domain.events import Event, Record
from dg_bot.errors import DataError, StateError

SCHEMA_VERSION = 1
_FIRST_PREVIOUS = "0" * 64
_LINE = re.compile(
    rb'\{"schema_version":1,"sequence":([1-9][0-9]*),"at":"([0-9T:.Z-]+)","kind":"([a-z_]+)","body":(\{.*\}),'
    rb'"length":([0-9]+),"previous":"([0-9a-f]{64})","checksum":"([0-9a-f]{64})"\}\n'
)
_LINE_END = re.compile(rb'"length":[0-9]+,"previous":"[0-9a-f]{64}","checksum":"[0-9a-f]{64}"\}')
_RESTORE = "restore the journal from a copy; until then no new risk is taken"
_MAKE_ROOM = "make room and check the disk and the folder's rights"


@dataclass(frozen=True, slots=True)
class AlteredRecord:
    """The first record that is not what was written, counted from 1, and what is wrong with it."""

    number: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A line that is what was written."""

    offset: int
    size: int
    sequence: int
    at: str
    kind: str
    body: bytes
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Torn:
    """The start of a line whose writing was cut off."""

    offset: int
    sequence: int
    tail: bytes


class JournalFile:
    """The journal as a file that one process appends to; safe for threads. Memory holds an offset a record, not the records."""

    def __init__(self, *, path: Path, fd: int, now: Callable[[], datetime]) -> None:
        self._path = path
        self._fd = fd
        self._now = now
        self._lock = Lock()
        self._offsets = array("q")
        self._end = 0
        self._previous = _FIRST_PREVIOUS
        self._is_poisoned = False
        self.quarantined: Path | None = None

    @classmethod
    def open(cls, path: Path, now: Callable[[], datetime]) -> "JournalFile":
        """Open or start the journal at `path` with its whole chain verified; `now` gives exchange time.

        A last line whose writing was cut off is moved to `quarantined`, a file beside it. Raises StateError for an altered
        record, and where the file cannot be opened and synced.
        """
        try:
            make_private_folder(path.parent)
            fd = open_private(path, os.O_RDWR | os.O_APPEND | os.O_CREAT)
        except OSError as error:
            raise StateError(str(path), f"cannot be opened ({cause_of(error)})", _MAKE_ROOM) from error
        journal = cls(path=path, fd=fd, now=now)
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
        os.close(self._fd)

    def __len__(self) -> int:
        return len(self._offsets)

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
            sequence = len(self._offsets) + 1
            checksum = _checksum(sequence=sequence, at=time_text(at), kind=kind, body=content, previous=self._previous)
            line = _line(sequence=sequence, at=time_text(at), kind=kind, body=content, previous=self._previous, checksum=checksum)
            try:
                self._write(line)
            except OSError as error:
                self._cut_back()
                raise StateError(str(self._path), f"record {sequence} was not written ({cause_of(error)})", _MAKE_ROOM) from error
            self._offsets.append(self._end)
            self._end += len(line)
            self._previous = checksum
            return Record(sequence=sequence, at=at, event=event)

    def records(self, after: int = 0) -> Iterator[Record]:
        """Give the records with a sequence above `after` that are there when the first is asked for, in order.

        Raises StateError naming a record that is damaged or that this program cannot read.
        """
        with self._lock:
            bounds = [*self._offsets[max(after, 0) :], self._end]
        for index, (start, end) in enumerate(pairwise(bounds), start=max(after, 0) + 1):
            try:
                line = os.pread(self._fd, end - start, start)
            except OSError as error:
                raise StateError(str(self._path), f"record {index} cannot be read ({cause_of(error)})", _RESTORE) from error
            stored = _examined(line, offset=start, sequence=index, previous=None)
            if isinstance(stored, str):
                raise StateError(str(self._path), f"record {index} {stored}", _RESTORE)
            yield _record(self._path, stored)

    def _load(self) -> None:
        """Verify the chain, cut off a torn tail, and make the file and its name durable."""
        with os.fdopen(os.dup(self._fd), "rb") as file:
            for found in _scan(file):
                match found:
                    case AlteredRecord(number, problem):
                        raise StateError(str(self._path), f"record {number} {problem}", _RESTORE)
                    case _Torn():
                        self.quarantined = self._quarantine(found)
                    case _Stored():
                        self._offsets.append(found.offset)
                        self._end = found.offset + found.size
                        self._previous = found.checksum
        os.fsync(self._fd)
        sync_folder(self._path.parent)

    def _quarantine(self, torn: _Torn) -> Path:
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
        os.ftruncate(self._fd, torn.offset)
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
            raise StateError(str(self._path), f"is no longer there ({cause_of(error)})", _RESTORE) from error
        if (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            raise StateError(str(self._path), "was replaced while it was open", _RESTORE)
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


def journal_exists(path: Path) -> bool:
    """Tell whether anything was ever journalled at `path`; raises StateError where that cannot be seen."""
    try:
        return os.stat(path, follow_symlinks=False).st_size > 0
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StateError(str(path), f"cannot be looked at ({cause_of(error)})", _MAKE_ROOM) from error


def verify(path: Path) -> AlteredRecord | None:
    """Give the first altered record, changing nothing; an unfinished last line may be one that is being written, and is none.

    Raises StateError where the file cannot be read.
    """
    for found in _scan_path(path):
        if isinstance(found, AlteredRecord):
            return found
    return None


def read_journal(path: Path) -> Iterator[Record]:
    """Give all records of a journal that another process may be appending to, changing nothing.

    Raises StateError for an altered record, for one that this program cannot read, and where the file cannot be read.
    """
    for found in _scan_path(path):
        match found:
            case AlteredRecord(number, problem):
                raise StateError(str(path), f"record {number} {problem}", _RESTORE)
            case _Stored():
                yield _record(path, found)
            case _Torn():
                return


def _scan_path(path: Path) -> Iterator[_Stored | _Torn | AlteredRecord]:
    try:
        with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
            yield from _scan(file)
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({cause_of(error)})", _RESTORE) from error


def _scan(file: BinaryIO) -> Iterator[_Stored | _Torn | AlteredRecord]:
    """Give the lines in order up to the first that is torn or altered, that one included."""
    file.seek(0)
    size = os.fstat(file.fileno()).st_size
    offset, sequence, previous = 0, 1, _FIRST_PREVIOUS
    while offset < size and (line := file.readline()):
        found = _examined(line, offset=offset, sequence=sequence, previous=previous)
        if isinstance(found, str):
            is_last = offset + len(line) >= size
            if is_last and _is_torn(line):
                yield _Torn(offset=offset, sequence=sequence, tail=line)
            else:
                yield AlteredRecord(sequence, found)
            return
        yield found
        offset, sequence, previous = offset + len(line), sequence + 1, found.checksum


def _examined(line: bytes, *, offset: int, sequence: int, previous: str | None) -> _Stored | str:
    """Take a line apart, or say what is wrong with it; `previous` is None where the link is not asked about."""
    match = _LINE.fullmatch(line)
    if match is None:
        return _misshape(line)
    number, at, kind, body, length, link, checksum = match.groups()
    if int(length) != len(body):
        return f"has a body of {len(body)} bytes and says {int(length)}"
    stored = _Stored(
        offset=offset,
        size=len(line),
        sequence=int(number),
        at=at.decode(),
        kind=kind.decode(),
        body=body,
        checksum=checksum.decode(),
    )
    if stored.checksum != _checksum(sequence=stored.sequence, at=stored.at, kind=stored.kind, body=body, previous=link.decode()):
        return "does not match its checksum"
    if stored.sequence != sequence:
        return f"carries the sequence {stored.sequence}"
    if previous is not None and link.decode() != previous:
        return "does not follow the record before it"
    return stored


def _misshape(line: bytes) -> str:
    content = _parsed(line)
    if content is None:
        return "is not valid JSON"
    version = content.get("schema_version") if isinstance(content, dict) else None
    if version != SCHEMA_VERSION:
        return f"has schema_version {version!r}, this program reads {SCHEMA_VERSION}"
    return "is not laid out as a record"


def _is_torn(line: bytes) -> bool:
    """Tell whether a last line looks cut off rather than altered: unfinished, not JSON, or with a body of another length.

    One that goes on after the end of a record is two records whose line end was altered, not the start of one.
    """
    end = _LINE_END.search(line)
    if end is not None and line[end.end() :] not in (b"", b"\n"):
        return False
    if not line.endswith(b"\n") or _parsed(line) is None:
        return True
    match = _LINE.fullmatch(line)
    return match is not None and int(match[5]) != len(match[4])


def _parsed(line: bytes) -> object | None:
    try:
        content: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return content


def _checksum(*, sequence: int, at: str, kind: str, body: bytes, previous: str) -> str:
    """Give the SHA-256 over the canonical JSON of the five fields, put together around the canonical body."""
    head = f'{{"at":"{at}","body":'
    tail = f',"kind":"{kind}","previous":"{previous}","sequence":{sequence}}}'
    return hashlib.sha256(head.encode() + body + tail.encode()).hexdigest()


def _line(*, sequence: int, at: str, kind: str, body: bytes, previous: str, checksum: str) -> bytes:
    head = f'{{"schema_version":{SCHEMA_VERSION},"sequence":{sequence},"at":"{at}","kind":"{kind}","body":'
    tail = f',"length":{len(body)},"previous":"{previous}","checksum":"{checksum}"}}\n'
    return head.encode() + body + tail.encode()


def _record(path: Path, stored: _Stored) -> Record:
    try:
        event = decode(stored.kind, json.loads(stored.body))
        return Record(sequence=stored.sequence, at=time_from_text(stored.at), event=event)
    except (DataError, ValueError) as error:
        raise StateError(str(path), f"record {stored.sequence} cannot be read ({error})", _RESTORE) from error
