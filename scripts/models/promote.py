"""Show what speaks for a challenger, and say what to set to let it decide; without enough evidence it is refused."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from dg_bot.app.argument_types import day
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.promotion import promotion_of
from dg_bot.errors import BotError
from dg_bot.operator.promotion_text import evidence_text


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 where it may be promoted or the operator overrides, 1 where not, 2 for usage, 3 for the journal."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        promotion = promotion_of(settings, options.model, since=options.since)
    except BotError as error:
        return refusal("promote", error)
    is_granted = promotion.evidence.is_enough or options.override
    wanted = dict(promotion.settings) if is_granted else {}
    if options.json:
        told = {**asdict(promotion.evidence), "is_enough": promotion.evidence.is_enough, "is_granted": is_granted, "set": wanted}
        print(json.dumps(told))
    else:
        print(evidence_text(promotion.evidence, promotion.since))
        print(_advice(wanted, is_enough=promotion.evidence.is_enough))
    return ExitCode.DONE if is_granted else ExitCode.FAILED


def _advice(wanted: dict[str, str], *, is_enough: bool) -> str:
    if not wanted:
        return "refused: let it be scored for longer, or say --override to promote it without evidence"
    why = "" if is_enough else "against the evidence, by your own word: "
    return "\n".join([f"{why}set in .env, and start the bot anew:", *(f"  {name}={value}" for name, value in wanted.items())])


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Show what speaks for a challenger.", allow_abbrev=False)
    parser.add_argument("model", help="the challenger")
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose journal to read (default: MODE, or demo)")
    parser.add_argument("--since", type=day, metavar="DAY", help="leave out what came before that day (2026-08-01, UTC)")
    parser.add_argument("--override", action="store_true", help="promote it all the same")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("promote", main)
