"""The seam that every port call goes through: it counts, draws the faults that are due, kills, and keeps the trace."""

import random
import zlib
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

from tests.fault.simulation.plan import OPERATIONS, FaultPlan, Kind

Draw = Callable[[], float]


class Killed(BaseException):
    """The process is gone; nothing in the program may catch this."""


class Trouble:
    """One run's faults, each with dice of its own, so that leaving one out changes the others as little as it can."""

    def __init__(
        self,
        *,
        seed: int,
        plan: FaultPlan,
        elapsed_s: Callable[[], float],
        death_at: tuple[int, str] | None = None,
        is_traced: bool = False,
    ) -> None:
        """`death_at` is a call, counted from 1, and `before` or `after`: the process dies there, whatever else it does."""
        self._dice = {fault.kind: random.Random(f"{seed}:{fault.kind}") for fault in plan.faults}
        self._plan = plan
        self._elapsed_s = elapsed_s
        self._death_at = death_at
        self._by_operation: dict[str, list[tuple[float, Draw, Kind]]] = {}
        self._rates: dict[Kind, float] = {}
        self.trace: list[str] | None = [] if is_traced else None
        self.calls = 0
        self.digest = 0
        self.happened: Counter[Kind] = Counter()
        self.crash_points: set[tuple[str, str]] = set()
        self.is_over = False

    def enter_hour(self, hour: int) -> None:
        """Switch on what happens in this hour."""
        self._rates = {} if self.is_over else {fault.kind: fault.rate for fault in self._plan.faults if fault.is_on(hour)}
        self._by_operation = {}
        for kind, rate in self._rates.items():
            for operation in OPERATIONS.get(kind, ()):
                self._by_operation.setdefault(operation, []).append((rate, self._dice[kind].random, kind))

    def end(self) -> None:
        """Let nothing more go wrong."""
        self.is_over = True
        self.enter_hour(0)

    def dice(self, kind: Kind) -> random.Random:
        return self._dice[kind]

    def is_due(self, kind: Kind) -> bool:
        """Draw for a kind that happens outside the calls of a port."""
        rate = self._rates.get(kind)
        if rate is None or self._dice[kind].random() >= rate:
            return False
        self.happened[kind] += 1
        return True

    def enter(self, operation: str, name: str | None = None) -> Kind | None:
        """Begin a call, by `name` in the trace: gives what goes wrong with it, or kills before it has any effect."""
        self.calls += 1
        if self._death_at == (self.calls, "before"):
            self._die(Kind.DEATH_BEFORE, name or operation, "before")
        if Kind.DEATH_BEFORE in self._rates:
            self._maybe_die(Kind.DEATH_BEFORE, name or operation, "before")
        happening = None
        for rate, draw, kind in self._by_operation.get(operation, ()):
            if draw() < rate:
                happening = kind
                self.happened[kind] += 1
                break
        self.digest = zlib.crc32(f"{operation}{happening}{self._elapsed_s():.3f}".encode(), self.digest)
        if self.trace is not None:
            self.note((name or operation) if happening is None else f"{name or operation}: {happening}")
        return happening

    def leave(self, operation: str) -> None:
        """End a call that had its effect: it may be the last thing that the process has done."""
        if self._death_at is not None and self._death_at == (self.calls, "after"):
            self._death_at = None
            self._die(Kind.DEATH_AFTER, operation, "after")
        if Kind.DEATH_AFTER in self._rates:
            self._maybe_die(Kind.DEATH_AFTER, operation, "after")

    def note(self, text: str) -> None:
        """Write a line into the trace, where one is kept."""
        if self.trace is not None:
            seconds = self._elapsed_s()
            self.trace.append(f"h{int(seconds // 3600):03d}+{Decimal(str(round(seconds % 3600, 1))):>6}  {text}")

    def _maybe_die(self, kind: Kind, operation: str, when: str) -> None:
        if self._dice[kind].random() < self._rates[kind]:
            self._die(kind, operation, when)

    def _die(self, kind: Kind, operation: str, when: str) -> None:
        self.happened[kind] += 1
        self.crash_points.add((operation, when))
        self.note(f"death {when} {operation}")
        raise Killed
