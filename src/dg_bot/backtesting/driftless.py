"""Markets without drift, made of a real market's own moves: a block bootstrap over whole days.

Source: D. N. Politis, J. P. Romano, "The Stationary Bootstrap", Journal of the American Statistical Association 89(428), 1994.
"""

from dataclasses import dataclass

import numpy as np

from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.indicators.bars import Bars, Floats, Seconds

# Long enough to keep calm and storm together, shorter than what a strategy looks back on.
MEAN_BLOCK_DAYS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyMoves:
    """The whole UTC days of a market's hours.

    `moves` `(days, 24, 4)` are logarithms of open, high, low and close over the close of the hour before, shifted so that the
    mean of the close's simple move is zero; `volumes` are `(days, 24)`.
    """

    moves: Floats
    volumes: Floats
    first_price: float
    first_day: int

    def __len__(self) -> int:
        return len(self.moves)


def daily_moves(hours: Bars) -> DailyMoves:
    """Take the whole days out of hourly bars; a day in which an hour is absent is left out."""
    prices = np.column_stack([hours.open, hours.high, hours.low, hours.close])[1:]
    moves = np.log(prices / hours.close[:-1, np.newaxis])
    day = hours.opened_at[1:] // DAY_S
    starts = np.flatnonzero(np.diff(day, prepend=-1))
    whole = starts[np.diff(starts, append=len(day)) == DAY_S // hours.seconds]
    rows = whole[:, np.newaxis] + np.arange(DAY_S // hours.seconds)
    chosen = moves[rows]
    if len(chosen):
        chosen = chosen - np.log(np.exp(chosen[..., 3]).mean())
    return DailyMoves(
        moves=chosen,
        volumes=hours.volume[1:][rows],
        first_price=float(hours.open[0]) if len(hours) else 0.0,
        first_day=int(hours.opened_at[0]) // DAY_S if len(hours) else 0,
    )


def driftless_hours(days: DailyMoves, random: np.random.Generator) -> Bars:
    """Draw a market of as many whole days: blocks of days in a row, of random length, one after the other.

    The mean of its hourly moves is zero, so that nobody gains by merely holding it.
    """
    order = block_order(len(days), random)
    moves = days.moves[order].reshape(-1, 4)
    close = days.first_price * np.exp(np.cumsum(moves[:, 3]))
    before = np.concatenate([[days.first_price], close[:-1]])
    open_, high, low = (before * np.exp(moves[:, column]) for column in range(3))
    seconds = DAY_S // days.moves.shape[1]
    return Bars(
        opened_at=days.first_day * DAY_S + seconds * np.arange(len(close), dtype=np.int64),
        open=open_,
        high=np.maximum(high, np.maximum(open_, close)),
        low=np.minimum(low, np.minimum(open_, close)),
        close=close,
        volume=days.volumes[order].reshape(-1),
        seconds=seconds,
    )


def block_order(days: int, random: np.random.Generator) -> Seconds:
    """Draw numbers of days `(days,)`: each follows the one before it, around the end too, or with chance 1 / mean starts anew."""
    is_start = random.random(days) < 1.0 / MEAN_BLOCK_DAYS
    is_start[0] = True
    anew = random.integers(0, days, size=days)
    since = np.arange(days) - np.maximum.accumulate(np.where(is_start, np.arange(days), 0))
    order: Seconds = (anew[np.arange(days) - since] + since) % days
    return order


def joined(hours: Bars, seconds: int) -> Bars:
    """Join bars without gaps into longer ones of `seconds`; what does not fill a longer one at the end is left out."""
    size = seconds // hours.seconds
    count = len(hours) // size * size
    return Bars(
        opened_at=hours.opened_at[:count:size].copy(),
        open=hours.open[:count:size].copy(),
        high=hours.high[:count].reshape(-1, size).max(axis=1),
        low=hours.low[:count].reshape(-1, size).min(axis=1),
        close=hours.close[size - 1 : count : size].copy(),
        volume=hours.volume[:count].reshape(-1, size).sum(axis=1),
        seconds=seconds,
    )
