"""Judge a mutation run: which mutants no test noticed, why each of them may live, and the score; `make mutate` runs it before.

A mutant is killed when a test fails of it, or when the type checker refuses it. The score is that of the tests alone, over the
judged mutants that type-check. A run that was stopped says how many it has judged, and fails, as does a survivor without an
explanation.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

from tests.quality.survivors import reason_of

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results" / "mutation.json"
PAGE = ROOT / "docs" / "mutation.md"
LOWEST_SCORE = 85.0
_KILLED = ("killed", "timeout", "segfault")
_HEAD = """# Mutation testing

`make mutate` breaks risk, execution, journal and the order protocol in small ways, one at a time, and runs the tests that reach
the broken line. This page is written by it. What is listed here was noticed by no test, with the reason why that is bearable.
Module constants and decorated functions (properties) are not mutated. Mutants that the type checker refuses do not count for the
score: no such program would be built. A mutant that no test reaches counts as survived; one that runs into its time limit or
crashes the interpreter counts as killed.
"""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A mutant that nothing noticed: what stood there, and what stood there instead."""

    name: str
    before: str
    after: str

    @property
    def reason(self) -> str | None:
        return reason_of(self.name, self.before, self.after)


def main() -> int:
    """Write the figures and the page; gives 1 for a score that is too low and for survivors without an explanation."""
    by_status: Counter[str] = Counter()
    by_module: dict[str, Counter[str]] = {}
    survivors: list[Survivor] = []
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        statuses = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
        if not statuses:
            continue
        by_module[str(path)] = Counter(statuses.values())
        by_status += by_module[str(path)]
        survivors += [_survivor(name, path) for name, status in statuses.items() if status in ("survived", "no tests")]
    unexplained = [survivor for survivor in survivors if survivor.reason is None]
    figures = {**_counted(by_status), "explained": len(survivors) - len(unexplained)}
    modules = {path: _counted(counts) for path, counts in by_module.items()}
    RESULTS.write_text(json.dumps({**figures, "modules": modules}, indent=1) + "\n")
    PAGE.write_text("\n".join(_page(figures, by_module, survivors)) + "\n", encoding="utf-8")
    for survivor in unexplained:
        print(f"{survivor.name}\n    - {survivor.before}\n    + {survivor.after}")
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    score = _score(by_status)
    return 1 if unexplained or figures["not_judged"] or score is None or score < LOWEST_SCORE else 0


def _survivor(name: str, path: Path) -> Survivor:
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    before, after = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in ("-", "+"))
    return Survivor(name=name, before=" ".join(before), after=" ".join(after))


def _score(counts: Counter[str]) -> float | None:
    """Give the percentage of the judged mutants that type-check which a test has killed; None where there are none."""
    killed = _killed(counts)
    tested = killed + _survived(counts)
    return round(100.0 * killed / tested, 1) if tested else None


def _killed(counts: Counter[str]) -> int:
    return sum(counts[status] for status in _KILLED)


def _survived(counts: Counter[str]) -> int:
    return counts["survived"] + counts["no tests"]


def _counted(counts: Counter[str]) -> dict[str, object]:
    """Give the figures of some mutants; what was interrupted, skipped or not reached is not judged."""
    killed, by_types, survived = _killed(counts), counts["caught by type check"], _survived(counts)
    judged = killed + by_types + survived
    return {
        "score": _score(counts),
        "mutants": counts.total(),
        "judged": judged,
        "not_judged": counts.total() - judged,
        "killed": killed,
        "caught_by_types": by_types,
        "survived": survived,
    }


def _page(figures: dict[str, object], modules: dict[str, Counter[str]], survivors: Sequence[Survivor]) -> Iterator[str]:
    yield _HEAD
    yield f"**Score: tests killed {figures['score']} % of the judged mutants that type-check.**\n"
    yield f"Judged: {figures['judged']} of {figures['mutants']} mutants. " + (
        f"This run was stopped: {figures['not_judged']} are not judged yet, and the score says nothing about them."
        if figures["not_judged"]
        else "The run was full."
    )
    yield (
        f"Killed by tests {figures['killed']}, refused by types {figures['caught_by_types']}, survived {figures['survived']}, "
        f"of which explained {figures['explained']}."
    )
    yield "\n| module | score | mutants | judged | killed by tests | refused by types | survived |\n|---|---|---|---|---|---|---|"
    for path, counts in modules.items():
        counted = _counted(counts)
        names = ("mutants", "judged", "killed", "caught_by_types", "survived")
        cells = ("-" if counted["score"] is None else counted["score"], *(counted[name] for name in names))
        yield f"| {path.removeprefix('src/')} | {' | '.join(map(str, cells))} |"
    reasons = sorted({survivor.reason or "unexplained" for survivor in survivors})
    for reason in reasons:
        yield f"\n## {reason}\n"
        for survivor in survivors:
            if (survivor.reason or "unexplained") == reason:
                yield f"- `{survivor.name.removeprefix('dg_bot.')}`: `{survivor.before}` → `{survivor.after}`"


if __name__ == "__main__":
    sys.exit(main())
