"""The console of commands, on terminals of all widths."""

import io
import sys

import pytest

from dg_bot.operator.terminal import terminal


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("columns", "any_width", "for_figures"), [("60", 60, 80), ("80", 80, 80), ("120", 120, 120)])
def test_a_report_whose_figures_must_be_whole_has_its_width_on_a_narrow_terminal_too(
    columns: str, any_width: int, for_figures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", Screen())
    monkeypatch.setenv("COLUMNS", columns)

    assert (any_width, for_figures) == (terminal().width, terminal(at_least=80).width)
