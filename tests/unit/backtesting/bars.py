"""Bars and signals in a line of notation each, for worked examples."""

from collections.abc import Sequence

import numpy as np

from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.strategies.base import Signals

H4 = 4 * 3600
# 2024-01-01T00:00Z, nine in the morning in Seoul.
START = 1_704_067_200


def bars_from(notation: str, seconds: int = H4) -> Bars:
    """Read bars as 'open,high,low,close' or, where nothing moved, as one price; equally spaced from START."""
    rows = [[float(price) for price in token.split(",")] for token in notation.split()]
    columns = np.array([row if len(row) == 4 else row * 4 for row in rows], dtype=np.float64).reshape(-1, 4).T
    count = columns.shape[1]
    return Bars(
        opened_at=START + seconds * np.arange(count, dtype=np.int64),
        open=columns[0].copy(),
        high=columns[1].copy(),
        low=columns[2].copy(),
        close=columns[3].copy(),
        volume=np.ones(count),
        seconds=seconds,
    )


def signals_at(
    bars: Bars, *entries: int, sells: Sequence[int] = (), stop: float = 0.0, target: float = 0.0, trend: Floats | None = None
) -> Signals:
    """Signal a buy at the close of the bars `entries` and a sell at those of `sells`, with the same distances everywhere."""
    count = len(bars)
    return Signals(
        entry=_flags(count, entries),
        exit=_flags(count, sells),
        confidence=np.full(count, 0.7),
        gates=(),
        stop_distance=np.full(count, stop),
        target_distance=np.full(count, target),
        trend_strength=np.full(count, np.nan) if trend is None else trend,
    )


def _flags(count: int, positions: Sequence[int]) -> Flags:
    flags = np.zeros(count, dtype=np.bool_)
    flags[list(positions)] = True
    return flags
