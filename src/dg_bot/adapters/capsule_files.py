"""Capsules on disk: one gzipped JSON file a cycle and market, whose hashes stand in the journal."""

import gzip
import hashlib
import json
import zlib
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


class CapsuleFiles:
    """The folder `capsules` of a bot, by year and month; a file is written once, whole and durably."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
        path = self._folder / stored.file
        try:
            data = path.read_bytes()
        except OSError as error:
            raise DataError(stored.file, f"cannot be read ({cause_of(error)})") from error
        if hashlib.sha256(data).hexdigest() != stored.sha256:
            raise DataError(stored.file, f"was altered: {_where(data, stored)}")
        return decode_capsule(json.loads(gzip.decompress(data)), lambda reference: referred(reference, archive))


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
