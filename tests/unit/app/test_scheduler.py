import asyncio
import os
import signal
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection

import pytest

from dg_bot.app.bootstrap import Bot
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.scheduler import Daemon, VenueCron
from dg_bot.app.secrets import Redactor
from dg_bot.domain.events import CycleCompleted, Stopped
from dg_bot.errors import ConfigurationError, InvariantViolated
from tests.builders import paper_bot
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
        while daemon._outbox_thread.ident is None:
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

    assert ExitCode.FAILED == code


def test_the_age_of_the_last_tick_is_told_as_it_is_when_asked() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    ages: list[str] = []

    def look(daemon: Daemon) -> None:
        paper.wait(25.0)
        ages.append(next(line for line in page(daemon, "/metrics").splitlines() if line.startswith("guard_tick_age_seconds ")))

    run_daemon(whole_bot(paper, guard_seconds=60), look)

    assert ["guard_tick_age_seconds 25.0"] == ages


@pytest.mark.parametrize(("silent_s", "expected"), [(180.0, ExitCode.DONE), (180.001, ExitCode.WATCHDOG)])
def test_a_guard_that_is_stuck_for_three_periods_ends_the_daemon(silent_s: float, expected: ExitCode) -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    looks: list[None] = []

    def looked_on() -> bool:
        """Give the watch time to look twice."""
        looks.append(None)
        return len(looks) > 300

    code, _ = run_daemon(whole_bot(paper, guard_seconds=60), lambda _: paper.wait(silent_s), until=looked_on)

    assert expected == code


class SlowTaker:
    """A projection that takes until it is released, and notes how many are at it at once."""

    name = "messages"
    place = 0

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
    daemon._outbox_thread.join()

    assert (0, 1) == (code, taker.most)


class Follower:
    """A projection that takes all there is."""

    name = "messages"
    place = 0

    def __init__(self, end: Callable[[], int]) -> None:
        self._end = end

    def flush(self) -> None:
        self.place = self._end()


def test_the_end_itself_is_delivered() -> None:
    paper = paper_bot("100 100", at=HALF_PAST)
    follower = Follower(lambda: paper.books.state.sequence)

    run_daemon(whole_bot(paper, follower), lambda _: None)

    assert (1, paper.books.state.sequence) == (len(paper.events(Stopped)), follower.place)
