"""Keep the archive complete: fetch only the hours that are neither stored nor known to be empty."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dg_bot.domain.calendar import HOUR, from_epoch, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.ports import CandleArchive, MarketData

_PAGE = 200
_AHEAD = 2
# An hour is believed to be empty only when it is this much older than the newest one: a late candle may still come.
_EMPTY_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedCandles:
    """Closed hours in rising order; `is_final` tells that the venue has candles after the newest wanted hour."""

    series: CandleSeries
    fetched: int
    is_final: bool


class CandleSource(Protocol):
    def collect(self, market: Market, start: datetime, end: datetime) -> CollectedCandles:
        """Give the closed hours that open in [start, end); raises as reads do."""
        ...


class CandleCollector:
    """Hourly candles through the archive."""

    def __init__(
        self, *, market_data: MarketData, archive: CandleArchive, on_progress: Callable[[Market, int, int], None]
    ) -> None:
        """`on_progress` is told after each page how many of how many missing hours have been asked for."""
        self._market_data = market_data
        self._archive = archive
        self._on_progress = on_progress

    def collect(self, market: Market, start: datetime, end: datetime) -> CollectedCandles:
        """Give the closed hours that open in [start, end), fetching what is missing; raises as reads do."""
        known = self._archive.load(market, HOUR, start, end)
        fetched = 0
        is_final = False
        holes = self._holes(market, known, start, end)
        missing = sum((hole_end - hole_start) // HOUR.length for hole_start, hole_end in holes)
        asked = 0
        for hole_start, hole_end in holes:
            found, went_past = [], False
            for page_start, page_end in _pages(hole_start, hole_end):
                page, is_past = self._fetch(market, page_start, page_end, end)
                found += page
                went_past = went_past or is_past
                asked += (page_end - page_start) // HOUR.length
                self._on_progress(market, asked, missing)
            fetched += len(found)
            is_final = is_final or went_past
            believed_until = min(hole_end, end - _EMPTY_AFTER)
            if hole_start < believed_until:
                self._remember_empty(market, found, hole_start, believed_until)
        series = self._archive.load(market, HOUR, start, end) if fetched else known
        return CollectedCandles(series=series, fetched=fetched, is_final=is_final)

    def _holes(self, market: Market, known: CandleSeries, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """Give the half-open ranges of hours that are neither stored nor known to be empty, newest last."""
        step = HOUR.seconds
        present = [*known.opened_at, to_epoch(end)]
        cursor = -(-to_epoch(start) // step) * step
        holes = []
        for second in present:
            if second > cursor:
                holes.append((cursor, second))
            cursor = second + step
        empty = [(to_epoch(a), to_epoch(b)) for a, b in self._archive.empty_ranges(market, HOUR)]
        return [(from_epoch(a), from_epoch(b)) for hole in holes for a, b in _without(hole, empty)]

    def _fetch(self, market: Market, start: datetime, end: datetime, until: datetime) -> tuple[list[Candle], bool]:
        """Ask for one page, [start, end), and store what it has of closed hours at once.

        The last page looks a little further: a candle that opens at or after `until` shows that the venue went past it.
        """
        ahead = _AHEAD if end == until else 0
        count = (end - start) // HOUR.length + ahead
        page = self._market_data.candles(market, HOUR, end + ahead * HOUR.length, count)
        closed = [candle for candle in page if start <= candle.opened_at < end]
        if closed:
            self._archive.add(market, HOUR, closed)
        return closed, any(candle.opened_at >= until for candle in page)

    def _remember_empty(self, market: Market, found: list[Candle], start: datetime, end: datetime) -> None:
        cursor = start
        for candle in (*found, None):
            edge = end if candle is None else min(candle.opened_at, end)
            if edge > cursor:
                self._archive.remember_empty(market, HOUR, cursor, edge)
            if candle is not None:
                cursor = max(cursor, candle.opened_at + HOUR.length)


def _pages(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut a range into pages, oldest first, so that an interrupted collection goes on where it was."""
    while start < end:
        left = (end - start) // HOUR.length
        # Only the page that reaches the end looks ahead of it, and has to have room for that.
        hours = _PAGE if left > _PAGE else min(left, _PAGE - _AHEAD)
        page_end = start + hours * HOUR.length
        yield start, page_end
        start = page_end


def _without(hole: tuple[int, int], empty: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Cut known empty ranges out of a hole."""
    cursor, end = hole
    for empty_start, empty_end in sorted(empty):
        if cursor < empty_end and empty_start < end:
            if cursor < empty_start:
                yield cursor, empty_start
            cursor = empty_end
    if cursor < end:
        yield cursor, end
