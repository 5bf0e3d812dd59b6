"""Write closed trades as CSV for an accountant: times, amounts, fees and the realised profit of each sale."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence
from datetime import timedelta

from dg_bot.adapters.atomic_file import write_atomically
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.app.argument_types import seoul_day
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.state_folder import existing_journal
from dg_bot.domain.money import ZERO, plain
from dg_bot.errors import BotError, ConfigurationError
from dg_bot.operator.closed_trades import ClosedTrade, closed_trades
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.trades_csv import trades_csv


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 written, 2 usage, 3 where the journal cannot be read."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        language = settings.bot_language if options.language is None else Language(options.language)
        if options.file is not None and options.file.exists() and not options.overwrite:
            raise ConfigurationError("--file", f"{options.file} is there already", "name another file, or add --overwrite")
        end = None if options.last is None else options.last + timedelta(days=1)
        trades = list(closed_trades(read_journal(existing_journal(settings)), options.first, end))
        _write(trades_csv(trades, language), options.file)
    except BotError as error:
        return refusal("export_trades", error)
    print(_summary(trades), file=sys.stderr)
    return ExitCode.DONE


def _write(text: str, file: Path | None) -> None:
    if file is None:
        # The headings are Korean, and what reads them takes UTF-8, whatever this terminal's own coding is.
        sys.stdout.buffer.write(text.encode())
        return
    try:
        write_atomically(file, text.encode())
    except OSError as error:
        raise ConfigurationError("--file", f"{file} cannot be written ({error.strerror})", "name another place") from error


def _summary(trades: Sequence[ClosedTrade]) -> str:
    fees = sum((trade.fee_krw for trade in trades), ZERO)
    profit = sum((trade.profit_krw or ZERO for trade in trades), ZERO)
    return f"{len(trades)} trades, fees {plain(fees)} KRW, realised {plain(profit)} KRW"


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Write closed trades as CSV, from the journal.", allow_abbrev=False)
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose journal to read (default: MODE, or demo)")
    parser.add_argument("--from", dest="first", type=seoul_day, metavar="D", help="first day, YYYY-MM-DD in Seoul")
    parser.add_argument("--to", dest="last", type=seoul_day, metavar="D", help="last day, itself included")
    parser.add_argument("--language", choices=tuple(Language), help="of the headings (default: BOT_LANGUAGE)")
    parser.add_argument("--file", type=Path, metavar="F", help="where it is written, readable by you alone (default: shown)")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that is there already")
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("export_trades", main)
