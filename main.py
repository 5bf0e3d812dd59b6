"""Run one cycle now on every market, print what it did, and leave."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Callable, Sequence

from dg_bot.app.bootstrap import running_bot
from dg_bot.app.bot import Bot
from dg_bot.app.command_line import parsed
from dg_bot.app.exit_codes import end_with, refusal
from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs
from dg_bot.app.one_cycle import run_markets, start_up
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.market import Market
from dg_bot.errors import BotError
from dg_bot.operator.cycle_json import cycle_json
from dg_bot.operator.cycle_text import print_cycle
from dg_bot.operator.desk_text import print_guard, print_unwatched
from dg_bot.operator.terminal import terminal

_LONG_COLLECTION = 400
_WHAT_TO_DO = "\nWhat to do about it: python scripts/doctor.py --mode {mode}, and docs/troubleshooting.md"


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 done, 1 a cycle failed, 2 usage or configuration, 3 refused to start."""
    try:
        options = _options(arguments)
        settings = load_settings(overrides=_overrides(options))
        configure_logs(
            level=settings.log_level if options.json else "WARNING",
            log_format=settings.log_format if options.json else LogFormat.CONSOLE,
            redactor=Redactor(settings.secrets()),
        )
        with running_bot(settings, _progress) as bot:
            return _run(bot, settings, as_json=options.json)
    except BotError as error:
        return refusal("dg_bot", error)


def _run(bot: Bot, settings: Settings, *, as_json: bool) -> int:
    console = terminal()
    show: Callable[[CycleReport], None] = (
        (lambda report: print(cycle_json(report), flush=True)) if as_json else (lambda report: print_cycle(report, console))
    )
    guarded = start_up(bot)
    if not as_json:
        print_guard(guarded, console)
    bot.check_venue()
    bot.learn_trials()
    code = run_markets(bot, settings.markets, show)
    for outbox in bot.outboxes:
        outbox.flush()
    if not as_json:
        print_unwatched(bot.books.state, settings.mode, console)
        if code:
            console.print(_WHAT_TO_DO.format(mode=settings.mode), markup=False, soft_wrap=True)
    return code


def _progress(market: Market, done: int, of: int) -> None:
    """Tell a person at a terminal how far a longer collection of candles is."""
    if of > _LONG_COLLECTION and sys.stderr.isatty():
        print(f"\rcollecting {market}: {done:,} of {of:,} hours", end="\n" if done >= of else "", file=sys.stderr, flush=True)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Run one trading cycle now on every market.", allow_abbrev=False)
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="which account to trade (default: MODE, or demo)")
    parser.add_argument("--market", action="append", metavar="KRW-BTC", help="a market; may be given again (default: MARKETS)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output, logs on standard error")
    return parsed(parser, arguments)


def _overrides(options: argparse.Namespace) -> dict[str, str]:
    chosen = {"MODE": options.mode, "MARKETS": ",".join(options.market) if options.market else None}
    return {name: value for name, value in chosen.items() if value is not None}


if __name__ == "__main__":
    end_with("dg_bot", main)
