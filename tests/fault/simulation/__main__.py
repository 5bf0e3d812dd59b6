"""The simulation as a command: many seeds over all cores and the figures of them, or one seed with its trace."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from pathlib import Path

from tests.fault.simulation.figures import Figures
from tests.fault.simulation.plan import drawn_plan
from tests.fault.simulation.shrink import explained, plan_of
from tests.fault.simulation.violation import Violation
from tests.fault.simulation.world import World

RESULT = Path(__file__).resolve().parents[3] / "docs" / "results" / "simulation.json"
# Figures of a shorter run are told, and do not take the place of what is published.
_PUBLISHED_SEEDS, _PUBLISHED_HOURS = 1000, 720
_TOLD_EVERY = 50


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; gives 1 where an invariant was broken."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--seeds", type=int, default=_PUBLISHED_SEEDS, help="how many seeds")
    parser.add_argument("--hours", type=int, default=_PUBLISHED_HOURS, help="simulated hours of each seed")
    parser.add_argument("--seed", type=int, default=None, help="this seed alone")
    parser.add_argument("--faults", default="", help="with --seed: only these kinds of fault, with commas; none for no fault")
    asked = parser.parse_args(arguments)
    if asked.seed is not None:
        return _one(asked.seed, asked.hours, asked.faults)
    return _many(asked.seeds, asked.hours)


def _one(seed: int, hours: int, kinds: str) -> int:
    failure = explained(seed, hours, plan=plan_of(kinds, drawn_plan(seed, hours)))
    print(f"seed {seed}: no invariant was broken in {hours} h" if failure is None else failure)
    return 0 if failure is None else 1


def _many(seeds: int, hours: int) -> int:
    started = time.monotonic()
    broken: list[str] = []
    total = Figures(seed=0)
    for seed, found in enumerate(_runs(seeds, hours)):
        if isinstance(found, str):
            broken.append(found)
            print(found, file=sys.stderr, flush=True)
        else:
            total.add(found)
        if (seed + 1) % _TOLD_EVERY == 0:
            print(f"{seed + 1} seeds, {len(broken)} broken, {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    result = _result(total, seeds=seeds, hours=hours, violations=len(broken), seconds=time.monotonic() - started)
    text = json.dumps(result, indent=2)
    if seeds >= _PUBLISHED_SEEDS and hours >= _PUBLISHED_HOURS:
        RESULT.write_text(f"{text}\n", encoding="utf-8")
    print(text)
    return 1 if broken else 0


def _runs(seeds: int, hours: int) -> Iterator[Figures | str]:
    with ProcessPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(_run, range(seeds), repeat(hours), chunksize=1)


def _run(seed: int, hours: int) -> Figures | str:
    try:
        return World(seed, hours).run()
    except Violation:
        return str(explained(seed, hours))


def _result(total: Figures, *, seeds: int, hours: int, violations: int, seconds: float) -> dict[str, object]:
    return {
        "seeds": seeds,
        "hours": total.hours,
        "port_calls": total.port_calls,
        "faults": total.faults,
        "crashes": total.deaths,
        "crash_points": len(total.crash_points),
        "orders": total.orders,
        "order_requests": total.requests,
        "ambiguous_sends": total.ambiguous_sends,
        "double_orders": 0 if violations == 0 else None,
        "unprotected_hours": round(total.unprotected_hours, 1),
        "violations": violations,
        "seconds": round(seconds, 1),
        "hours_per_minute": round(total.hours / seconds * 60),
        "command": f"make simulate SEEDS={seeds} HOURS={hours}",
    }


if __name__ == "__main__":
    sys.exit(main())
