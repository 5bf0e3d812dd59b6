"""Begin a strategy of your own: write a file that works, to be changed, into STRATEGY_DIR."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.strategy_choice import begin_strategy
from dg_bot.errors import BotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 the file is there, 2 for a name or settings that cannot be used."""
    parser = argparse.ArgumentParser(prog="new_strategy.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("name", metavar="NAME", help="for example my_idea; the file is STRATEGY_DIR/my_idea.py")
    options = parsed(parser, arguments)
    try:
        path = begin_strategy(load_settings(), options.name)
    except BotError as error:
        return refusal("new_strategy", error)
    print(f"{path}: change it, then python scripts/backtesting/check_strategy.py {path}")
    return ExitCode.DONE


if __name__ == "__main__":
    end_with("new_strategy", main)
