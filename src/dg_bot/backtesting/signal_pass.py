"""A strategy's signals over bars, by its compiled pass where it offers one."""

from inspect import get_annotations

import numpy as np

from dg_bot.backtesting.compiled import compiled
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import Scanned, Signals, Strategy


def signals_of(strategy: Strategy, bars: Bars) -> Signals:
    """Give the signals; a compiled pass gives none of the gates, confidence and trend strength, which no replay asks for."""
    if not isinstance(strategy, Scanned):
        return strategy.signals(bars)
    count, scan = len(bars), strategy.scan
    entry, leave = np.zeros(count, dtype=np.bool_), np.zeros(count, dtype=np.bool_)
    nothing = np.zeros(count)
    known: dict[str, object] = {
        "count": count,
        "open_": bars.open,
        "high": bars.high,
        "low": bars.low,
        "close": bars.close,
        "volume": bars.volume,
        "numbers": np.array(scan.numbers, dtype=np.float64),
        "scratch": np.empty(count),
        "entry": entry,
        "leave": leave,
    }
    compiled(scan.function)(**{name: known[name] for name in get_annotations(scan.function) if name != "return"})
    return Signals(
        entry=entry,
        exit=leave,
        confidence=nothing,
        gates=(),
        stop_distance=nothing,
        target_distance=nothing,
        trend_strength=nothing,
    )
