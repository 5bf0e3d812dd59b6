"""Where volume was traded: the day's volume-weighted mean price, and the value area of a volume profile."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dg_bot.domain.calendar import DAY
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.windows import absent, before, require_columns, window_max, window_min

# Windows of this many bars are worked on at a time, so that memory does not grow with the history.
_CHUNK = 4096


def typical_price(bars: Bars) -> Floats:
    """Give the mean of high, low and close, in KRW, `(n,)`."""
    typical: Floats = (bars.high + bars.low + bars.close) / 3.0
    return typical


def daily_vwap(bars: Bars) -> Floats:
    """Give the mean typical price of the venue's day so far (00:00 UTC), weighted by volume, in KRW, `(n,)`.

    NaN until something has traded in the day, and on a first day of which the data holds only a part.
    """
    require_columns("VWAP input", bars.high, bars.low, bars.close, bars.volume)
    result = absent(len(bars))
    if len(bars) == 0:
        return result
    day = bars.opened_at // DAY.seconds
    starts = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    value = typical_price(bars) * bars.volume
    for start, end in zip(starts, [*starts[1:], len(bars)], strict=True):
        traded = np.cumsum(bars.volume[start:end])
        np.divide(np.cumsum(value[start:end]), traded, out=result[start:end], where=traded > 0.0)
    if bars.opened_at[0] % DAY.seconds:
        result[: starts[1] if len(starts) > 1 else len(bars)] = np.nan
    return result


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueArea:
    """The prices between which most of the volume was traded, and the one at which most was; KRW, columns `(n,)`."""

    low: Floats
    point_of_control: Floats
    high: Floats


def value_area(bars: Bars, lookback: int = 100, bins: int = 50, fraction: float = 0.7) -> ValueArea:
    """Give the value area of the `lookback` bars before each bar, without it; NaN for the first `lookback`.

    The window's range is cut into `bins` of equal width, and each bar's volume lies in the bin of its typical price. The area
    grows from the fullest bin (the lowest of equals) to whichever neighbour holds more, upwards of equals, until it holds
    `fraction` of the volume. NaN where the window's prices did not move or nothing traded.
    """
    require_columns("volume profile input", bars.high, bars.low, bars.close, bars.volume)
    bottom, top = window_min(bars.low, lookback), window_max(bars.high, lookback)
    columns = tuple(absent(len(bars)) for _ in range(3))
    for first in range(lookback - 1, len(bars), _CHUNK):
        last = min(first + _CHUNK, len(bars))
        profile = _profile(bars, slice(first, last), bottom, top, lookback, bins)
        full = np.flatnonzero((top[first:last] > bottom[first:last]) & (profile.sum(axis=1) > 0.0))
        lowest, fullest, highest = _area(profile[full], fraction)
        width = ((top - bottom) / bins)[first:last][full]
        floor = bottom[first:last][full]
        for column, edge in zip(columns, (lowest, fullest + 0.5, highest + 1), strict=True):
            column[first + full] = floor + edge * width
    low, control, high = (before(column) for column in columns)
    return ValueArea(low=low, point_of_control=control, high=high)


def _profile(bars: Bars, rows: slice, bottom: Floats, top: Floats, lookback: int, bins: int) -> Floats:
    """Give the volume in each bin of the window that ends with each of `rows`, `(rows, bins)`."""
    count = rows.stop - rows.start
    reach = slice(rows.start - lookback + 1, rows.stop)
    prices = np.lib.stride_tricks.sliding_window_view(typical_price(bars)[reach], lookback)
    volumes = np.lib.stride_tricks.sliding_window_view(bars.volume[reach], lookback)
    floor, width = bottom[rows, None], (top - bottom)[rows, None]
    place = np.divide(prices - floor, width, out=np.zeros_like(prices), where=width > 0.0)
    number = np.minimum((place * bins).astype(np.int64), bins - 1)
    flat = (number + bins * np.arange(count)[:, None]).ravel()
    profile: Floats = np.bincount(flat, weights=volumes.ravel(), minlength=count * bins).astype(np.float64).reshape(count, bins)
    return profile


def _area(profile: Floats, fraction: float) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Grow each row's area from its fullest bin; gives its lowest, fullest and highest bin, `(rows,)`."""
    rows, bins = np.arange(len(profile)), profile.shape[1]
    fullest = profile.argmax(axis=1)
    lowest, highest = fullest.copy(), fullest.copy()
    held, wanted = profile[rows, fullest].copy(), fraction * profile.sum(axis=1)
    for _ in range(bins - 1):
        grows = held < wanted
        under = np.where(lowest > 0, profile[rows, lowest - 1], -1.0)
        over = np.where(highest < bins - 1, profile[rows, np.minimum(highest + 1, bins - 1)], -1.0)
        up, down = grows & (over >= under) & (over >= 0.0), grows & (under > over)
        held += np.where(up, over, 0.0) + np.where(down, under, 0.0)
        highest += up
        lowest -= down
    return lowest, fullest, highest
