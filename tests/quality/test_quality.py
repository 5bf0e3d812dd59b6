"""The judges of coverage and mutation judge as they say."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.quality import coverage, survivors
from tests.quality.mutation import _counted, _score


def report(path: Path, **covered: tuple[int, int]) -> Path:
    """Write a report in which these packages have so many branches covered, of so many."""
    files = {
        f"src/dg_bot/{package}/module.py": {
            "summary": {"covered_branches": some, "num_branches": of},
            "missing_branches": [[7, 9]] * (of - some),
        }
        for package, (some, of) in covered.items()
    }
    path.write_text(json.dumps({"files": files}))
    return path


def full(**covered: tuple[int, int]) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(("domain", "risk", "execution", "pipeline"), (100, 100)) | covered


@pytest.mark.parametrize(
    ("covered", "code"),
    [
        (full(), 0),
        (full(risk=(98, 100)), 0),
        (full(risk=(97, 100)), 1),
        (full(adapters=(60, 100)), 0),
        (full(adapters=(50, 100)), 1),
    ],
)
def test_a_package_below_its_limit_fails(
    covered: dict[str, tuple[int, int]],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(coverage, "RESULTS", tmp_path / "results" / "coverage.json")

    assert code == coverage.main(report(tmp_path / "report.json", **covered))

    written = json.loads((tmp_path / "results" / "coverage.json").read_text())
    risk = round(100 * covered["risk"][0] / covered["risk"][1], 2)
    assert risk == written["risk"]
    assert ("risk/module.py:7 never goes to 9" in capsys.readouterr().out) is (risk < 100)


def test_mutants_that_do_not_type_check_do_not_count() -> None:
    counts = Counter({"killed": 84, "timeout": 1, "survived": 10, "no tests": 5, "caught by type check": 900})

    assert 85.0 == _score(counts)


def test_nothing_to_judge_has_no_score() -> None:
    assert _score(Counter({"caught by type check": 3, "not checked": 2})) is None


def test_a_run_that_was_stopped_tells_how_much_it_has_judged() -> None:
    counts = Counter({"killed": 5, "survived": 1, "caught by type check": 2, "not checked": 3, "skipped": 1})
    counts["check was interrupted by user"] = 1

    told = _counted(counts)

    assert {"mutants": 13, "judged": 8, "not_judged": 5} == {name: told[name] for name in ("mutants", "judged", "not_judged")}


def test_a_reason_holds_for_the_mutants_that_it_names_only(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = (
        survivors.Rule(reason="words", name=r"\.books\.", change=r"alarm\("),
        survivors.Rule(reason="any", name="x", change="y"),
    )
    monkeypatch.setattr(survivors, "RULES", rules)

    assert "words" == survivors.reason_of("pipeline.books.x_alarm_1", 'alarm("a")', 'alarm("b")')
    assert survivors.reason_of("risk.manager.z_1", "a", "b") is None
