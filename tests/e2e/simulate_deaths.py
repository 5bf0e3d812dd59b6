"""Kill the true program several hundred times, and hold what is left against the venue's ledger each time.

Prints the figures and writes them to `docs/results/real_deaths.json`; ends with 1 where an order or a fill is not as it must be.
"""

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from tests.e2e.deaths_audit import Tally
from tests.e2e.deaths_bench import DyingProgram, Lived, Point, Yard, points
from tests.e2e.tape_bench import ROOT
from tests.postgres import make_template, run_sql

RESULT = ROOT / "docs" / "results" / "real_deaths.json"
_PUBLISHED_KILLS = 500
_WORKERS = 2
_FIRST_ORDER = "append IntentPlanned"


@dataclass(frozen=True, kw_only=True)
class Fate:
    """The deaths of one life: those of the process that buys and of its restarts, then those of the one that sells."""

    is_daemon: bool
    buying: tuple[Point, ...]
    selling: tuple[Point, ...]


def fates(bought: Lived, sold: Lived, dice: random.Random) -> Iterator[Fate]:
    """Give lives without end in which every point of an undisturbed one comes first in some, and others in the recovery from it.

    Before the order is planned a death changes nothing, so that several come one after the other.
    """
    acts = [_Act(lived, dice) for lived in (bought, sold)]
    while True:
        buying, selling = (act.deaths() for act in acts)
        yield Fate(is_daemon=dice.random() < 0.2, buying=buying, selling=selling)


class _Act:
    """The points of one act, dealt out until each has been, and then anew."""

    def __init__(self, lived: Lived, dice: random.Random) -> None:
        order = lived.calls.index(_FIRST_ORDER) + 1
        self._early, self._late = points(range(1, order)), points(range(order, len(lived.calls) + 1))
        self._dealt: dict[int, list[Point]] = {}
        self._dice = dice

    def deaths(self) -> tuple[Point, ...]:
        recovery = [self._dice.choice(self._early) for _ in range(self._dice.randrange(3))]
        return (self._next(self._early), self._next(self._early), self._next(self._late), *recovery)

    def _next(self, pool: list[Point]) -> Point:
        left = self._dealt.setdefault(id(pool), [])
        if not left:
            left.extend(self._dice.sample(pool, len(pool)))
        return left.pop()


def end_one(yard: Yard, fate: Fate) -> Tally:
    """Live one life to its end."""
    with yard.life(is_daemon=fate.is_daemon) as life:
        life.dies("buy", fate.buying)
        life.falls()
        life.dies("sell", fate.selling)
        return life.settle()


def simulate(kills: int, seed: int, folder: Path) -> Tally:
    """Live lives until so many deaths have been died."""
    total, adding = Tally(), Lock()
    with ExitStack() as stack:
        server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "password")
        dsn = server.start()
        stack.callback(server.stop)
        run_sql(dsn, "ALTER SYSTEM SET fsync = off")
        run_sql(dsn, "SELECT pg_reload_conf()")
        make_template(dsn)
        yards = [_yard(dsn, folder / f"yard{number}", stack) for number in range(_WORKERS)]
        deal = fates(*yards[0].undisturbed(), random.Random(seed))

        def work(yard: Yard) -> None:
            while True:
                with adding:
                    if total.kills >= kills:
                        return
                    fate = next(deal)
                tally = end_one(yard, fate)
                with adding:
                    total.add(tally)
                    if tally.faults:
                        print(f"{fate}: {tally.faults}", file=sys.stderr)

        with ThreadPoolExecutor(_WORKERS) as pool:
            list(pool.map(work, yards))
    return total


def _yard(dsn: str, folder: Path, stack: ExitStack) -> Yard:
    folder.mkdir()
    return Yard(dsn, folder, stack.enter_context(DyingProgram()))


def percentile(values: Sequence[float], share: float) -> float:
    """Give the smallest value that at least this share of them does not exceed."""
    return sorted(values)[math.ceil(len(values) * share) - 1]


def main() -> int:
    parser = argparse.ArgumentParser(description="Kill the true program at its calls of exchange, journal, files and database.")
    parser.add_argument("--kills", type=int, default=_PUBLISHED_KILLS, help="how many deaths, at least (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the order in which they come (default: 0)")
    options = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        tally = simulate(options.kills, options.seed, Path(folder))
    figures = {
        "kills": tally.kills,
        "points": len(tally.places),
        "double_orders": tally.double_orders,
        "lost_fills": tally.lost_fills,
        "invented_fills": tally.invented_fills,
        "other_disagreements": len(tally.disagreements),
        "recovery_p50_s": round(percentile(tally.recoveries_s, 0.50), 2),
        "recovery_p99_s": round(percentile(tally.recoveries_s, 0.99), 2),
        "seconds": round(time.monotonic() - started),
        "seed": options.seed,
        "command": f"make simulate-real KILLS={options.kills}",
    }
    for name, figure in figures.items():
        print(f"{name.replace('_', ' '):20} {figure}")
    if options.kills >= _PUBLISHED_KILLS:  # those of a shorter run do not take the place of what is published
        RESULT.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
