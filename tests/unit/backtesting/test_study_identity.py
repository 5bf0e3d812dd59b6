from pathlib import Path

import pytest

import dg_bot
from dg_bot.backtesting.study_identity import program_sha256

SOURCES = ("domain/market.py", "pipeline/data_limits.py", "backtesting/kernel.py", "operator/messages_en.py")


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in SOURCES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("STEP = 1\n")
    monkeypatch.setattr(dg_bot, "__file__", str(tmp_path / "__init__.py"))
    return tmp_path


@pytest.mark.parametrize(
    ("changed", "is_other"), [("domain/market.py", True), ("pipeline/data_limits.py", True), ("operator/messages_en.py", False)]
)
def test_what_judges_a_set_makes_another_program_and_what_only_shows_it_does_not(
    package: Path, changed: str, is_other: bool
) -> None:
    before = program_sha256(None)

    (package / changed).write_text("STEP = 5\n")

    assert is_other == (before != program_sha256(None))
