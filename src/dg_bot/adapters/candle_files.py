"""The candle archive on disk: one CSV a market and timeframe, shared by every program that trades or tests on it."""

import fcntl
import hashlib
import os
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from dg_bot.adapters.atomic_file import cause_of, write_atomically
from dg_bot.adapters.candle_csv import COLUMNS, HEADER, candle_row, file_content, parse_candles
from dg_bot.adapters.candle_manifest import Content, content_of, manifest_path, require_as_written, write_manifest
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.adapters.typed_json import time_from_text, time_text
from dg_bot.domain.calendar import DAY, HOUR, Timeframe, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue, StateError

_LOCK_TRIES = 250
_LOCK_PAUSE_S = 0.02
_FORGET = "move it away; the venue is then asked again"

Range = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class _Tail:
    """What an append has to know of a file that ends with a whole row: the columns of a row, its size, and its hash so far."""

    width: int
    size: int
    sha256: "hashlib._Hash"

    @classmethod
    def of(cls, content: bytes) -> "_Tail":
        return cls(content.partition(b"\n")[0].count(b",") + 1, len(content), hashlib.sha256(content))

    @property
    def content(self) -> Content:
        return Content(self.size, self.sha256.hexdigest())

    def longer(self, rows: bytes) -> "_Tail":
        sha256 = self.sha256.copy()
        sha256.update(rows)
        return _Tail(self.width, self.size + len(rows), sha256)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A file's candles with what told the file apart when it was read; its tail where it was written here."""

    path: Path
    stamp: tuple[int, int, int]
    series: CandleSeries
    tail: _Tail | None = None


class CandleFiles:
    """The archive under one folder; safe for threads, and for several processes that write to it at the same time.

    A candle is kept with its digits as received and never changes. Besides `.csv`, a `.csv.gz` of the same stem is read where
    there is no `.csv`. A last row without its line end is taken for cut off and not counted; the next `add` removes it. A `.csv`
    that was written here is believed only as it was written; its manifest beside it says by whom and when.
    """

    def __init__(self, folder: Path, *, source: str = "unknown") -> None:
        """`source` is where the candles come from that are added, for the manifest."""
        self._folder = folder
        self._source = source
        self._lock = Lock()
        self._parsed: dict[tuple[Market, Timeframe], _Parsed] = {}

    def load(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CandleSeries:
        """Give the stored candles that open in [start, end).

        Raises DataError naming file, row and column of a bad one, and for a file that was edited.
        """
        with self._lock:
            series = self._series(market, timeframe, is_sole_writer=False)
        return series.between(start, end)

    def add(self, market: Market, timeframe: Timeframe, candles: Sequence[Candle]) -> None:
        """Store closed candles durably; one that is there already stays as it is.

        Raises DataError for one off the grid, and where they cannot be stored; then nothing of them is.
        """
        for candle in candles:
            if not timeframe.is_boundary(candle.opened_at):
                raise DataError(f"{market} {timeframe}", f"candle {candle.opened_at.isoformat()} is off the grid")
        with self._lock, self._sole_writer():
            present = self._series(market, timeframe, is_sole_writer=True)
            fresh = _fresh(present, candles)
            if not fresh:
                return
            path = self.path(market, timeframe)
            try:
                series, tail = self._store(path, present, fresh)
            except OSError as error:
                raise DataError(str(path), f"could not be written ({cause_of(error)})") from error
            self._parsed[market, timeframe] = _Parsed(path, _stamp(path.stat()), series, tail)

    def empty_ranges(self, market: Market, timeframe: Timeframe) -> Sequence[Range]:
        """Give the half-open ranges in which the venue was asked and had no candle, in order; raises DataError."""
        path = self.path(market, timeframe).with_suffix(".empty.json")
        try:
            body = read_state(path, _FORGET)
        except StateError as error:
            raise DataError(error.path, f"{error.problem}; {error.remedy}") from error
        ranges = [] if body is None else _ranges(body.get("ranges"))
        if ranges is None:
            raise DataError(str(path), f"does not hold ranges of time; {_FORGET}")
        return ranges

    def remember_empty(self, market: Market, timeframe: Timeframe, ranges: Sequence[Range]) -> None:
        """Note that the venue has no candle that opens in half-open ranges; raises DataError where that cannot be kept."""
        with self._lock, self._sole_writer():
            known = self.empty_ranges(market, timeframe)
            merged = merged_ranges([*known, *ranges])
            if merged == known:
                return
            path = self.path(market, timeframe).with_suffix(".empty.json")
            try:
                write_state(path, {"ranges": [[time_text(first), time_text(last)] for first, last in merged]})
            except StateError as error:
                raise DataError(error.path, error.problem) from error

    def path(self, market: Market, timeframe: Timeframe) -> Path:
        """Give the place of the `.csv`, whether it is there or not."""
        if timeframe == HOUR:
            return self._folder / "hourly" / f"{market}_60m.csv"
        if timeframe == DAY:
            return self._folder / "daily" / f"{market}_1d.csv"
        return self._folder / "minute" / f"{market}_{timeframe}.csv"

    def has(self, market: Market, timeframe: Timeframe) -> bool:
        """Tell whether there is a file of these candles."""
        return _existing(self.path(market, timeframe)) is not None

    def copies(self) -> Iterator[tuple[str, bytes]]:
        """Give each file of the archive by its name below the folder; a candle file and what is known of it belong together.

        Raises DataError where one cannot be read, or another program has been writing for too long.
        """
        for path in sorted({*self._folder.rglob("*.csv"), *self._folder.rglob("*.csv.gz")}):
            together = (path, manifest_path(path), path.with_suffix(".empty.json"))
            with self._sole_writer():
                try:
                    read = [(one.relative_to(self._folder).as_posix(), one.read_bytes()) for one in together if one.is_file()]
                except OSError as error:
                    raise DataError(str(path), f"cannot be read ({cause_of(error)})") from error
            yield from read

    def _series(self, market: Market, timeframe: Timeframe, *, is_sole_writer: bool) -> CandleSeries:
        """Give all stored candles, parsed again only where the file is another than it was."""
        path = _existing(self.path(market, timeframe))
        if path is None:
            return CandleSeries.from_candles(market, timeframe, ())
        known = self._parsed.get((market, timeframe))
        try:
            stamp = _stamp(path.stat())
        except OSError as error:
            raise DataError(str(path), f"cannot be read ({cause_of(error)})") from error
        if known is None or (known.path, known.stamp) != (path, stamp):
            content = self._believed(path, market, is_sole_writer=is_sole_writer)
            known = _Parsed(path, stamp, parse_candles(str(path), content, market, timeframe))
            self._parsed[market, timeframe] = known
        return known.series

    def _believed(self, path: Path, market: Market, *, is_sole_writer: bool) -> bytes:
        """Give a file's whole rows; raises DataError where they are not what was written.

        Another process may be writing, so that only a look without any writer decides.
        """
        content = _whole_rows(path)
        if path.suffix == ".gz":
            return content
        try:
            require_as_written(path, content, market)
        except DataError:
            if is_sole_writer:
                raise
            with self._sole_writer():
                return self._believed(path, market, is_sole_writer=True)
        return content

    def _store(self, path: Path, present: CandleSeries, fresh: list[Candle]) -> tuple[CandleSeries, _Tail]:
        """Write `fresh` behind or among the candles that are `present`, and give them together."""
        added = CandleSeries.from_candles(present.market, present.timeframe, fresh)
        is_newer = not present.opened_at or added.opened_at[0] > present.opened_at[-1]
        tail = self._tail(path, present) if is_newer else None
        if tail is not None:
            rows = "".join(f"{candle_row(candle, tail.width)}\n" for candle in fresh).encode()
            series, longer = _joined(present, added), tail.longer(rows)
            self._announce(path, series, tail.content, longer.content)
            _append(path, rows)
            return series, longer
        path.parent.mkdir(parents=True, exist_ok=True)
        data = _merged_text(_existing(path), present, fresh)
        series, whole = parse_candles(str(path), data, present.market, present.timeframe), _Tail.of(data)
        self._announce(path, series, content_of(_whole_rows(path)) if path.exists() else None, whole.content)
        write_atomically(path, data)
        return series, whole

    def _tail(self, path: Path, present: CandleSeries) -> _Tail | None:
        """Give the tail of a file that was just looked at; None where there is none, or its last row has no end.

        What was written here is not read again: of a year of minutes, a page at a time, that would take longer than the venue.
        """
        known = self._parsed.get((present.market, present.timeframe))
        if known is not None and known.path == path and known.tail is not None:
            return known.tail
        content = file_content(path) if path.exists() else b""
        return _Tail.of(content) if content.endswith(b"\n") else None

    def _announce(self, path: Path, series: CandleSeries, before: Content | None, after: Content) -> None:
        write_manifest(path, series, source=self._source, written_at=datetime.now(UTC), before=before, after=after)

    @contextmanager
    def _sole_writer(self) -> Iterator[None]:
        """Keep other processes from writing to the archive meanwhile; raises DataError after about five seconds of waiting."""
        path = self._folder / ".lock"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataError(str(path), f"cannot be opened ({cause_of(error)})") from error
        try:
            _take(path, fd)
            yield
        finally:
            os.close(fd)


def merged_ranges(ranges: Sequence[Range]) -> list[Range]:
    """Join half-open ranges that overlap or touch, in order; raises ImpossibleValue for one that does not end after its start."""
    for start, end in ranges:
        if start >= end:
            raise ImpossibleValue("empty range", (start, end), "it must end after its start")
    merged: list[Range] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


def _ranges(written: object) -> list[Range] | None:
    try:
        return [(time_from_text(start), time_from_text(end)) for start, end in written] if isinstance(written, list) else None
    except (ValueError, TypeError):
        return None


def _take(path: Path, fd: int) -> None:
    for _ in range(_LOCK_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_PAUSE_S)
        else:
            return
    raise DataError(str(path), "another program has been writing to the archive for too long")


def _fresh(present: CandleSeries, candles: Sequence[Candle]) -> list[Candle]:
    """Give the candles that are not present, in rising order; of two at the same time the first."""
    by_time: dict[int, Candle] = {}
    for candle in candles:
        by_time.setdefault(to_epoch(candle.opened_at), candle)
    return [by_time[second] for second in sorted(by_time) if not _holds(present, second)]


def _holds(series: CandleSeries, second: int) -> bool:
    place = bisect_left(series.opened_at, second)
    return place < len(series) and series.opened_at[place] == second


def _existing(path: Path) -> Path | None:
    packed = path.with_suffix(".csv.gz")
    return path if path.exists() else packed if packed.exists() else None


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_mtime_ns, status.st_size


def _whole_rows(path: Path) -> bytes:
    """Give a file's content up to its last line end: what follows in a growing file is being written, or was cut off."""
    content = file_content(path)
    return content if path.suffix == ".gz" else content[: content.rfind(b"\n") + 1] or content


def _append(path: Path, rows: bytes) -> None:
    """Add rows durably; raises OSError, and then the file is as long as it was."""
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        try:
            written = os.write(fd, rows)
            if written != len(rows):
                raise OSError(None, f"{written} of {len(rows)} bytes were taken")
            os.fsync(fd)
        except OSError:
            os.ftruncate(fd, size)
            raise
    finally:
        os.close(fd)


def _merged_text(source: Path | None, present: CandleSeries, fresh: list[Candle]) -> bytes:
    """Give the text of a file with the rows of `source` as they stand and the fresh candles in their places."""
    header, rows = HEADER, list[str]()
    if source is not None:
        header, *rows = _whole_rows(source).decode("utf-8-sig").replace("\r\n", "\n").rstrip("\n").split("\n")
    width = max(len(COLUMNS), header.count(",") + 1)
    by_time = {to_epoch(candle.opened_at): candle_row(candle, width) for candle in fresh}
    by_time.update(zip(present.opened_at, rows, strict=True))
    return "\n".join([header, *(row for _, row in sorted(by_time.items())), ""]).encode()


def _joined(earlier: CandleSeries, later: CandleSeries) -> CandleSeries:
    return CandleSeries(
        market=earlier.market,
        timeframe=earlier.timeframe,
        opened_at=earlier.opened_at + later.opened_at,
        open=earlier.open + later.open,
        high=earlier.high + later.high,
        low=earlier.low + later.low,
        close=earlier.close + later.close,
        volume=earlier.volume + later.volume,
    )
