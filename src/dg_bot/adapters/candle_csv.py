"""Candles as CSV: a header, then one row a candle in rising order, every row checked before any is believed.

Columns are `timestamp,open,high,low,close,volume` with an optional `value` (traded KRW, not read). `timestamp` is the candle's
start as ISO 8601 in UTC. Rows are counted as an editor counts lines: the header is row 1.
"""

import gzip
import math
import re
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dg_bot.domain.calendar import Timeframe, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError

COLUMNS = ("timestamp", "open", "high", "low", "close", "volume")
HEADER = ",".join(COLUMNS)
VALUE = "value"

_BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_PLAIN = b"0123456789.,:TZ-\n"
_TIME_LETTERS = np.frombuffer(b"0000-00-00T00:00:00Z", np.uint8)
_TIME_DIGITS = np.equal(_TIME_LETTERS, ord("0"))


@dataclass(frozen=True, slots=True)
class _Table:
    """Rows that passed every check: epoch seconds `(n,) int64`, and open, high, low, close, volume `(5, n) float64`."""

    times: NDArray[np.int64]
    figures: NDArray[np.float64]


def read_candles(path: Path, market: Market, timeframe: Timeframe) -> CandleSeries:
    """Read a whole `.csv` or `.csv.gz`; raises DataError naming file, row and column of the first thing that cannot be right."""
    return parse_candles(str(path), file_content(path), market, timeframe)


def file_content(path: Path) -> bytes:
    """Give the text of a `.csv` or `.csv.gz`; raises DataError where it cannot be read or unpacked."""
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be read ({error})") from error


def parse_candles(source: str, data: bytes, market: Market, timeframe: Timeframe) -> CandleSeries:
    """Read CSV text, a byte order mark and CRLF allowed; raises DataError naming `source`, row and column."""
    header, _, body = data.removeprefix(_BOM).replace(b"\r\n", b"\n").partition(b"\n")
    width = _width(source, header)
    body = body.rstrip(b"\n")
    table = _quickly(body, width, timeframe) or _carefully(source, body, width, timeframe)
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


def _width(source: str, header: bytes) -> int:
    names = tuple(header.decode("utf-8", "replace").strip().split(","))
    if missing := [name for name in COLUMNS if name not in names]:
        raise DataError(source, f"row 1: column {missing[0]} is missing")
    if names not in (COLUMNS, (*COLUMNS, VALUE)):
        raise DataError(source, f"row 1: the columns must be {HEADER}[,{VALUE}] and are {','.join(names)}")
    return len(names)


def _quickly(body: bytes, width: int, timeframe: Timeframe) -> _Table | None:
    """Read rows in bulk; None where anything is unusual, for the careful reader to accept or to name."""
    if not body or body.translate(None, _PLAIN):
        return None
    codes = np.frombuffer(body, np.uint8)
    commas, ends = np.flatnonzero(codes == ord(",")), np.append(np.flatnonzero(codes == ord("\n")), len(codes))
    if not np.array_equal(np.searchsorted(commas, ends), np.arange(1, len(ends) + 1) * (width - 1)):
        return None
    cells = body.replace(b"\n", b",").split(b",")
    times = _quick_times(cells[::width])
    if times is None:
        return None
    try:
        figures = np.array([np.fromiter(map(float, cells[column::width]), float, len(ends)) for column in range(1, 6)])
        values = [float(cell) for cell in cells[6::width] if cell] if width > len(COLUMNS) else []
    except ValueError:
        return None
    open_, high, low, close, volume = figures
    are_sound = (
        not np.any(times % timeframe.seconds)
        and np.all(np.diff(times) > 0)
        and np.all(np.isfinite(figures))
        and np.all(low > 0)
        and np.all(low <= np.minimum(open_, close))
        and np.all(np.maximum(open_, close) <= high)
        and np.all(volume >= 0)
        and all(0 <= value < math.inf for value in values)
    )
    return _Table(times, figures) if are_sound else None


def _quick_times(cells: list[bytes]) -> NDArray[np.int64] | None:
    texts = np.array(cells)
    if texts.dtype.itemsize != len(_TIME_LETTERS):
        return None
    codes = texts.view(np.uint8).reshape(len(cells), -1)
    is_digit = (codes >= ord("0")) & (codes <= ord("9"))
    if not np.all(np.where(_TIME_DIGITS, is_digit, codes == _TIME_LETTERS)):
        return None
    try:
        return texts.astype("S19").astype("datetime64[s]").astype(np.int64)
    except ValueError:
        return None


def _carefully(source: str, body: bytes, width: int, timeframe: Timeframe) -> _Table:
    """Read row by row; raises DataError naming the first row and column that cannot be right."""
    times: list[int] = []
    figures: list[list[float]] = []
    for row in _rows(body, width, timeframe):
        if isinstance(row, RowProblem):
            raise DataError(source, row.words)
        times.append(row.second)
        figures.append(row.figures)
    return _Table(np.array(times, np.int64), np.array(figures, float).reshape(-1, 5).T)


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
    """A row that passed every check: its start in epoch seconds, and open, high, low, close, volume."""

    row: int
    second: int
    figures: list[float]


def examine_candles(source: str, data: bytes, timeframe: Timeframe) -> Iterator[CandleRow | RowProblem]:
    """Give every row of CSV text as a candle or as its first problem; the next row is held against the last sound one.

    Raises DataError where the columns are not those of candles.
    """
    header, _, body = data.removeprefix(_BOM).replace(b"\r\n", b"\n").partition(b"\n")
    return _rows(body.rstrip(b"\n"), _width(source, header), timeframe)


def _rows(body: bytes, width: int, timeframe: Timeframe) -> Iterator[CandleRow | RowProblem]:
    before: int | None = None
    lines = body.decode("utf-8", "replace").split("\n") if body else []
    for number, line in enumerate(lines, start=2):
        cells = line.split(",")
        try:
            if len(cells) != width:
                raise _BadRow(f"has {len(cells)} fields instead of {width}")
            second = _time(cells[0], timeframe, before)
            yield CandleRow(number, second, _figures(cells))
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
        raise _BadRow(f"{cell!r} is not a time", "timestamp") from error
    if at.utcoffset() is None:
        raise _BadRow(f"{cell!r} does not say that it is UTC", "timestamp")
    if at.utcoffset() != timedelta(0):
        raise _BadRow(f"{cell!r} is not in UTC", "timestamp")
    second = to_epoch(at)
    if at.microsecond or second % timeframe.seconds:
        raise _BadRow(f"{cell!r} is not the start of a {timeframe} candle", "timestamp")
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
    if _NUMBER.fullmatch(cell) is None or not math.isfinite(float(cell)):
        raise _BadRow(f"{cell!r} is not a number", column)
    return float(cell)
