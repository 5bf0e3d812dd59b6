"""Where messages begin in a long journal."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from dg_bot.adapters.memory import MemoryJournal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.message_projection import MessageProjection
from dg_bot.domain.events import AlarmRaised, Record
from dg_bot.operator.narrator import Narrator
from dg_bot.operator.phrasebook import Language
from dg_bot.operator.verbosity import Verbosity
from tests.builders import NOON, VirtualClock


class ReadJournal(MemoryJournal):
    """Notes from where on it is read."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.read_after: list[int] = []

    def records(self, after: int = 0) -> Iterator[Record]:
        self.read_after.append(after)
        return super().records(after)


class Sent:
    def __init__(self) -> None:
        self.texts: list[str] = []

    def send(self, text: str) -> None:
        self.texts.append(text)


@pytest.mark.parametrize(("length", "place", "expected"), [(30, None, 0), (1500, None, 500), (1500, 20, 0), (1500, 1400, 400)])
def test_a_long_journal_is_read_from_a_little_before_the_place(
    tmp_path: Path, length: int, place: int | None, expected: int
) -> None:
    clock = VirtualClock(NOON)
    journal, cursors, sent = ReadJournal(clock.now), Cursors(tmp_path / "cursors.json"), Sent()
    for number in range(length):
        journal.append(AlarmRaised(kind=f"{number}", text="news"))
    if place is not None:
        cursors.move("messages", place)

    projection = MessageProjection(
        journal=journal,
        cursors=cursors,
        narrator=Narrator(language=Language.ENGLISH, verbosity=Verbosity.ALERTS),
        notifier=sent,
        clock=clock,
        metrics=Metrics(),
    )
    projection.flush()

    assert expected == journal.read_after[0]
    assert (length, bool(place)) == (projection.place, bool(sent.texts))
