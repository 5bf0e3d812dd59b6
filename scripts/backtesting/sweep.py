"""Try many parameter sets of a strategy over recorded candles, and say how far the best of them can be believed.

What was tried is kept in the database: a sweep that was interrupted goes on where it was, and nothing is judged twice.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.app import argument_types
from dg_bot.app.backtest_options import add_backtest_options
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.output_file import write_output
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.sweeping import swept
from dg_bot.backtesting.parameter_grid import Axis, ParameterGrid
from dg_bot.domain.trials import Objective
from dg_bot.errors import BotError
from dg_bot.operator.progress_bar import progress_bar
from dg_bot.operator.sweep_page import sweep_page
from dg_bot.operator.sweep_text import print_sweep
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 for candles or a database that cannot be used and for Ctrl-C, 2 for options or settings."""
    parser = _parser()
    options = parsed(parser, arguments)
    if (options.output == "html") != (options.file is not None):
        parser.error("give both --output html and --file, or neither")
    try:
        grid = ParameterGrid(tuple(Axis.parse(text) for text in options.grid))
        with progress_bar("sets", terminal()) as on_progress:
            result = swept(options, load_settings(), grid, on_progress)
        if options.file is not None:
            write_output(options.file, sweep_page(result))
    except BotError as error:
        return refusal("sweep", error)
    except KeyboardInterrupt:
        print("sweep: interrupted; what was tried is kept, and the same command goes on from there", file=sys.stderr)
        return ExitCode.FAILED
    print_sweep(result, terminal(at_least=80))
    if options.file is not None:
        print(f"written: {options.file.absolute()}")
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="sweep.py", description=__doc__, allow_abbrev=False)
    add_backtest_options(parser)
    parser.add_argument(
        "--grid", action="append", required=True, metavar="K=V", help="name=low:high, name=low:high:step or name=a,b,c"
    )
    search = parser.add_mutually_exclusive_group()
    search.add_argument("--random", type=argument_types.count, metavar="N", help="try N sets of the grid, drawn at random")
    search.add_argument("--optuna", type=argument_types.count, metavar="N", help="let Optuna ask for N sets of the grid")
    parser.add_argument("--seed", type=argument_types.whole, default=0, metavar="S", help="of what is drawn (default 0)")
    parser.add_argument("--objective", type=argument_types.objective, choices=tuple(Objective), default=Objective.SHARPE)
    parser.add_argument(
        "--min-trips", type=argument_types.count, default=10, metavar="N", help="round trips that the best set made at least"
    )
    parser.add_argument(
        "--walk-forward", type=argument_types.train_and_test, metavar="TRAIN:TEST", help="days of each window, such as 365:90"
    )
    parser.add_argument(
        "--embargo",
        type=argument_types.whole,
        metavar="N",
        help="bars between training and test, beside the purge (default: a day)",
    )
    parser.add_argument("--output", choices=("text", "html"), default="text")
    parser.add_argument(
        "--file", type=argument_types.new_file, metavar="F", help="where the page is written, beside the report on the terminal"
    )
    return parser


if __name__ == "__main__":
    end_with("sweep", main)
