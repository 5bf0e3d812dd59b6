"""Words of a command line that cannot be meant are named with what may stand there."""

from argparse import ArgumentTypeError
from collections.abc import Callable
from pathlib import Path

import pytest

from dg_bot.app.argument_types import amount, count, new_file, objective, parameter, train_and_test, whole
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


@pytest.mark.parametrize(
    ("read", "good", "value", "bad", "problem"),
    [
        (parameter, "k=0.5", ("k", "0.5"), "k=", "'k=' is not key=value"),
        (count, "3", 3, "0", "'0' is not a whole number of at least 1"),
        (whole, "0", 0, "-1", "'-1' is not a whole number of at least 0"),
        (amount, "0.5", 0.5, "inf", "'inf' is not a number of at least 0"),
        (amount, "0", 0.0, "much", "'much' is not a number of at least 0"),
        (train_and_test, "365:90", (365, 90), "365", "'365' is not TRAIN:TEST in days"),
    ],
)
def test_a_number_that_cannot_be_meant_is_repeated_with_what_may_stand_there(
    read: Callable[[str], object], good: str, value: object, bad: str, problem: str
) -> None:
    assert value == read(good)
    with pytest.raises(ArgumentTypeError, match=problem):
        read(bad)
