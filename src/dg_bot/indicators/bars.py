"""Bars as numpy columns: the form in which indicators and strategies read candles."""

from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dg_bot.domain.candle import CandleSeries

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Seconds = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Columns `(n,)` in rising order: `opened_at` int64 epoch seconds, the others float64; all finite."""

    opened_at: Seconds
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    seconds: int

    def __len__(self) -> int:
        return len(self.opened_at)

    def until(self, count: int) -> "Bars":
        """Keep the first `count` bars, without copying."""
        return Bars(
            opened_at=self.opened_at[:count],
            open=self.open[:count],
            high=self.high[:count],
            low=self.low[:count],
            close=self.close[:count],
            volume=self.volume[:count],
            seconds=self.seconds,
        )


def bars_of(series: CandleSeries) -> Bars:
    """View a candle series as numpy columns without copying."""
    return Bars(
        opened_at=np.frombuffer(series.opened_at, dtype=np.int64) if len(series) else np.empty(0, np.int64),
        open=_column(series.open),
        high=_column(series.high),
        low=_column(series.low),
        close=_column(series.close),
        volume=_column(series.volume),
        seconds=series.timeframe.seconds,
    )


def _column(values: "array[float]") -> Floats:
    return np.frombuffer(values, dtype=np.float64) if len(values) else np.empty(0, np.float64)
