"""The witness of a running cycle: it keeps what the cycle's own thread hears, and writes nothing meanwhile."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TypeVar

from dg_bot.capsule import OTHER_RECORD, OWN_RECORD, SCREEN_INPUT, Heard, HeardScreenInput
from dg_bot.domain.events import Record
from dg_bot.errors import BotError
from dg_bot.pipeline.screen_memory import ScreenInput

T = TypeVar("T")


class CycleRecorder:
    """Listens to one cycle at a time.

    What other threads read is none of the cycle's business; what they record is, for it changes what is remembered. Neither is
    what a port records while it is being asked the cycle's own: it would not come again in a replay.
    """

    def __init__(self) -> None:
        self._thread: int | None = None
        self._asking = 0
        self._heard: list[Heard] = []

    @contextmanager
    def listening(self) -> Iterator[list[Heard]]:
        """Keep what is heard on this thread; the list is complete at the end."""
        heard = self._heard = []
        self._asking, self._thread = 0, get_ident()
        try:
            yield heard
        finally:
            self._thread = None

    def answer(self, port: str, about: str, ask: Callable[[], T]) -> T:
        """Ask, and keep what came."""
        if self._thread != get_ident():
            return ask()
        self._asking += 1
        try:
            value = ask()
        except BotError as error:
            self._heard.append(Heard(port=port, about=about, error=error))
            raise
        finally:
            self._asking -= 1
        self._heard.append(Heard(port=port, about=about, value=value))
        return value

    def keep(self, record: Record) -> None:
        """Keep a record in its place among the answers."""
        if self._thread is None:
            return
        is_own = self._thread == get_ident() and not self._asking
        self._heard.append(Heard(port=OWN_RECORD if is_own else OTHER_RECORD, about="", value=record))

    def screen_input(self, made_from: ScreenInput) -> None:
        """Keep from which hours a verdict of the screen was made."""
        heard = HeardScreenInput(evaluated_at=made_from.evaluated_at, hourly=made_from.hourly, honesty=made_from.honesty)
        self.answer(SCREEN_INPUT, str(made_from.hourly.market), lambda: heard)
