"""The candles of a backtest as the pipeline collects them: those of the past, and never a later one."""

from datetime import datetime, timedelta

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.pipeline.candle_collection import CollectedCandles

# No check looks further back: 720 deviations of 24 returns. What reaches further is measured over the whole history once.
SEEN_HOURS = 800
SEEN_BARS = 600
_SECOND = timedelta(seconds=1)


class RecordedCandles:
    """Hours and the strategy's bars made of them; what is shown at a time is closed by then."""

    def __init__(self, hours: CandleSeries, bars: CandleSeries) -> None:
        self._hours = hours
        self._bars = bars
        self._shown: tuple[datetime | None, CandleSeries] = None, bars.tail(0)

    def collect(self, _market: Market, _timeframe: Timeframe, start: datetime, end: datetime) -> CollectedCandles:
        """Give the newest hours of [start, end)."""
        return CollectedCandles(series=self._hours.between(start, end), fetched=0, is_final=True)

    def bars(self, _hourly: CandleSeries, _timeframe: Timeframe, until: datetime) -> CandleSeries:
        """Give the newest bars that were closed by `until`."""
        closed = self._bars.timeframe.floor(until)
        if self._shown[0] != closed:
            length = self._bars.timeframe.length
            self._shown = closed, self._bars.between(closed - SEEN_BARS * length, closed - length + _SECOND)
        return self._shown[1]
