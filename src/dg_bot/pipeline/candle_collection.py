"""Keep the archive complete: fetch only the candles that are neither stored nor known to be empty."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from dg_bot.domain.calendar import Timeframe, from_epoch, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.ports import CandleArchive, MarketData

_PAGE = 200
_AHEAD = 2
# A candle is believed to be absent only when it is this much older than the newest one, and two of its lengths: it may come late.
_EMPTY_AFTER = timedelta(hours=2)

Range = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectedCandles:
    """Closed candles in rising order; `is_final` tells that the venue has candles after the newest wanted one."""

    series: CandleSeries
    fetched: int
    is_final: bool


class CandleSource(Protocol):
    def collect(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CollectedCandles:
        """Give the closed candles that open in [start, end); raises as reads do."""
        ...


BarMaker = Callable[[CandleSeries, Timeframe, datetime], CandleSeries]


def closed_bars(hourly: CandleSeries, timeframe: Timeframe, until: datetime) -> CandleSeries:
    """Join hours into the bars of `timeframe` that are closed by `until`."""
    return hourly.resampled(timeframe).closed_by(until)


class CandleCollector:
    """Candles through the archive."""

    def __init__(
        self, *, market_data: MarketData, archive: CandleArchive, on_progress: Callable[[Market, int, int], None]
    ) -> None:
        """`on_progress` is told after each page how many of how many missing candles have been asked for."""
        self._market_data = market_data
        self._archive = archive
        self._on_progress = on_progress

    def collect(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CollectedCandles:
        """Give the closed candles that open in [start, end), fetching what is missing; raises as reads do.

        Pages are asked for oldest first, and each is stored before the next one, so that an interrupted collection goes on
        where it was.
        """
        known = self._archive.load(market, timeframe, start, end)
        holes = self._holes(market, timeframe, known, start, end)
        missing = sum((hole_end - hole_start) // timeframe.length for hole_start, hole_end in holes)
        believed_until = end - max(_EMPTY_AFTER, 2 * timeframe.length)
        fetched, asked, is_final = 0, 0, False
        for hole_start, hole_end in holes:
            cursor = hole_start
            while cursor < hole_end:
                page_end = _page_end(cursor, hole_end, timeframe)
                page = self._page(market, timeframe, cursor, page_end, is_last=page_end == end)
                if not page:
                    page_end = self._listed_after(market, timeframe, page_end, hole_end)
                closed = [candle for candle in page if cursor <= candle.opened_at < page_end]
                self._store(market, timeframe, closed, (cursor, min(page_end, believed_until)))
                fetched += len(closed)
                is_final = is_final or any(candle.opened_at >= end for candle in page)
                asked += (page_end - cursor) // timeframe.length
                self._on_progress(market, asked, missing)
                cursor = page_end
        series = self._archive.load(market, timeframe, start, end) if fetched else known
        return CollectedCandles(series=series, fetched=fetched, is_final=is_final)

    def _holes(self, market: Market, timeframe: Timeframe, known: CandleSeries, start: datetime, end: datetime) -> list[Range]:
        """Give the half-open ranges of candles that are neither stored nor known to be empty, newest last."""
        step = timeframe.seconds
        present = [*known.opened_at, to_epoch(end)]
        cursor = -(-to_epoch(start) // step) * step
        holes = []
        for second in present:
            if second > cursor:
                holes.append((cursor, second))
            cursor = second + step
        empty = [(to_epoch(a), to_epoch(b)) for a, b in self._archive.empty_ranges(market, timeframe)]
        return [(from_epoch(a), from_epoch(b)) for a, b in _without(holes, empty)]

    def _page(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime, *, is_last: bool) -> list[Candle]:
        """Ask for the candles of [start, end), and before it where it has gaps.

        The last page looks a little further: a candle behind its end shows that the venue went past it.
        """
        ahead = _AHEAD if is_last else 0
        count = (end - start) // timeframe.length + ahead
        return self._market_data.candles(market, timeframe, end + ahead * timeframe.length, count)

    def _listed_after(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> datetime:
        """Give a time up to which the venue has no candle at all, less than a page before its first one.

        Nothing before `start` is known; years before a market was listed cost a dozen questions so, and not one a page.
        """
        while end - start > _PAGE * timeframe.length:
            middle = timeframe.floor(start + (end - start) / 2)
            if self._market_data.candles(market, timeframe, middle, 1):
                end = middle
            else:
                start = middle
        return start

    def _store(self, market: Market, timeframe: Timeframe, closed: Sequence[Candle], asked: Range) -> None:
        """Keep the candles of a page, and what of the range they were asked for has none."""
        if closed:
            self._archive.add(market, timeframe, closed)
        if empty := list(_empty_ranges(closed, timeframe, *asked)):
            self._archive.remember_empty(market, timeframe, empty)


def _page_end(start: datetime, end: datetime, timeframe: Timeframe) -> datetime:
    left = (end - start) // timeframe.length
    # Only the page that reaches the end looks ahead of it, and has to have room for that.
    count = _PAGE if left > _PAGE else min(left, _PAGE - _AHEAD)
    return start + count * timeframe.length


def _empty_ranges(candles: Sequence[Candle], timeframe: Timeframe, start: datetime, end: datetime) -> Iterator[Range]:
    cursor = start
    for at in (*(candle.opened_at for candle in candles), end):
        if min(at, end) > cursor:
            yield cursor, min(at, end)
        cursor = at + timeframe.length


def _without(holes: Sequence[tuple[int, int]], empty: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Cut known empty ranges out of holes; both are in order, and neither overlaps itself."""
    place = 0
    for start, end in holes:
        cursor = start
        while place < len(empty) and empty[place][1] <= cursor:
            place += 1
        inside = place
        while inside < len(empty) and empty[inside][0] < end:
            if cursor < empty[inside][0]:
                yield cursor, empty[inside][0]
            cursor = empty[inside][1]
            inside += 1
        if cursor < end:
            yield cursor, end
