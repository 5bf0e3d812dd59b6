"""Compute recorded cycles again from their capsules, offline, and name the first stage and field that come out differently."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.replay import Replayer
from dg_bot.app.replay_report import Tally, line, line_json
from dg_bot.errors import BotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 all came out the same, 1 something did not, 2 usage, 3 the journal cannot be read."""
    tally = Tally()
    try:
        options = _options(arguments)
        settings = settings_under(options)
        for one in Replayer(settings, dict(options.set or ())).replay(options.cycle_id):
            tally.add(one)
            print(line_json(one) if options.json else line(one))
    except BotError as error:
        return refusal("replay", error)
    if options.all:
        print(tally.text_json() if options.json else tally.text())
    return ExitCode.DONE if tally.is_all_the_same else ExitCode.FAILED


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Compute recorded cycles again, offline, and compare gates and orders.", allow_abbrev=False
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("cycle_id", nargs="?", metavar="CYCLE_ID", help="as in KRW-BTC/2026-11-20T13")
    which.add_argument("--all", action="store_true", help="every cycle of the journal, and a summary")
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose folder to look at (default: MODE, or demo)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument(
        "--set",
        action="append",
        type=_setting,
        metavar="NAME=VALUE",
        help="try another setting: which decisions would it change?",
    )
    return parsed(parser, arguments)


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not value:
        raise argparse.ArgumentTypeError("it looks like RISK_MAX_POSITION_FRACTION=0.05")
    return name.upper(), value


if __name__ == "__main__":
    end_with("replay", main)
