"""The level at which a day breaks out: its open plus a part of the range of the venue's day before."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dg_bot.domain.calendar import DAY
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.windows import absent, before, window_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class _Days:
    """The venue's days (00:00 UTC) made from bars: columns `(days,)`, and for each bar the row of its day, `(n,)`.

    A day that is still running has the values so far; only its open is looked at from inside it.
    """

    row: NDArray[np.int64]
    day: NDArray[np.int64]
    open: Floats
    close: Floats
    width: Floats


def breakout_level(
    bars: Bars, multiple: float, *, noise_days: int = 20, noise_limits: tuple[float, float] | None = None
) -> Floats:
    """Give day's open + k × range of the day before, in KRW, `(n,)`; NaN where the day before is absent or only partly there.

    k is `multiple`; with `noise_limits` it is the mean noise 1 - |close - open| / range of the last `noise_days` days, within
    those limits: the noisier the days, the further a move has to go.
    """
    if len(bars) == 0:
        return absent(0)
    days = _days_of(bars)
    k = np.full(len(days.day), multiple) if noise_limits is None else before(_noise(days, noise_days)).clip(*noise_limits)
    follows = np.diff(days.day, prepend=days.day[0]) == 1
    level = np.where(follows, days.open + k * before(days.width), np.nan)
    return level[days.row]


def _days_of(bars: Bars) -> _Days:
    number = bars.opened_at // DAY.seconds
    starts = np.flatnonzero(np.diff(number, prepend=number[0] - 1))
    ends = np.append(starts[1:], len(number)) - 1
    width = np.maximum.reduceat(bars.high, starts) - np.minimum.reduceat(bars.low, starts)
    if bars.opened_at[0] % DAY.seconds:
        width[0] = np.nan  # the data begins in the middle of that day
    return _Days(
        row=np.repeat(np.arange(len(starts)), np.diff(starts, append=len(number))),
        day=number[starts],
        open=bars.open[starts],
        close=bars.close[ends],
        width=width,
    )


def _noise(days: _Days, period: int) -> Floats:
    """Give the mean over `period` days of the share of a day's range that led nowhere, 0–1."""
    body = np.abs(days.close - days.open)
    share = np.divide(body, days.width, out=np.where(np.isnan(days.width), np.nan, 1.0), where=days.width > 0.0)
    return window_mean(1.0 - share, period)
