"""The daemon: the cycle by cron, the guard and the outbox on threads, signals, and an orderly end."""

import asyncio
import signal
import threading
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from dg_bot.app.bootstrap import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.guard_thread import GuardThread
from dg_bot.app.http import Check, StatusServer
from dg_bot.app.one_cycle import run_markets
from dg_bot.app.secrets import Redactor
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.events import Stopped
from dg_bot.errors import BotError, ConfigurationError, InvariantViolated, StateError
from dg_bot.ports import Clock

_SECOND = 5
_MISFIRE_GRACE_S = 3300
# Corrections of the clock within this much do not let an hour that has fired fire again; shorter than any two fires are apart.
_CORRECTION = timedelta(seconds=30)
_OUTBOX_PAUSE_S = 1.0
_OUTBOX_REST_S = 15.0
_GRACE_S = 8.0
_WATCH_PAUSE_S = 1.0
_STUCK_PERIODS = 3
# A tick may wait for the lock and settle an order; only what outlasts that is stuck.
_SLOWEST_TICK_S = 60.0
_log = structlog.get_logger(__name__)


class VenueCron(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A cron in exchange time: fires when the venue's clock reads what the cron names, five seconds into the minute."""

    def __init__(self, expression: str, clock: Clock) -> None:
        """Read a cron of five fields; raises ConfigurationError."""
        try:
            minute, hour, day, month, weekday = expression.split()
            self._cron = CronTrigger(
                second=_SECOND, minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=UTC
            )
        except ValueError as error:
            raise ConfigurationError(
                "CYCLE_CRON", f"is not a cron of five fields ({error})", "use for example 0 * * * *"
            ) from error
        if self._cron.get_next_fire_time(None, clock.now()) is None:
            raise ConfigurationError("CYCLE_CRON", "names a time that never comes", "use for example 0 * * * *")
        self._clock = clock

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the next fire time on this machine's clock."""
        ahead = self._clock.now() - datetime.now(UTC)
        after = now if previous_fire_time is None else previous_fire_time + _CORRECTION
        fires: datetime | None = self._cron.get_next_fire_time(None, after + ahead)
        return None if fires is None else fires - ahead


class Daemon:
    """Runs one bot until a signal ends it."""

    def __init__(self, bot: Bot, *, redactor: Redactor) -> None:
        settings = bot.settings
        self._bot = bot
        self._guard = GuardThread(bot, period_s=settings.guard_seconds)
        self._stopping = threading.Event()
        self._outbox_thread = threading.Thread(target=self._deliver, name="outbox", daemon=True)
        self._trigger = VenueCron(settings.cycle_cron, bot.clock)
        self._cycle_thread: threading.Thread | None = None
        self._contradiction: InvariantViolated | None = None
        self._last_cycle = "none yet"
        self._status = StatusServer(
            service="dg_bot",
            checks=self._checks,
            exposition=self._exposition,
            clean=redactor.clean,
            host=settings.health_host,
            port=settings.health_port,
        )

    async def run(self) -> int:
        """Run until SIGINT or SIGTERM; gives the exit code. SIGUSR1 runs a cycle at once, under the same rule of one an hour."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, stop)
        loop.add_signal_handler(signal.SIGUSR1, self._begin_cycle)
        scheduler = AsyncIOScheduler(timezone=UTC)
        scheduler.add_job(
            self._begin_cycle, self._trigger, id="cycle", max_instances=1, coalesce=True, misfire_grace_time=_MISFIRE_GRACE_S
        )
        self._status.start()
        self._bot.metrics.running(is_running=True)
        await asyncio.to_thread(self._start_up)
        self._guard.start()
        self._outbox_thread.start()
        scheduler.start()
        _log.info("daemon_running", health_port=self._status.port, mode=self._bot.settings.mode)
        code = await self._watched(stop)
        scheduler.shutdown(wait=False)
        await asyncio.to_thread(self._wind_down)
        return code

    def _end(self, stop: asyncio.Event) -> None:
        """Let no new order begin from this moment on: the start itself may be under way, and sell."""
        self._bot.books.close_for_orders()
        stop.set()

    async def _watched(self, stop: asyncio.Event) -> int:
        """Wait for the end; a guard that broke or is stuck ends the process, so that whoever runs it starts it anew."""
        while not stop.is_set():
            if self._guard.broken is not None or self._contradiction is not None:
                return ExitCode.FAILED
            if self._guard.beat_age_s > _STUCK_PERIODS * max(self._bot.settings.guard_seconds, _SLOWEST_TICK_S):
                _log.critical("guard_stuck", age_s=round(self._guard.beat_age_s, 1))
                return ExitCode.WATCHDOG
            try:
                await asyncio.wait_for(stop.wait(), _WATCH_PAUSE_S)
            except TimeoutError:
                continue
        return ExitCode.DONE

    def _start_up(self) -> None:
        """Take the first balances down; settling is left to the guard, whose first tick looks after what is held before that."""
        try:
            self._bot.reconciler.open_account()
        except InvariantViolated as error:
            self._contradicted(error)
        except BotError as error:
            _log.warning("start_up_incomplete", error=str(error))
            self._bot.metrics.error(type(error).__name__)

    def _begin_cycle(self) -> None:
        if self._cycle_thread is not None and self._cycle_thread.is_alive():
            _log.warning("cycle_still_running")
            return
        self._cycle_thread = threading.Thread(target=self._cycle, name="cycle", daemon=True)
        self._cycle_thread.start()

    def _cycle(self) -> None:
        bot = self._bot
        started = bot.clock.monotonic_s()
        try:
            bot.learn_time()
            bot.watch_key()
            bot.reconciler.open_account()
            code = run_markets(bot, bot.settings.markets, self._note)
        except InvariantViolated as error:
            self._contradicted(error)
            code = 1
        except Exception as error:  # noqa: BLE001 - the job: whatever broke this hour, the next one runs
            _log.error("cycle_failed", error=f"{type(error).__name__}: {error}")
            bot.metrics.error(type(error).__name__)
            code = 1
        bot.metrics.job_finished("cycle", bot.clock.monotonic_s() - started, ok=code == 0)

    def _contradicted(self, error: InvariantViolated) -> None:
        """Stop: whatever contradicts itself sends nothing more, and the process ends."""
        self._bot.books.close_for_orders()
        self._contradiction = error
        _log.critical("contradiction", error=str(error))

    def _note(self, report: CycleReport) -> None:
        self._last_cycle = f"{report.cycle_id} {report.outcome}"

    def _deliver(self) -> None:
        """Flush until told to stop, and once more then; this thread alone does, for two would send the same message."""
        while not self._stopping.is_set():
            self._bot.outbox.flush()
            self._stopping.wait(_OUTBOX_REST_S if self._bot.outbox.degraded else _OUTBOX_PAUSE_S)
        self._bot.outbox.flush()

    def _exposition(self) -> bytes:
        self._bot.metrics.guard_tick(self._guard.age_s)
        return self._bot.metrics.exposition()

    def _checks(self) -> Mapping[str, Check]:
        age = self._guard.age_s
        fresh = age <= _STUCK_PERIODS * self._bot.settings.guard_seconds
        behind = self._bot.outbox.degraded
        safe_mode = self._bot.books.state.safe_mode
        return {
            "guard": Check(fresh, f"last tick {age:.0f} s ago"),
            "cycle": Check(True, self._last_cycle),
            "outbox": Check(True, "; ".join(f"{name}: {why}" for name, why in behind.items()) or "all delivered"),
            "safe_mode": Check(True, "off" if safe_mode is None else safe_mode.reason),
        }

    def _wind_down(self) -> None:
        """Let nothing new begin, give what is under way its grace, tell, and leave the rest to the journal."""
        books = self._bot.books
        books.close_for_orders()
        deadline = self._bot.clock.monotonic_s() + _GRACE_S
        self._guard.stop(_GRACE_S)
        if self._cycle_thread is not None:
            self._cycle_thread.join(max(0.0, deadline - self._bot.clock.monotonic_s()))
        held = sum(1 for position in books.state.positions.values() if not position.is_dust)
        try:
            books.record(Stopped(mode=self._bot.settings.mode, open_positions=held))
        except StateError as error:
            _log.error("stop_not_recorded", error=str(error))
        self._stopping.set()
        self._outbox_thread.join(_GRACE_S / 2)
        self._bot.metrics.running(is_running=False)
        self._status.stop()
