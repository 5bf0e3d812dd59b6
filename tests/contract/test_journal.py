"""What every journal promises, held against each of them."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.domain.events import AlarmRaised, Event, IntentSending, Record, SafeModeEntered
from dg_bot.ports import Journal

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
    if request.param == "memory":
        yield MemoryJournal(TickingClock())
        return
    file = JournalFile.open(tmp_path / "state" / "journal.jsonl", TickingClock())
    yield file
    file.close()


def test_a_fresh_journal_holds_nothing(journal: Journal) -> None:
    assert [] == list(journal.records())


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
