"""Judge a mutation run: which mutants no test noticed, why each of them may live, and the score; `make mutate` runs it before.

A mutant is killed when a test fails of it, or when the type checker refuses it. The score is that of the tests alone, over the
mutants that type-check. A survivor without an explanation fails the run.
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
score: no such program would be built.
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
        by_module[str(path)] = Counter(statuses.values())
        by_status += by_module[str(path)]
        survivors += [_survivor(name, path) for name, status in statuses.items() if status in ("survived", "no tests")]
    unexplained = [survivor for survivor in survivors if survivor.reason is None]
    figures = _figures(by_status, survivors, unexplained)
    RESULTS.write_text(
        json.dumps({**figures, "modules": {path: _score(counts) for path, counts in by_module.items()}}, indent=1) + "\n"
    )
    PAGE.write_text("\n".join(_page(figures, by_module, survivors)) + "\n", encoding="utf-8")
    for survivor in unexplained:
        print(f"{survivor.name}\n    - {survivor.before}\n    + {survivor.after}")
    print(", ".join(f"{name} {value}" for name, value in figures.items()))
    return 1 if unexplained or by_status["not checked"] or _score(by_status) < LOWEST_SCORE else 0


def _survivor(name: str, path: Path) -> Survivor:
    lines = get_diff_for_mutant(name, path=path).splitlines()[2:]
    before, after = ([line[1:].strip() for line in lines if line.startswith(sign)] for sign in ("-", "+"))
    return Survivor(name=name, before=" ".join(before), after=" ".join(after))


def _score(counts: Counter[str]) -> float:
    """Give the percentage of the mutants that type-check which a test has killed."""
    killed = sum(counts[status] for status in _KILLED)
    judged = killed + counts["survived"] + counts["no tests"]
    return round(100.0 * killed / judged, 1) if judged else 100.0


def _figures(counts: Counter[str], survivors: Sequence[Survivor], unexplained: Sequence[Survivor]) -> dict[str, object]:
    return {
        "score": _score(counts),
        "mutants": counts.total(),
        "killed": sum(counts[status] for status in _KILLED),
        "caught_by_types": counts["caught by type check"],
        "survived": len(survivors),
        "explained": len(survivors) - len(unexplained),
    }


def _page(figures: dict[str, object], modules: dict[str, Counter[str]], survivors: Sequence[Survivor]) -> Iterator[str]:
    yield _HEAD
    yield ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items()) + "."
    yield "\n| module | score | killed | refused by types | survived |\n|---|---|---|---|---|"
    for path, counts in modules.items():
        killed = sum(counts[status] for status in _KILLED)
        cells = (
            path.removeprefix("src/"),
            _score(counts),
            killed,
            counts["caught by type check"],
            counts["survived"] + counts["no tests"],
        )
        yield f"| {' | '.join(map(str, cells))} |"
    reasons = sorted({survivor.reason or "unexplained" for survivor in survivors})
    for reason in reasons:
        yield f"\n## {reason}\n"
        for survivor in survivors:
            if (survivor.reason or "unexplained") == reason:
                yield f"- `{survivor.name.removeprefix('dg_bot.')}`: `{survivor.before}` → `{survivor.after}`"


if __name__ == "__main__":
    sys.exit(main())
