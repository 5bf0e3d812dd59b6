"""One round trip worked out by hand from the rows of a candle file: plain numbers, one step after the other.

It knows nothing of the kernel, of its exit rules and of arrays. What it is told is where the strategy says buy and sell.
"""

import csv
import gzip
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

SLIPPAGE = 0.0002
FEE = 0.0005
# From two million won on, until 2024-01-28.
STEP = 1000.0
STOP, TARGET = 0.05, 0.10


class Bar(NamedTuple):
    second: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the strategy says at each close: distances of its levels in KRW (0.0: none), its ADX, where it sells.

    `fake_out_bars`, `time_out_bars` and `trend_ratio` are 0 where the strategy has no such exit.
    """

    stop_distance: Sequence[float]
    target_distance: Sequence[float]
    adx: Sequence[float]
    sells: Sequence[bool]
    fake_out_bars: int
    time_out_bars: int
    trend_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Worked:
    """Every number of one round trip; `decided` and `ended` are numbers of bars, the entry fills in the bar after `decided`."""

    decided: int
    ended: int
    entry_price: float
    cost: float
    stop: float
    target: float
    exit_price: float
    received: float
    reason: str

    @property
    def gain(self) -> float:
        return self.received / self.cost - 1.0


def four_hour_bars(file: Path, first: datetime, last: datetime) -> list[Bar]:
    """Read the hours of [first, last) and join those of each four hours of the UTC day."""
    bars: list[Bar] = []
    with gzip.open(file, "rt") as text:
        for row in csv.DictReader(text):
            at = datetime.fromisoformat(row["timestamp"]).astimezone(UTC)
            if first <= at < last:
                _join(bars, Bar(int(at.timestamp()), *(float(row[name]) for name in ("open", "high", "low", "close"))))
    return bars


def _join(bars: list[Bar], hour: Bar) -> None:
    start = hour.second - hour.second % 14400
    if bars and bars[-1].second == start:
        known = bars[-1]
        bars[-1] = Bar(start, known.open, max(known.high, hour.high), min(known.low, hour.low), hour.close)
    else:
        bars.append(Bar(start, *hour[1:]))


def worked(bars: Sequence[Bar], decided: int, told: Told) -> Worked | None:
    """Work a round trip out that was decided at the close of bar number `decided`; None where it does not end."""
    entry_price = math.ceil(round(bars[decided + 1].open * (1 + SLIPPAGE) / STEP, 9)) * STEP
    cost = entry_price * (1 + FEE)
    stop = cost * (1 - STOP)
    if told.stop_distance[decided] > 0:
        stop = max(stop, cost - told.stop_distance[decided])
    target = cost * (1 + TARGET)
    if told.target_distance[decided] > 0:
        target = min(target, cost + told.target_distance[decided])

    def sold(number: int, price: float, reason: str) -> Worked:
        exit_price = math.floor(round(price * (1 - SLIPPAGE) / STEP, 9)) * STEP
        return Worked(
            decided=decided,
            ended=number,
            entry_price=entry_price,
            cost=cost,
            stop=stop,
            target=target,
            exit_price=exit_price,
            received=exit_price * (1 - FEE),
            reason=reason,
        )

    due = None
    for number in range(decided + 1, len(bars)):
        bar = bars[number]
        if due is not None:
            return sold(number, bar.open, due)
        if bar.open <= stop:
            return sold(number, bar.open, "stop_loss")
        if bar.open >= target:
            return sold(number, bar.open, "take_profit")
        if bar.low <= stop:
            return sold(number, stop, "stop_loss")
        if bar.high >= target:
            return sold(number, target, "take_profit")
        closes = (bar.second - bars[decided + 1].second) // 14400 + 1
        due = due_at_close(bar.close, number, closes, cost, decided, told)
    return None


def due_at_close(close: float, number: int, closes: int, cost: float, decided: int, told: Told) -> str | None:
    """Name what ends the position at the next open: a fake-out, a time-out, a weak trend, the strategy's own signal."""
    if closes <= told.fake_out_bars and close <= cost * 0.98:
        return "fake_out"
    if 0 < told.time_out_bars <= closes and close < cost * 1.02:
        return "time_out"
    if told.adx[number] < told.trend_ratio * told.adx[decided] and told.adx[number] < 20.0:
        return "trend_weakening"
    return "signal" if told.sells[number] else None
