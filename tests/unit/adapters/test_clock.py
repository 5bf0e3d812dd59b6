from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.adapters.clock import SystemClock, VenueClock
from tests.unit.adapters.stepping_clock import SteppingClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def date(at: datetime) -> str:
    return format_datetime(at.replace(microsecond=0), usegmt=True)


def observed(local: SteppingClock, clock: VenueClock, header: str | None, round_trip_s: float = 0.0) -> None:
    clock.observe(header, sent_s=local.monotonic - round_trip_s, received_s=local.monotonic)


def test_before_the_first_answer_exchange_time_is_local_time() -> None:
    local = SteppingClock("2026-11-20T12:00:00.5")

    clock = VenueClock(local=local, follow=False)

    assert local.at == clock.now()
    assert clock.skew_s() == 0.0


@pytest.mark.parametrize("seconds", [-29, 0, 30])
def test_the_first_answer_sets_exchange_time_to_its_date(seconds: int) -> None:
    local = SteppingClock("2026-11-20T12:00:00.5")
    clock = VenueClock(local=local, follow=False)

    observed(local, clock, date(NOON + timedelta(seconds=seconds)))

    assert NOON + timedelta(seconds=seconds) == clock.now()
    assert clock.skew_s() == pytest.approx(seconds - 0.5)


@pytest.mark.parametrize(("answers", "ahead_s"), [(1, 0), (2, 0), (3, 3600)])
def test_a_first_answer_that_is_far_from_this_machines_time_is_believed_when_three_agree(answers: int, ahead_s: float) -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)

    for _ in range(answers):
        observed(local, clock, date(NOON + timedelta(hours=1)))

    assert NOON + timedelta(seconds=ahead_s) == clock.now()
    assert clock.skew_s() == pytest.approx(3600.0)


def test_a_wrong_first_answer_is_forgotten_after_a_right_one() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)
    observed(local, clock, date(NOON + timedelta(hours=1)))

    observed(local, clock, date(NOON))

    assert NOON == clock.now()
    assert clock.skew_s() == pytest.approx(0.0)


def test_exchange_time_runs_on_with_the_local_clock() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)
    observed(local, clock, date(NOON))

    local.step(7.25)

    assert NOON + timedelta(seconds=7.25) == clock.now()


def test_a_later_answer_narrows_the_offset_upwards_only() -> None:
    local = SteppingClock("2026-11-20T12:00:00.9")
    clock = VenueClock(local=local, follow=False)
    observed(local, clock, date(NOON))
    local.step(0.2)
    observed(local, clock, date(NOON + timedelta(seconds=1)))
    narrowed = clock.skew_s()
    local.step(0.8)

    observed(local, clock, date(NOON + timedelta(seconds=1)))

    assert narrowed == pytest.approx(-0.1)
    assert clock.skew_s() == pytest.approx(-0.1)


@pytest.mark.parametrize(("answers", "skew_s"), [(1, 0.0), (2, 0.0), (3, -3600.0)])
def test_a_jump_is_believed_when_three_answers_in_a_row_tell_of_it(answers: int, skew_s: float) -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)
    observed(local, clock, date(NOON))

    for _ in range(answers):
        observed(local, clock, date(NOON - timedelta(hours=1)))

    assert clock.skew_s() == pytest.approx(skew_s)


def test_one_wrong_date_among_right_ones_moves_nothing() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)
    observed(local, clock, date(NOON))

    for wrong_or_right in (timedelta(days=5), timedelta(0), timedelta(days=5), timedelta(0), timedelta(days=5)):
        observed(local, clock, date(NOON + wrong_or_right))

    assert clock.skew_s() == pytest.approx(0.0)


def test_a_venue_that_is_followed_is_believed_at_once() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=True)
    observed(local, clock, date(NOON))

    observed(local, clock, date(NOON + timedelta(hours=1)))

    assert NOON + timedelta(hours=1) == clock.now()


def test_the_time_between_receipt_and_observation_does_not_count() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=False)
    received_s = local.monotonic
    local.step(3)

    clock.observe(date(NOON), sent_s=received_s, received_s=received_s)

    assert NOON + timedelta(seconds=3) == clock.now()


@pytest.mark.parametrize("header", [None, "", "soon", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 2026 12:00:00", "1795176000"])
def test_a_header_that_cannot_be_read_teaches_nothing(header: str | None) -> None:
    local = SteppingClock()
    clock = VenueClock(local=local, follow=False)

    observed(local, clock, header)

    assert local.at == clock.now()


def test_a_followed_venue_is_the_clock_and_its_distance_is_no_fault() -> None:
    local = SteppingClock("2026-11-20T12:00:00")
    clock = VenueClock(local=local, follow=True)

    observed(local, clock, date(datetime(2022, 5, 9, 13, tzinfo=UTC)))

    assert datetime(2022, 5, 9, 13, tzinfo=UTC) == clock.now()
    assert clock.skew_s() == 0.0


@given(
    offset_s=st.floats(-1e6, 1e6),
    calls=st.lists(st.tuples(st.floats(0, 2), st.floats(0, 2), st.floats(0, 5)), min_size=1, max_size=20),
)
def test_exchange_time_is_never_ahead_of_the_venue_and_never_a_round_trip_and_a_second_behind(
    offset_s: float, calls: list[tuple[float, float, float]]
) -> None:
    local = SteppingClock()
    clock = VenueClock(local=local, follow=False)
    for out_s, back_s, pause_s in calls:
        local.step(out_s)
        header = date(local.at + timedelta(seconds=offset_s))
        local.step(back_s)
        observed(local, clock, header, round_trip_s=out_s + back_s)
        local.step(pause_s)

    behind_s = offset_s - clock.skew_s()

    assert -1e-4 <= behind_s <= 1.0 + min(back_s for _, back_s, _ in calls) + 1e-4


def test_the_system_clock_tells_utc_and_needs_no_correction() -> None:
    clock = SystemClock()

    assert clock.now().tzinfo is UTC
    assert clock.skew_s() == 0.0
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_sleep_below_zero_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)

    SystemClock().sleep(-1.0)

    assert [0.0] == slept
