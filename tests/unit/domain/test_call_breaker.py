from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.domain.call_breaker import BreakerState, CallBreaker

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
CLOSED, OPEN, HALF_OPEN = BreakerState


def after(story: str) -> CallBreaker:
    """Tell a story of calls at one moment: F failed, S succeeded."""
    breaker = CallBreaker(most_failures=3, pause=timedelta(seconds=60))
    for call in story:
        breaker = breaker.failed(AT) if call == "F" else breaker.succeeded()
    return breaker


@pytest.mark.parametrize(
    ("story", "seconds", "state"),
    [
        ("", 0, CLOSED),
        ("FF", 0, CLOSED),
        ("FFF", 0, OPEN),
        ("FFF", 59.9, OPEN),
        ("FFF", 60, HALF_OPEN),
        ("FFSF", 0, CLOSED),
        ("FFFS", 0, CLOSED),
        ("FFFF", 59.9, OPEN),
    ],
)
def test_it_opens_after_failures_in_a_row_for_a_while(story: str, seconds: float, state: BreakerState) -> None:
    assert state is after(story).state(AT + timedelta(seconds=seconds))


def test_a_failure_while_half_open_opens_it_again() -> None:
    later = AT + timedelta(seconds=61)

    assert OPEN is after("FFF").failed(later).state(later + timedelta(seconds=59))
