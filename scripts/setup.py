"""Ask for everything that a first run needs, check the keys, and write it to .env for its owner alone."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "src"))

from dg_bot.app.ctrl_c import quiet_while_loading

quiet_while_loading(__name__)

import argparse
import os
from collections.abc import Sequence

from dg_bot.app.command_line import parsed
from dg_bot.app.env_file import read_env_file
from dg_bot.app.env_writer import write_env
from dg_bot.app.exit_codes import ExitCode, end_with, refusal
from dg_bot.app.log_format import LogFormat
from dg_bot.app.logs import configure_logs
from dg_bot.app.person import AtTerminal, FromLines
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import CONTAINER_NAMES
from dg_bot.app.setup_dialogue import SetupDialogue
from dg_bot.errors import BotError
from dg_bot.operator.terminal import terminal


def main(arguments: Sequence[str] | None = None) -> int:
    """Give the exit code: 0 written, 1 nothing was written, 2 usage, or answers that ended early, 3 refused."""
    try:
        path: Path = _options(arguments).env_file
        # What a library says of a request must not bring a token to the screen.
        configure_logs(level="ERROR", log_format=LogFormat.CONSOLE, redactor=Redactor(()))
        person = AtTerminal(terminal()) if sys.stdin.isatty() else FromLines(sys.stdin, terminal())
        dialogue = SetupDialogue(person, present=read_env_file(path), environment=os.environ)
        values = dialogue.run()
        if not dialogue.may_write(path):
            dialogue.say("nothing")
            return ExitCode.FAILED
        write_env(path, values)
        try:
            load_settings(environment={}, env_file=path)
        except BotError as error:
            dialogue.say("refused", reason=str(error))
    except BotError as error:
        return refusal("setup", error)
    in_containers = not values.keys().isdisjoint(CONTAINER_NAMES)
    dialogue.say("written", command="docker compose up -d --build" if in_containers else "python main.py")
    return ExitCode.DONE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Ask for what a first run needs and write .env; answers may also come on standard input, one a line.",
        allow_abbrev=False,
    )
    parser.add_argument("--env-file", type=Path, default=Path(".env"), metavar="F", help="the file to write (default: .env)")
    return parsed(parser, arguments)


if __name__ == "__main__":
    end_with("setup", main)
