"""Second steps: what was asked, by whom, and until when its code may say that it was meant."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from dg_bot.operator.commands import Asked

LIFE_S = 60.0
_MOST_WRONG = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """A command that waits for its second step; `seen` is what stood when it was asked, as the asker was shown it."""

    asked: Asked
    code: str
    until_s: float
    seen: str
    wrong: int = 0


class Verdict(Enum):
    """Why a code confirms nothing."""

    NOTHING_WAITS = auto()
    WRONG_CODE = auto()
    TOO_LATE = auto()
    CHANGED = auto()


class Confirmations:
    """At most one waiting command a user, in memory alone: a new process knows none of them. For one thread at a time."""

    def __init__(self) -> None:
        self._waiting: dict[int, Pending] = {}

    def ask(self, user: int, asked: Asked, *, code: str, seen: str, now_s: float) -> Pending:
        """Let a command wait, in place of what the user has asked before."""
        pending = Pending(asked=asked, code=code, until_s=now_s + LIFE_S, seen=seen)
        self._waiting[user] = pending
        return pending

    def withdraw(self, user: int) -> Asked | None:
        """Forget what waits for this user, and give it."""
        pending = self._waiting.pop(user, None)
        return None if pending is None else pending.asked

    def waiting(self, user: int) -> Asked | None:
        pending = self._waiting.get(user)
        return None if pending is None else pending.asked

    def take(self, user: int, code: str, *, seen: str, now_s: float) -> Asked | Verdict:
        """Give the command that this code confirms, once; after three wrong ones nothing waits any more."""
        pending = self._waiting.pop(user, None)
        if pending is None:
            return Verdict.NOTHING_WAITS
        if now_s >= pending.until_s:
            return Verdict.TOO_LATE
        if code != pending.code:
            if pending.wrong + 1 < _MOST_WRONG:
                self._waiting[user] = replace(pending, wrong=pending.wrong + 1)
            return Verdict.WRONG_CODE
        return pending.asked if seen == pending.seen else Verdict.CHANGED
