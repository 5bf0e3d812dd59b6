"""What the witness of a cycle keeps: the cycle's own answers and records, and the records of others in their place."""

import threading
from collections.abc import Callable

import pytest

from dg_bot.capsule import BALANCES, CONSULTATION, OTHER_RECORD, OWN_RECORD, Heard
from dg_bot.domain.events import AlarmRaised, Record
from dg_bot.errors import ExchangeUnavailable
from dg_bot.pipeline.recorder import CycleRecorder
from tests.builders import NOON


def record(sequence: int) -> Record:
    return Record(sequence=sequence, at=NOON, event=AlarmRaised(kind="x", text="y"))


def elsewhere(act: Callable[[], object]) -> None:
    thread = threading.Thread(target=act)
    thread.start()
    thread.join()


def test_answers_and_records_are_kept_in_order() -> None:
    recorder = CycleRecorder()

    with recorder.listening() as heard:
        assert 1 == recorder.answer("a", "x", lambda: 1)
        recorder.keep(record(7))
        recorder.answer("b", "", lambda: 2)

    assert [
        Heard(port="a", about="x", value=1),
        Heard(port=OWN_RECORD, about="", value=record(7)),
        Heard(port="b", about="", value=2),
    ] == heard


def test_an_error_is_kept_as_an_answer() -> None:
    recorder, error = CycleRecorder(), ExchangeUnavailable("accounts", "timeout")

    def fail() -> None:
        raise error

    with recorder.listening() as heard, pytest.raises(ExchangeUnavailable):
        recorder.answer(BALANCES, "", fail)

    assert [Heard(port=BALANCES, about="", error=error)] == heard


def test_of_other_threads_only_the_records_are_kept() -> None:
    recorder = CycleRecorder()

    with recorder.listening() as heard:
        elsewhere(lambda: recorder.answer("a", "", lambda: 1))
        elsewhere(lambda: recorder.keep(record(7)))

    assert [Heard(port=OTHER_RECORD, about="", value=record(7))] == heard


def test_what_a_port_records_while_it_is_asked_is_not_the_cycles_own() -> None:
    recorder = CycleRecorder()

    with recorder.listening() as heard:
        recorder.answer(CONSULTATION, "", lambda: recorder.keep(record(7)))

    assert [OTHER_RECORD, CONSULTATION] == [one.port for one in heard]


def test_between_cycles_nothing_is_kept_and_the_next_one_begins_anew() -> None:
    recorder = CycleRecorder()
    with recorder.listening() as first:
        recorder.answer("a", "", lambda: 1)

    recorder.answer("b", "", lambda: 2)
    recorder.keep(record(7))
    with recorder.listening() as second:
        recorder.answer("c", "", lambda: 3)

    assert (["a"], ["c"]) == ([one.port for one in first], [one.port for one in second])
