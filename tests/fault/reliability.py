"""Write `docs/reliability.md`: run every test that is named for a fault, and tell what the program does in each."""

import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pytest

from tests.fault.faults import FAULTS, GROUPS, NOT_TESTED, Fault
from tests.fault.figures import figures_table
from tests.fault.named_tests import ROOT, NamedTest, named_tests

PAGE = ROOT / "docs" / "reliability.md"
_HEAD = """# Reliability

What can go wrong, what the program then does, and the test that makes it go wrong. This page is written by `make reliability`,
which runs these tests and takes the sentences from them; a test of the suite holds its table against the tests that exist.
"""
Results = Mapping[tuple[str, str], Counter[str]]


class _Collected:
    """Counts the cases of each test by how they ended."""

    def __init__(self) -> None:
        self.by_test: dict[tuple[str, str], Counter[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            path, _, name = report.nodeid.partition("::")
            self.by_test.setdefault((path, name.partition("[")[0]), Counter())[report.outcome] += 1


def main() -> int:
    """Run the tests and write the page; gives 1, and leaves the page, where one of them failed."""
    tests = named_tests()
    collected = _Collected()
    chosen = [f"{test.path}::{test.name}" for test in tests]
    status = pytest.main(["-q", "-n", "2", "-p", "no:cacheprovider", *chosen], plugins=[collected]) if chosen else 0
    if status != 0:
        return 1
    PAGE.write_text(page(tests, collected.by_test), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len({test.fault for test in tests})} of {len(FAULTS)} faults, {len(tests)} tests")
    return 0


def page(tests: Sequence[NamedTest], results: Results) -> str:
    """Write the whole page."""
    tested = {test.fault for test in tests}
    counts = f"{len(FAULTS)} faults: {len(tested)} are tested by {len(tests)} tests, {len(FAULTS) - len(tested)} are not tested."
    groups = "\n".join(_group(letter, title, tests, results) for letter, title in GROUPS.items())
    return f"{_HEAD}\n## Figures\n\n{figures_table()}\n## Faults\n\n{counts}\n\n{groups}"


def _group(letter: str, title: str, tests: Sequence[NamedTest], results: Results) -> str:
    lines = [
        f"### {letter}. {title}",
        "",
        "| id | what goes wrong | what the program does | tests | result |",
        "|---|---|---|---|---|",
    ]
    for fault in FAULTS:
        if fault.group == letter:
            lines += _rows(fault, [test for test in tests if test.fault == fault.id], results)
    return "\n".join(lines) + "\n"


def _rows(fault: Fault, tests: Sequence[NamedTest], results: Results) -> Iterator[str]:
    if not tests:
        yield f"| {fault.id} | {fault.wrong} | not tested: {NOT_TESTED.get(fault.id, 'no reason is given')} | | |"
    for number, test in enumerate(tests):
        outcome = test.outcome.replace("|", "\\|")
        link = f"[`{test.name}`](../{test.path})"
        result = _result(results.get((test.path, test.name), Counter()))
        wrong = fault.wrong if number == 0 else ""
        yield f"| {fault.id} | {wrong} | {outcome} | {link} | {result} |"


def _result(counts: Counter[str]) -> str:
    """Tell how the cases of a test ended: `passed`, or `passed (3 cases)`, or what else there was."""
    if set(counts) == {"passed"}:
        cases = counts["passed"]
        return "passed" if cases == 1 else f"passed ({cases} cases)"
    return ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items())) or "not run"


if __name__ == "__main__":
    sys.exit(main())
