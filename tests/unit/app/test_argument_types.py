"""Words of a command line that cannot be meant are named with what may stand there."""

from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from dg_bot.app.argument_types import new_file, objective
from dg_bot.domain.trials import Objective


def test_a_file_to_be_written_needs_a_folder_that_is_there(tmp_path: Path) -> None:
    assert tmp_path / "report.html" == new_file(str(tmp_path / "report.html"))
    assert Path("report.html") == new_file("report.html")
    with pytest.raises(ArgumentTypeError, match=r"there is no folder .*missing; make it first"):
        new_file(str(tmp_path / "missing" / "report.html"))
    with pytest.raises(ArgumentTypeError, match=r"is a folder; name a file in it"):
        new_file(str(tmp_path))
    with pytest.raises(ArgumentTypeError, match=r"is empty; name a file"):
        new_file("")


def test_what_a_set_may_be_best_in_is_named() -> None:
    assert Objective.CALMAR == objective("calmar")
    with pytest.raises(ArgumentTypeError, match="'sharp' is none of sharpe, return, calmar"):
        objective("sharp")
