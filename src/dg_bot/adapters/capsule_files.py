"""Capsules on disk: one gzipped JSON file a cycle and market, whose hashes stand in the journal."""

import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from dg_bot.adapters.atomic_file import cause_of, make_private_folder, write_atomically
from dg_bot.adapters.candle_references import referred
from dg_bot.adapters.capsule_codec import decode_capsule, encode_capsule
from dg_bot.adapters.state_file import canonical_json
from dg_bot.adapters.typed_json import Json
from dg_bot.capsule import Capsule
from dg_bot.domain.events import CapsuleStored
from dg_bot.errors import DataError, StateError
from dg_bot.ports import CandleArchive

_SECTION_DIGITS = 16


Elsewhere = Callable[[CapsuleStored], bytes | None]


class CapsuleFiles:
    """The folder `capsules` of a bot, by year and month; a file is written once, whole and durably."""

    def __init__(self, folder: Path, *, elsewhere: Elsewhere = lambda _stored: None) -> None:
        """`elsewhere` is asked for the bytes of a capsule whose file is gone; None where it is not there either."""
        self._folder = folder
        self._elsewhere = elsewhere

    def store(self, capsule: Capsule) -> CapsuleStored:
        """Write a capsule and give what the journal has to remember of it.

        Raises StateError where the disk does not take it, DataError where it could not be read back.
        """
        sections = encode_capsule(capsule)
        lines = ",\n".join(f'"{name}":{canonical_json(body).decode()}' for name, body in sections.items())
        data = gzip.compress(f"{{\n{lines}\n}}\n".encode(), mtime=0)
        at = capsule.opened_at
        name = f"{at:%Y}/{at:%m}/{at:%Y%m%dT%H}-{capsule.market}-{capsule.before.sequence}.json.gz"
        path = self._folder / name
        try:
            make_private_folder(path.parent)
            write_atomically(path, data)
        except OSError as error:
            raise StateError(str(path), f"cannot be written ({cause_of(error)})", "make room and check the folder") from error
        return CapsuleStored(
            cycle_id=capsule.cycle_id,
            file=name,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            sections=_digests(sections),
            code_sha256=capsule.program["code_sha256"],
        )

    def load(self, stored: CapsuleStored, archive: CandleArchive) -> Capsule:
        """Give a capsule; raises DataError naming the file if a byte is not as it was, and the section where that can be told."""
        try:
            data = self._bytes(stored)
        except OSError as error:
            raise DataError(stored.file, f"cannot be read ({cause_of(error)}), and no copy is known") from error
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            raise DataError(stored.file, f"was altered: {_where(data, stored)}")
        return decode_capsule(json.loads(gzip.decompress(data)), lambda reference: referred(reference, archive))

    def payload(self, stored: CapsuleStored) -> bytes | None:
        """Give the bytes of a capsule as they were stored; None where its file is gone, cannot be read or was altered."""
        try:
            data = (self._folder / stored.file).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == stored.sha256 else None

    def prune(self, before: datetime, *, delivered: int) -> int:
        """Remove the files of cycles that opened before then, with folders that they leave empty; give how many there were.

        `delivered` is the journal record up to which the rows hold their copies: nothing goes before its copy is there. What
        cannot be removed stays, and is tried again the next time.
        """
        limit = f"{before:%Y%m%dT%H}"
        paths = sorted(self._folder.glob("[0-9][0-9][0-9][0-9]/[0-9][0-9]/*.json.gz"), key=lambda path: path.name)
        old = [path for path in paths if path.name < limit]
        # A cycle begins when the capsules of all earlier ones stand in the journal.
        if delivered < min((_record_before(path) for path in paths[len(old) :]), default=0):
            return 0
        for path in old:
            with suppress(OSError):
                path.unlink()
            # One that still holds something stays.
            with suppress(OSError):
                path.parent.rmdir()
        return sum(not path.exists() for path in old)

    def _bytes(self, stored: CapsuleStored) -> bytes:
        try:
            return (self._folder / stored.file).read_bytes()
        except FileNotFoundError:
            data = self._elsewhere(stored)
            if data is None:
                raise
            return data


def _record_before(path: Path) -> int:
    """Read out of a file's name after which record its cycle began."""
    number = path.name.removesuffix(".json.gz").rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _digests(sections: dict[str, Json]) -> dict[str, str]:
    return {name: hashlib.sha256(canonical_json(body)).hexdigest()[:_SECTION_DIGITS] for name, body in sections.items()}


def _where(data: bytes, stored: CapsuleStored) -> str:
    """Say what of an altered file is not as it was."""
    try:
        sections = json.loads(gzip.decompress(data))
        found = _digests(sections)
    except (OSError, EOFError, zlib.error, ValueError, AttributeError) as error:
        return f"it cannot be unpacked ({error})"
    changed = sorted(name for name in found.keys() | stored.sections.keys() if found.get(name) != stored.sections.get(name))
    return f"section {', '.join(changed)}" if changed else "its content is the same, the packing is not"
