from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.adapters.journal_codec import decode_remembered, encode_remembered
from dg_bot.domain.commands_heard import CommandsHeard
from dg_bot.domain.events import CommandEnded, CommandOutcome, CommandTaken, Record, SafeModeLeft
from dg_bot.remembered import Remembered

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
PAUSE = CommandTaken(update=7, user=1, text="/pause")
ENDED = CommandEnded(update=7, outcome=CommandOutcome.CARRIED_OUT, note="paused")


def heard(*events: CommandTaken | CommandEnded | SafeModeLeft) -> CommandsHeard:
    commands = CommandsHeard()
    for place, event in enumerate(events, start=1):
        commands = commands.after(Record(sequence=place, at=NOON, event=event))
    return commands


@pytest.mark.parametrize(("update", "is_known"), [(6, True), (7, True), (8, False)])
def test_a_command_and_those_before_it_are_known(update: int, is_known: bool) -> None:
    assert is_known is heard(PAUSE).has(update, NOON)


@pytest.mark.parametrize(("days", "is_known"), [(1.99, True), (2.0, False)])
def test_after_days_of_silence_numbers_may_begin_anew(days: float, is_known: bool) -> None:
    assert is_known is heard(PAUSE).has(3, NOON + timedelta(days=days))


def test_nothing_is_known_before_the_first() -> None:
    assert not CommandsHeard().has(0, NOON)


def test_a_command_is_unended_until_its_end() -> None:
    assert ((PAUSE,), ()) == (heard(PAUSE, SafeModeLeft(by="timer")).unended, heard(PAUSE, ENDED).unended)


def test_a_snapshot_keeps_what_was_heard_and_an_older_one_has_heard_nothing() -> None:
    remembered = Remembered().after(Record(sequence=1, at=NOON, event=PAUSE))
    body = encode_remembered(remembered)
    older = {name: value for name, value in body.items() if name != "commands"}

    assert (remembered, CommandsHeard()) == (decode_remembered(body), decode_remembered(older).commands)
