"""Tell whether a candle file is as it was last written: its size and hash, kept beside it."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.errors import DataError, StateError

_REMEDY = "move it away to accept the candles as they are"


@dataclass(frozen=True, slots=True)
class _Seal:
    size: int
    sha256: str

    def fits(self, content: bytes) -> bool:
        """Tell whether a content begins with what was sealed."""
        return len(content) >= self.size and hashlib.sha256(content[: self.size]).hexdigest() == self.sha256


def seal_path(path: Path) -> Path:
    """Give the place of a candle file's seal."""
    return path.with_suffix(".seal.json")


def seal(path: Path, before: bytes | None, after: bytes) -> None:
    """Seal what a candle file holds and is about to hold, so that a write cut off between is no fault; raises DataError.

    `before` is None where there is no such file yet. Call it right before the write, with nobody else writing.
    """
    seals = [_Seal(len(content), hashlib.sha256(content).hexdigest()) for content in (before, after) if content is not None]
    try:
        write_state(seal_path(path), {"seals": [[one.size, one.sha256] for one in seals]})
    except StateError as error:
        raise DataError(error.path, error.problem) from error


def is_as_sealed(path: Path, content: bytes) -> bool:
    """Tell whether the whole rows of a candle file are those of its last write; a file without a seal is taken as it is.

    Raises DataError where the seal itself is damaged.
    """
    seals = _seals(path)
    if not seals:
        return True
    before, after = seals[0], seals[-1]
    if any(len(content) == one.size and one.fits(content) for one in seals):
        return True
    return before.size < len(content) < after.size and before.fits(content)


def _seals(path: Path) -> list[_Seal]:
    try:
        body = read_state(seal_path(path), _REMEDY)
    except StateError as error:
        raise DataError(error.path, f"{error.problem}; {error.remedy}") from error
    written = [] if body is None else body.get("seals")
    if not isinstance(written, list):
        raise DataError(str(seal_path(path)), f"does not hold seals; {_REMEDY}")
    try:
        return [_Seal(int(size), str(sha256)) for size, sha256 in written]
    except (TypeError, ValueError) as error:
        raise DataError(str(seal_path(path)), f"does not hold seals; {_REMEDY}") from error
