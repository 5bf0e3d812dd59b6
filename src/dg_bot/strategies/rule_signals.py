"""Signals of a strategy whose entry is "all gates pass" and whose exit is a rule of its own."""

from typing import Final

import numpy as np

from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.indicators.trend import directional_movement
from dg_bot.strategies.base import GateSeries, Signals

BASE_CONFIDENCE: Final = 0.70
_ADX_PERIOD = 14


def rule_signals(
    bars: Bars, *, gates: tuple[GateSeries, ...], leave: Flags, warm_up: int, target_distance: Floats | None = None
) -> Signals:
    """Enter where every gate passes, else exit where `leave`, `(n,)`, holds; neither before the warm-up is over.

    Risk's stop protects what is bought; `target_distance` is in KRW above the close, `(n,)`, where the strategy sets one.
    """
    is_warm = np.arange(len(bars)) >= warm_up - 1
    entry = np.logical_and.reduce([gate.passed for gate in gates]) & is_warm
    leave = leave & is_warm & ~entry
    none = np.zeros(len(bars))
    return Signals(
        entry=entry,
        exit=leave,
        confidence=np.where(entry | leave, BASE_CONFIDENCE, 0.0),
        gates=gates,
        stop_distance=none,
        target_distance=none if target_distance is None else np.where(entry, target_distance, 0.0),
        trend_strength=directional_movement(bars.high, bars.low, bars.close, _ADX_PERIOD).adx,
    )
