"""Read a journal that another process may be writing, and change nothing."""

import os
from collections.abc import Iterator
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of, open_private
from dg_bot.adapters.journal_archive import archive_of, archived, segments_in
from dg_bot.adapters.journal_lines import (
    RESTORE,
    AlteredRecord,
    Link,
    StoredRecord,
    TornRecord,
    lines_in,
    record_of,
    scanned,
    sequence_in,
)
from dg_bot.adapters.journal_snapshots import snapshots_in
from dg_bot.domain.events import Record
from dg_bot.errors import StateError


def journal_exists(path: Path) -> bool:
    """Tell whether anything was ever journalled at `path`; raises StateError where that cannot be seen."""
    try:
        if os.stat(path, follow_symlinks=False).st_size > 0:
            return True
    except FileNotFoundError:
        pass
    except OSError as error:
        raise StateError(
            str(path), f"cannot be looked at ({cause_of(error)})", "check the disk and the folder's rights"
        ) from error
    return bool(segments_in(archive_of(path)) or snapshots_in(path.parent))


def verify(path: Path) -> AlteredRecord | None:
    """Give the first altered or missing record, changing nothing; an unfinished last line may be one that is being written.

    Raises StateError where the file cannot be read.
    """
    found = verified(path)
    return found if isinstance(found, AlteredRecord) else None


def verified(path: Path) -> int | AlteredRecord:
    """Give the number of the last record where every one is as it was written, else the first altered one; as `verify`."""
    last = 0
    for found in _scan_path(path):
        match found:
            case AlteredRecord():
                return found
            case StoredRecord(sequence=sequence):
                last = sequence
            case TornRecord():
                break
    return last


def read_journal(path: Path) -> Iterator[Record]:
    """Give all records of a journal that another process may be appending to, changing nothing.

    Raises StateError for an altered or missing record, for one that this program cannot read, and where the file cannot be read.
    """
    for found in _scan_path(path):
        match found:
            case AlteredRecord(number, problem):
                raise StateError(str(path), f"record {number} {problem}", RESTORE)
            case StoredRecord():
                yield record_of(path, found)
            case TornRecord():
                return


def _scan_path(path: Path) -> Iterator[StoredRecord | TornRecord | AlteredRecord]:
    """Give the records of all segments. The active one is opened first: what is closed after that is in it as well."""
    try:
        with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
            first, segments = sequence_in(file.readline()), segments_in(archive_of(path))
            until = first or (segments[-1].last + 1 if segments else 1)
            link = Link()
            for found in archived(archive_of(path), link, until=until):
                yield found
                if isinstance(found, AlteredRecord):
                    return
                link = Link(found.sequence + 1, found.checksum)
            if first is None and segments:
                yield AlteredRecord(until, f"is missing: {path.name} does not go on after the archive")
                return
            yield from scanned(lines_in(file), link)
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({cause_of(error)})", RESTORE) from error
