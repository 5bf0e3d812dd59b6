"""Read a command's arguments without ever repeating one that may be a secret."""

import argparse
import sys
from collections.abc import Sequence

from dg_bot.app.settings import secret_names
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
