"""Take candles from a CSV file of another program into the archive; those that are there already stay as they are."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime

from dg_bot.app import argument_types
from dg_bot.app.candle_importing import import_candles
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.setting_sources import load_settings
from dg_bot.domain.calendar import KST
from dg_bot.errors import BotError
from dg_bot.operator.candle_text import print_collection
from dg_bot.operator.terminal import terminal

_ZONES = {"UTC": UTC, "Asia/Seoul": KST}


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 for a file that cannot be used, 2 for options or settings, 3 unsafe."""
    options = parsed(_parser(), arguments)
    zone = _ZONES.get(options.timezone)
    try:
        imported = import_candles(
            load_settings(), options.file, options.market, options.timeframe, zone=zone, now=datetime.now(UTC)
        )
    except BotError as error:
        return refusal("import_candles", error)
    print_collection(imported.path, imported.series, imported.fresh, terminal())
    return ExitCode.DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="import_candles.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("file", type=Path, metavar="FILE", help=".csv or .csv.gz with a header")
    parser.add_argument("--market", type=argument_types.market, required=True, help="for example KRW-BTC")
    parser.add_argument("--timeframe", type=argument_types.timeframe, required=True, help="the length of the candles: 60m, 1d, …")
    parser.add_argument("--timezone", choices=_ZONES, help="of times that do not tell theirs")
    return parser


if __name__ == "__main__":
    end_with("import_candles", main)
