"""The commands an operator has, and how what a person writes is read as one of them."""

import re
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from dg_bot.domain.market import Market
from dg_bot.errors import ImpossibleValue

ALL = "all"
_WORDS = re.compile(r"/([a-z]{1,20})(?:@(\w{1,64}))?(?:\s+(\S.*))?", re.ASCII | re.DOTALL)
_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9]{4,12}", re.ASCII)
_MOST_TRADES = 30


class Command(StrEnum):
    """What can be asked; the value is the word after the slash."""

    STATUS = "status"
    WHY = "why"
    BALANCE = "balance"
    PROFIT = "profit"
    TRADES = "trades"
    ORDER = "order"
    PERFORMANCE = "performance"
    RISK = "risk"
    HEALTH = "health"
    LOGS = "logs"
    CONFIG = "config"
    CYCLE = "cycle"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    EXIT = "exit"
    CANCEL = "cancel"
    SYNC = "sync"
    VERSION = "version"
    HELP = "help"
    CONFIRM = "confirm"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start"


# What a button says, and what a messenger says for its user at the beginning, stands in no menu.
_UNLISTED = frozenset([Command.CONFIRM, Command.APPROVE, Command.REJECT, Command.START])
MENU = tuple(command for command in Command if command not in _UNLISTED)
# These may bring the account new risk, or sell what it holds: they are asked about once more.
TWO_STEPS = frozenset([Command.RESUME, Command.CYCLE, Command.EXIT])
# These make it safer, or take something back: nothing that is slow may stand before them.
AT_ONCE = frozenset([Command.PAUSE, Command.STOP, Command.CANCEL])


class Span(StrEnum):
    """A period that gains are told for: since its beginning in Seoul."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class Asked:
    """One command with its argument, as it is understood: empty where it has none."""

    command: Command
    argument: str = ""

    @property
    def words(self) -> str:
        return f"/{self.command} {self.argument}".rstrip()


class Problem(Enum):
    """Why something that was written is no command."""

    NO_COMMAND = auto()
    UNKNOWN = auto()
    ARGUMENT = auto()


@dataclass(frozen=True, slots=True)
class Misread:
    """What was written is no command; `command` is the one whose argument cannot be meant."""

    problem: Problem
    command: Command | None = None


def read(text: str) -> Asked | Misread:
    """Read one message; an argument that could mean anything else is refused, never guessed."""
    words = _WORDS.fullmatch(text.strip())
    if words is None:
        return Misread(Problem.NO_COMMAND if not text.startswith("/") else Problem.UNKNOWN)
    name, argument = words[1], (words[3] or "").strip()
    if name not in set(Command):
        return Misread(Problem.UNKNOWN)
    command = Command(name)
    understood = _argument(command, argument)
    return Misread(Problem.ARGUMENT, command) if understood is None else Asked(command, understood)


def _argument(command: Command, text: str) -> str | None:
    """Give the argument in its one spelling; None where it is none of this command's."""
    match command:
        case Command.EXIT:
            return ALL if text.lower() == ALL else _market(text)
        case Command.PROFIT:
            word = text.lower() or Span.DAY.value
            return word if word in set(Span) else None
        case Command.TRADES:
            return (
                (text or "10") if text == "" or (text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_TRADES) else None
            )
        case Command.ORDER:
            return text if text == "" or _IDENTIFIER.fullmatch(text) else None
        case Command.CONFIRM | Command.APPROVE | Command.REJECT:
            return text.upper() if _CODE.fullmatch(text) else None
        case _:
            return None if text and command in TWO_STEPS else ""


def _market(text: str) -> str | None:
    """Read a market with or without its quote: `KRW-BTC`, `btc`."""
    name = text.upper()
    try:
        return str(Market(name if name.startswith("KRW-") else f"KRW-{name}"))
    except ImpossibleValue:
        return None
