"""The lines of a journal: how a record is spelled, and what is wrong with a line that is none.

A line is `{"schema_version":1,"sequence":n,"at":…,"kind":…,"body":{…},"length":…,"previous":…,"checksum":…}`. `length` is the
size of the body in bytes; `checksum` is the SHA-256 of the canonical JSON of sequence, at, kind, body and previous, and
`previous` is the checksum of the record before, 64 zeros in the first. A line has one spelling only, so that no altered byte
goes unseen and nothing has to be parsed to be verified.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from dg_bot.adapters.journal_codec import decode
from dg_bot.adapters.typed_json import time_from_text
from dg_bot.domain.events import Record
from dg_bot.errors import DataError, StateError

SCHEMA_VERSION = 1
FIRST_PREVIOUS = "0" * 64
RESTORE = "restore the journal from a copy; until then no new risk is taken"
_LINE = re.compile(
    rb'\{"schema_version":1,"sequence":([1-9][0-9]{0,17}),"at":"([0-9T:.Z-]+)","kind":"([a-z_]+)","body":(\{.*\}),'
    rb'"length":([0-9]{1,18}),"previous":"([0-9a-f]{64})","checksum":"([0-9a-f]{64})"\}\n'
)
_LINE_END = re.compile(rb'"length":[0-9]+,"previous":"[0-9a-f]{64}","checksum":"[0-9a-f]{64}"\}')


@dataclass(frozen=True, slots=True)
class AlteredRecord:
    """The first record that is not what was written, counted from 1, and what is wrong with it."""

    number: int
    problem: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecord:
    """A line that is what was written; `previous` is the checksum that it says the record before it has."""

    size: int
    sequence: int
    at: str
    kind: str
    body: bytes
    previous: str
    checksum: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TornRecord:
    """The start of a line whose writing was cut off."""

    sequence: int
    tail: bytes


Found = StoredRecord | TornRecord | AlteredRecord


@dataclass(frozen=True, slots=True)
class Link:
    """Where a chain goes on: the sequence that the next record has, and the checksum that it follows; None where nobody knows."""

    sequence: int = 1
    previous: str | None = FIRST_PREVIOUS


def line_of(*, sequence: int, at: str, kind: str, body: bytes, previous: str) -> tuple[bytes, str]:
    """Give the line of a record and its checksum; `body` is canonical JSON."""
    checksum = _checksum(sequence=sequence, at=at, kind=kind, body=body, previous=previous)
    head = f'{{"schema_version":{SCHEMA_VERSION},"sequence":{sequence},"at":"{at}","kind":"{kind}","body":'
    tail = f',"length":{len(body)},"previous":"{previous}","checksum":"{checksum}"}}\n'
    return head.encode() + body + tail.encode(), checksum


def scanned(lines: Iterable[tuple[bytes, bool]], link: Link) -> Iterator[Found]:
    """Take lines apart in order up to the first that is torn or altered, that one included.

    Each line comes with whether it is the last one and may be unfinished; the first continues the chain at `link`.
    """
    for line, may_be_torn in lines:
        found = examined(line, link)
        if isinstance(found, AlteredRecord):
            yield TornRecord(sequence=link.sequence, tail=line) if may_be_torn and _is_torn(line) else found
            return
        yield found
        link = Link(found.sequence + 1, found.checksum)


def examined(line: bytes, link: Link) -> StoredRecord | AlteredRecord:
    """Take a line apart, or say what is wrong with it."""
    match = _LINE.fullmatch(line)
    if match is None:
        return AlteredRecord(link.sequence, _misshape(line))
    number, at, kind, body, length, previous, checksum = match.groups()
    stored = StoredRecord(
        size=len(line),
        sequence=int(number),
        at=at.decode(),
        kind=kind.decode(),
        body=body,
        previous=previous.decode(),
        checksum=checksum.decode(),
    )
    problem = _problem(stored, int(length), link)
    return stored if problem is None else AlteredRecord(link.sequence, problem)


def record_of(path: Path, stored: StoredRecord) -> Record:
    """Decode a record; raises StateError naming `path` and the record that this program cannot read."""
    try:
        event = decode(stored.kind, json.loads(stored.body))
        return Record(sequence=stored.sequence, at=time_from_text(stored.at), event=event)
    except (DataError, ValueError) as error:
        raise StateError(str(path), f"record {stored.sequence} cannot be read ({error})", RESTORE) from error


def sequence_in(line: bytes) -> int | None:
    """Give the sequence of a record's line, or None where it is not what was written."""
    match = _LINE.fullmatch(line)
    if match is None or isinstance(examined(line, Link(int(match[1]), None)), AlteredRecord):
        return None
    return int(match[1])


def lines_in(file: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    """Give the lines that are in a file now, each with whether it is the last one, which may be unfinished."""
    file.seek(0)
    size, offset = os.fstat(file.fileno()).st_size, 0
    while offset < size and (line := file.readline()):
        offset += len(line)
        yield line, offset >= size


def _problem(stored: StoredRecord, length: int, link: Link) -> str | None:
    if length != len(stored.body):
        return f"has a body of {len(stored.body)} bytes and says {length}"
    computed = _checksum(sequence=stored.sequence, at=stored.at, kind=stored.kind, body=stored.body, previous=stored.previous)
    if stored.checksum != computed:
        return "does not match its checksum"
    if stored.sequence != link.sequence:
        return f"carries the sequence {stored.sequence}"
    if link.previous is not None and stored.previous != link.previous:
        return "does not follow the record before it"
    return None


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
