"""How a command ends: its exit code, and the line on standard error that says why."""

import sys
from enum import IntEnum

from dg_bot.errors import BotError, ConfigurationError, StateError, UnsafeSetup


class ExitCode(IntEnum):
    """A contract with whoever starts the commands."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    WATCHDOG = 4


def refusal(command: str, error: BotError) -> ExitCode:
    """Say on standard error why a command ends, and give its code: the setup's fault, the state's, or anything else's."""
    print(f"{command}: {error}", file=sys.stderr)
    match error:
        case UnsafeSetup() | StateError():
            return ExitCode.REFUSED
        case ConfigurationError():
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILED
