"""The closed segments of a journal: compressed files, each named by the records in it, which nobody ever changes again."""

import gzip
import io
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, open_private, sync_folder, write_atomically
from dg_bot.adapters.journal_lines import AlteredRecord, Link, StoredRecord, scanned
from dg_bot.errors import StateError

_NAME = re.compile(r"journal-([0-9]{10})-([0-9]{10})\.jsonl\.gz")
# Level 6 halves what level 1 leaves, and a segment takes a tenth of a second, which nobody waits for.
_LEVEL = 6


@dataclass(frozen=True, slots=True)
class Segment:
    """A file that holds the records from `first` to `last`."""

    first: int
    last: int
    path: Path


def archive_of(journal: Path) -> Path:
    """Give the folder of a journal's closed segments."""
    return journal.parent / "archive"


def segments_in(folder: Path) -> tuple[Segment, ...]:
    """Give the closed segments by their names, in order; raises StateError where they cannot be listed."""
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StateError(
            str(folder), f"cannot be listed ({cause_of(error)})", "check the disk and the folder's rights"
        ) from error
    matches = [match for match in map(_NAME.fullmatch, names) if match is not None]
    return tuple(Segment(int(match[1]), int(match[2]), folder / match[0]) for match in matches)


def write_segment(folder: Path, first: int, last: int, content: bytes) -> None:
    """Close the records from `first` to `last` into a file, durably, and read it back; raises OSError, StateError."""
    make_private_folder(folder)
    segment = Segment(first, last, folder / f"journal-{first:010}-{last:010}.jsonl.gz")
    write_atomically(segment.path, gzip.compress(content, compresslevel=_LEVEL, mtime=0))
    if b"".join(_lines(segment)) != content:
        raise StateError(str(segment.path), "does not hold what was written to it", "check the disk")


def remove_segments(segments: Iterable[Segment]) -> None:
    """Remove segments whose records are elsewhere, durably; raises OSError."""
    folders = set()
    for segment in segments:
        segment.path.unlink()
        folders.add(segment.path.parent)
    for folder in folders:
        sync_folder(folder)


def archived(folder: Path, link: Link, *, until: int) -> Iterator[StoredRecord | AlteredRecord]:
    """Give the archived records from `link` on and below `until`, up to the first that is altered or missing, that one included.

    A segment that begins at `until` or later holds what is still in the active one, and is not looked at.
    """
    for segment in segments_in(folder):
        if segment.last < link.sequence or segment.first >= until:
            continue
        if segment.first > link.sequence:
            break
        is_middle = segment.first < link.sequence
        for found in _scan(segment, Link(segment.first, None) if is_middle else link):
            if isinstance(found, AlteredRecord):
                yield found
                return
            if found.sequence >= link.sequence:
                yield found
                link = Link(found.sequence + 1, found.checksum)
    if link.sequence < until:
        yield AlteredRecord(link.sequence, "is missing: no file in the archive holds it")


def missing_in(segments: Sequence[Segment], first: int) -> list[tuple[int, int]]:
    """Give the ranges of records below `first` that no segment holds by its name."""
    missing, expected = [], 1
    for segment in segments:
        if segment.first > min(expected, first):
            missing.append((expected, min(segment.first, first) - 1))
        expected = max(expected, segment.last + 1)
    return [*missing, (expected, first - 1)] if expected < first else missing


def last_checksum(segment: Segment) -> str | None:
    """Give the checksum of a segment's last record, or None where the segment is not whole."""
    checksum = None
    for found in _scan(segment, Link(segment.first, None)):
        checksum = found.checksum if isinstance(found, StoredRecord) else None
    return checksum


def _scan(segment: Segment, link: Link) -> Iterator[StoredRecord | AlteredRecord]:
    name, place = segment.path.name, link.sequence
    try:
        for found in scanned(((line, False) for line in _lines(segment)), link):
            if isinstance(found, StoredRecord):
                place = found.sequence + 1
                yield found
            elif isinstance(found, AlteredRecord):
                yield found
                return
    except (OSError, EOFError, zlib.error) as error:
        reason = cause_of(error) if isinstance(error, OSError) else str(error)
        yield AlteredRecord(min(place, segment.last), f"cannot be read: {name} is damaged ({reason})")
        return
    if place != segment.last + 1:
        yield AlteredRecord(place, f"is not in {name}, which should hold it")


def _lines(segment: Segment) -> Iterator[bytes]:
    with os.fdopen(open_private(segment.path, os.O_RDONLY), "rb") as file, gzip.open(file) as content:
        yield from io.BufferedReader(content)
