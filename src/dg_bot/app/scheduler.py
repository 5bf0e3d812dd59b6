"""The daemon: the cycle by cron, the guard and the outbox on threads, signals, and an orderly end."""

import asyncio
import signal
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, timedelta

import structlog
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from dg_bot.app.bot import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.guard_thread import GuardThread
from dg_bot.app.http import Check, StatusServer
from dg_bot.app.one_cycle import run_markets
from dg_bot.app.outbox import Outbox
from dg_bot.app.secrets import Redactor
from dg_bot.app.starts_and_ends import has_crashed_in_a_row, has_missed_a_cycle, record_end
from dg_bot.app.telegram_wiring import listener
from dg_bot.app.venue_cron import VenueCron
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.errors import BotError, InvariantViolated, StoreError
from dg_bot.risk.operator_halt import OperatorHalt, operator_halt

_MISFIRE_GRACE = timedelta(minutes=55)
# A cycle that was due this long ago and has not completed is no delay any more.
_LATEST_CYCLE = timedelta(hours=1)
_OUTBOX_PAUSE_S = 1.0
_OUTBOX_REST_S = 15.0
# With half of it for the last messages, and a second until all is closed, this ends before the 10 s of those who stop containers.
_GRACE_S = 6.0
_WATCH_PAUSE_S = 1.0
_LUCK_PAUSE_S = 15.0
_STUCK_PERIODS = 3
# About the sum of a tick's own deadlines: 10 s for the lock, 10 s for the balances, 25 s until an order has settled, 8 s for each
# of two further questions. A period shorter than this says nothing about a guard that is in its tick.
_SLOWEST_TICK_S = 60.0
_log = structlog.get_logger(__name__)


class Daemon:
    """Runs one bot until a signal ends it."""

    def __init__(self, bot: Bot, *, redactor: Redactor) -> None:
        settings = bot.settings
        self._bot = bot
        self._guard = GuardThread(bot, period_s=settings.guard_seconds)
        self._stopping = threading.Event()
        self._outbox_threads = [
            threading.Thread(target=self._deliver, args=(outbox,), name=outbox.name, daemon=True) for outbox in bot.outboxes
        ]
        self._luck_thread = threading.Thread(target=self._measure_luck, name="luck", daemon=True)
        self._trigger = VenueCron(settings.cycle_cron, bot.clock)
        self._cycle_thread: threading.Thread | None = None
        self._beginning = threading.Lock()
        self._contradiction: InvariantViolated | None = None
        self._listener = listener(bot, checks=self._checks, begin_cycle=self._begin_cycle, on_contradiction=self._contradicted)
        self._last_cycle = "none yet"
        self._last_completed_at = bot.clock.now()
        self._status = StatusServer(
            service="dg_bot",
            checks=self._checks,
            exposition=self._exposition,
            clean=redactor.clean,
            host=settings.health_host,
            port=settings.health_port,
        )

    async def run(self) -> int:
        """Run until SIGINT or SIGTERM; gives the exit code. SIGUSR1 runs a cycle at once, under the same rule of one an hour.

        Only an end by one of these signals is recorded as one on purpose. Whatever else ends the process counts as a crash, and
        after five of them within ten minutes the next start waits for a guard's period, in safe mode, before it does anything.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._end, stop)
        loop.add_signal_handler(signal.SIGUSR1, self._begin_cycle)
        scheduler = AsyncIOScheduler(timezone=UTC)
        scheduler.add_job(
            self._begin_cycle,
            self._trigger,
            id="cycle",
            max_instances=1,
            coalesce=True,
            misfire_grace_time=_MISFIRE_GRACE.seconds,
        )
        self._status.start()
        self._bot.metrics.running(is_running=True)
        await self._back_off(stop)
        await asyncio.to_thread(self._start_up)
        self._guard.start()
        for thread in self._outbox_threads:
            thread.start()
        self._luck_thread.start()
        if self._listener is not None:
            self._listener.start()
        scheduler.start()
        if has_missed_a_cycle(self._bot, self._trigger, _MISFIRE_GRACE):
            self._begin_cycle()
        _log.info("daemon_running", health_port=self._status.port, mode=self._bot.settings.mode)
        code = await self._watched(stop)
        scheduler.shutdown(wait=False)
        # Whatever is stuck could hold up an end that waits for it.
        ending = threading.Thread(target=self._wind_down, args=(code,), name="ending", daemon=True)
        ending.start()
        await asyncio.to_thread(ending.join, 2 * _GRACE_S)
        return code

    def _end(self, stop: asyncio.Event) -> None:
        """Let no new order begin from this moment on: the start itself may be under way, and sell."""
        self._bot.books.close_for_orders()
        stop.set()

    async def _back_off(self, stop: asyncio.Event) -> None:
        """Wait for one period of the guard after a row of crashes: what ended the process so often may end it again."""
        if await asyncio.to_thread(has_crashed_in_a_row, self._bot):
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), self._bot.settings.guard_seconds)

    async def _watched(self, stop: asyncio.Event) -> ExitCode:
        """Wait for the end; a guard that broke or is stuck ends the process, so that whoever runs it starts it anew.

        Stuck is a guard that neither began nor ended a tick for three periods, where a period counts for no less than the longest
        that a healthy tick can take: ending a process that is about to sell would be worse than a late alarm. It is looked at
        twice, a moment apart, so that a process that was itself asleep is not taken for one with a guard that sleeps.
        """
        limit_s = _STUCK_PERIODS * max(self._bot.settings.guard_seconds, _SLOWEST_TICK_S)
        was_stuck = False
        while not stop.is_set():
            if self._guard.broken is not None or self._contradiction is not None:
                return ExitCode.FAILED
            is_stuck = self._guard.beat_age_s > limit_s
            if is_stuck and was_stuck:
                _log.critical("guard_stuck", age_s=round(self._guard.beat_age_s, 1))
                return ExitCode.WATCHDOG
            was_stuck = is_stuck
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), _WATCH_PAUSE_S)
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

    def _begin_cycle(self) -> bool:
        """Begin this hour's cycle, where none is running and the operator has not stopped the bot; tell whether it has begun."""
        with self._beginning:
            if self._cycle_thread is not None and self._cycle_thread.is_alive():
                _log.warning("cycle_still_running")
                return False
            if operator_halt(self._bot.books.state) is OperatorHalt.STOPPED:
                _log.warning("cycle_left_out", reason="stopped by the operator")
                return False
            self._cycle_thread = threading.Thread(target=self._cycle, name="cycle", daemon=True)
            self._cycle_thread.start()
            return True

    def _cycle(self) -> None:
        """Run this hour's cycle; the first look of the guard comes before it."""
        bot = self._bot
        self._guard.wait_for_first_tick(_SLOWEST_TICK_S)
        started = bot.clock.monotonic_s()
        try:
            bot.learn_time()
            bot.check_venue()
            bot.learn_trials()
            bot.reconciler.open_account()
            code = run_markets(bot, bot.settings.markets, self._note)
        except InvariantViolated as error:
            self._contradicted(error)
            code = ExitCode.FAILED
        except Exception as error:  # noqa: BLE001 - the job: whatever broke this hour, the next one runs
            _log.error("cycle_failed", error=f"{type(error).__name__}: {error}", exc_info=error)
            bot.metrics.error(type(error).__name__)
            code = ExitCode.FAILED
        if code is ExitCode.DONE:
            self._last_completed_at = bot.clock.now()
        bot.metrics.job_finished("cycle", bot.clock.monotonic_s() - started, ok=code is ExitCode.DONE)

    def _contradicted(self, error: InvariantViolated) -> None:
        """Stop: whatever contradicts itself sends nothing more, and the process ends."""
        self._bot.books.close_for_orders()
        self._contradiction = error
        _log.critical("contradiction", error=str(error))

    def _note(self, report: CycleReport) -> None:
        self._last_cycle = f"{report.cycle_id} {report.outcome}"

    def _deliver(self, outbox: Outbox) -> None:
        """Flush until told to stop, and once more then; one thread alone does for each, for two would send the same message."""
        while not self._stopping.is_set():
            outbox.flush()
            self._stopping.wait(_OUTBOX_REST_S if outbox.degraded else _OUTBOX_PAUSE_S)
        outbox.flush()

    def _measure_luck(self) -> None:
        """Count what sweeps have tried, and measure what a cycle has noted as due; no cycle waits for it."""
        while not self._stopping.wait(_LUCK_PAUSE_S):
            try:
                if self._bot.luck.measure_next(has_to_stop=self._stopping.is_set) is not None:
                    self._bot.trials.learn()
            except StoreError:
                continue  # the outbox tells of a database that is away
            except BotError as error:
                _log.warning("luck_not_kept", error=str(error))
                self._bot.metrics.error(type(error).__name__)

    def _exposition(self) -> bytes:
        self._bot.metrics.guard_tick(self._guard.age_s)
        return self._bot.metrics.exposition()

    def _checks(self) -> Mapping[str, Check]:
        age = self._guard.age_s
        fresh = age <= _STUCK_PERIODS * self._bot.settings.guard_seconds
        behind = self._bot.behind
        safe_mode = self._bot.books.state.safe_mode
        return {
            "guard": Check(fresh, f"last tick {age:.0f} s ago"),
            "cycle": self._cycle_check(),
            "outbox": Check(True, "; ".join(f"{name}: {why}" for name, why in behind.items()) or "all delivered"),
            "safe_mode": Check(True, "off" if safe_mode is None else safe_mode.reason),
            **({} if self._listener is None else {"commands": Check(True, self._listener.trouble or "heard")}),
        }

    def _cycle_check(self) -> Check:
        """Fail where a cycle was due an hour ago and none has completed since the last: with hourly ones, after two hours."""
        if operator_halt(self._bot.books.state) is OperatorHalt.STOPPED:
            return Check(True, "none, for the operator has stopped the bot")
        due = self._trigger.next_after(self._last_completed_at)
        is_late = due is not None and self._bot.clock.now() - due >= _LATEST_CYCLE
        since = f"; none has completed since {self._last_completed_at:%Y-%m-%dT%H:%M}" if is_late else ""
        return Check(not is_late, self._last_cycle + since)

    def _wind_down(self, code: ExitCode) -> None:
        """Let nothing new begin, give what is under way its grace, tell, and leave the rest to the journal."""
        books = self._bot.books
        books.close_for_orders()
        deadline = self._bot.clock.monotonic_s() + _GRACE_S
        if self._listener is not None:
            self._listener.stop()
        self._guard.stop(_GRACE_S)
        if self._cycle_thread is not None:
            self._cycle_thread.join(max(0.0, deadline - self._bot.clock.monotonic_s()))
        record_end(self._bot, code, self._contradiction or self._guard.broken or "the guard is stuck")
        self._stopping.set()
        ends_s = self._bot.clock.monotonic_s() + _GRACE_S / 2
        for thread in self._outbox_threads:
            thread.join(max(0.0, ends_s - self._bot.clock.monotonic_s()))
        self._bot.metrics.running(is_running=False)
        self._status.stop()
