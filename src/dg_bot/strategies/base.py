"""What a strategy is: a name, a warm-up, and signals for every bar at once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from dg_bot.domain.gate import Gate, shown
from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.strategies.parameters import Parameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One measured comparison on every bar: `values` `comparison` `limits`, all `(n,)`; NaN never passes."""

    measure: str
    values: Floats
    comparison: str
    limits: Floats
    passed: Flags

    def until(self, count: int) -> "Condition":
        """Keep the first `count` bars, without copying."""
        values, limits, passed = self.values[:count], self.limits[:count], self.passed[:count]
        return Condition(measure=self.measure, values=values, comparison=self.comparison, limits=limits, passed=passed)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSeries:
    """A named gate on every bar; it passes where any of its conditions does."""

    name: str
    conditions: tuple[Condition, ...]

    @property
    def passed(self) -> Flags:
        passed: Flags = np.logical_or.reduce([condition.passed for condition in self.conditions])
        return passed

    @property
    def passed_by_all(self) -> Flags:
        passed: Flags = np.logical_and.reduce([condition.passed for condition in self.conditions])
        return passed

    def until(self, count: int) -> "GateSeries":
        """Keep the first `count` bars, without copying."""
        return GateSeries(name=self.name, conditions=tuple(condition.until(count) for condition in self.conditions))

    def passes(self, index: int) -> bool:
        """Tell whether the gate passes on one bar."""
        return any(condition.passed[index] for condition in self.conditions)

    def at(self, index: int) -> Gate:
        """Give the gate's outcome on one bar with what was measured and demanded."""
        if len(self.conditions) == 1:
            only = self.conditions[0]
            return Gate(self.name, float(only.values[index]), float(only.limits[index]), bool(only.passed[index]))
        value = ", ".join(f"{c.measure} {shown(float(c.values[index]))}" for c in self.conditions)
        limit = " or ".join(f"{c.measure} {c.comparison} {shown(float(c.limits[index]))}" for c in self.conditions)
        return Gate(self.name, value, limit, self.passes(index))


@dataclass(frozen=True, slots=True, kw_only=True)
class Signals:
    """A strategy's opinion at the close of each bar; all arrays `(n,)`, valid from the strategy's warm-up on.

    `entry` and `exit` say buy and sell at the next open; `confidence` is a fraction. `stop_distance` and `target_distance` are
    KRW below and above the entry, 0.0 where the strategy sets none. `trend_strength` is the ADX, NaN during warm-up.
    """

    entry: Flags
    exit: Flags
    confidence: Floats
    gates: tuple[GateSeries, ...]
    stop_distance: Floats
    target_distance: Floats
    trend_strength: Floats

    def until(self, count: int) -> "Signals":
        """Keep the first `count` bars, without copying."""
        return Signals(
            entry=self.entry[:count],
            exit=self.exit[:count],
            confidence=self.confidence[:count],
            gates=tuple(gate.until(count) for gate in self.gates),
            stop_distance=self.stop_distance[:count],
            target_distance=self.target_distance[:count],
            trend_strength=self.trend_strength[:count],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BarExits:
    """Parameters of the exits that a strategy leaves to risk at the close of a bar; zero bars or ratio switch a rule off."""

    fake_out_fraction: float = 0.0
    fake_out_bars: int = 0
    time_out_bars: int = 0
    time_out_fraction: float = 0.0
    trend_ratio: float = 0.0
    trend_floor: float = 0.0


class Strategy(Protocol):
    """Rules over bars. `signals` on a prefix of the bars equals the prefix of its signals: no look-ahead."""

    @property
    def name(self) -> str: ...

    @property
    def parameters(self) -> Parameters: ...

    @property
    def warm_up(self) -> int:
        """Bars needed before the first valid signal."""
        ...

    @property
    def bar_exits(self) -> BarExits: ...

    def signals(self, bars: Bars) -> Signals: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """The entries and exits of a strategy in one pass over the bars, in a form that can be compiled.

    `function` is called with those it names of: `count`, the columns `open_`, `high`, `low`, `close` and `volume` `(count,)`,
    `numbers` (those given here), `scratch` `(count,)` to write to as it likes, and the flags `entry` and `leave` `(count,)`,
    false, for it to set. It may do nothing but calculate: no arrays of its own, no exceptions, no calls but of its like.
    """

    function: Callable[..., None]
    numbers: tuple[float, ...]


@runtime_checkable
class Scanned(Protocol):
    """A strategy that offers such a pass beside its signals; it sets no distances and leaves no exit to the trend's strength.

    The flags equal those of `signals`: a pass may find them in another order, from cheap conditions to dear ones, and by rolling
    sums where those cannot change the outcome.
    """

    @property
    def scan(self) -> Scan: ...
