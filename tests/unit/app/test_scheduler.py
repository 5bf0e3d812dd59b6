import asyncio
import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path

import pytest

from dg_bot.app.bot import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.scheduler import Daemon
from dg_bot.app.secrets import Redactor
from dg_bot.app.trial_counts import TrialCounts
from dg_bot.app.venue_cron import VenueCron
from dg_bot.cycle import Cycle
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.events import DAEMON, PROGRAM, AlarmRaised, CycleCompleted, IntentPlanned, SafeModeEntered, Started, Stopped
from dg_bot.domain.market import Market
from dg_bot.domain.order import Role
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.errors import ConfigurationError, InvariantViolated, StateError
from dg_bot.risk.operator_halt import OperatorHalt
from tests.builders import PaperBot, paper_bot
from tests.unit.app.whole_bot import value, whole_bot

HALF_PAST = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
AT_ONE = datetime(2026, 11, 20, 13, 0, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)


class OffsetClock:
    """Exchange time that is ahead of this machine by what a test says."""

    def __init__(self, ahead: timedelta) -> None:
        self.ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def skew_s(self) -> float:
        return self.ahead.total_seconds()

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"a trigger never sleeps, and not {seconds} s")


def fires(cron: VenueCron, previous: datetime | None, now: datetime) -> datetime:
    """Give the next fire time to the nearest second: the clock is read twice, a moment apart."""
    at = cron.get_next_fire_time(previous, now)
    assert at is not None
    return (at + timedelta(milliseconds=500)).replace(microsecond=0)


@pytest.mark.parametrize(
    "ahead",
    [
        timedelta(0),
        timedelta(seconds=29),
        timedelta(hours=3, minutes=17),
        timedelta(hours=-5, minutes=-59),
        timedelta(days=730),
        timedelta(days=-1461, seconds=12),
    ],
    ids=str,
)
def test_a_cron_fires_five_seconds_into_the_hour_by_exchange_time(ahead: timedelta) -> None:
    cron = VenueCron("0 * * * *", OffsetClock(ahead))

    first = fires(cron, None, HALF_PAST)
    second = fires(cron, first, first)

    at_venue = first + ahead
    assert (0, 5) == (at_venue.minute, at_venue.second)
    assert (True, HOUR) == (HALF_PAST <= first < HALF_PAST + HOUR, second - first)


@pytest.mark.parametrize(("second", "expected"), [(4, AT_ONE), (5, AT_ONE), (6, AT_ONE + HOUR)])
def test_the_fifth_second_is_the_last_that_belongs_to_its_hour(second: int, expected: datetime) -> None:
    cron = VenueCron("0 * * * *", OffsetClock(timedelta(milliseconds=-1)))

    assert expected == fires(cron, None, AT_ONE.replace(second=second))


@pytest.mark.parametrize(
    "change", [timedelta(microseconds=-1), timedelta(seconds=-1), timedelta(seconds=-29), timedelta(seconds=1)], ids=str
)
def test_an_hour_fires_once_though_the_offset_is_corrected_after_it(change: timedelta) -> None:
    clock = OffsetClock(timedelta(hours=2))
    cron = VenueCron("0 * * * *", clock)
    first = fires(cron, None, HALF_PAST)

    clock.ahead += change

    assert HOUR - change == pytest.approx(fires(cron, first, first) - first, abs=timedelta(seconds=1))


def test_hours_that_were_slept_through_are_given_one_after_the_other() -> None:
    """The scheduler makes one run of them."""
    cron = VenueCron("0 * * * *", OffsetClock(timedelta(0)))

    assert AT_ONE + HOUR == fires(cron, AT_ONE, AT_ONE + 3 * HOUR)


def test_other_crons_are_read_as_such() -> None:
    cron = VenueCron("*/15 9-17 * * mon", OffsetClock(timedelta(0)))

    assert datetime(2026, 11, 23, 9, 0, 5, tzinfo=UTC) == fires(cron, None, HALF_PAST)


@pytest.mark.parametrize("expression", ["", "0 * * *", "0 * * * * *", "60 * * * *", "x * * * *", "@hourly"])
def test_what_is_no_cron_of_five_fields_is_refused_by_name(expression: str) -> None:
    with pytest.raises(ConfigurationError, match="CYCLE_CRON"):
        VenueCron(expression, OffsetClock(timedelta(0)))


def test_a_day_that_never_comes_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="never comes"):
        VenueCron("0 0 31 2 *", OffsetClock(timedelta(0)))


Act = Callable[[Daemon], None]


def run_daemon(bot: Bot, act: Act, *, until: Callable[[], bool] = lambda: True) -> tuple[int, Daemon]:
    """Run a daemon, do something to it once it is up, and end it when something has come true; gives its exit code."""

    async def scenario() -> tuple[int, Daemon]:
        daemon = Daemon(bot, redactor=Redactor(()))
        running = asyncio.create_task(daemon.run())
        while any(thread.ident is None for thread in daemon._outbox_threads):
            await asyncio.sleep(0.005)
        act(daemon)
        while not until() and not running.done():
            await asyncio.sleep(0.005)
        if not running.done():
            os.kill(os.getpid(), signal.SIGTERM)
        return await running, daemon

    return asyncio.run(scenario())


def page(daemon: Daemon, path: str) -> str:
    connection = HTTPConnection("127.0.0.1", daemon._status.port, timeout=10)
    connection.request("GET", path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_no_cycle_begins_while_the_operator_has_stopped_the_bot_and_nobody_is_alarmed_by_that() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    paper.books.record(SafeModeEntered(reason=OperatorHalt.STOPPED.reason("Telegram 1")))
    bot = whole_bot(paper)
    begun: list[bool] = []
    checks: list[str] = []

    def act(daemon: Daemon) -> None:
        begun.append(daemon._begin_cycle())
        paper.clock.at += timedelta(hours=5)
        checks.append(str(daemon._checks()["cycle"]))

    run_daemon(bot, act)

    assert ([False], []) == (begun, paper.reports)
    assert ["Check(ok=True, detail='none, for the operator has stopped the bot')"] == checks


def told_to_run(_: Daemon) -> None:
    os.kill(os.getpid(), signal.SIGUSR1)


def job(bot: Bot, ending: str) -> float:
    return value(bot.metrics, f"scheduler_job_{ending}_total", job="cycle")


def test_a_cycle_that_broke_is_counted_and_the_next_one_runs() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    bot = whole_bot(paper, markets="KRW-BTC")

    def break_once(*_: object) -> object:
        raise ZeroDivisionError

    paper.upbit.on("order_book", break_once)

    def twice(daemon: Daemon) -> None:
        told_to_run(daemon)
        while job(bot, "failure") == 0.0:
            threading.Event().wait(0.005)
        told_to_run(daemon)

    code, _ = run_daemon(
        bot, lambda daemon: threading.Thread(target=twice, args=(daemon,)).start(), until=lambda: job(bot, "success") == 1.0
    )

    assert (0, 1.0, 1) == (code, job(bot, "failure"), len(paper.events(CycleCompleted)))


def test_a_contradiction_in_a_cycle_ends_the_daemon() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    bot = whole_bot(paper, markets="KRW-BTC")

    def contradict(*_: object) -> object:
        raise InvariantViolated("I1", "two orders for one leg")

    paper.upbit.always("order_book", contradict)

    code, _ = run_daemon(bot, told_to_run, until=lambda: False)

    assert ExitCode.FAILED == code


def test_a_contradiction_at_the_start_ends_the_daemon() -> None:
    paper = paper_bot("100 100", holding="100 @ 100", at=HALF_PAST)

    def contradict(*_: object) -> object:
        raise InvariantViolated("I1", "two orders for one leg")

    paper.upbit.on("balances", contradict)

    code, _ = run_daemon(whole_bot(paper), lambda _: None, until=lambda: False)

    assert (ExitCode.FAILED, []) == (code, paper.events(Stopped))
    assert "ended" in paper.alarms()


def test_the_age_of_the_last_tick_is_told_as_it_is_when_asked() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    ages: list[str] = []

    def look(daemon: Daemon) -> None:
        paper.wait(25.0)
        ages.append(next(line for line in page(daemon, "/metrics").splitlines() if line.startswith("guard_tick_age_seconds ")))

    run_daemon(whole_bot(paper, guard_seconds=60), look)

    assert ["guard_tick_age_seconds 25.0"] == ages


@pytest.mark.parametrize(("silent_s", "expected"), [(180.0, ExitCode.DONE), (180.001, ExitCode.WATCHDOG)])
def test_a_guard_that_is_stuck_for_three_periods_ends_the_daemon(
    monkeypatch: pytest.MonkeyPatch, silent_s: float, expected: ExitCode
) -> None:
    monkeypatch.setattr("dg_bot.app.scheduler._WATCH_PAUSE_S", 0.01)
    paper = paper_bot("100 100", at=HALF_PAST)
    looks: list[None] = []

    def looked_on() -> bool:
        """Give the watch time to look more than twice."""
        looks.append(None)
        return len(looks) > 300

    code, _ = run_daemon(whole_bot(paper, guard_seconds=60), lambda _: paper.wait(silent_s), until=looked_on)

    assert expected == code


def test_an_end_by_the_watchdog_is_no_end_on_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dg_bot.app.scheduler._WATCH_PAUSE_S", 0.01)
    paper = paper_bot("100 100", holding="100 @ 100", at=HALF_PAST)

    code, _ = run_daemon(whole_bot(paper, guard_seconds=60), lambda _: paper.wait(200.0), until=lambda: False)

    [alarm] = [event for event in paper.events(AlarmRaised) if isinstance(event, AlarmRaised)]
    assert (ExitCode.WATCHDOG, []) == (code, paper.events(Stopped))
    assert ("ended", True) == (alarm.kind, "code 4 (the guard is stuck); 1 open positions are not watched" in alarm.text)


def test_a_moment_without_a_beat_is_looked_at_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was itself asleep finds its guard late, and awake a moment later."""
    monkeypatch.setattr("dg_bot.app.scheduler._WATCH_PAUSE_S", 0.05)
    paper = paper_bot("100 100", at=HALF_PAST)

    def sleep_and_wake(daemon: Daemon) -> None:
        paper.wait(1000.0)
        daemon._guard._beat_at_s = paper.clock.monotonic_s()

    code, _ = run_daemon(whole_bot(paper, guard_seconds=60), sleep_and_wake)

    assert ExitCode.DONE == code


def started(paper: PaperBot, *, ago: timedelta) -> None:
    """Let a daemon have started so long ago, and die."""
    now = paper.clock.at
    paper.clock.at = now - ago
    paper.books.record(Started(mode=Mode.PAPER, version="1", settings={PROGRAM: DAEMON}))
    paper.clock.at = now


def hours_run(paper: PaperBot) -> list[str]:
    return [event.report.cycle_id for event in paper.events(CycleCompleted) if isinstance(event, CycleCompleted)]


TEN_PAST = datetime(2026, 11, 20, 12, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "at", "expected"),
    [
        (timedelta(minutes=11), TEN_PAST, ["KRW-BTC/2026-11-20T12"]),
        (timedelta(days=3), TEN_PAST, ["KRW-BTC/2026-11-20T12"]),
        (timedelta(minutes=9), TEN_PAST, []),
        (timedelta(hours=1), TEN_PAST.replace(minute=55, second=4), ["KRW-BTC/2026-11-20T12"]),
        (timedelta(hours=1), TEN_PAST.replace(minute=55, second=5), []),
        (timedelta(hours=1), TEN_PAST.replace(minute=0, second=4), []),
    ],
    ids=["restarted", "long away", "first start after the hour", "just in time", "too late", "before the fifth second"],
)
def test_an_hour_that_passed_without_a_process_is_run_at_the_start(ago: timedelta, at: datetime, expected: list[str]) -> None:
    paper = paper_bot("100 100", at=at)
    started(paper, ago=ago)
    bot = whole_bot(paper, markets="KRW-BTC")

    run_daemon(bot, lambda _: None, until=lambda: len(hours_run(paper)) == len(expected))

    assert expected == hours_run(paper)


def test_an_hour_that_is_done_is_not_run_again_at_the_start() -> None:
    paper = paper_bot("100 100", at=TEN_PAST)
    started(paper, ago=timedelta(minutes=11))
    paper.run_cycle()
    bot = whole_bot(paper, markets="KRW-BTC")

    run_daemon(bot, lambda _: None, until=lambda: bot.books.state.sequence > 0)

    assert (1, 0.0, 0.0) == (len(hours_run(paper)), job(bot, "success"), job(bot, "failure"))


def test_the_guard_looks_before_the_first_cycle_of_a_start() -> None:
    paper = paper_bot("100 100 94", holding="100 @ 100", at=TEN_PAST)
    started(paper, ago=timedelta(minutes=11))

    run_daemon(whole_bot(paper, markets="KRW-BTC"), lambda _: None, until=lambda: bool(hours_run(paper)))

    [planned] = [event for event in paper.events(IntentPlanned) if isinstance(event, IntentPlanned) and event.role is Role.EXIT]
    assert ("stop_loss", ["sell KRW-BTC 100"]) == (planned.reason, paper.placed())


@pytest.mark.parametrize(("late", "expected"), [(timedelta(0), True), (timedelta(seconds=1), False)])
def test_health_fails_when_no_cycle_has_completed_for_two_hours(late: timedelta, expected: bool) -> None:
    paper = paper_bot("100 100", at=TEN_PAST)
    healthy: list[bool] = []

    def look(daemon: Daemon) -> None:
        paper.clock.at = TEN_PAST.replace(hour=14, minute=0, second=4) + late
        healthy.append(daemon._checks()["cycle"].ok)

    run_daemon(whole_bot(paper), look)

    assert [expected] == healthy


class SlowTaker:
    """A projection that takes until it is released, and notes how many are at it at once."""

    name = "messages"
    place = 0
    waiting_since = None

    def __init__(self) -> None:
        self.released = threading.Event()
        self.inside = 0
        self.most = 0

    def flush(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        self.released.wait(10)
        self.inside -= 1


def test_the_end_never_delivers_beside_a_delivery_that_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dg_bot.app.scheduler._GRACE_S", 0.1)
    taker = SlowTaker()

    code, daemon = run_daemon(whole_bot(paper_bot("100 100", at=HALF_PAST), taker), lambda _: None)
    taker.released.set()
    for thread in daemon._outbox_threads:
        thread.join()

    assert (0, 1) == (code, taker.most)


class Follower:
    """A projection that takes all there is."""

    name = "messages"
    place = 0
    waiting_since = None

    def __init__(self, end: Callable[[], int]) -> None:
        self._end = end

    def flush(self) -> None:
        self.place = self._end()


def test_the_end_itself_is_delivered() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    follower = Follower(lambda: paper.books.state.sequence)

    run_daemon(whole_bot(paper, follower), lambda _: None)

    assert (1, paper.books.state.sequence) == (len(paper.events(Stopped)), follower.place)


class MeasuredLuck:
    """A meter in which one market is due, whose figure cannot be kept, and then another one."""

    def __init__(self) -> None:
        self.measured: list[str] = []

    def measure_next(self, *, has_to_stop: Callable[[], bool]) -> Market | None:
        assert not has_to_stop()
        if len(self.measured) == 2:
            return None
        self.measured.append("KRW-BTC" if not self.measured else "KRW-ETH")
        if len(self.measured) == 1:
            raise StateError("luck.json", "cannot be written", "make room")
        return Market(self.measured[-1])


@pytest.mark.parametrize(("honesty", "count"), [("strict", 1), ("off", 0)])
def test_a_strict_screen_knows_what_was_swept_before_its_first_verdict(tmp_path: Path, honesty: str, count: int) -> None:
    asked: list[str] = []

    def tried() -> Mapping[Market, int]:
        asked.append("asked")
        return {}

    counts = TrialCounts(tmp_path / "trials.json", read=tried)
    paper = paper_bot("100 100", at=HALF_PAST)
    bot = replace(whole_bot(paper, screen_honesty=ScreenHonesty(honesty)), trials=counts)
    known: list[int] = []

    class Cycles:
        def run_cycle(self, cycle: Cycle) -> CycleReport:
            known.append(len(asked))
            return paper.pipeline.run_cycle(cycle)

    run_daemon(replace(bot, pipeline=Cycles()), told_to_run, until=lambda: bool(known))

    assert {count} == set(known)


def test_luck_is_measured_beside_the_cycles_and_then_the_trials_are_counted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("dg_bot.app.scheduler._LUCK_PAUSE_S", 0.01)
    meter, asked = MeasuredLuck(), []

    def tried() -> Mapping[Market, int]:
        asked.append("asked")
        return {Market("KRW-ETH"): 5}

    trials = TrialCounts(tmp_path / "trials.json", read=tried)
    bot = replace(whole_bot(paper_bot("100 100", at=HALF_PAST)), luck=meter, trials=trials)  # type: ignore[arg-type]

    code, _ = run_daemon(bot, lambda _: None, until=lambda: trials.on(Market("KRW-ETH")) > 9)

    assert (ExitCode.DONE, ["KRW-BTC", "KRW-ETH"], ["asked"]) == (code, meter.measured, asked)
    assert 1.0 == value(bot.metrics, "bot_errors_total", kind="StateError")
