from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.adapters.upbit_limiter import START_LIMITS, UpbitLimiter, block_s
from dg_bot.errors import RateLimited
from tests.unit.adapters.stepping_clock import SteppingClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def acquire(limiter: UpbitLimiter, times: int, group: str = "default") -> None:
    for _ in range(times):
        limiter.acquire("GET /v1/accounts", group)


@pytest.mark.parametrize(("calls", "waits"), [(29, 0), (30, 0), (31, 1)])
def test_before_any_answer_the_published_limit_holds(calls: int, waits: int) -> None:
    clock = SteppingClock()

    acquire(UpbitLimiter(clock=clock), calls)

    assert START_LIMITS["default"] == 30
    assert [1.0] * waits == clock.slept


def test_after_the_last_call_of_a_second_the_next_one_waits_for_a_new_second() -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    acquire(limiter, 1)
    limiter.observe("default", "group=default; min=1800; sec=0")
    clock.step(0.25)

    acquire(limiter, 1)

    assert [0.75] == clock.slept


def test_a_lower_number_in_the_header_is_followed_at_once() -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    acquire(limiter, 1)
    limiter.observe("default", "group=default; min=1800; sec=1")

    acquire(limiter, 2)

    assert [1.0] == clock.slept


def test_a_higher_number_in_the_header_gives_no_more_than_is_left() -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    acquire(limiter, 30)
    limiter.observe("default", "group=default; sec=29")

    acquire(limiter, 1)

    assert [1.0] == clock.slept


@pytest.mark.parametrize(
    "header", [None, "", "group=default", "sec=", "sec=soon", "sec=-1", "group=order.x; min=1; sec", "sec=99999999", "\xff"]
)
def test_a_header_that_is_missing_or_odd_changes_nothing(header: str | None) -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    acquire(limiter, 1)
    limiter.observe("default", header)

    acquire(limiter, 29)

    assert [] == clock.slept


@pytest.mark.parametrize("header", ["sec=0", "group=a.b; sec = 0", "min=1800;sec=0;group=default"])
def test_a_header_without_its_usual_parts_is_still_followed(header: str) -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    acquire(limiter, 1)
    limiter.observe("default", header)

    acquire(limiter, 1)

    assert [1.0] == clock.slept


def test_groups_have_budgets_of_their_own() -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    limiter.observe("order", "sec=0")
    limiter.refused("POST /v1/orders", "order", status=429, text="")

    acquire(limiter, 1, "default")

    assert [] == clock.slept


@pytest.mark.parametrize(("passed_s", "is_silent"), [(0.0, True), (0.99, True), (1.0, False), (1.01, False)])
def test_after_a_429_the_group_is_silent_for_a_second(passed_s: float, is_silent: bool) -> None:
    clock = SteppingClock("2026-11-20T12:00:00")
    limiter = UpbitLimiter(clock=clock)
    refused = limiter.refused("GET /v1/accounts", "default", status=429, text="too many requests")
    clock.step(passed_s)

    if is_silent:
        with pytest.raises(RateLimited) as caught:
            acquire(limiter, 1)
        assert NOON + timedelta(seconds=1) == caught.value.silent_until
    else:
        acquire(limiter, 1)

    assert NOON + timedelta(seconds=1) == refused.silent_until
    assert [] == clock.slept


def test_a_shorter_silence_does_not_end_a_longer_one() -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    limiter.refused("GET /v1/accounts", "default", status=418, text="blocked for 30 seconds")
    limiter.refused("GET /v1/accounts", "default", status=429, text="")
    clock.step(29.9)

    with pytest.raises(RateLimited):
        acquire(limiter, 1)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ('{"error":{"name":"blocked","message":"Your request has been blocked for 10 seconds"}}', 10),
        ("blocked for 90s", 90),
        ("try again in 3 minutes", 180),
        ("요청이 5분 동안 차단되었습니다", 300),
        ("요청이 30초 동안 차단되었습니다", 30),
        ("1시간", 3600),
        ('{"error":{"block_seconds": 45}}', 45),
        ('{"remaining_sec":"12"}', 12),
        ("until 2026-11-20T12:02:00Z", 120),
        ("until 2026-11-20T21:02:00+09:00", 120),
        ("until 2026-11-20 12:02:00", 120),
        ("10 seconds, later 2 minutes", 120),
        ("", 60),
        ("teapot", 60),
        ("until 2026-11-20T11:00:00Z", 60),
        ("until 2026-99-20T11:00:00Z", 60),
        ("0 seconds", 60),
        ("86400 seconds", 86400),
        ("86401 seconds", 60),
    ],
)
def test_the_length_of_a_block_is_read_from_its_text(text: str, seconds: float) -> None:
    assert seconds == block_s(text, NOON)


@pytest.mark.parametrize(
    ("calls", "passed_s", "told"), [(0, 0.0, ["order"]), (7, 0.0, ["order"]), (8, 0.0, []), (8, 2.0, []), (8, 2.1, ["order"])]
)
def test_a_429_that_our_own_calls_do_not_explain_is_told(calls: int, passed_s: float, told: list[str]) -> None:
    clock = SteppingClock()
    limiter = UpbitLimiter(clock=clock)
    heard: list[str] = []
    limiter.report_sharing_to(heard.append)
    acquire(limiter, calls, "order")
    clock.step(passed_s)

    limiter.refused("POST /v1/orders", "order", status=429, text="")

    assert told == heard
