"""Made-up hourly markets whose edge is known: a random walk that has none, and one whose trends last for a while."""

import numpy as np

from dg_bot.indicators.bars import Bars, Floats

_HOUR_S = 3600
_STEPS_AN_HOUR = 8
_HOURLY_DEVIATION = 0.006
_FIRST_PRICE = 50_000_000.0
_START_S = 1_640_995_200  # 2022-01-01T00:00Z
# A little more than the two years that the screen looks at.
WALK_DAYS = 731


def driftless_walk(seed: int, days: int = WALK_DAYS) -> Bars:
    """Give a random walk: the price of any later hour is this hour's on average; the same for the same seed."""
    return _walk(np.random.default_rng(seed), np.zeros(days * 24))


def trending_walk(seed: int, days: int = WALK_DAYS, *, strength: float, mean_hours: float = 120.0) -> Bars:
    """Give a walk that drifts up and down by turns, as often one as the other; the same for the same seed.

    The drift is `strength` of an hour's deviation; it changes its side with a chance that makes `mean_hours` the mean of its
    length. Who follows trends has an edge here, who only holds has none.
    """
    random = np.random.default_rng(seed)
    turns = random.random(days * 24) < 1.0 / mean_hours
    side = np.where(np.cumsum(turns) % 2 == random.integers(2), 1.0, -1.0)
    return _walk(random, strength * _HOURLY_DEVIATION * side)


def _walk(random: np.random.Generator, drift: Floats) -> Bars:
    """Walk in small steps whose mean is 1; `drift` `(hours,)` is added to the logarithm of each hour's move.

    Volume goes with the size of the move, as it does in real markets.
    """
    hours = len(drift)
    step = _HOURLY_DEVIATION / np.sqrt(_STEPS_AN_HOUR)
    moves = step * random.standard_normal((hours, _STEPS_AN_HOUR)) - step**2 / 2.0 + drift[:, np.newaxis] / _STEPS_AN_HOUR
    path = _FIRST_PRICE * np.exp(np.cumsum(moves.reshape(-1))).reshape(hours, _STEPS_AN_HOUR)
    close = path[:, -1].copy()
    open_ = np.concatenate([[_FIRST_PRICE], close[:-1]])
    activity = np.abs(close / open_ - 1.0) / _HOURLY_DEVIATION
    return Bars(
        opened_at=_START_S + _HOUR_S * np.arange(hours, dtype=np.int64),
        open=open_,
        high=np.maximum(open_, path.max(axis=1)),
        low=np.minimum(open_, path.min(axis=1)),
        close=close,
        volume=100.0 * (0.5 + activity) * np.exp(0.3 * random.standard_normal(hours)),
        seconds=_HOUR_S,
    )
