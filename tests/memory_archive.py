"""An archive of candles kept in memory: the same contract as on disk, and nothing outlives the process."""

from collections.abc import Sequence
from datetime import datetime

from dg_bot.adapters.candle_files import Range, merged_ranges
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError


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
