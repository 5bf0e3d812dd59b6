"""Draw the bot's desk as one page of HTML: what Grafana would show of its database, without Grafana."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
from collections.abc import Sequence

from dg_bot.adapters.clock import SystemClock
from dg_bot.app import argument_types
from dg_bot.app.command_line import parsed, settings_under
from dg_bot.app.desk import own_desk
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.output_file import write_output
from dg_bot.errors import BotError


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0, 1 where the database is away or the file cannot be written, 2 for usage, 3 before a first run."""
    try:
        options = _options(arguments)
        settings = settings_under(options)
        write_output(options.file, own_desk(settings, days=options.days, now=SystemClock().now()))
    except BotError as error:
        return refusal("desk", error)
    print(f"written: {options.file.absolute()}")
    return ExitCode.DONE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Draw the bot's desk as one page of HTML.", allow_abbrev=False)
    parser.add_argument("--mode", choices=("demo", "paper", "live"), help="whose database to read (default: MODE, or demo)")
    parser.add_argument("--days", type=argument_types.count, default=30, help="how many days to show (default: 30)")
    parser.add_argument(
        "--file", type=argument_types.new_file, default=Path("desk.html"), help="where to write the page (default: desk.html)"
    )
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("desk", main)
