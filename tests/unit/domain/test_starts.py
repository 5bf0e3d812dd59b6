from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import DAEMON, PROGRAM, AlarmRaised, Event, Record, Started, Stopped
from dg_bot.domain.starts import Starts

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
START = Started(mode=Mode.LIVE, version="1", settings={PROGRAM: DAEMON})
SINGLE = Started(mode=Mode.LIVE, version="1", settings={})
END = Stopped(mode=Mode.LIVE, open_positions=0)
NEWS = AlarmRaised(kind="any", text="news")


def lives(*events: Event, apart: timedelta = timedelta(minutes=1)) -> Starts:
    starts = Starts()
    for sequence, event in zip(count(1), events):
        starts = starts.after(Record(sequence=sequence, at=NOON + apart * (sequence - 1), event=event))
    return starts


@pytest.mark.parametrize(
    ("events", "crashes"),
    [
        ([], 0),
        ([START], 0),
        ([START, START], 1),
        ([START, END, START], 0),
        ([START, START, END, START], 1),
        ([START, NEWS, START], 1),
        ([SINGLE, SINGLE, SINGLE], 0),
        ([START, SINGLE, START], 1),
    ],
    ids=str,
)
def test_a_start_that_did_not_end_on_purpose_was_a_crash(events: list[Event], crashes: int) -> None:
    assert crashes == lives(*events).crashes


@pytest.mark.parametrize(("starts", "expected"), [(5, False), (6, True)])
def test_the_sixth_start_finds_five_crashes(starts: int, expected: bool) -> None:
    assert expected == lives(*[START] * starts).is_crash_loop


@pytest.mark.parametrize(("apart_s", "expected"), [(119, True), (120, False)])
def test_only_the_crashes_of_ten_minutes_count(apart_s: int, expected: bool) -> None:
    assert expected == lives(*[START] * 6, apart=timedelta(seconds=apart_s)).is_crash_loop


def test_the_first_start_is_remembered() -> None:
    assert (None, NOON) == (Starts().first_at, lives(START, END, START).first_at)
