"""Whether signals are what bars need: every column of the bars' length and kind."""

import numpy as np

from dg_bot.strategies.base import GateSeries, Signals

_FLAGS = ("entry", "exit")
_FLOATS = ("confidence", "stop_distance", "target_distance", "trend_strength")

_Columns = dict[str, tuple[object, type[np.generic]]]


def shape_problem(signals: object, bars: int) -> str | None:
    """Say what of the signals of so many bars cannot be used; None where all can."""
    if not isinstance(signals, Signals):
        return f"signals gave {type(signals).__name__} instead of Signals"
    columns: _Columns = {name: (getattr(signals, name), np.bool_) for name in _FLAGS}
    columns |= {name: (getattr(signals, name), np.float64) for name in _FLOATS}
    for gate in signals.gates:
        columns |= _columns(gate)
    for name, (column, kind) in columns.items():
        if not isinstance(column, np.ndarray) or column.dtype != kind:
            found = column.dtype if isinstance(column, np.ndarray) else type(column).__name__
            return f"{name} is {found} instead of an array of {np.dtype(kind)}"
        if column.shape != (bars,):
            return f"{name} has the shape {column.shape} instead of ({bars},), one for each bar"
    return _value_problem(signals)


def _columns(gate: GateSeries) -> _Columns:
    columns: _Columns = {}
    for condition in gate.conditions:
        where = f"gate {gate.name}, {condition.measure}"
        columns[f"{where}: values"] = (condition.values, np.float64)
        columns[f"{where}: limits"] = (condition.limits, np.float64)
        columns[f"{where}: passed"] = (condition.passed, np.bool_)
    return columns


def _value_problem(signals: Signals) -> str | None:
    acts = signals.entry | signals.exit
    if np.any(signals.entry & signals.exit):
        return f"bar {int(np.flatnonzero(signals.entry & signals.exit)[0])} is an entry and an exit at once"
    if not np.all((signals.confidence >= 0.0) & (signals.confidence <= 1.0)):
        return "confidence is not between 0 and 1 on every bar"
    for name in ("stop_distance", "target_distance"):
        distance = getattr(signals, name)[acts]
        if not np.all(np.isfinite(distance) & (distance >= 0.0)):
            return f"{name} is not a number from 0 up where there is a signal"
    return None
