"""Read a command's arguments without ever repeating one that may be a secret, and the settings that they choose."""

import argparse
import re
import sys
from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from dg_bot.app.logs import configure_logs
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings, secret_names
from dg_bot.errors import UnsafeSetup

_OPTION = re.compile(r"--[a-z][a-z-]*")


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse `arguments`, those of the process where None; ends the process with code 2 for what the parser does not know.

    An option that there is not is named before anything that is missing, with the nearest there is.

    Raises UnsafeSetup for a secret among them: every user of the machine can read them.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    names = {argument.partition("=")[0].lstrip("-").upper().replace("-", "_") for argument in given}
    if secrets := secret_names() & names:
        problem = "stands on the command line, where every user of this machine can read it"
        raise UnsafeSetup(min(secrets), problem, "make a new one, and put it into .env with chmod 600")
    known = {"--help", *_OPTION.findall(parser.format_usage())}
    for name in _named(given):
        if name not in known:
            nearest = get_close_matches(name, sorted(known), n=1)
            parser.error(f"{name} is no option; {f'did you mean {nearest[0]}?' if nearest else '--help tells which there are'}")
    options, unknown = parser.parse_known_args(given)
    if unknown:
        parser.error("what stands there is no option; --help tells which there are")
    return options


def _named(given: Sequence[str]) -> Iterator[str]:
    """Give the names of the options among `given`; behind a bare `--` there are none."""
    for argument in given:
        name = argument.partition("=")[0]
        if argument == "--":
            return
        if name.startswith("--") and " " not in name:
            yield name


def settings_under(options: argparse.Namespace) -> Settings:
    """Give the settings for a command's `--mode`, with the logs of libraries kept out of what the command prints.

    Raises ConfigurationError as `load_settings` does.
    """
    settings = load_settings(overrides={"MODE": options.mode} if options.mode else {})
    configure_logs(level="ERROR", log_format=settings.log_format, redactor=Redactor(settings.secrets()))
    return settings
