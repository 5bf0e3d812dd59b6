"""Score what each model wanted against what the market did in the 24 hours after it, after costs."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict

from dg_bot.analysis.scoring import calibration, scorecards
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.scoring import opinions_of, store_calibration
from dg_bot.errors import BotError
from dg_bot.operator.scorecard_text import scorecard_text

_ENOUGH_CLAIMS = 30


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, or 2 for usage and 3 where the journal cannot be read."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        cards = scorecards(opinions_of(settings))
        if options.calibrate:
            store_calibration(settings.state_folder, calibration(cards, at_least=_ENOUGH_CLAIMS))
    except BotError as error:
        return refusal("scorecard", error)
    print("\n".join(json.dumps(asdict(card)) for card in cards) if options.json else scorecard_text(cards))
    return ExitCode.DONE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Score what each model wanted against what the market did.", allow_abbrev=False)
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose journal to read (default: MODE, or demo)")
    parser.add_argument("--json", action="store_true", help="one JSON object a model")
    parser.add_argument(
        "--calibrate",
        action="store_true",
        help=f"let an ensemble weigh its members by these scores from its next start on ({_ENOUGH_CLAIMS} claims at least)",
    )
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("scorecard", main)
