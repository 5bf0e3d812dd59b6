"""What every journal promises, held against each of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.events import AlarmRaised, Event, IntentSending, Record, SafeModeEntered
from dg_bot.ports import Journal
from dg_bot.remembered import Remembered

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


class TickingClock:
    """A clock that is a second later each time it is read."""

    def __init__(self) -> None:
        self._now = NOON

    def __call__(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now


@pytest.fixture(params=["file", "memory"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Journal]:
    """A journal for which ten alarms are enough to be compacted, and one is not."""
    if request.param == "memory":
        yield MemoryJournal(TickingClock(), segment_records=10)
        return
    file = JournalFile.open(tmp_path / "state" / "journal.jsonl", TickingClock(), segment_bytes=3000)
    yield file
    file.close()


def alarmed(journal: Journal, count: int) -> Remembered:
    """Append so many alarms, and give what all records are remembered as."""
    for number in range(count):
        journal.append(AlarmRaised(kind=f"{number}", text="x" * 100))
    remembered = Remembered()
    for record in journal.records():
        remembered = remembered.after(record)
    return remembered


def test_a_fresh_journal_holds_nothing(journal: Journal) -> None:
    assert [] == list(journal.records())
    assert (0, None) == (len(journal), journal.snapshot())


def test_records_come_back_in_order_numbered_from_one(journal: Journal) -> None:
    events: list[Event] = [SafeModeEntered(reason="a"), IntentSending(identifier="b"), AlarmRaised(kind="c", text="d")]

    written = [journal.append(event) for event in events]

    expected = [Record(sequence=n, at=NOON + timedelta(seconds=n), event=event) for n, event in enumerate(events, start=1)]
    assert expected == written
    assert expected == list(journal.records())


@pytest.mark.parametrize(("after", "expected"), [(0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (3, []), (9, [])])
def test_reading_starts_after_the_given_sequence(journal: Journal, after: int, expected: list[int]) -> None:
    for name in "abc":
        journal.append(IntentSending(identifier=name))

    assert expected == [record.sequence for record in journal.records(after)]


def test_a_reader_that_is_under_way_is_not_disturbed_by_writers(journal: Journal) -> None:
    journal.append(IntentSending(identifier="a"))
    journal.append(IntentSending(identifier="b"))
    reader = journal.records()
    first = next(reader)

    journal.append(IntentSending(identifier="c"))

    assert [1, 2] == [first.sequence, *(record.sequence for record in reader)]
    assert [1, 2, 3] == [record.sequence for record in journal.records()]


def test_its_length_is_the_last_sequence(journal: Journal) -> None:
    assert alarmed(journal, 3).sequence == len(journal) == 3


def test_little_is_not_compacted(journal: Journal) -> None:
    journal.compact(alarmed(journal, 2))

    assert journal.snapshot() is None


def test_compacting_keeps_what_is_remembered_and_every_record(journal: Journal) -> None:
    known = alarmed(journal, 20)
    before = list(journal.records())

    journal.compact(known)

    assert known == journal.snapshot()
    assert before == list(journal.records())
    assert before[7:] == list(journal.records(after=7))
    assert len(before) == len(journal)


def test_records_go_on_after_compacting_and_a_fold_from_the_snapshot_is_a_fold_of_all(journal: Journal) -> None:
    journal.compact(alarmed(journal, 20))
    known = alarmed(journal, 5)

    snapshot = journal.snapshot()

    assert snapshot is not None
    for record in journal.records(snapshot.sequence):
        snapshot = snapshot.after(record)
    assert known == snapshot
    assert list(range(1, 26)) == [record.sequence for record in journal.records()]


def test_compacting_again_replaces_the_snapshot(journal: Journal) -> None:
    journal.compact(alarmed(journal, 20))
    known = alarmed(journal, 20)

    journal.compact(known)

    assert known == journal.snapshot()
    assert 40 == len(list(journal.records()))


def test_a_reader_that_is_under_way_is_not_disturbed_by_compacting(journal: Journal) -> None:
    known = alarmed(journal, 20)
    reader = journal.records()
    first = next(reader)

    journal.compact(known)

    assert list(range(1, 21)) == [first.sequence, *(record.sequence for record in reader)]
