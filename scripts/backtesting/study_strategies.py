"""Study every strategy on recorded hours of real markets, and show what was found."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from rich.console import Console
from rich.progress import track

from dg_bot.adapters.candle_csv import read_candles
from dg_bot.app.argument_types import count, new_file
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.output_file import write_output
from dg_bot.backtesting.strategy_study import TIMEFRAMES, StudyRow, studied, study_json
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import BotError
from dg_bot.operator.study_text import between, study_table
from dg_bot.operator.terminal import terminal
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy

_Task = tuple[Timeframe, str]


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 for candles that cannot be used."""
    options = parsed(_parser(), arguments)
    console = terminal()
    try:
        rows = [row for path in options.files for row in _of_file(path, options.processes, console)]
        table = study_table(rows)
        console.print(table, markup=False, soft_wrap=True)
        if options.json is not None:
            write_output(options.json, study_json(rows, TradeRules()))
        if options.markdown is not None:
            write_output(options.markdown, between(options.markdown.read_text(encoding="utf-8"), "study", table))
    except BotError as error:
        return refusal("study_strategies", error)
    return ExitCode.DONE


def _of_file(path: Path, processes: int, console: Console) -> list[StudyRow]:
    """Study all strategies on one file of hours, `MARKET_60m_….csv.gz`, in the order of bar lengths and of the catalog."""
    candles = read_candles(path, Market(path.name.partition("_")[0]), HOUR)
    tasks = [(timeframe, name) for timeframe in TIMEFRAMES for name in STRATEGY_NAMES]
    with ProcessPoolExecutor(processes) as pool:
        return list(track(pool.map(_studied, repeat(candles), tasks), str(candles.market), len(tasks), console=console))


def _studied(candles: CandleSeries, task: _Task) -> StudyRow:
    timeframe, name = task
    return studied(candles, timeframe, make_strategy(name), TradeRules())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="study_strategies.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="hours of one market, named MARKET_60m_*.csv[.gz]")
    parser.add_argument("--processes", type=count, default=2, help="how many work at a time (default 2)")
    parser.add_argument("--json", type=new_file, metavar="FILE", help="where all figures are written")
    parser.add_argument("--markdown", type=new_file, metavar="FILE", help="the page whose table is made anew")
    return parser


if __name__ == "__main__":
    end_with("study_strategies", main)
