"""Backtest a rule strategy over recorded candles, with the costs and the risk settings of the bot."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence
from functools import partial

from rich.console import Console

from dg_bot.app import argument_types
from dg_bot.app.backtest_options import add_backtest_options
from dg_bot.app.backtest_run import backtested, command_of
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.fill_options import add_fill_options
from dg_bot.app.output_file import write_output
from dg_bot.app.setting_sources import load_settings
from dg_bot.backtesting.report import Report
from dg_bot.errors import BotError
from dg_bot.operator.backtest_output import HTML, OUTPUTS, TEXT, backtest_output
from dg_bot.operator.backtest_text import print_backtest
from dg_bot.operator.progress_bar import progress_bar
from dg_bot.operator.terminal import terminal

# Options that one of the engines alone understands.
_ENGINES = {"cycles": "pipeline", "news": "pipeline", "model": "pipeline", "inside": "kernel"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 for candles or a file that cannot be used, 2 for options or settings."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    options = parsed(parser, given)
    if options.output == HTML and options.file is None:
        parser.error("argument --file: is needed with --output html")
    for name, engine in _ENGINES.items():
        if getattr(options, name) and options.engine != engine:
            parser.error(f"argument --{name}: goes with --engine {engine}")
    try:
        settings = load_settings()
        report = backtested(
            options, settings, command=command_of(given, settings), progress=partial(progress_bar, console=Console(stderr=True))
        )
        if options.file is None:
            _print(report, options.output)
        else:
            write_output(options.file, backtest_output(report, options.output))
            print(f"{options.file}: {len(report.backtest.round_trips)} round trips")
    except BotError as error:
        return refusal("run_backtest", error)
    return ExitCode.DONE


def _print(report: Report, output: str) -> None:
    if output == TEXT:
        print_backtest(report, terminal(at_least=80))
    else:
        sys.stdout.write(backtest_output(report, output))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run_backtest.py", description=__doc__, allow_abbrev=False)
    add_backtest_options(parser)
    add_fill_options(parser)
    parser.add_argument(
        "--inside", action="store_true", help="let the candles that a bar is made of tell whether its stop or target came first"
    )
    parser.add_argument(
        "--engine", choices=("kernel", "pipeline"), default="kernel", help="the compiled loop, or the bot's own stages"
    )
    parser.add_argument(
        "--screen", choices=("off", "daily"), default="off", help="let the bot's screen, made once a day, block entries"
    )
    parser.add_argument(
        "--cycles",
        type=argument_types.new_file,
        metavar="F",
        help="where the pipeline's cycles are written, a JSON object a line",
    )
    parser.add_argument(
        "--news", action="store_true", help="let the news of the bot's own journal object, at each hour as they were known then"
    )
    parser.add_argument(
        "--model", type=Path, metavar="FILE.onnx", help="let a trained model decide, on hours that it was not trained on"
    )
    parser.add_argument(
        "--trials", type=argument_types.count, default=0, metavar="N", help="parameter sets that were tried before this one"
    )
    parser.add_argument(
        "--walks", type=argument_types.count, default=0, metavar="N", help="markets without drift to try the screen on"
    )
    parser.add_argument("--output", choices=OUTPUTS, default=TEXT)
    parser.add_argument(
        "--file", type=argument_types.new_file, metavar="F", help="where the report is written (default: standard output)"
    )
    return parser


if __name__ == "__main__":
    end_with("run_backtest", main)
