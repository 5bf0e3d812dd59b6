"""Fire a number of inputs at the parsers and count what came of them; the same seed fires the same inputs."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from tests.fuzz.mutations import spoil
from tests.fuzz.targets import Target, scratch_folder, targets

CHUNK = 2_000
_SHOWN = 5


@dataclass
class Tally:
    """What came of the inputs of one parser: by name of the error, or `accepted`; `escapes` are the first few, told in full."""

    outcomes: Counter[str] = field(default_factory=Counter)
    escapes: list[str] = field(default_factory=list)
    escaped: int = 0
    slowest_s: float = 0.0

    @property
    def inputs(self) -> int:
        return sum(self.outcomes.values())

    def add(self, other: "Tally") -> None:
        self.outcomes += other.outcomes
        self.escapes = [*self.escapes, *other.escapes][:_SHOWN]
        self.escaped += other.escaped
        self.slowest_s = max(self.slowest_s, other.slowest_s)


def fire(target: Target, count: int, rng: random.Random) -> Tally:
    """Feed a parser `count` spoilt inputs."""
    tally = Tally()
    for _ in range(count):
        data = spoil(rng.choice(target.seeds), rng)
        started = time.perf_counter()
        try:
            target.parse(data, rng)
            outcome = "accepted"
        except target.errors as error:
            outcome = type(error).__name__
        except Exception as error:  # noqa: BLE001 - an escape is what is looked for
            outcome = f"escaped: {type(error).__name__}"
            tally.escaped += 1
            if len(tally.escapes) < _SHOWN:
                tally.escapes.append(f"{error!r} on {data[:600]!r}")
        tally.slowest_s = max(tally.slowest_s, time.perf_counter() - started)
        tally.outcomes[outcome] += 1
    return tally


def campaign(*, inputs: int, seed: int, processes: int) -> dict[str, Tally]:
    """Divide `inputs` among the parsers by their shares, over so many processes; gives the tallies by parser."""
    with scratch_folder() as folder:
        names = [target.name for target in targets(Path(folder))]
    tallies = {name: Tally() for name in names}
    jobs = list(_jobs(inputs, seed))
    if processes == 1:
        for job in jobs:
            name, tally = _fired(job)
            tallies[name].add(tally)
        return tallies
    with get_context("spawn").Pool(processes) as pool:
        for name, tally in pool.imap_unordered(_fired, jobs):
            tallies[name].add(tally)
    return tallies


@dataclass(frozen=True)
class _Job:
    place: int
    chunk: int
    count: int
    seed: int


def _jobs(inputs: int, seed: int) -> Iterator[_Job]:
    with scratch_folder() as folder:
        shares = [target.share for target in targets(Path(folder))]
    for place, share in enumerate(shares):
        left = -(-inputs * share // sum(shares))
        for chunk in range(-(-left // CHUNK)):
            yield _Job(place, chunk, min(CHUNK, left - chunk * CHUNK), seed)


def _fired(job: _Job) -> tuple[str, Tally]:
    with scratch_folder() as folder:
        target = targets(Path(folder))[job.place]
        rng = random.Random(f"{job.seed}/{target.name}/{job.chunk}")
        return target.name, fire(target, job.count, rng)
