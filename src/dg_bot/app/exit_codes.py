"""How a command ends: its exit code, and the line on standard error that says why."""

import os
import sys
from collections.abc import Callable
from enum import IntEnum
from typing import NoReturn

from dg_bot.app.ctrl_c import heard_again
from dg_bot.app.secrets import forbid_core_dumps
from dg_bot.errors import (
    AccountInUse,
    AuthenticationFailed,
    BotError,
    ConfigurationError,
    ExchangeUnavailable,
    RateLimited,
    StateError,
    StoreError,
    UnsafeSetup,
)


class ExitCode(IntEnum):
    """A contract with whoever starts the commands."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    WATCHDOG = 4


def refusal(command: str, error: BotError) -> ExitCode:
    """Say on standard error why a command ends, and give its code: the setup's fault, the state's, or anything else's."""
    print(f"{command}: {with_remedy(error)}", file=sys.stderr)
    match error:
        case UnsafeSetup() | StateError():
            return ExitCode.REFUSED
        case ConfigurationError():
            return ExitCode.USAGE
        case _:
            return ExitCode.FAILED


def with_remedy(error: BotError) -> str:
    """Give what an error says, and behind it what to do where somebody does not answer; the other errors say that themselves."""
    match error:
        case AuthenticationFailed():
            remedy = "look at the key in Upbit's web pages: its addresses, its rights, its last day"
        case RateLimited():
            remedy = "run it again then"
        case ExchangeUnavailable():
            remedy = "check this machine's network and Upbit's notices, then run it again"
        case AccountInUse():
            remedy = "stop that one first: two bots must not trade one account"
        case StoreError():
            remedy = "see that the database runs and that DATABASE_URL leads to it, then run it again"
        case _:
            return str(error)
    return f"{error}; {remedy}"


def end_with(command: str, main: Callable[[], int]) -> NoReturn:
    """Run a command and end the process: after Ctrl-C with a line, and without a word where nobody reads on (`| head`).

    What it holds in memory, keys among it, reaches no disk, however it ends.
    """
    forbid_core_dumps()
    try:
        heard_again()
        code = main()
        sys.stdout.flush()
    except BotError as error:
        code = refusal(command, error)
    except KeyboardInterrupt:
        print(f"{command}: interrupted", file=sys.stderr)
        code = ExitCode.FAILED
    except BrokenPipeError:
        # What is left in the buffer must not fail once more at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = ExitCode.FAILED
    sys.exit(code)
