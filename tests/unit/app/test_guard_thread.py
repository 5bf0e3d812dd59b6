import threading
from collections.abc import Callable

import pytest

from dg_bot.domain.events import AlarmRaised
from dg_bot.errors import BotError, DataError, ExchangeUnavailable, InvariantViolated, StateError
from tests.builders import PaperBot, paper_bot
from tests.unit.app.whole_bot import PERIOD_S, guard_over

AWAY = ExchangeUnavailable("accounts", "nobody answers")


def failing(bot: PaperBot, error: BotError, *, after_s: float = 0.0) -> None:
    """Let the account be unreadable from now on, each time after so many seconds."""

    def fault(*_: object) -> object:
        bot.wait(after_s)
        raise error

    bot.upbit.always("balances", fault)


def alarms(paper: PaperBot) -> list[str]:
    return [event.kind for event in paper.events(AlarmRaised) if isinstance(event, AlarmRaised)]


def test_a_tick_that_completes_is_fresh_and_counts_nothing() -> None:
    paper = paper_bot("100 100", holding="100 @ 100")
    guard, metric = guard_over(paper)
    paper.wait(PERIOD_S)

    guard.tick()

    assert (0.0, 0.0, 0.0) == (guard.age_s, metric("unprotected_seconds_total"), metric("guard_tick_age_seconds"))


def test_a_tick_that_completes_sells_what_is_due() -> None:
    paper = paper_bot("100 100 94", holding="100 @ 100")
    guard, _ = guard_over(paper)

    guard.tick()

    assert ["sell KRW-BTC 100"] == paper.placed()


@pytest.mark.parametrize(
    "error",
    [AWAY, DataError("accounts", "is no list"), StateError("account lock", "held", "again")],
    ids=lambda e: type(e).__name__,
)
def test_time_in_which_a_position_is_not_watched_is_counted(error: BotError) -> None:
    paper = paper_bot("100 100", holding="100 @ 100")
    guard, metric = guard_over(paper)
    failing(paper, error)

    for _ in range(3):
        paper.wait(PERIOD_S)
        guard.tick()

    assert (90.0, 90.0) == (guard.age_s, metric("unprotected_seconds_total"))


def test_the_time_that_a_failing_tick_takes_itself_is_counted_too() -> None:
    paper = paper_bot("100 100", holding="100 @ 100")
    guard, metric = guard_over(paper)
    failing(paper, AWAY, after_s=12.0)

    for _ in range(2):
        paper.wait(PERIOD_S)
        guard.tick()

    assert 84.0 == metric("unprotected_seconds_total")


def test_time_is_counted_anew_after_a_tick_that_completed() -> None:
    paper = paper_bot("100 100", holding="100 @ 100")
    guard, metric = guard_over(paper)
    failing(paper, AWAY)
    paper.wait(PERIOD_S)
    guard.tick()
    paper.upbit.heal()
    paper.wait(PERIOD_S)
    guard.tick()
    failing(paper, AWAY)
    paper.wait(PERIOD_S)

    guard.tick()

    assert (60.0, 30.0) == (metric("unprotected_seconds_total"), guard.age_s)


def test_the_operator_is_told_once() -> None:
    paper = paper_bot("100 100", holding="100 @ 100")
    guard, _ = guard_over(paper)
    failing(paper, AWAY)

    for _ in range(3):
        paper.wait(PERIOD_S)
        guard.tick()

    assert ["unprotected"] == alarms(paper)


def test_nothing_held_needs_no_watching() -> None:
    paper = paper_bot("100 100")
    guard, metric = guard_over(paper)
    failing(paper, AWAY)
    paper.wait(PERIOD_S)

    guard.tick()

    assert (0.0, 0.0, []) == (guard.age_s, metric("unprotected_seconds_total"), alarms(paper))


def test_the_thread_ticks_and_stops_when_told_to() -> None:
    paper = paper_bot("100 100 94", holding="100 @ 100")
    ticked = threading.Event()

    def seen(operation: str, call: Callable[[], object]) -> object:
        ticked.set()
        return call()

    paper.upbit.around = seen
    guard, _ = guard_over(paper)

    guard.start()
    assert ticked.wait(10)
    guard.stop(10)

    assert (None, ["sell KRW-BTC 100"]) == (guard.broken, paper.placed())


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("error", [InvariantViolated("I1", "two orders"), ZeroDivisionError("a defect")], ids=str)
def test_what_no_tick_may_pass_over_ends_the_thread_and_is_kept(error: Exception) -> None:
    paper = paper_bot("100 100", holding="100 @ 100")

    def fault(*_: object) -> object:
        raise error

    paper.upbit.always("balances", fault)
    guard, _ = guard_over(paper)

    guard.start()
    guard._thread.join(10)

    assert error is guard.broken
