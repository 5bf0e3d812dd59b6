"""The time of a run: it moves when somebody sleeps or the run goes on, and the bot may be wrong about it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from tests.builders import VirtualClock

START = datetime(2026, 11, 1, tzinfo=UTC)


class WorldClock(VirtualClock):
    """The virtual clock of a run; the bot's idea of exchange time may be off by `error_s`."""

    def __init__(self) -> None:
        super().__init__(START)
        self.error_s = 0.0
        self.on_slept: Callable[[], None] = lambda: None
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        return self.at if self.error_s == 0.0 else self.at + timedelta(seconds=self.error_s)

    def monotonic_s(self) -> float:
        return self._elapsed_s

    def sleep(self, seconds: float) -> None:
        self.move_to(self._elapsed_s + seconds)
        self.on_slept()

    def move_to(self, elapsed_s: float) -> None:
        self._elapsed_s = elapsed_s
        self.at = START + timedelta(seconds=elapsed_s)
