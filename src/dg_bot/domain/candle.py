"""Candles: one exact candle from the wire, and a series of them as columns for calculation."""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import reduce
from hashlib import sha256
from itertools import pairwise
from operator import add
from typing import NoReturn

from dg_bot.domain.calendar import Timeframe, from_epoch, require_aware, to_epoch
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.errors import DataError, ImpossibleValue


@dataclass(frozen=True, slots=True, kw_only=True)
class Candle:
    """One bar of a market; `opened_at` is its start, prices are in KRW, volume in base."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal

    def __post_init__(self) -> None:
        require_aware("candle time", self.opened_at)
        prices = (self.open, self.high, self.low, self.close)
        if not all(value.is_finite() for value in (*prices, self.volume)):
            self._refuse("prices and volume must be finite")
        if self.low <= ZERO:
            self._refuse("prices must be above zero")
        if self.low > min(prices) or self.high < max(prices):
            self._refuse("low and high must enclose open and close")
        if self.volume < ZERO:
            self._refuse("volume must not be negative")

    def _refuse(self, rule: str) -> NoReturn:
        shown = f"open {self.open} high {self.high} low {self.low} close {self.close} volume {self.volume}"
        raise ImpossibleValue(f"candle at {self.opened_at.isoformat()}", shown, rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleSeries:
    """Candles of one market in rising order, without repeats; bars where nothing traded are absent.

    Columns are float64 of one length, `opened_at` in whole seconds since 1970-01-01T00:00Z. numpy reads them without a copy.
    """

    market: Market
    timeframe: Timeframe
    opened_at: "array[int]"
    open: "array[float]"
    high: "array[float]"
    low: "array[float]"
    close: "array[float]"
    volume: "array[float]"

    def __post_init__(self) -> None:
        lengths = [len(self.open), len(self.high), len(self.low), len(self.close), len(self.volume)]
        if lengths != [len(self.opened_at)] * 5:
            raise ImpossibleValue("candle series", lengths, "all columns must have one length")

    @classmethod
    def from_candles(cls, market: Market, timeframe: Timeframe, candles: Iterable[Candle]) -> "CandleSeries":
        """Build a series; raises DataError where a candle is out of order, repeated or off the timeframe's grid."""
        rows = list(candles)
        times = array("q", (to_epoch(row.opened_at) for row in rows))
        for index, second in enumerate(times):
            if second % timeframe.seconds:
                raise DataError(f"{market} {timeframe}", f"candle {from_epoch(second).isoformat()} is off the grid")
            if index and second <= times[index - 1]:
                raise DataError(
                    f"{market} {timeframe}", f"candle {from_epoch(second).isoformat()} is not after the one before it"
                )
        return cls(
            market=market,
            timeframe=timeframe,
            opened_at=times,
            open=array("d", (float(row.open) for row in rows)),
            high=array("d", (float(row.high) for row in rows)),
            low=array("d", (float(row.low) for row in rows)),
            close=array("d", (float(row.close) for row in rows)),
            volume=array("d", (float(row.volume) for row in rows)),
        )

    def __len__(self) -> int:
        return len(self.opened_at)

    @property
    def first_opened_at(self) -> datetime | None:
        return from_epoch(self.opened_at[0]) if self.opened_at else None

    @property
    def last_opened_at(self) -> datetime | None:
        return from_epoch(self.opened_at[-1]) if self.opened_at else None

    def sha256(self) -> str:
        """Give the SHA-256 of all columns in their order of declaration, eight bytes a number, as this machine lays them out."""
        digest = sha256(f"{self.market} {self.timeframe}\n".encode())
        for column in (self.opened_at, self.open, self.high, self.low, self.close, self.volume):
            digest.update(column)
        return digest.hexdigest()

    def between(self, start: datetime, end: datetime) -> "CandleSeries":
        """Keep the bars that open in [start, end)."""
        return self._slice(bisect_left(self.opened_at, _second_from(start)), bisect_left(self.opened_at, _second_from(end)))

    def tail(self, count: int) -> "CandleSeries":
        """Keep the newest `count` bars, or all where there are fewer."""
        return self._slice(max(0, len(self) - count), len(self))

    def closed_by(self, now: datetime) -> "CandleSeries":
        """Keep the bars whose close time has passed at `now`."""
        return self._slice(0, bisect_left(self.opened_at, to_epoch(now) - self.timeframe.seconds + 1))

    def missing_bars(self) -> int:
        """Count the bars of the grid between the first and the last that are absent."""
        if not self.opened_at:
            return 0
        return (self.opened_at[-1] - self.opened_at[0]) // self.timeframe.seconds + 1 - len(self)

    def longest_gap(self, newest: int | None = None) -> int:
        """Give the largest number of bars in a row that are absent between two present ones, of all or of the `newest` ones."""
        times = self.opened_at if newest is None else self.opened_at[-newest:]
        if not times or times[-1] - times[0] == (len(times) - 1) * self.timeframe.seconds:
            return 0
        return max(later - earlier for earlier, later in pairwise(times)) // self.timeframe.seconds - 1

    def resampled(self, timeframe: Timeframe) -> "CandleSeries":
        """Join bars into a longer timeframe on its own grid; a bar is made of those bars that exist in it.

        Raises DataError where `timeframe` is not a multiple of this one. The newest bar may be incomplete: cut with `closed_by`.
        """
        if timeframe == self.timeframe:
            return self
        if timeframe.seconds % self.timeframe.seconds:
            raise DataError(f"{self.market} {self.timeframe}", f"bars of {timeframe} cannot be made from it")
        bars = [second - second % timeframe.seconds for second in self.opened_at]
        starts = [place for place, bar in enumerate(bars) if not place or bar != bars[place - 1]]
        spans = list(zip(starts, [*starts[1:], len(bars)], strict=False))
        return CandleSeries(
            market=self.market,
            timeframe=timeframe,
            opened_at=array("q", (bars[start] for start in starts)),
            open=array("d", (self.open[start] for start in starts)),
            high=array("d", (max(self.high[start:end]) for start, end in spans)),
            low=array("d", (min(self.low[start:end]) for start, end in spans)),
            close=array("d", (self.close[end - 1] for _, end in spans)),
            # One after the other: `sum` rounds differently from one Python to the next.
            volume=array("d", (reduce(add, self.volume[start:end]) for start, end in spans)),
        )

    def whole(self, timeframe: Timeframe) -> "CandleSeries":
        """Join bars into a longer timeframe, without one whose end lies beyond the newest bar; raises as `resampled` does."""
        if self.last_opened_at is None:
            return self.resampled(timeframe)
        return self.resampled(timeframe).closed_by(self.last_opened_at + self.timeframe.length)

    def _slice(self, start: int, end: int) -> "CandleSeries":
        return CandleSeries(
            market=self.market,
            timeframe=self.timeframe,
            opened_at=self.opened_at[start:end],
            open=self.open[start:end],
            high=self.high[start:end],
            low=self.low[start:end],
            close=self.close[start:end],
            volume=self.volume[start:end],
        )


def _second_from(at: datetime) -> int:
    """Give the first whole second that is not before `at`."""
    return to_epoch(at) + (1 if at.microsecond else 0)
