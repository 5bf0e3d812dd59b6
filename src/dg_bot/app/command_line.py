"""Read a command's arguments without ever repeating one that may be a secret, and the settings that they choose."""

import argparse
import sys
from collections.abc import Sequence

from dg_bot.app.logs import configure_logs
from dg_bot.app.secrets import Redactor
from dg_bot.app.setting_sources import load_settings
from dg_bot.app.settings import Settings, secret_names
from dg_bot.errors import UnsafeSetup


def parsed(parser: argparse.ArgumentParser, arguments: Sequence[str] | None) -> argparse.Namespace:
    """Parse `arguments`, those of the process where None; ends the process with code 2 for what the parser does not know.

    Raises UnsafeSetup for a secret among them: every user of the machine can read them.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    names = {argument.partition("=")[0].lstrip("-").upper().replace("-", "_") for argument in given}
    if secrets := secret_names() & names:
        problem = "stands on the command line, where every user of this machine can read it"
        raise UnsafeSetup(min(secrets), problem, "make a new one, and put it into .env with chmod 600")
    options, unknown = parser.parse_known_args(given)
    if unknown:
        named = [argument.partition("=")[0] for argument in unknown if argument.startswith("--")]
        parser.error(f"unrecognized arguments: {' '.join(named) or 'what stands there is no option'}")
    return options


def settings_under(options: argparse.Namespace) -> Settings:
    """Give the settings for a command's `--mode`, with the logs of libraries kept out of what the command prints.

    Raises ConfigurationError as `load_settings` does.
    """
    settings = load_settings(overrides={"MODE": options.mode} if options.mode else {})
    configure_logs(level="ERROR", log_format=settings.log_format, redactor=Redactor(settings.secrets()))
    return settings
