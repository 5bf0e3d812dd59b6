"""A copy of a journal that another process may be appending to: every record up to one of them, and none in half."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of, open_private
from dg_bot.adapters.journal_archive import archive_of, segments_in
from dg_bot.adapters.journal_lines import sequence_in
from dg_bot.adapters.journal_snapshots import snapshots_in
from dg_bot.errors import StateError


def journal_files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Give the files of a journal by their names beside it: closed segments, snapshots up to the first active record, the rest.

    The active file is opened first and read last: what is closed meanwhile is still in what was opened. Raises StateError, also
    where a file went away in between: then ask again.
    """
    try:
        with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
            first = sequence_in(file.readline())
            for segment in segments_in(archive_of(path)):
                if first is None or segment.first < first:
                    yield f"{segment.path.parent.name}/{segment.path.name}", _content(segment.path)
            for snapshot in snapshots_in(path.parent):
                # Two are kept, and the elder may go away; without either, a start folds all records.
                with suppress(FileNotFoundError):
                    if first is None or snapshot.sequence <= first:
                        yield snapshot.path.name, _content(snapshot.path)
            file.seek(0)
            content = file.read()
    except OSError as error:
        raise StateError(str(path), f"cannot be copied ({cause_of(error)})", "try again") from error
    yield path.name, content[: content.rfind(b"\n") + 1]


def _content(path: Path) -> bytes:
    with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
        return file.read()
