from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Event as Flag
from threading import Thread

import pytest

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.events import AccountOpened, AlarmRaised, CycleCompleted, Event, IntentSending, Record, SafeModeEntered
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import InvariantViolated, StateError
from dg_bot.pipeline.books import Books
from dg_bot.remembered import Remembered
from tests.builders import NOON, VirtualClock
from tests.journal_records import report


def books_at_noon() -> tuple[Books, MemoryJournal, VirtualClock, list[Record]]:
    clock = VirtualClock(NOON)
    journal = MemoryJournal(clock.now)
    told: list[Record] = []
    return Books(journal=journal, clock=clock, on_record=told.append), journal, clock, told


def test_a_fact_is_in_the_journal_and_in_the_state_before_anybody_is_told() -> None:
    books, journal, _, told = books_at_noon()

    books.record(SafeModeEntered(reason="told to"))

    assert [record.event for record in journal.records()] == [record.event for record in told]
    assert books.state.safe_mode is not None


def test_a_fact_that_contradicts_what_is_known_is_not_written() -> None:
    books, journal, _, _ = books_at_noon()

    with pytest.raises(InvariantViolated):
        books.record(IntentSending(identifier="nobody.planned.this"))

    assert [] == list(journal.records())


def test_books_made_again_from_the_journal_remember_the_same() -> None:
    books, journal, clock, _ = books_at_noon()
    books.record(AccountOpened(balances=(Balance("KRW", Decimal(100), Decimal(0)),)))
    books.record(SafeModeEntered(reason="told to"))

    again = Books(journal=journal, clock=clock, on_record=lambda _record: None)

    assert (books.state, books.intents) == (again.state, again.intents)


@pytest.mark.parametrize(
    ("held", "reason"),
    [
        (None, "key refused"),
        ("daily_loss: lost 0.1000", "key refused; before: daily_loss: lost 0.1000"),
        ("weekly_loss: lost 0.1500", "key refused; before: weekly_loss: lost 0.1500"),
        ("paused: Telegram 5; before: daily_loss: lost 0.1000", "paused: Telegram 5; before: daily_loss: lost 0.1000"),
    ],
)
def test_a_safe_mode_that_the_hours_may_end_gives_way_to_one_that_only_an_operator_ends(held: str | None, reason: str) -> None:
    books, _, _, _ = books_at_noon()
    if held is not None:
        books.record(SafeModeEntered(reason=held))

    books.enter_safe_mode("key refused")

    assert books.state.safe_mode is not None
    assert reason == books.state.safe_mode.reason


@pytest.mark.parametrize(("hours", "alarms"), [(0.0, 1), (5.99, 1), (6.0, 2)])
def test_an_alarm_of_one_kind_is_raised_once_in_six_hours(hours: float, alarms: int) -> None:
    books, journal, clock, _ = books_at_noon()
    books.alarm("thin_book:KRW-BTC", "first")
    clock.at += timedelta(hours=hours)

    books.alarm("thin_book:KRW-BTC", "second")

    assert alarms == sum(isinstance(record.event, AlarmRaised) for record in journal.records())


def test_alarms_of_two_kinds_do_not_silence_each_other() -> None:
    books, _, _, _ = books_at_noon()

    books.alarm("one", "text")
    books.alarm("other", "text")

    assert {"one", "other"} == set(books.state.alarms)


@pytest.mark.parametrize(("hours", "is_kept"), [(47, True), (48, True), (49, False)])
def test_reports_are_kept_for_two_days(hours: int, is_kept: bool) -> None:
    books, _, clock, _ = books_at_noon()
    books.record(CycleCompleted(report=report("KRW-BTC/2026-11-20T12")))
    clock.at += timedelta(hours=hours)

    books.record(CycleCompleted(report=report("KRW-ETH/later")))

    assert is_kept is (books.report_of("KRW-BTC/2026-11-20T12") is not None)


def test_the_account_is_held_by_one_at_a_time_and_waiting_has_an_end() -> None:
    books, _, _, _ = books_at_noon()
    held, done = Flag(), Flag()

    def hold() -> None:
        with books.locked(1.0):
            held.set()
            done.wait()

    other = Thread(target=hold)
    other.start()
    held.wait()
    try:
        with pytest.raises(StateError, match="held by another task"), books.locked(0.01):
            pass
    finally:
        done.set()
        other.join()


def test_whoever_holds_the_account_may_hold_it_again() -> None:
    books, _, _, _ = books_at_noon()

    with books.locked(0.01), books.locked(0.01):
        books.record(SafeModeEntered(reason="told to"))

    assert books.state.safe_mode is not None


def test_books_go_on_from_a_snapshot_and_read_only_what_follows_it() -> None:
    clock, journal = VirtualClock(NOON), ReadJournal(VirtualClock(NOON).now, segment_records=3)
    books = Books(journal=journal, clock=clock, on_record=lambda _record: None)
    for name in "abcd":
        books.alarm(name, "text")
    books.compact()
    books.alarm("e", "text")

    again = Books(journal=journal, clock=clock, on_record=lambda _record: None)

    assert books.remembered == again.remembered
    assert [0, 4] == journal.read_after


class ReadJournal(MemoryJournal):
    """Notes from where on it is read."""

    def __init__(self, now: Callable[[], datetime], *, segment_records: int) -> None:
        super().__init__(now, segment_records=segment_records)
        self.read_after: list[int] = []

    def records(self, after: int = 0) -> Iterator[Record]:
        self.read_after.append(after)
        return super().records(after)


class FullJournal(MemoryJournal):
    """Takes no snapshot, and no record either while it is shut."""

    is_shut = False

    def append(self, event: Event) -> Record:
        if self.is_shut:
            raise StateError("journal", "no space left on device", "make room")
        return super().append(event)

    def compact(self, remembered: Remembered) -> None:
        raise StateError("journal", "no space left on device", "make room")


def test_compaction_that_fails_is_an_alarm_and_nothing_else() -> None:
    clock = VirtualClock(NOON)
    journal = FullJournal(clock.now)
    books = Books(journal=journal, clock=clock, on_record=lambda _record: None)

    books.compact()
    books.compact()

    text = "the journal could not be compacted: journal: no space left on device; make room"
    assert [AlarmRaised(kind="compaction", text=text)] == [record.event for record in journal.records()]
    books.record(SafeModeEntered(reason="goes on"))


def test_compaction_on_a_disk_that_takes_no_alarm_either_is_silent() -> None:
    clock = VirtualClock(NOON)
    journal = FullJournal(clock.now)
    books = Books(journal=journal, clock=clock, on_record=lambda _record: None)
    journal.is_shut = True

    books.compact()

    assert 0 == len(journal)
