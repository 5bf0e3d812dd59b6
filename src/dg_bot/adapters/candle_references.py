"""Candles by their content: which ones a cycle used, found again and verified after the archive has grown.

A reference names market, timeframe, the half-open range, the hours in it that had no candle then, and the SHA-256 over the
columns as they were read: `opened_at` as int64, open, high, low, close and volume as float64, in the order of bytes
of the machine. A candle in the archive never changes; one that came later into an hour that was empty is left out. The newest
rows stand in the reference.
"""

import hashlib
from array import array
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dg_bot.domain.calendar import Timeframe, from_epoch, to_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.ports import CandleArchive

_INLINE = 48


@dataclass(frozen=True, slots=True, kw_only=True)
class EmptyHours:
    """A half-open range in which there was no candle."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleRow:
    opened_at: datetime
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleReference:
    """The candles that open in [start, end), `count` of them; `newest` are the last ones as they were."""

    market: Market
    timeframe_minutes: int
    start: datetime
    end: datetime
    count: int
    sha256: str
    empty: tuple[EmptyHours, ...]
    newest: tuple[CandleRow, ...]


def reference_to(series: CandleSeries) -> CandleReference:
    """Refer to a series."""
    step = series.timeframe.seconds
    times = np.frombuffer(series.opened_at, np.int64)
    holes = np.flatnonzero(np.diff(times) > step)
    first, end = (int(times[0]), int(times[-1]) + step) if len(times) else (0, 0)
    return CandleReference(
        market=series.market,
        timeframe_minutes=series.timeframe.minutes,
        start=from_epoch(first),
        end=from_epoch(end),
        count=len(series),
        sha256=content_hash(series),
        empty=tuple(
            EmptyHours(start=from_epoch(int(times[place]) + step), end=from_epoch(int(times[place + 1]))) for place in holes
        ),
        newest=tuple(_rows(series.tail(_INLINE))),
    )


def content_hash(series: CandleSeries) -> str:
    """Hash a series over its columns."""
    digest = hashlib.sha256(f"{series.market} {series.timeframe}".encode())
    for column in (series.opened_at, series.open, series.high, series.low, series.close, series.volume):
        digest.update(column)
    return digest.hexdigest()


def referred(reference: CandleReference, archive: CandleArchive) -> CandleSeries:
    """Give the candles of a reference; raises DataError where the archive no longer holds them as they were."""
    timeframe = Timeframe(reference.timeframe_minutes)
    newest_at = reference.newest[0].opened_at if reference.newest else reference.end
    older = archive.load(reference.market, timeframe, reference.start, newest_at)
    series = _joined(_without(older, reference.empty), reference.newest)
    found = content_hash(series)
    if found != reference.sha256:
        raise DataError(
            f"candles of {reference.market} in [{reference.start:%Y-%m-%dT%H}, {reference.end:%Y-%m-%dT%H})",
            f"are not those that were used: {len(series)} with hash {found[:12]}, "
            f"not {reference.count} with {reference.sha256[:12]}",
        )
    return series


def _rows(series: CandleSeries) -> list[CandleRow]:
    columns = zip(series.opened_at, series.open, series.high, series.low, series.close, series.volume, strict=True)
    return [
        CandleRow(opened_at=from_epoch(at), open=opened, high=high, low=low, close=close, volume=volume)
        for at, opened, high, low, close, volume in columns
    ]


def _without(series: CandleSeries, empty: tuple[EmptyHours, ...]) -> CandleSeries:
    """Leave out what has come since into hours that were empty."""
    times = np.frombuffer(series.opened_at, np.int64)
    late = np.zeros(len(times), np.bool_)
    for hours in empty:
        start, end = np.searchsorted(times, (to_epoch(hours.start), to_epoch(hours.end)))
        late[start:end] = True
    if not late.any():
        return series
    kept = np.flatnonzero(~late)
    return CandleSeries(
        market=series.market,
        timeframe=series.timeframe,
        opened_at=array("q", (series.opened_at[place] for place in kept)),
        open=array("d", (series.open[place] for place in kept)),
        high=array("d", (series.high[place] for place in kept)),
        low=array("d", (series.low[place] for place in kept)),
        close=array("d", (series.close[place] for place in kept)),
        volume=array("d", (series.volume[place] for place in kept)),
    )


def _joined(older: CandleSeries, newest: tuple[CandleRow, ...]) -> CandleSeries:
    return CandleSeries(
        market=older.market,
        timeframe=older.timeframe,
        opened_at=older.opened_at + array("q", (to_epoch(row.opened_at) for row in newest)),
        open=older.open + array("d", (row.open for row in newest)),
        high=older.high + array("d", (row.high for row in newest)),
        low=older.low + array("d", (row.low for row in newest)),
        close=older.close + array("d", (row.close for row in newest)),
        volume=older.volume + array("d", (row.volume for row in newest)),
    )
