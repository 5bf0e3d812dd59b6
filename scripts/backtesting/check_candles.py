"""Check candle files before anything is concluded from them: rows that cannot be right, gaps, outliers, an unfinished end."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import json
from collections.abc import Sequence
from datetime import UTC, datetime

from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import ExitCode, end_with
from dg_bot.backtesting.candle_checks import CandleFileReport, check_or_explain
from dg_bot.errors import DataError
from dg_bot.operator.candle_text import candle_json, print_candle_files
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 every file is sound, 1 some file is not, 2 usage."""
    parser = argparse.ArgumentParser(prog="check_candles.py", description=__doc__, allow_abbrev=False)
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help=".csv or .csv.gz")
    parser.add_argument("--json", action="store_true", help="one JSON object a file on standard output")
    options = parsed(parser, arguments)
    now = datetime.now(UTC)
    found = [(path, check_or_explain(path, now)) for path in options.files]
    reports = [report for _, report in found if isinstance(report, CandleFileReport)]
    if options.json:
        for path, report in found:
            content = (
                {"file": str(path), "ok": False, "error": str(report)} if isinstance(report, DataError) else candle_json(report)
            )
            print(json.dumps(content, ensure_ascii=False))
    else:
        print_candle_files(found, terminal())
    return ExitCode.DONE if len(reports) == len(found) and all(report.is_sound for report in reports) else ExitCode.FAILED


if __name__ == "__main__":
    end_with("check_candles", main)
