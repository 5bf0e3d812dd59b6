"""Small JSON files with a version and a checksum: what was written is read back, or an error is raised; nothing in between."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from threading import Lock

from dg_bot.adapters.atomic_file import cause_of, open_private, write_atomically
from dg_bot.errors import ImpossibleValue, StateError

SCHEMA_VERSION = 1
_RESERVED = {"schema_version", "checksum"}
_REMEDY = "move it away to have it made again from the journal"

_MAKE_ROOM = "make room and check the disk and the folder's rights"


def canonical_json(value: object) -> bytes:
    """Write JSON in its one form: sorted keys, no spaces, UTF-8; raises TypeError or ValueError for what JSON has no form for.

    Halves of surrogate pairs, which a reply can smuggle into text and UTF-8 cannot hold, become question marks.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace")


def write_state(path: Path, body: Mapping[str, object], *, indent: int | None = 2) -> None:
    """Replace a state file, durably; the folder is made. Raises StateError, and then the old file stands.

    Keys must be text, values JSON; money goes in as a string.
    """
    try:
        content = {"schema_version": SCHEMA_VERSION, **_without_reserved(body)}
        checksum = hashlib.sha256(canonical_json(content)).hexdigest()
        text = json.dumps({**content, "checksum": checksum}, indent=indent, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise StateError(str(path), f"cannot be written ({error})", "report this as a defect") from error
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomically(path, text.encode("utf-8", "replace") + b"\n")
    except OSError as error:
        raise StateError(str(path), f"cannot be written ({cause_of(error)})", _MAKE_ROOM) from error


def read_state(path: Path, remedy: str = _REMEDY) -> dict[str, object] | None:
    """Give the body of a state file, or None where there is no such file.

    Raises StateError for one that is empty, cut, altered, of another version, or reached over a symbolic link.
    """
    data = _read(path, remedy)
    if data is None:
        return None
    if not data:
        raise StateError(str(path), "is empty", remedy)
    try:
        content = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise StateError(str(path), f"is not whole JSON ({error})", remedy) from error
    if not isinstance(content, dict):
        raise StateError(str(path), "does not hold a JSON object", remedy)
    version, checksum = content.get("schema_version"), content.pop("checksum", None)
    if type(version) is not int or version != SCHEMA_VERSION:
        raise StateError(str(path), f"has schema_version {version!r}, this program reads {SCHEMA_VERSION}", remedy)
    # json.loads takes NaN, which is never written and has no canonical form.
    try:
        computed = hashlib.sha256(canonical_json(content)).hexdigest()
    except ValueError as error:
        raise StateError(str(path), f"holds what was never written ({error})", remedy) from error
    if computed != checksum:
        raise StateError(str(path), "does not match its checksum: it was altered or damaged", remedy)
    del content["schema_version"]
    return content


def _without_reserved(body: Mapping[str, object]) -> Mapping[str, object]:
    if taken := _RESERVED & body.keys():
        raise ValueError(f"the names {', '.join(sorted(taken))} are taken")
    return body


def _read(path: Path, remedy: str) -> bytes | None:
    try:
        with os.fdopen(open_private(path, os.O_RDONLY), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(str(path), f"cannot be read ({cause_of(error)})", remedy) from error


class Cursors:
    """How far each projection has followed the journal: names with the last sequence they have taken in; safe for threads."""

    def __init__(self, path: Path) -> None:
        """Read the positions; raises StateError where the file is there and cannot be trusted."""
        self._path = path
        self._lock = Lock()
        self._positions = _positions(path)

    def get(self, name: str) -> int:
        """Give the last sequence that `name` has taken in; 0 before the first."""
        with self._lock:
            return self._positions.get(name, 0)

    def move(self, name: str, sequence: int) -> None:
        """Remember durably that `name` has taken in everything up to `sequence`.

        Raises ImpossibleValue where that is behind its place, StateError where it cannot be written; then the old place stands.
        """
        with self._lock:
            if sequence < self._positions.get(name, 0):
                raise ImpossibleValue(f"cursor {name}", sequence, f"it is already at {self._positions[name]}")
            moved = {**self._positions, name: sequence}
            write_state(self._path, {"cursors": moved})
            self._positions = moved

    def rewind(self, name: str) -> None:
        """Let `name`, and its parts `name:…`, begin at the first record again, durably; raises StateError."""
        with self._lock:
            kept = {one: place for one, place in self._positions.items() if one.partition(":")[0] != name}
            write_state(self._path, {"cursors": kept})
            self._positions = kept

    def all(self) -> Mapping[str, int]:
        """Give every name with its position."""
        with self._lock:
            return dict(self._positions)


def _positions(path: Path) -> dict[str, int]:
    body = read_state(path)
    if body is None:
        return {}
    cursors = body.get("cursors")
    if not isinstance(cursors, dict) or any(type(place) is not int or place < 0 for place in cursors.values()):
        raise StateError(str(path), "does not hold positions in the journal", _REMEDY)
    return cursors
