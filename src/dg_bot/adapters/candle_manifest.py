"""What is known of a candle file as it was last written: its source, span, rows and hash, kept beside it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.adapters.typed_json import time_from_text, time_text
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, StateError

_BETWEEN = "; "
_REMEDY = "move it away to accept the candles as they are"


@dataclass(frozen=True, slots=True)
class Content:
    """Size in bytes and hash of a file's content."""

    size: int
    sha256: str

    def begins(self, content: bytes) -> bool:
        """Tell whether a content is this one, or this one with something behind it."""
        return len(content) >= self.size and hashlib.sha256(content[: self.size]).hexdigest() == self.sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A candle file as it was last written; `before` is what it held until then, None where there was no such file.

    `source` names every source of its candles, in the order in which they first came.
    `first` and `last` are the starts of its first and last candle. A write that was cut off left something between `before` and
    `content`, which is no edit.
    """

    market: str
    timeframe: str
    source: str
    rows: int
    first: datetime
    last: datetime
    written_at: datetime
    content: Content
    before: Content | None

    def allows(self, content: bytes) -> bool:
        """Tell whether the whole rows of a file are those of its last write."""
        before = self.content if self.before is None else self.before
        if any(len(content) == one.size and one.begins(content) for one in (before, self.content)):
            return True
        return before.size < len(content) < self.content.size and before.begins(content)


def content_of(data: bytes) -> Content:
    """Give size and hash of a content."""
    return Content(len(data), hashlib.sha256(data).hexdigest())


def manifest_path(path: Path) -> Path:
    """Give the place of a candle file's manifest."""
    return path.with_suffix(".manifest.json")


def write_manifest(
    path: Path, series: CandleSeries, *, source: str, written_at: datetime, before: Content | None, after: Content
) -> None:
    """Note what a candle file holds and is about to hold, `after`, which is `series`; raises DataError.

    What is there already keeps its sources beside `source`. Call it right before the write, with nobody else writing.
    """
    sources = dict.fromkeys([*([] if before is None else _sources(path)), source])
    body = {
        "market": series.market.code,
        "timeframe": str(series.timeframe),
        "source": _BETWEEN.join(sources),
        "rows": len(series),
        "first": time_text(from_epoch(series.opened_at[0])),
        "last": time_text(from_epoch(series.opened_at[-1])),
        "written_at": time_text(written_at),
        **_hashed(after),
        "before": None if before is None else _hashed(before),
    }
    try:
        write_state(manifest_path(path), body)
    except StateError as error:
        raise DataError(error.path, error.problem) from error


def read_manifest(path: Path) -> Manifest | None:
    """Give the manifest of a candle file, None where it has none; raises DataError for one that is damaged."""
    place = manifest_path(path)
    try:
        body = read_state(place, _REMEDY)
    except StateError as error:
        raise DataError(error.path, f"{error.problem}; {error.remedy}") from error
    try:
        return None if body is None else _manifest(body)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(str(place), f"is no manifest of a candle file; {_REMEDY}") from error


def require_as_written(path: Path, content: bytes, market: Market) -> None:
    """Raise DataError where a candle file is not what its manifest says, or of another market; one without it is believed."""
    manifest = read_manifest(path)
    if manifest is None:
        return
    if manifest.market != market.code:
        raise DataError(str(path), f"holds candles of {manifest.market} by its manifest, and not of {market}")
    if manifest.allows(content):
        return
    remedy = f"put it back, or move {manifest_path(path).name} away to accept it as it is"
    raise DataError(str(path), f"was edited since the bot wrote it; {remedy}")


def _sources(path: Path) -> list[str]:
    """Give the sources of what is there; a manifest that was damaged since it was read tells none, and is written anew."""
    try:
        manifest = read_manifest(path)
    except DataError:
        return []
    return [] if manifest is None else manifest.source.split(_BETWEEN)


def _hashed(content: Content) -> Mapping[str, object]:
    return {"size": content.size, "sha256": content.sha256}


def _manifest(body: Mapping[str, object]) -> Manifest:
    before = body["before"]
    return Manifest(
        market=str(body["market"]),
        timeframe=str(body["timeframe"]),
        source=str(body["source"]),
        rows=int(str(body["rows"])),
        first=time_from_text(str(body["first"])),
        last=time_from_text(str(body["last"])),
        written_at=time_from_text(str(body["written_at"])),
        content=_content(body),
        before=None if before is None else _content(before),
    )


def _content(written: object) -> Content:
    if not isinstance(written, Mapping):
        raise TypeError(written)
    return Content(int(str(written["size"])), str(written["sha256"]))
