"""Measure how often the screen passes random walks without drift, and ones with a planted edge, and show it."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from rich.progress import track

from dg_bot.app.argument_types import count, new_file
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with
from dg_bot.backtesting.walk_study import STRENGTHS, judged_walk, names_for, pass_rates, shortfalls, walks_json
from dg_bot.operator.study_text import between, walks_table
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 where the strict screen is as strict and as sharp as it has to be, 1 where it is not."""
    options = parsed(_parser(), arguments)
    console, rates = terminal(), {}
    with ProcessPoolExecutor(options.processes) as pool:
        for strength in (0.0, *STRENGTHS):
            walks = options.planted if strength else options.walks
            tried = [names_for(strength, seed, options.every) for seed in range(walks)]
            judged = pool.map(partial(judged_walk, strength), range(walks), tried, chunksize=5)
            rates[strength] = pass_rates(list(track(judged, f"drift {strength:g}", walks, console=console)))
    table = walks_table(rates)
    console.print(table, markup=False, soft_wrap=True)
    if options.json is not None:
        options.json.write_text(walks_json(rates), encoding="utf-8")
    if options.markdown is not None:
        document = options.markdown.read_text(encoding="utf-8")
        options.markdown.write_text(between(document, "walks", table), encoding="utf-8")
    missed = shortfalls(rates)
    for text in missed:
        print(text, file=sys.stderr)
    return ExitCode.FAILED if missed else ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="study_walks.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--walks", type=count, default=1000, help="walks without drift (default 1000)")
    parser.add_argument(
        "--every", type=count, default=200, help="of them the first on which all strategies are tried (default 200)"
    )
    parser.add_argument("--planted", type=count, default=200, help="walks of each planted edge (default 200)")
    parser.add_argument("--processes", type=count, default=2, help="how many work at a time (default 2)")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="where all figures are written")
    parser.add_argument("--markdown", type=new_file, metavar="FILE", help="the page whose table is made anew")
    return parser


if __name__ == "__main__":
    end_with("study_walks", main)
