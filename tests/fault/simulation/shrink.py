"""A failure in as few faults as it takes, with the trace that leads to it and the command that shows it again."""

from dataclasses import dataclass

from tests.fault.simulation.plan import FaultPlan, Kind
from tests.fault.simulation.violation import Violation
from tests.fault.simulation.world import Change, World

_TRACE_LINES = 80


@dataclass(frozen=True, slots=True)
class Failure:
    """A seed that broke an invariant."""

    seed: int
    hours: int
    violation: str
    plan: FaultPlan
    trace: tuple[str, ...]

    def __str__(self) -> str:
        kinds = ",".join(self.plan.kinds) or "none"
        return "\n".join(
            [
                f"seed {self.seed} broke {self.violation}",
                "with these faults alone:",
                *(f"  {fault}" for fault in self.plan.faults),
                "the last that happened:",
                *(f"  {line}" for line in self.trace),
                f"again: make simulate SEED={self.seed} HOURS={self.hours} FAULTS={kinds}",
            ]
        )


def explained(seed: int, hours: int, *, plan: FaultPlan | None = None, change: Change | None = None) -> Failure | None:
    """Run a seed; where it breaks an invariant, drop fault after fault as long as it still does, and tell."""
    world = World(seed, hours, plan=plan, change=change)
    if _violation(world) is None:
        return None
    kept = world.plan
    for kind in world.plan.kinds:
        fewer = kept.only(set(kept.kinds) - {kind})
        if _violation(World(seed, hours, plan=fewer, change=change)) is not None:
            kept = fewer
    told = World(seed, hours, plan=kept, change=change, is_traced=True)
    violation = _violation(told)
    return Failure(seed, hours, str(violation), kept, tuple((told.trouble.trace or [])[-_TRACE_LINES:]))


def plan_of(kinds: str, drawn: FaultPlan) -> FaultPlan:
    """Read a list of kinds as `Failure` writes it."""
    return drawn if not kinds else drawn.only(Kind(kind) for kind in kinds.split(",") if kind != "none")


def _violation(world: World) -> Violation | None:
    try:
        world.run()
    except Violation as violation:
        return violation
    return None
