"""Clock and schedule: ticks that come late, hours that are slept through, zones, and a clock that is wrong."""

import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from apscheduler.triggers.base import BaseTrigger
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.app.guard_thread import GuardThread
from dg_bot.domain.calendar import seoul_day_start, seoul_week_start
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import CycleCompleted, Period, PeriodOpened
from dg_bot.ports import Clock
from dg_bot.risk.limits import RiskLimits
from tests.builders import BTC, ETH, paper_bot
from tests.scenario.faulty_upbit import priced
from tests.scenario.order_bots import analysis_takes
from tests.scenario.test_risk_limits import MANY, blocked_by, equity_after, loser, many
from tests.unit.app.test_scheduler import HALF_PAST, job, run_daemon
from tests.unit.app.whole_bot import PERIOD_S, value, whole_bot

ROOT = Path(__file__).resolve().parents[2]
HOUR = timedelta(hours=1)


class Late(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """The cron of a scheduler that comes late: its first turn was `by` ago, the others follow hour by hour."""

    by = timedelta()

    def __init__(self, expression: str, clock: Clock) -> None:
        assert (expression, clock.skew_s()) == ("0 * * * *", 0.0)

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime:
        return now - self.by if previous_fire_time is None else previous_fire_time + HOUR


def late_by(delay: timedelta) -> type[Late]:
    return type("LateByThat", (Late,), {"by": delay, "last_within": lambda _self, _span: None})


# E01


def test_e01_a_cycle_that_begins_a_minute_late_still_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cycle whose turn was a minute ago runs at once; no hour passes in silence."""
    monkeypatch.setattr("dg_bot.app.scheduler.VenueCron", late_by(timedelta(seconds=61)))
    paper = paper_bot("1000 1000", at=HALF_PAST, says="buy")
    bot = whole_bot(paper, markets="KRW-BTC")

    code, _ = run_daemon(bot, lambda _: None, until=lambda: job(bot, "success") == 1.0)

    assert (0, 1, ["buy KRW-BTC 1000000"]) == (code, len(paper.events(CycleCompleted)), paper.placed())


def test_e01_a_guard_tick_that_comes_a_minute_late_sells_and_counts_what_was_unwatched() -> None:
    """The late tick does what was due, and the seconds beyond two periods count as unprotected."""
    paper = paper_bot("1000 1000 940", holding="100 @ 1000")
    bot = whole_bot(paper)
    guard = GuardThread(bot, period_s=PERIOD_S)
    paper.wait(2 * PERIOD_S + 1)

    guard.tick()

    assert (["sell KRW-BTC 100"], True) == (paper.placed(), value(bot.metrics, "unprotected_seconds_total") >= 1.0)


# E02


def test_e02_a_decision_that_comes_after_its_hour_buys_nothing() -> None:
    """What was decided for an hour that is over is thrown away."""
    bot = paper_bot(says="buy")
    analysis_takes(bot, minutes=65)

    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
    assert report.reason.startswith("execution.cycle_hour:")


def test_e02_a_decision_that_comes_within_its_hour_buys() -> None:
    """A slow decision within its hour is acted on, after risk was asked once more."""
    bot = paper_bot(says="buy")
    analysis_takes(bot, minutes=59, seconds=50)

    assert Outcome.TRADED is bot.run_cycle().outcome


def test_e02_the_guard_sells_while_the_analysis_goes_on() -> None:
    """An analysis of more than an hour keeps the guard from nothing: the stop of another market is sold meanwhile."""
    bot = paper_bot({BTC: "1000 1000 | 1000 1000", ETH: "500 500 | 470 470"}, holding={ETH: "100 @ 500"}, says="buy")
    sold: list[list[str]] = []

    def think() -> None:
        guard = threading.Thread(target=bot.guard.tick)
        guard.start()
        guard.join(10)
        sold.append(bot.placed())
        bot.clock.at += timedelta(minutes=65)

    bot.opinion.on_asked = think

    bot.run_cycle(BTC)

    assert [["sell KRW-ETH 100"]] == sold
    assert ["sell KRW-ETH 100"] == bot.placed()


# E03


def test_e03_the_same_hour_a_second_time_sends_nothing() -> None:
    """A cycle that is asked for again gives the report that it has given, and touches nothing."""
    bot = paper_bot(says="buy")
    first = bot.run_cycle()

    again = bot.run_cycle()

    assert (False, True, 1) == (first.repeated, again.repeated, bot.upbit.calls("submit"))
    assert (first.cycle_id, first.orders, first.completed_at) == (again.cycle_id, again.orders, again.completed_at)


def test_e03_two_schedulers_at_once_place_one_order() -> None:
    """Two runs of one hour side by side place one order between them."""
    bot = paper_bot(says="buy")
    together = threading.Barrier(2, timeout=10)

    def wait_for_the_other() -> None:
        together.wait()

    bot.opinion.on_asked = wait_for_the_other
    threads = [threading.Thread(target=bot.run_cycle) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert (2, ["buy KRW-BTC 1000000"]) == (len(bot.reports), bot.placed())


# E05


@pytest.mark.parametrize(("skew_s", "is_blocked"), [(29.9, False), (30.0, False), (30.1, True), (-30.1, True)])
def test_e05_a_clock_that_is_off_blocks_entries(skew_s: float, is_blocked: bool) -> None:
    """More than thirty seconds between this machine's clock and the exchange's end entries."""
    bot = paper_bot()
    bot.clock.skew = skew_s

    assert is_blocked is ("clock_skew_s" in (blocked_by(bot) or ""))


def test_e05_a_clock_that_is_five_minutes_off_blocks_no_exit_and_is_shown() -> None:
    """Exits go on however wrong the clock is, and a gauge shows by how much it is."""
    paper = paper_bot("1000 1000 | 940", holding="100 @ 1000")
    paper.clock.skew = 300.0
    bot = whole_bot(paper)

    GuardThread(bot, period_s=PERIOD_S).tick()

    assert (["sell KRW-BTC 100"], 300.0) == (paper.placed(), value(bot.metrics, "exchange_clock_skew_seconds"))


# E06


def test_e06_three_hours_that_were_slept_through_are_one_cycle(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a jump of three hours one cycle runs, for the hour that it is now."""
    monkeypatch.setattr("dg_bot.app.scheduler.VenueCron", late_by(3 * HOUR))
    paper = paper_bot("1000 1000", at=HALF_PAST)
    bot = whole_bot(paper, markets="KRW-BTC")
    looks: list[None] = []

    def quiet() -> bool:
        """Give the scheduler time to begin a second one."""
        if job(bot, "success") >= 1.0:
            looks.append(None)
        return len(looks) > 100

    run_daemon(bot, lambda _: None, until=quiet)

    assert (1.0, 1) == (job(bot, "success"), len(paper.events(CycleCompleted)))


# E07


@pytest.mark.parametrize(("moment", "is_tripped"), [("2026-11-20T14:59:59", True), ("2026-11-20T15:00:00", False)])
def test_e07_the_day_of_the_loss_breaker_ends_at_midnight_in_seoul(moment: str, is_tripped: bool) -> None:
    """The loss of a day is that since midnight in Seoul, to the second."""
    bot = loser("1000")
    bot.upbit.always("last_prices", priced(BTC=equity_after(bot, "0.12")))
    bot.clock.at = datetime.fromisoformat(moment).replace(tzinfo=UTC)

    bot.account_only()

    assert is_tripped is (bot.state.safe_mode is not None)


def test_e07_the_count_of_entries_begins_anew_at_midnight_in_seoul() -> None:
    """The entries of a day are those since midnight in Seoul."""
    bot = many(limits=RiskLimits(max_position_fraction=Decimal("0.02"), max_orders_per_hour=20))
    bot.clock.at = datetime(2026, 11, 20, 14, 0, 5, tzinfo=UTC)
    for market in MANY[:5]:
        bot.run_cycle(market)
    assert "risk.entries_today: 5, limit 5" == blocked_by(bot, MANY[5])

    bot.next_hour()

    assert blocked_by(bot, MANY[6]) is None


@settings(deadline=None, max_examples=25)
@given(steps=st.lists(st.integers(1, 40 * 3600), min_size=1, max_size=6), minute=st.integers(0, 1439))
def test_e07_every_day_and_week_of_seoul_is_opened_once_and_no_other(steps: list[int], minute: int) -> None:
    """Whenever the account is looked at, the day and the week that are open are those of Seoul, opened once each."""
    bot = paper_bot("1000 1000", at=datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=minute, seconds=5))
    seen = [bot.clock.at]
    bot.account_only()
    for step in steps:
        if (bot.clock.at - seen[0]).total_seconds() + step > 60 * 3600:
            break
        bot.wait(step)
        bot.account_only()
        seen.append(bot.clock.at)

    opened = [(event.period, event.start) for event in bot.events(PeriodOpened) if isinstance(event, PeriodOpened)]
    days = [start for period, start in opened if period is Period.DAY]
    weeks = [start for period, start in opened if period is Period.WEEK]
    assert (sorted({*map(seoul_day_start, seen)}), sorted({*map(seoul_week_start, seen)})) == (days, weeks)
    assert {15} == {start.astimezone(UTC).hour for start in (*days, *weeks)}


# E08

_FIRES = """
import sys, time
from datetime import UTC, datetime, timedelta
from dg_bot.adapters.clock import SystemClock
from dg_bot.app.venue_cron import VenueCron
from dg_bot.domain.calendar import HOUR
cron, at = VenueCron("0 * * * *", SystemClock()), datetime.fromisoformat(sys.argv[1])
print(time.tzname[1])
for _ in range(int(sys.argv[2])):
    at = cron.get_next_fire_time(at, at)
    print((at + timedelta(milliseconds=500)).astimezone(UTC).replace(microsecond=0).isoformat())
"""


@pytest.mark.parametrize("changes_on", ["2026-11-01", "2027-03-14"])
def test_e08_no_hour_is_skipped_or_doubled_where_the_machine_changes_its_time(changes_on: str) -> None:
    """On a machine in New York every hour of the exchange has one cycle, on the days of the change too."""
    start = datetime.fromisoformat(f"{changes_on}T00:00:05+00:00") - timedelta(hours=12)
    done = subprocess.run(
        [sys.executable, "-c", _FIRES, start.isoformat(), "48"],
        env={"TZ": "America/New_York", "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    zone, *lines = done.stdout.split()
    fires = [datetime.fromisoformat(line) for line in lines]
    assert ("EDT", start + HOUR) == (zone, fires[0])
    assert {HOUR} == {later - earlier for earlier, later in pairwise(fires)}


# E09


class SteppingBack(Clock):
    """A wall clock that steps back a little at each look, over a monotonic one that goes on by a millisecond."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self.looks = 0

    def now(self) -> datetime:
        self.at -= timedelta(milliseconds=3)
        return self.at

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        self.looks += 1
        return self.looks / 1000

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def test_e09_durations_are_those_of_the_monotonic_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No duration is negative while the wall clock steps back, and the cycle trades as ever."""
    bot = paper_bot(says="buy", at=datetime(2026, 11, 20, 12, 30, tzinfo=UTC))
    stepping = SteppingBack(bot.clock.at)
    for name in ("now", "monotonic_s"):
        monkeypatch.setattr(bot.clock, name, getattr(stepping, name))

    report = bot.run_cycle()

    assert Outcome.TRADED is report.outcome
    assert {True} == {duration >= 1.0 for duration in report.durations_ms.values()}
    assert {"risk_check", "data_collection", "analysis", "execution"} <= report.durations_ms.keys()
