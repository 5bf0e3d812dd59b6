"""The guard on a thread of its own: ticks on time, whatever else the process is doing."""

import threading
from contextlib import suppress

import structlog

from dg_bot.app.bot import Bot
from dg_bot.app.live_checks import tell_refused_key
from dg_bot.errors import AuthenticationFailed, BotError, InvariantViolated, StateError

_log = structlog.get_logger(__name__)


class GuardThread:
    """Ticks every `period_s` until stopped.

    Time in which something was held and no tick completed counts as unprotected: all of it when a tick fails, what exceeds two
    periods when one comes late or takes long.
    """

    def __init__(self, bot: Bot, *, period_s: float) -> None:
        self._bot = bot
        self._period_s = period_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="guard", daemon=True)
        self._completed_at_s = bot.clock.monotonic_s()
        self._counted_until_s = self._completed_at_s
        self._beat_at_s = self._completed_at_s
        self._broken: BaseException | None = None
        self._has_ticked = threading.Event()

    @property
    def age_s(self) -> float:
        """Seconds since the last tick that completed."""
        return self._bot.clock.monotonic_s() - self._completed_at_s

    @property
    def beat_age_s(self) -> float:
        """Seconds since the thread last began or ended a tick, whether that completed or not; large when it is stuck in one."""
        return self._bot.clock.monotonic_s() - self._beat_at_s

    @property
    def broken(self) -> BaseException | None:
        """Give what ended the thread, where that was not `stop`."""
        return self._broken

    def start(self) -> None:
        self._thread.start()

    def wait_for_first_tick(self, deadline_s: float) -> None:
        """Return when the first tick is over, whether it completed or not, but no later than this."""
        self._has_ticked.wait(deadline_s)

    def stop(self, deadline_s: float) -> None:
        """Let the present tick end, for at most `deadline_s`."""
        self._stop.set()
        self._thread.join(deadline_s)

    def _run(self) -> None:
        while not self._stop.is_set():
            started = self._bot.clock.monotonic_s()
            try:
                self._beat_at_s = started
                self.tick()
                self._beat_at_s = self._bot.clock.monotonic_s()
                self._has_ticked.set()
            except BaseException as error:  # noqa: BLE001 - the daemon ends the process for it
                self._broken = error
                # Kept for the daemon, which ends the process: a guard that is gone must not go unnoticed.
                _log.critical("guard_broke", error=f"{type(error).__name__}: {error}", exc_info=error)
                return
            self._stop.wait(max(0.0, started + self._period_s - self._bot.clock.monotonic_s()))

    def tick(self) -> None:
        """Run one tick; what the exchange does wrong is counted, told once, and tried again at the next tick."""
        metrics = self._bot.metrics
        was_needed = self._bot.guard.is_needed
        try:
            self._bot.guard.tick()
        except InvariantViolated:
            raise
        except BotError as error:
            metrics.error(type(error).__name__)
            metrics.guard_tick(self.age_s)
            if self._bot.guard.is_needed:
                metrics.unprotected(self._bot.clock.monotonic_s() - self._counted_until_s)
                _log.warning("guard_tick_failed", error=str(error), age_s=round(self.age_s, 1))
                with suppress(StateError):
                    self._tell(error)
            self._counted_until_s = self._bot.clock.monotonic_s()
            return
        now = self._bot.clock.monotonic_s()
        late_s = now - self._counted_until_s - 2 * self._period_s
        if late_s > 0 and was_needed:
            metrics.unprotected(late_s)
        self._completed_at_s = self._counted_until_s = now
        metrics.guard_tick(0.0)
        metrics.clock_skew(self._bot.clock.skew_s())

    def _tell(self, error: BotError) -> None:
        """Sound the alarm: an outage is told once and passes by itself, a refused key is told until somebody has mended it."""
        if isinstance(error, AuthenticationFailed):
            tell_refused_key(self._bot.books, error)
        else:
            self._bot.books.alarm("unprotected", f"positions are not watched at the moment: {error}")
