"""Listen to Telegram on a thread of its own, and carry out what is slow on others: nothing that trades waits for either."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.telegram_updates import AskedToWait, PolledElsewhere, TelegramUpdates, TokenRefused
from dg_bot.app.telegram_desk import TelegramDesk
from dg_bot.domain.conversation import Inbound
from dg_bot.errors import InvariantViolated, StateError, StoreError
from dg_bot.operator.answers import menu
from dg_bot.operator.phrasebook import Language, Phrasebook

_WORKERS = 2
_MOST_WAITING = 20
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_ELSEWHERE_PAUSE_S = 30.0
_REFUSED_PAUSE_S = 3600.0
_FAREWELL_S = 1.0
_log = structlog.get_logger(__name__)


class Workers:
    """A few threads that carry out what is handed to them, in order; a defect in one act costs that act alone."""

    def __init__(self, on_contradiction: Callable[[InvariantViolated], None], metrics: Metrics) -> None:
        self._on_contradiction = on_contradiction
        self._metrics = metrics
        self._acts: queue.Queue[Callable[[], None]] = queue.Queue(_MOST_WAITING)
        for number in range(_WORKERS):
            threading.Thread(target=self._run, name=f"operator-{number}", daemon=True).start()

    def hand(self, act: Callable[[], None]) -> bool:
        """Take one act in, or tell that too many wait already."""
        try:
            self._acts.put_nowait(act)
        except queue.Full:
            return False
        return True

    def _run(self) -> None:
        while True:
            act = self._acts.get()
            try:
                act()
            except InvariantViolated as error:
                self._on_contradiction(error)
            except Exception as error:  # noqa: BLE001 - a defect in one answer must not cost the operator all others
                _log.error("command_defect", error=f"{type(error).__name__}: {error}")
                self._metrics.error(type(error).__name__)


class TelegramListener:
    """Polls until stopped. What Telegram does wrong is waited out, ever longer; what a person has to mend is an alarm."""

    def __init__(
        self,
        *,
        updates: TelegramUpdates,
        desk: TelegramDesk,
        metrics: Metrics,
        alarm: Callable[[str, str], None],
        on_contradiction: Callable[[InvariantViolated], None],
    ) -> None:
        self._updates = updates
        self._desk = desk
        self._metrics = metrics
        self._alarm = alarm
        self._on_contradiction = on_contradiction
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="telegram", daemon=True)
        self._trouble = "not heard yet"

    @property
    def trouble(self) -> str:
        """Give why nobody is heard at the moment; empty while all is well."""
        return self._trouble

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Hear no more; a call that does not end in a moment ends with the process."""
        self._stop.set()
        self._updates.interrupt()
        self._thread.join(_FAREWELL_S)

    def _run(self) -> None:
        pause_s, has_begun = _FIRST_PAUSE_S, False
        while not self._stop.is_set():
            try:
                if not has_begun:
                    self._begin()
                    has_begun = True
                self._hear()
                pause_s = _FIRST_PAUSE_S
            except InvariantViolated as error:
                self._on_contradiction(error)
                return
            except StoreError as error:
                pause_s = self._wait_out(error, pause_s)
            except Exception as error:  # noqa: BLE001 - a defect must not make the bot deaf
                self._note(error)
                self._stop.wait(pause_s)
        self._updates.close()

    def _begin(self) -> None:
        """Show the menu, in the user's own language where that is one of ours, and tell what an earlier process left undone."""
        texts = {language: menu(Phrasebook(language)) for language in Language}
        with suppress(StoreError):
            self._updates.show_menu({None: texts[Language.ENGLISH], "ko": texts[Language.KOREAN]})
        self._desk.begin()

    def _hear(self) -> None:
        """Take what comes; what waits already when nobody has listened for a while may have waited as long."""
        may_be_old = bool(self._trouble)
        batch = self._updates.poll(is_patient=not may_be_old)
        if may_be_old:
            _log.info("telegram_listening")
            self._trouble = ""
        self._take(batch, may_be_old=may_be_old)

    def _take(self, batch: Sequence[Inbound], *, may_be_old: bool) -> None:
        """Let a defect cost the one message it is in: what was taken before it is not taken again, and what is behind it is."""
        for _ in range(max(1, len(batch))):
            try:
                self._desk.take(batch, may_be_old=may_be_old)
            except InvariantViolated:
                raise
            except Exception as error:  # noqa: BLE001 - see above
                self._note(error)
            else:
                return

    def _note(self, defect: Exception) -> None:
        _log.error("command_defect", error=f"{type(defect).__name__}: {defect}")
        self._metrics.error(type(defect).__name__)

    def _wait_out(self, error: StoreError, pause_s: float) -> float:
        """Wait, and give how long to wait the next time; what only a person can mend is told."""
        if self._trouble != error.cause:
            _log.warning("telegram_not_heard", reason=error.cause)
            self._metrics.error("telegram")
        self._trouble = error.cause
        if isinstance(error, PolledElsewhere | TokenRefused):
            with suppress(StateError):
                self._alarm("telegram_commands", f"commands are not heard: {error.cause}")
            self._stop.wait(_ELSEWHERE_PAUSE_S if isinstance(error, PolledElsewhere) else _REFUSED_PAUSE_S)
            return _FIRST_PAUSE_S
        if isinstance(error, AskedToWait):
            self._stop.wait(error.pause_s)
            return _FIRST_PAUSE_S
        self._stop.wait(pause_s)
        return min(2 * pause_s, _LONGEST_PAUSE_S)
