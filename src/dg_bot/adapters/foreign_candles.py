"""Candles from CSV files of other programs: columns in any order, usual names, times of several forms; nothing is guessed.

Rows are counted as an editor counts lines; a cell in quotes must not hold a line end.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

from dg_bot.adapters.candle_csv import file_content
from dg_bot.domain.calendar import KST, Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue

# In lower case. An unnamed first column is where pandas keeps its index.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "open": ("open", "opening_price", "open_price", "o"),
    "high": ("high", "high_price", "h"),
    "low": ("low", "low_price", "l"),
    "close": ("close", "trade_price", "closing_price", "close_price", "c"),
    "volume": ("volume", "candle_acc_trade_volume", "vol", "v"),
}
_TIMES = ("timestamp", "date", "time", "datetime", "date_time", "open_time", "opened_at", "index", "")
# Upbit's own names tell the zone; its `timestamp` is that of a candle's last trade.
_ZONED_TIMES = (("candle_date_time_utc", UTC), ("candle_date_time_kst", KST))
_MARKET = "market"
_SEPARATORS = ",;\t|"
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?", re.ASCII)
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}([,' _.][0-9]{3})+([.,][0-9]+)?", re.ASCII)
# Digits of a moment since 1970 in seconds, milliseconds, microseconds and nanoseconds, from 2001 to 2286.
_EPOCH = re.compile(r"[0-9]{10}(?:[0-9]{3}|[0-9]{6}|[0-9]{9})?(?:\.0+)?", re.ASCII)
_SLASHED = re.compile(r"([0-9]{4})/([0-9]{2})/([0-9]{2})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """Where a file has what: places of its columns, `zone` where the name of the time's column tells it."""

    separator: str
    names: tuple[str, ...]
    time: int
    zone: tzinfo | None
    figures: tuple[int, ...]
    market: int | None


def read_foreign_candles(path: Path, market: Market, timeframe: Timeframe, *, zone: tzinfo | None, now: datetime) -> list[Candle]:
    """Read the closed candles of a market in rising order; `zone` is that of times which do not tell theirs, None for no such.

    Newest-first files are turned round; rows of another market are left out. Raises DataError naming row and column of what
    could be meant in two ways or in none, and for a file without a candle of the market.
    """
    source = str(path)
    try:
        lines = file_content(path).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise DataError(source, "is not UTF-8 text: save it as UTF-8") from error
    if not lines or not lines[0].strip():
        raise DataError(source, "row 1 is empty: there is no header")
    layout = _layout(source, lines[0])
    rows = [(row, _candle(source, row, cells, layout, zone)) for row, cells in _rows(source, lines, layout, market)]
    if not rows:
        raise DataError(source, "has no candles in it" if layout.market is None else f"has no rows whose {_MARKET} is {market}")
    if len(rows) > 1 and rows[0][1].opened_at > rows[-1][1].opened_at:
        rows.reverse()
    _require_grid(source, rows, layout, timeframe, now)
    return [candle for _, candle in rows]


def _layout(source: str, header: str) -> _Layout:
    separator = max(_SEPARATORS, key=header.count)
    names = tuple(name.strip() for name in next(csv.reader([header], delimiter=separator)))
    lower = [name.lower() for name in names]
    figures = tuple(_place(source, names, lower, role, known) for role, known in _NAMES.items())
    zoned = next(((lower.index(name), zone) for name, zone in _ZONED_TIMES if name in lower), None)
    time, zone = (_place(source, names, lower, "time", _TIMES), None) if zoned is None else zoned
    return _Layout(
        separator=separator,
        names=names,
        time=time,
        zone=zone,
        figures=figures,
        market=lower.index(_MARKET) if _MARKET in lower else None,
    )


def _place(source: str, names: Sequence[str], lower: Sequence[str], role: str, known: Sequence[str]) -> int:
    """Find the one column that can play a role."""
    places = [place for place, name in enumerate(lower) if name in known]
    if not places:
        listed = ", ".join(filter(None, known))
        raise DataError(
            source, f"row 1: no column is the {role} among {', '.join(names)}; name one of them {listed.split(',')[0]}"
        )
    if len(places) > 1:
        listed = " and ".join(repr(names[place]) for place in places)
        raise DataError(source, f"row 1: {listed} could each be the {role}; leave one of them in")
    return places[0]


def _rows(source: str, lines: Sequence[str], layout: _Layout, market: Market) -> Iterator[tuple[int, list[str]]]:
    for row, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        cells = [cell.strip() for cell in next(csv.reader([line], delimiter=layout.separator))]
        if len(cells) != len(layout.names):
            raise DataError(source, f"row {row} has {len(cells)} fields instead of {len(layout.names)}{_comma_hint(layout)}")
        if layout.market is None or cells[layout.market] == market.code:
            yield row, cells


def _comma_hint(layout: _Layout) -> str:
    return "; numbers must have no separators of thousands" if layout.separator == "," else ""


def _candle(source: str, row: int, cells: Sequence[str], layout: _Layout, zone: tzinfo | None) -> Candle:
    def read(place: int, parse: Callable[[str], object]) -> object:
        try:
            return parse(cells[place])
        except ValueError as error:
            name = layout.names[place] or "without a name"
            raise DataError(source, f"row {row}, column {name}: {cells[place]!r} {error}") from error

    at = read(layout.time, lambda cell: _time(cell, layout.zone or zone))
    open_, high, low, close, volume = (read(place, _number) for place in layout.figures)
    try:
        return Candle(opened_at=at, open=open_, high=high, low=low, close=close, volume=volume)  # type: ignore[arg-type]
    except ImpossibleValue as error:
        raise DataError(source, f"row {row}: {error.value}: {error.rule}") from error


def _number(cell: str) -> Decimal:
    if _NUMBER.fullmatch(cell) is not None:
        return Decimal(cell)
    if _GROUPED.fullmatch(cell) is not None:
        raise ValueError("has separators of thousands: write 1234.5")
    raise ValueError("is not a number")


def _time(cell: str, zone: tzinfo | None) -> datetime:
    """Read a time; raises ValueError with words that follow the cell."""
    if _EPOCH.fullmatch(cell) is not None:
        whole = cell.partition(".")[0]
        seconds, part = divmod(int(whole), 10 ** (len(whole) - 10))
        if part:
            raise ValueError("is no whole second since 1970")
        return datetime.fromtimestamp(seconds, UTC)
    try:
        at = datetime.fromisoformat(_SLASHED.sub(r"\1-\2-\3", cell))
    except ValueError as error:
        raise ValueError("is not a time: write 2026-11-20T00:00:00Z, or seconds or milliseconds since 1970") from error
    if at.tzinfo is not None:
        return at.astimezone(UTC)
    if zone is None:
        raise ValueError("does not tell its zone: say --timezone UTC or --timezone Asia/Seoul")
    return at.replace(tzinfo=zone).astimezone(UTC)


def _require_grid(source: str, rows: Sequence[tuple[int, Candle]], layout: _Layout, timeframe: Timeframe, now: datetime) -> None:
    name = layout.names[layout.time] or "without a name"
    for row, candle in rows:
        shown = f"row {row}, column {name}: {candle.opened_at:%Y-%m-%dT%H:%M:%SZ}"
        if not timeframe.is_boundary(candle.opened_at):
            hint = "; is the zone right? Days begin at 00:00 UTC, 09:00 in Seoul"
            raise DataError(source, f"{shown} is not the start of a {timeframe} candle{hint}")
        if candle.opened_at + timeframe.length > now:
            raise DataError(source, f"{shown} was not over yet: leave it out")
    for (_, before), (row, candle) in pairwise(rows):
        if candle.opened_at == before.opened_at:
            raise DataError(source, f"row {row}, column {name}: the time of another row stands there again")
        if candle.opened_at < before.opened_at:
            raise DataError(source, f"row {row}, column {name}: the rows neither rise nor fall in time: sort them")
