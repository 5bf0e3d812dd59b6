"""Run a strategy file on made-up bars and check its form, its signals, and that it knows no later bar."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import dataclasses
from collections.abc import Sequence

from dg_bot.adapters.strategy_files import FileStrategy, load_strategy_file
from dg_bot.app.argument_types import parameter
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with
from dg_bot.app.strategy_choice import require_sound
from dg_bot.errors import BotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 the strategy is sound, 1 it is not, 2 usage."""
    parser = argparse.ArgumentParser(prog="check_strategy.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("file", type=Path, metavar="FILE", help="a strategy file, NAME.py")
    parser.add_argument("--param", type=parameter, action="append", default=[], metavar="K=V", help="a strategy parameter")
    options = parsed(parser, arguments)
    try:
        strategy = load_strategy_file(options.file.absolute(), dict(options.param))
        require_sound(strategy)
    except BotError as error:
        print(error)
        return ExitCode.FAILED
    print(_sound(strategy))
    return ExitCode.DONE


def _sound(strategy: FileStrategy) -> str:
    values = dataclasses.asdict(strategy.parameters)
    shown = ", ".join(f"{name} {value}" for name, value in values.items()) or "no parameters"
    return f"{strategy.name} is sound: {shown}; warm-up {strategy.warm_up} bars"


if __name__ == "__main__":
    end_with("check_strategy", main)
