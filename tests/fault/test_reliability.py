"""The page on reliability is about the faults and the tests that exist; its measured figures are not held here."""

import re
from collections import Counter

import pytest

from tests.fault.faults import FAULTS, GROUPS, NOT_TESTED
from tests.fault.figures import commands
from tests.fault.named_tests import ROOT, named_tests
from tests.fault.reliability import PAGE, _result

IDS = [fault.id for fault in FAULTS]
ROW = re.compile(r"^\| ([A-Z]\d\d) \| .*? \| (.*?) \| (?:\[`(\w+)`\]\(\.\./([\w/.]+)\))? ?\| .*\|$", re.MULTILINE)


def test_every_fault_has_one_row_in_the_list() -> None:
    assert sorted(set(IDS)) == sorted(IDS)
    assert set(GROUPS) == {fault.group for fault in FAULTS}


def test_every_fault_is_tested_or_says_why_not() -> None:
    tested = {test.fault for test in named_tests()}

    assert [] == sorted(set(IDS) - tested - set(NOT_TESTED)), "neither a test nor a reason"
    assert [] == sorted(tested & set(NOT_TESTED)), "a reason although there is a test"
    assert [] == sorted((tested | set(NOT_TESTED)) - set(IDS)), "an id that nobody knows"


def test_every_fault_test_says_what_the_program_does() -> None:
    assert [] == [f"{test.path}::{test.name}" for test in named_tests() if not test.outcome.endswith(".")]


def test_the_page_names_the_tests_that_exist() -> None:
    rows = ROW.findall(PAGE.read_text(encoding="utf-8"))

    told = {(fault, path, name, outcome) for fault, outcome, name, path in rows if name}
    exist = {(test.fault, test.path, test.name, test.outcome.replace("|", "\\|")) for test in named_tests()}
    assert exist == told, "run make reliability"
    assert {fault: f"not tested: {reason}" for fault, reason in NOT_TESTED.items()} == {
        fault: outcome for fault, outcome, name, _ in rows if not name
    }


@pytest.mark.parametrize("target", sorted(set(commands())))
def test_a_command_of_a_figure_is_a_target_of_the_makefile(target: str) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


@pytest.mark.parametrize(
    ("counts", "told"),
    [
        ({"passed": 1}, "passed"),
        ({"passed": 3}, "passed (3 cases)"),
        ({"passed": 1, "skipped": 2}, "1 passed, 2 skipped"),
        ({}, "not run"),
    ],
)
def test_results_are_told_in_words(counts: dict[str, int], told: str) -> None:
    assert told == _result(Counter(counts))
