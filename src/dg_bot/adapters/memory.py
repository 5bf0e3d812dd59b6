"""Ports kept in memory, for backtests and tests: the same contracts as on disk, and nothing outlives the process."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from threading import Lock

from dg_bot.adapters.candle_files import Range, merged_ranges
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.events import Event, Record
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.remembered import Remembered

_SEGMENT_RECORDS = 500


class MemoryJournal:
    """A journal as a list; safe for threads."""

    def __init__(self, now: Callable[[], datetime], *, segment_records: int = _SEGMENT_RECORDS) -> None:
        """`segment_records` is how many records come together before a snapshot is kept."""
        self._now = now
        self._segment_records = segment_records
        self._lock = Lock()
        self._records: list[Record] = []
        self._snapshot: Remembered | None = None

    def __len__(self) -> int:
        return len(self._records)

    def append(self, event: Event) -> Record:
        """Keep one event."""
        with self._lock:
            record = Record(sequence=len(self._records) + 1, at=self._now(), event=event)
            self._records.append(record)
            return record

    def records(self, after: int = 0) -> Iterator[Record]:
        """Give the records with a sequence above `after` that are there when the first is asked for, in order."""
        yield from self._records[max(after, 0) :]

    def snapshot(self) -> Remembered | None:
        """Give what was kept last."""
        return self._snapshot

    def compact(self, remembered: Remembered) -> None:
        """Keep `remembered` where enough records follow the one kept before."""
        kept = 0 if self._snapshot is None else self._snapshot.sequence
        if remembered.sequence - kept >= self._segment_records:
            self._snapshot = remembered


class MemoryCandleArchive:
    """Candles by market and timeframe."""

    def __init__(self) -> None:
        self._candles: dict[tuple[Market, Timeframe], dict[datetime, Candle]] = {}
        self._series: dict[tuple[Market, Timeframe], CandleSeries] = {}
        self._empty: dict[tuple[Market, Timeframe], list[Range]] = {}

    def load(self, market: Market, timeframe: Timeframe, start: datetime, end: datetime) -> CandleSeries:
        """Give the candles that open in [start, end)."""
        series = self._series.get((market, timeframe))
        return (CandleSeries.from_candles(market, timeframe, ()) if series is None else series).between(start, end)

    def add(self, market: Market, timeframe: Timeframe, candles: Sequence[Candle]) -> None:
        """Keep candles; one that is there already stays as it is. Raises DataError for one off the grid."""
        for candle in candles:
            if not timeframe.is_boundary(candle.opened_at):
                raise DataError(f"{market} {timeframe}", f"candle {candle.opened_at.isoformat()} is off the grid")
        kept = self._candles.setdefault((market, timeframe), {})
        for candle in candles:
            kept.setdefault(candle.opened_at, candle)
        self._series[market, timeframe] = CandleSeries.from_candles(market, timeframe, (kept[at] for at in sorted(kept)))

    def empty_ranges(self, market: Market, timeframe: Timeframe) -> Sequence[Range]:
        """Give the ranges without a candle, in order."""
        return self._empty.get((market, timeframe), [])

    def remember_empty(self, market: Market, timeframe: Timeframe, ranges: Sequence[Range]) -> None:
        """Note half-open ranges without a candle."""
        self._empty[market, timeframe] = merged_ranges([*self.empty_ranges(market, timeframe), *ranges])
