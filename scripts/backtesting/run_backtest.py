"""Backtest a rule strategy over recorded candles, with the costs and the risk settings of the bot."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot import __version__
from dg_bot.app.backtest_options import add_backtest_options, candles_of, source_of
from dg_bot.app.exit_codes import ExitCode, refusal
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.backtesting.backtest import Backtest, run_backtest
from dg_bot.backtesting.report import Provenance, csv_report, json_report
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.errors import BotError, DataError
from dg_bot.operator.backtest_page import page
from dg_bot.operator.backtest_text import print_backtest
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 for candles or a file that cannot be used, 2 for options or settings."""
    parser = _parser()
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given)
    if options.output == "html" and options.file is None:
        parser.error("argument --file: is needed with --output html")
    try:
        settings = load_settings()
        strategy = chosen_strategy(settings, options.strategy, dict(options.param))
        rules = TradeRules.of(settings.risk_limits())
        backtest = run_backtest(candles_of(options, settings), options.timeframe, strategy, rules)
        provenance = Provenance(source=source_of(options, settings), version=__version__, command=_command(given, settings))
        if options.file is None:
            _print(backtest, provenance, options.output)
        else:
            _write(options.file, _report(backtest, provenance, options.output))
            print(f"{options.file}: {len(backtest.round_trips)} round trips")
    except BotError as error:
        return refusal("run_backtest", error)
    return ExitCode.DONE


def _print(backtest: Backtest, provenance: Provenance, output: str) -> None:
    if output == "text":
        print_backtest(backtest, provenance, terminal())
    else:
        sys.stdout.write(_report(backtest, provenance, output))


def _report(backtest: Backtest, provenance: Provenance, output: str) -> str:
    match output:
        case "csv":
            return csv_report(backtest)
        case "json":
            return json_report(backtest, provenance)
        case "html":
            return page(backtest, provenance)
        case _:
            text = StringIO()
            print_backtest(backtest, provenance, Console(file=text, width=80, highlight=False))
            return text.getvalue()


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise DataError(str(file), f"cannot be written ({error.strerror})") from error


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run_backtest.py", description=__doc__, allow_abbrev=False)
    add_backtest_options(parser)
    parser.add_argument("--output", choices=("text", "csv", "json", "html"), default="text")
    parser.add_argument("--file", type=Path, metavar="F", help="where the report is written (default: standard output)")
    return parser


def _command(arguments: Sequence[str], settings: Settings) -> str:
    """Write the command that makes the same report, with the limits in which the bot is set up differently."""
    limits = {name: text for name, text in settings.public().items() if name.startswith("RISK_")}
    usual = Settings().public()
    changed = [f"{name}={shlex.quote(text)}" for name, text in limits.items() if text != usual[name]]
    return " ".join([*changed, "python", "scripts/backtesting/run_backtest.py", shlex.join(arguments)])


if __name__ == "__main__":
    sys.exit(main())
