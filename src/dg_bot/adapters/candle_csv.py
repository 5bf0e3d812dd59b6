"""Candles as CSV: a header, then one row a candle in rising order, every row checked before any is believed.

Columns are `timestamp,open,high,low,close,volume` with an optional `value` (traded KRW, not read). `timestamp` is the candle's
start as ISO 8601 in UTC. Rows are counted as an editor counts lines: the header is row 1.
"""

import gzip
import re
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from dg_bot.adapters.atomic_file import cause_of
from dg_bot.adapters.candle_bulk import LARGEST_NUMBER, CandleTable, read_in_bulk
from dg_bot.adapters.candle_manifest import require_as_written
from dg_bot.domain.calendar import DAY, Timeframe, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
HEADER = ",".join(COLUMNS)
VALUE = "value"

_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_READ_BYTES = 1 << 24
# Twenty years of minutes; what unpacks to more was packed to fill a memory.
_LARGEST_BYTES = 1 << 30
_IMPORT = "scripts/backtesting/import_candles.py reads files of other programs"


def read_candles(path: Path, market: Market, timeframe: Timeframe) -> CandleSeries:
    """Read a whole `.csv` or `.csv.gz`; raises DataError naming file, row and column of the first thing that cannot be right.

    So it does for a file that is not as its manifest says.
    """
    content = file_content(path)
    if path.suffix != ".gz":
        require_as_written(path, content, market)
    return parse_candles(str(path), content, market, timeframe)


def file_content(path: Path) -> bytes:
    """Give the text of a `.csv` or `.csv.gz`; raises DataError where it cannot be read or unpacked, or is far too long."""
    parts, size = [], 0
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            while part := file.read(_READ_BYTES):
                parts.append(part)
                size += len(part)
                if size > _LARGEST_BYTES:
                    raise DataError(str(path), f"holds more than {_LARGEST_BYTES >> 20} MiB, which no candle file does")
    except (OSError, EOFError, zlib.error) as error:
        cause = cause_of(error) if isinstance(error, OSError) else error
        raise DataError(str(path), f"cannot be read ({cause})") from error
    return b"".join(parts)


def parse_candles(source: str, data: bytes, market: Market, timeframe: Timeframe) -> CandleSeries:
    """Read CSV text, a byte order mark and CRLF allowed; raises DataError naming `source`, row and column."""
    width, body = _split(source, data)
    table = read_in_bulk(body, width, timeframe) or _carefully(source, body, width, timeframe)
    return CandleSeries(
        market=market,
        timeframe=timeframe,
        opened_at=array("q", table.times.tobytes()),
        open=array("d", table.figures[0].tobytes()),
        high=array("d", table.figures[1].tobytes()),
        low=array("d", table.figures[2].tobytes()),
        close=array("d", table.figures[3].tobytes()),
        volume=array("d", table.figures[4].tobytes()),
    )


def candle_row(candle: Candle, width: int) -> str:
    """Write one candle with its digits exactly as they are, and nothing in the seventh column where the file has one."""
    figures = (candle.open, candle.high, candle.low, candle.close, candle.volume)
    cells = [f"{candle.opened_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}Z", *(format(figure, "f") for figure in figures)]
    return ",".join(cells + [""] * (width - len(cells)))


def _split(source: str, data: bytes) -> tuple[int, bytes]:
    """Give the number of columns and the rows; raises DataError where the columns are not those of candles."""
    header, _, body = data.removeprefix(_BOM).replace(b"\r\n", b"\n").partition(b"\n")
    return _width(source, header), body.rstrip(b"\n")


def _width(source: str, header: bytes) -> int:
    if not header.strip():
        raise DataError(source, "row 1 is empty: there is no header")
    if b"\0" in header:
        raise DataError(source, "row 1 holds zero bytes: it is no UTF-8 text, or was damaged")
    if b"\r" in header.rstrip(b"\r"):
        raise DataError(source, "row 1 has line ends of carriage returns alone: save it with line feeds")
    names = tuple(header.decode("utf-8", "replace").strip().split(","))
    if names in (COLUMNS, (*COLUMNS, VALUE)):
        return len(names)
    if missing := [name for name in COLUMNS if name not in names]:
        raise DataError(source, f"row 1: column {missing[0]} is missing; {_IMPORT}")
    raise DataError(source, f"row 1: the columns must be {HEADER}[,{VALUE}] and are {','.join(names)}; {_IMPORT}")


def _carefully(source: str, body: bytes, width: int, timeframe: Timeframe) -> CandleTable:
    """Read row by row; raises DataError naming the first row and column that cannot be right."""
    times: list[int] = []
    figures: list[list[float]] = []
    for row in _rows(body, width, timeframe):
        if isinstance(row, RowProblem):
            raise DataError(source, row.words)
        times.append(row.second)
        figures.append(row.figures)
    return CandleTable(np.array(times, np.int64), np.array(figures, float).reshape(-1, 5).T)


@dataclass(frozen=True, slots=True)
class RowProblem:
    """What cannot be right in a row, counted as an editor counts lines; `column` is None where it is the row as a whole."""

    row: int
    column: str | None
    problem: str

    @property
    def words(self) -> str:
        return (
            f"row {self.row} {self.problem}" if self.column is None else f"row {self.row}, column {self.column}: {self.problem}"
        )


@dataclass(frozen=True, slots=True)
class CandleRow:
    """A row that passed every check: its start in epoch seconds, open, high, low, close, volume, and the traded won if told."""

    row: int
    second: int
    figures: list[float]
    value: float | None


def examine_candles(source: str, data: bytes, timeframe: Timeframe, now: datetime) -> Iterator[CandleRow | RowProblem]:
    """Give every row of CSV text as a candle or as its first problem; the next row is held against the last sound one.

    Raises DataError where the columns are not those of candles.
    """
    width, body = _split(source, data)
    table = read_in_bulk(body, width, timeframe) if width == len(COLUMNS) else None
    if table is None or table.times[-1] > to_epoch(now):
        return _rows(body, width, timeframe, to_epoch(now))
    rows = zip(table.times.tolist(), table.figures.T.tolist(), strict=True)
    return (CandleRow(row, second, figures, None) for row, (second, figures) in enumerate(rows, start=2))


def _rows(body: bytes, width: int, timeframe: Timeframe, now: int | None = None) -> Iterator[CandleRow | RowProblem]:
    before: int | None = None
    lines = body.decode("utf-8", "replace").split("\n") if body else []
    for number, line in enumerate(lines, start=2):
        cells = line.split(",")
        try:
            if "\0" in line:
                raise _BadRow("holds zero bytes: it was damaged, as by a loss of power")
            if len(cells) != width:
                raise _BadRow(f"has {len(cells)} fields instead of {width}")
            second = _time(cells[0], timeframe, before)
            if now is not None and second > now:
                raise _BadRow(f"{cells[0]!r} lies in the future", "timestamp")
            yield CandleRow(number, second, _figures(cells), float(cells[6]) if cells[6:] and cells[6] else None)
        except _BadRow as bad:
            yield RowProblem(number, bad.column, bad.problem)
            continue
        before = second


class _BadRow(Exception):
    """A row that cannot be right, in words that follow the row's number."""

    def __init__(self, problem: str, column: str | None = None) -> None:
        super().__init__(problem)
        self.problem, self.column = problem, column


def _time(cell: str, timeframe: Timeframe, before: int | None) -> int:
    try:
        at = datetime.fromisoformat(cell)
    except ValueError as error:
        raise _BadRow(f"{cell!r} is not a time as 2026-11-20T00:00:00Z", "timestamp") from error
    if at.utcoffset() is None:
        raise _BadRow(f"{cell!r} does not say that it is UTC: let it end with Z if it is", "timestamp")
    if at.utcoffset() != timedelta(0):
        raise _BadRow(f"{cell!r} is not in UTC", "timestamp")
    second = to_epoch(at)
    if at.microsecond or second % timeframe.seconds:
        hint = ": days begin at 00:00 UTC, 09:00 in Seoul" if timeframe == DAY else ""
        raise _BadRow(f"{cell!r} is not the start of a {timeframe} candle{hint}", "timestamp")
    if before is not None and second <= before:
        raise _BadRow(f"{cell!r} {'repeats' if second == before else 'lies before'} the row above", "timestamp")
    return second


def _figures(cells: list[str]) -> list[float]:
    open_, high, low, close, volume = (_number(cell, name) for cell, name in zip(cells[1:6], COLUMNS[1:], strict=True))
    for name, price in (("open", open_), ("high", high), ("low", low), ("close", close)):
        if price <= 0:
            raise _BadRow(f"{price:g} is not above zero", name)
    if volume < 0:
        raise _BadRow(f"{volume:g} is below zero", "volume")
    if high < max(open_, low, close):
        raise _BadRow(f"{high:.10g} is not the highest of the row", "high")
    if low > min(open_, close):
        raise _BadRow(f"{low:.10g} is not the lowest of the row", "low")
    for cell in filter(None, cells[6:]):
        if _number(cell, VALUE) < 0:
            raise _BadRow(f"{cell} is below zero", VALUE)
    return [open_, high, low, close, volume]


def _number(cell: str, column: str) -> float:
    if _NUMBER.fullmatch(cell) is None:
        raise _BadRow(f"{cell!r} is not a number", column)
    number = float(cell)
    if abs(number) > LARGEST_NUMBER:
        raise _BadRow(f"{cell!r} is larger than anything that is traded", column)
    return number
