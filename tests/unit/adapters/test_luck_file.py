from datetime import UTC, datetime
from pathlib import Path

import pytest

from dg_bot.adapters.luck_file import LuckFile
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses

BTC = Market("KRW-BTC")
PASSES = DriftlessPasses(identity="ab12", measured_on=datetime(2026, 11, 20, tzinfo=UTC), seed=7, walks=100, passes=3)


def test_what_was_kept_is_known_after_a_restart(tmp_path: Path) -> None:
    LuckFile(tmp_path / "luck.json").save({BTC: PASSES})

    assert {BTC: PASSES} == LuckFile(tmp_path / "luck.json").load()


def test_nothing_is_known_before_the_first_time(tmp_path: Path) -> None:
    assert {} == LuckFile(tmp_path / "luck.json").load()


@pytest.mark.parametrize(("old", "new"), [("100", "101"), ('"walks"', '"walk"'), ("{", "")])
def test_what_was_changed_by_hand_is_not_believed(tmp_path: Path, old: str, new: str) -> None:
    path = tmp_path / "luck.json"
    LuckFile(path).save({BTC: PASSES})
    path.write_text(path.read_text().replace(old, new, 1))

    assert {} == LuckFile(path).load()
