"""Candle files as tapes: `timestamp,open,high,low,close,volume[,value]`, plain or gzip, checked row by row."""

import csv
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.money import decimal_from_text, require_not_negative
from dg_bot.errors import DataError, ImpossibleValue

_COLUMNS = ["timestamp", "open", "high", "low", "close", "volume"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeRows:
    """The candles of a file in rising order, the smallest step between two of them, and the `value` column where there is one."""

    timeframe: Timeframe
    candles: tuple[Candle, ...]
    values: tuple[Decimal, ...] | None


def read_tape_file(path: Path) -> TapeRows:
    """Read a candle file; raises DataError that names the file, and the row and the column where one is to blame.

    Rows are counted like lines: the header is row 1.
    """
    rows = _read_rows(path)
    header = rows[0][1] if rows else []
    if header not in (_COLUMNS, [*_COLUMNS, "value"]):
        raise DataError(str(path), f"row 1 must be the header {','.join(_COLUMNS)}[,value], not {','.join(header)}")
    has_value = len(header) > len(_COLUMNS)
    candles: list[Candle] = []
    values: list[Decimal] = []
    for number, cells in rows[1:]:
        row = _Row(path=path, number=number, header=header, cells=cells)
        candles.append(row.candle())
        if has_value:
            values.append(row.decimal("value"))
    timeframe = _timeframe(path, [number for number, _ in rows[1:]], candles)
    return TapeRows(timeframe=timeframe, candles=tuple(candles), values=tuple(values) if has_value else None)


def _read_rows(path: Path) -> list[tuple[int, list[str]]]:
    """Read all rows that are not empty, with their numbers."""
    opener = gzip.open if path.name.endswith(".gz") else open
    try:
        with opener(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(file)
            return [(reader.line_num, cells) for cells in reader if cells]
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise DataError(str(path), f"it cannot be read ({error})") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    path: Path
    number: int
    header: list[str]
    cells: list[str]

    def candle(self) -> Candle:
        if len(self.cells) != len(self.header):
            raise DataError(str(self.path), f"row {self.number} has {len(self.cells)} columns, not {len(self.header)}")
        open_, high, low, close, volume = (self.decimal(column) for column in _COLUMNS[1:])
        try:
            return Candle(opened_at=self._time(), open=open_, high=high, low=low, close=close, volume=volume)
        except ImpossibleValue as error:
            raise DataError(str(self.path), f"row {self.number}, columns open to volume: {error}") from error

    def decimal(self, column: str) -> Decimal:
        try:
            value = decimal_from_text(self.cells[self.header.index(column)], column)
            require_not_negative(column, value)
        except ImpossibleValue as error:
            raise self._blamed(column, str(error)) from error
        return value

    def _time(self) -> datetime:
        text = self.cells[0]
        try:
            at = datetime.fromisoformat(text)
        except ValueError as error:
            raise self._blamed("timestamp", f"{text!r} is not an ISO 8601 time") from error
        if at.tzinfo is None:
            raise self._blamed("timestamp", f"{text!r} must carry its offset from UTC")
        return at.astimezone(UTC)

    def _blamed(self, column: str, problem: str) -> DataError:
        return DataError(str(self.path), f"row {self.number}, column {column}: {problem}")


def _timeframe(path: Path, numbers: Sequence[int], candles: Sequence[Candle]) -> Timeframe:
    """Take the smallest step for the timeframe, and demand that every candle stands on its grid."""
    if len(candles) < 2:
        raise DataError(str(path), f"it has {len(candles)} candles; two are needed to see the timeframe")
    steps = list(_steps(path, numbers, candles))
    smallest = min(steps)
    try:
        timeframe = Timeframe(smallest // 60)
    except ImpossibleValue as error:
        raise DataError(str(path), f"its smallest step is {smallest} s, which is no timeframe of the venue") from error
    for number, candle in zip(numbers, candles, strict=True):
        if not timeframe.is_boundary(candle.opened_at):
            raise DataError(
                str(path), f"row {number}, column timestamp: {candle.opened_at.isoformat()} is off the grid of {timeframe}"
            )
    return timeframe


def _steps(path: Path, numbers: Sequence[int], candles: Sequence[Candle]) -> Iterator[int]:
    for number, (earlier, later) in zip(numbers[1:], pairwise(candles), strict=True):
        step = int((later.opened_at - earlier.opened_at).total_seconds())
        if step <= 0:
            raise DataError(str(path), f"row {number}, column timestamp: it is not after the row before it")
        yield step
