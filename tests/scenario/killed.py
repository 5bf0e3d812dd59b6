"""Death in process: a bot that stops at a call of its ports as if it had never been."""

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from tests.builders import PaperBot


class Killed(BaseException):
    """The process is gone; nothing in the program may catch this."""


class Reaper:
    """Kills at chosen calls of the ports, counted from 1: before the call has an effect, or after it."""

    def __init__(self, *, before: Iterable[int] = (), after: Iterable[int] = ()) -> None:
        self.calls = 0
        self._before, self._after = frozenset(before), frozenset(after)

    def __call__(self, _operation: str, call: Callable[[], Any]) -> Any:
        self.calls += 1
        mine = self.calls
        if mine in self._before:
            raise Killed
        answer = call()
        if mine in self._after:
            raise Killed
        return answer


def dies(bot: PaperBot, operation: str, *, after: bool, nth: int = 1) -> None:
    """Let the bot die once at the nth call of `operation`."""
    seen = 0

    def around(name: str, call: Callable[[], Any]) -> Any:
        nonlocal seen
        seen += name == operation
        if name != operation or seen != nth:
            return call()
        if after:
            call()
        raise Killed

    bot.upbit.around = around


def run_until_killed(bot: PaperBot, act: Callable[[], object]) -> None:
    with pytest.raises(Killed):
        act()
    bot.upbit.around = lambda _name, call: call()
