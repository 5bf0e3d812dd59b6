"""Snapshots beside a journal: what was remembered after one of its records, so that a start need not fold them all."""

import re
from dataclasses import dataclass
from pathlib import Path

from dg_bot import __version__
from dg_bot.adapters.journal_codec import decode_remembered, encode_remembered
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.errors import DataError, StateError
from dg_bot.remembered import Remembered

_NAME = re.compile(r"snapshot-([0-9]{10})\.json")
_GENERATIONS = 2
_REMEDY = "move it away: all that it says is in the journal"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What was remembered after the record `sequence`, which has this checksum, as folded by the program `version`."""

    path: Path
    sequence: int
    checksum: str
    version: str
    body: object

    @property
    def is_ours(self) -> bool:
        """Tell whether this very program folded it; another one may have folded by other rules."""
        return self.version == __version__

    def remembered(self) -> Remembered:
        """Give what is in it; raises StateError where that is not of this program's making."""
        try:
            remembered = decode_remembered(self.body)
        except DataError as error:
            raise StateError(str(self.path), f"cannot be read ({error})", _REMEDY) from error
        if remembered.sequence != self.sequence:
            raise StateError(str(self.path), f"holds record {remembered.sequence} under another name", _REMEDY)
        return remembered


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """A snapshot by its name, which tells the last record in it."""

    sequence: int
    path: Path

    def read(self) -> Snapshot:
        """Give what the file holds; raises StateError where it is not what was written."""
        content = read_state(self.path, _REMEDY)
        if content is None:
            raise StateError(str(self.path), "is gone", _REMEDY)
        checksum, version = content.get("record_checksum"), content.get("version")
        if not isinstance(checksum, str) or not isinstance(version, str):
            raise StateError(str(self.path), "does not say whose it is", _REMEDY)
        return Snapshot(self.path, self.sequence, checksum, version, content.get("remembered"))


def snapshots_in(folder: Path) -> tuple[SnapshotFile, ...]:
    """Give the snapshots by their names, newest first."""
    matches = [match for match in (_NAME.fullmatch(path.name) for path in folder.glob("snapshot-*")) if match is not None]
    return tuple(SnapshotFile(int(name[1]), folder / name[0]) for name in sorted(matches, key=lambda name: name[0], reverse=True))


def write_snapshot(folder: Path, remembered: Remembered, checksum: str) -> None:
    """Keep what is remembered after the record with `checksum`, and the generation before it; raises StateError."""
    path = folder / f"snapshot-{remembered.sequence:010}.json"
    try:
        body = {"version": __version__, "record_checksum": checksum, "remembered": encode_remembered(remembered)}
    except DataError as error:
        raise StateError(str(path), f"cannot be written ({error})", "report this as a defect") from error
    write_state(path, body, indent=None)
    for old in snapshots_in(folder)[_GENERATIONS:]:
        old.path.unlink(missing_ok=True)
