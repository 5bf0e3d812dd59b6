"""Arguments of a command: what there is not is named with the nearest there is, and in one way in every command."""

import argparse
import ast
from pathlib import Path

import pytest

from dg_bot.app.command_line import parsed
from tests.architecture.source import ROOT, dotted, entry_points
from tests.architecture.source import parsed as tree

COMMANDS = [path for path in entry_points() if "benchmarks" not in path.parts]


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="command", allow_abbrev=False)
    made.add_argument("--market", required=True)
    made.add_argument("--without-candles", action="store_true")
    return made


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--markt", "KRW-BTC"], "--markt is no option; did you mean --market?"),
        (["--market", "KRW-BTC", "--without-candels"], "--without-candels is no option; did you mean --without-candles?"),
        (["--market", "KRW-BTC", "--frobnicate=hunter2"], "--frobnicate is no option; --help tells which there are"),
        (["--market", "KRW-BTC", "hunter2"], "what stands there is no option; --help tells which there are"),
        (["--market", "KRW-BTC", "--", "--hunter2"], "what stands there is no option; --help tells which there are"),
    ],
)
def test_an_option_that_there_is_not_is_named_before_one_that_is_missing(
    capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        parsed(parser(), arguments)

    told = capsys.readouterr().err
    assert (2, f"command: error: {said}", False) == (ended.value.code, told.splitlines()[-1], "hunter2" in told)


@pytest.mark.parametrize("argument", ["--market=KRW-BTC", "--market=--KRW"])
def test_what_is_known_is_read(argument: str) -> None:
    assert argument.partition("=")[2] == parsed(parser(), [argument]).market


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: path.name)
def test_every_command_reads_its_arguments_and_ends_in_the_same_way(path: Path) -> None:
    """Also in its first second: before anything is loaded that takes a while, Ctrl-C has become quiet."""
    calls = [dotted(node.func) for node in ast.walk(tree(path)) if isinstance(node, ast.Call)]
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith(("from ", "import ", "quiet_"))]

    assert (1, 1, []) == (calls.count("parsed"), calls.count("end_with"), [call for call in calls if call.endswith("parse_args")])
    assert [
        "import sys",
        "from pathlib import Path",
        "from dg_bot.app.ctrl_c import quiet_while_loading",
        "quiet_while_loading(__name__)",
    ] == lines[:4]


def test_the_commands_are_all_looked_at() -> None:
    assert {ROOT / "main.py", ROOT / "scripts" / "doctor.py", ROOT / "scripts" / "backtesting" / "sweep.py"} <= set(COMMANDS)
