"""Collect closed candles of a market into the archive; what is there already is not asked for again.

A collection that was interrupted goes on where it was when it is run again, and so does one that is to be brought up to date.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from rich.console import Console

from dg_bot.app import argument_types
from dg_bot.app.candle_collecting import Collection, collect_candles
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.errors import BotError
from dg_bot.operator.candle_text import print_collection
from dg_bot.operator.progress_bar import progress_bar
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 where the venue or the archive fails or on Ctrl-C, 2 for options or settings, 3 unsafe."""
    options = parsed(_parser(), arguments)
    try:
        settings = load_settings()
        configure_logs(level="WARNING", log_format=LogFormat.CONSOLE, redactor=Redactor(settings.secrets()))
        collection = _collect(options, settings)
    except BotError as error:
        return refusal("collect_candles", error)
    except KeyboardInterrupt:
        print("collect_candles: stopped; run it again, and it goes on where it was", file=sys.stderr)
        return ExitCode.FAILED
    print_collection(collection.path, collection.series, collection.fresh, terminal())
    return ExitCode.DONE


def _collect(options: argparse.Namespace, settings: Settings) -> Collection:
    with progress_bar(f"{options.market} {options.timeframe}", Console(stderr=True)) as show:
        return collect_candles(
            settings,
            options.market,
            options.timeframe,
            start=options.start,
            end=options.end,
            on_progress=lambda _market, done, of: show(done, of),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="collect_candles.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("--market", type=argument_types.market, required=True, help="for example KRW-BTC")
    parser.add_argument(
        "--timeframe", type=argument_types.timeframe, required=True, help="1m, 3m, 5m, 10m, 15m, 30m, 60m, 240m or 1d"
    )
    parser.add_argument(
        "--from", type=argument_types.day, dest="start", metavar="D", help="first day, YYYY-MM-DD in UTC (default: as stored)"
    )
    parser.add_argument(
        "--to", type=argument_types.day, dest="end", metavar="D", help="the day after the last one (default: up to now)"
    )
    return parser


if __name__ == "__main__":
    end_with("collect_candles", main)
