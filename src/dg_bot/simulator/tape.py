"""The recorded trading of one market, seen from any moment: last price, candles, trades and the figures of the day."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from dg_bot.domain.calendar import DAY, Timeframe, from_epoch, to_epoch
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.errors import DataError
from dg_bot.simulator.price_path import PricePath, Stretch, typical_value
from dg_bot.simulator.tape_file import read_tape_file

_DAY_S = DAY.seconds
_YEAR_S = 52 * 7 * _DAY_S


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeCandle:
    """A candle as the venue shows it; `value` is the quote that changed hands, `last_trade_at` the second of its last trade."""

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    value: Decimal
    last_trade_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeTrade:
    """One trade of the market; `side` is the taker's. `trade_id` is the time in milliseconds times 1000, plus 1.

    `previous_close` is the last price before the trade's UTC day.
    """

    trade_id: int
    at: datetime
    price: Decimal
    volume: Decimal
    side: Side
    previous_close: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStats:
    """Figures of the UTC day so far, of the last 24 hours and of the last 52 weeks; values are in quote.

    A day without a trade so far has the last price as its open, high and low.
    """

    opened_at: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    previous_close: Decimal
    volume: Decimal
    value: Decimal
    volume_24h: Decimal
    value_24h: Decimal
    highest_52_week: Decimal
    highest_52_week_on: date
    lowest_52_week: Decimal
    lowest_52_week_on: date


class Tape:
    """Recorded candles of one market in rising order; where there is no candle, nothing traded.

    Inside a candle one trade happens every second, along its PricePath; so what a moment shows never depends on what comes later
    in the candle but its corners, and the last second of a candle shows it whole.
    """

    def __init__(
        self, *, market: Market, timeframe: Timeframe, candles: Sequence[Candle], values: Sequence[Decimal] | None = None
    ) -> None:
        """Take the candles of a base timeframe; raises DataError where there is none, or one is off the grid or out of order."""
        source = f"tape of {market}"
        if not candles:
            raise DataError(source, "it has no candles")
        if values is not None and len(values) != len(candles):
            raise DataError(source, f"it has {len(candles)} candles and {len(values)} values")
        times = array("q", (to_epoch(candle.opened_at) for candle in candles))
        for candle, second in zip(candles, times, strict=True):
            if second % timeframe.seconds or candle.opened_at.microsecond:
                raise DataError(source, f"candle {candle.opened_at.isoformat()} is off the grid of {timeframe}")
        for earlier, later in pairwise(times):
            if earlier >= later:
                raise DataError(source, f"candle {from_epoch(later).isoformat()} is not after the one before it")
        self.market = market
        self.timeframe = timeframe
        self._candles = tuple(candles)
        self._values = None if values is None else tuple(values)
        self._times = times
        self._length = timeframe.seconds

    @classmethod
    def of(cls, market: Market, timeframe: Timeframe, candles: Iterable[Candle]) -> "Tape":
        """Make a tape from candles at hand."""
        return cls(market=market, timeframe=timeframe, candles=tuple(candles))

    @classmethod
    def from_csv(cls, path: Path, market: Market) -> "Tape":
        """Read a tape from `.csv` or `.csv.gz`; the smallest step between two candles is its timeframe.

        Raises DataError that names the file, the row and the column of what is wrong.
        """
        rows = read_tape_file(path)
        return cls(market=market, timeframe=rows.timeframe, candles=rows.candles, values=rows.values)

    def __len__(self) -> int:
        return len(self._candles)

    @property
    def opens_at(self) -> datetime:
        return from_epoch(self._times[0])

    @property
    def closes_at(self) -> datetime:
        """The end of the last candle; from then on the price stands still."""
        return from_epoch(self._times[-1] + self._length)

    def price_at(self, at: datetime) -> Decimal:
        """Give the price of the last trade up to the second of `at`; raises DataError before the first candle."""
        second = to_epoch(at)
        index = self._index_at(second)
        return self._path(index).price(second - self._times[index])

    def price_range(self, after: datetime, until: datetime) -> Stretch | None:
        """Give what traded in the seconds later than that of `after`, up to that of `until`; None where nothing did."""
        return self._between(to_epoch(after) + 1, to_epoch(until) + 1)

    def candles(self, timeframe: Timeframe, before: datetime, count: int, now: datetime) -> list[TapeCandle]:
        """Give up to `count` candles that open before `before` and not after `now`, newest first.

        The newest may be unfinished: it holds what traded up to `now`. A bar of the grid in which nothing traded is absent.
        """
        length = timeframe.seconds
        now_end = to_epoch(now) + 1
        end = min((_ceil(before) - 1) // length * length + length, now_end)
        found: list[TapeCandle] = []
        while len(found) < count:
            index = bisect_left(self._times, end) - 1
            if index < 0:
                break
            last = min(self._times[index] + self._length, end) - 1
            opened = last // length * length
            found.append(self._candle(opened, last + 1, index))
            end = opened
        return found

    def day_stats(self, now: datetime) -> DayStats:
        """Give the figures of the market's ticker; raises DataError before the first candle."""
        end = to_epoch(now) + 1
        today = (end - 1) // _DAY_S * _DAY_S
        last = self.price_at(now)
        day = self._between(today, end) or Stretch(open=last, high=last, low=last, close=last, volume=ZERO, value=ZERO)
        rolling = self._between(end - _DAY_S, end)
        extremes = [*self._finished_days(today - _YEAR_S, today), (today, day.high, day.low)]
        highest = max(extremes, key=lambda row: row[1])
        lowest = min(extremes, key=lambda row: row[2])
        return DayStats(
            opened_at=from_epoch(today),
            open=day.open,
            high=day.high,
            low=day.low,
            previous_close=self._close_before(today),
            volume=day.volume,
            value=day.value,
            volume_24h=ZERO if rolling is None else rolling.volume,
            value_24h=ZERO if rolling is None else rolling.value,
            highest_52_week=highest[1],
            highest_52_week_on=from_epoch(highest[0]).date(),
            lowest_52_week=lowest[2],
            lowest_52_week_on=from_epoch(lowest[0]).date(),
        )

    def trades(self, before: datetime, count: int, now: datetime) -> list[TapeTrade]:
        """Give up to `count` trades that happened before `before` and not after `now`, newest first."""
        found: list[TapeTrade] = []
        end = min(_ceil(before), to_epoch(now) + 1)
        for index in range(bisect_left(self._times, end) - 1, -1, -1):
            if self._candles[index].volume == ZERO:
                continue
            for second in range(min(self._length, end - self._times[index]) - 1, -1, -1):
                if len(found) >= count:
                    return found
                trade = self._trade(index, second)
                if trade.volume > ZERO:
                    found.append(trade)
        return found

    def last_trade(self, now: datetime) -> TapeTrade:
        """Give the last trade up to `now`; raises DataError before the first candle."""
        second = to_epoch(now)
        index = self._index_at(second)
        return self._trade(index, min(second - self._times[index], self._length - 1))

    def _index_at(self, second: int) -> int:
        index = bisect_right(self._times, second) - 1
        if index < 0:
            raise DataError(
                f"tape of {self.market}", f"it begins at {self.opens_at.isoformat()}, after {from_epoch(second).isoformat()}"
            )
        return index

    def _path(self, index: int) -> PricePath:
        return PricePath(self.market, self._candles[index], self._length)

    def _whole(self, index: int) -> Stretch:
        candle = self._candles[index]
        value = (
            typical_value(candle.open, candle.high, candle.low, candle.close, candle.volume)
            if self._values is None
            else self._values[index]
        )
        return Stretch(open=candle.open, high=candle.high, low=candle.low, close=candle.close, volume=candle.volume, value=value)

    def _pieces(self, start: int, end: int) -> Iterator[Stretch]:
        """Give what traded in [start, end), candle by candle; a candle that lies across a border is cut there."""
        index = bisect_right(self._times, start - self._length)
        while index < len(self._times) and self._times[index] < end:
            first = max(0, start - self._times[index])
            last = min(self._length, end - self._times[index])
            is_whole = first == 0 and last == self._length
            yield self._whole(index) if is_whole else self._path(index).stretch(first, last)
            index += 1

    def _between(self, start: int, end: int) -> Stretch | None:
        return _joined(list(self._pieces(start, end)))

    def _candle(self, opened: int, end: int, index: int) -> TapeCandle:
        """Build the candle that opens at `opened` and trades last, inside recorded candle `index`, in the second before `end`."""
        is_recorded = self._times[index] == opened and end == opened + self._length
        bar = self._whole(index) if is_recorded else self._between(opened, end)
        assert bar is not None  # noqa: S101 - recorded candle `index` trades in it
        return TapeCandle(
            opened_at=from_epoch(opened),
            open=bar.open,
            high=bar.high,
            low=bar.low,
            close=bar.close,
            volume=bar.volume,
            value=bar.value,
            last_trade_at=from_epoch(end - 1),
        )

    def _trade(self, index: int, second: int) -> TapeTrade:
        path = self._path(index)
        at = self._times[index] + second
        price = path.price(second)
        before = path.price(second - 1) if second > 0 else self._candles[max(0, index - 1)].close
        # Where the price stands still, takers of both sides alternate.
        is_buy = price > before or (price == before and at % 2 == 0)
        return TapeTrade(
            trade_id=at * 1_000_000 + 1,
            at=from_epoch(at),
            price=price,
            volume=path.volume_by(second + 1) - path.volume_by(second),
            side=Side.BUY if is_buy else Side.SELL,
            previous_close=self._close_before(at // _DAY_S * _DAY_S),
        )

    def _close_before(self, day: int) -> Decimal:
        """Give the last price before `day`; on the tape's first day its very first price."""
        index = bisect_left(self._times, day) - 1
        return self._candles[0].open if index < 0 else self._candles[index].close

    def _finished_days(self, start: int, end: int) -> Iterator[tuple[int, Decimal, Decimal]]:
        days = self._day_extremes
        for row in days[bisect_left(days, start, key=lambda row: row[0]) :]:
            if row[0] >= end:
                return
            yield row

    @cached_property
    def _day_extremes(self) -> list[tuple[int, Decimal, Decimal]]:
        """Every UTC day with a candle: its first second, highest and lowest price."""
        days: list[tuple[int, Decimal, Decimal]] = []
        for second, candle in zip(self._times, self._candles, strict=True):
            day = second // _DAY_S * _DAY_S
            if days and days[-1][0] == day:
                _, high, low = days[-1]
                days[-1] = (day, max(high, candle.high), min(low, candle.low))
            else:
                days.append((day, candle.high, candle.low))
        return days


def _ceil(at: datetime) -> int:
    """Give whole seconds since 1970, rounded up."""
    return to_epoch(at + timedelta(microseconds=999_999))


def _joined(pieces: Sequence[Stretch]) -> Stretch | None:
    if len(pieces) <= 1:
        return pieces[0] if pieces else None
    return Stretch(
        open=pieces[0].open,
        high=max(piece.high for piece in pieces),
        low=min(piece.low for piece in pieces),
        close=pieces[-1].close,
        volume=sum((piece.volume for piece in pieces), ZERO),
        value=sum((piece.value for piece in pieces), ZERO),
    )
