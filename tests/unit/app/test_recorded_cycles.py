"""What becomes of a capsule changes nothing of the cycle that is over."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from dg_bot.app.recorded_cycles import RecordedCycles
from dg_bot.app.settings import Settings
from dg_bot.capsule import Capsule
from dg_bot.cycle import Cycle
from dg_bot.domain.events import AlarmRaised, CapsuleStored
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, InvariantViolated, StateError
from dg_bot.pipeline.recorder import CycleRecorder
from tests.builders import PaperBot, paper_bot

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
CYCLE = Cycle(market=Market("KRW-BTC"), opened_at=NOON)


class Refusing:
    """Takes no capsule."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def store(self, capsule: Capsule) -> CapsuleStored:
        raise self.error


def recorded(paper: PaperBot, error: Exception) -> RecordedCycles:
    trading = SimpleNamespace(
        account=SimpleNamespace(known_differences={}), summarizer=SimpleNamespace(knows_dollar=True), pipeline=paper.pipeline
    )
    return RecordedCycles(
        trading,  # type: ignore[arg-type]
        books=paper.books,
        recorder=CycleRecorder(),
        files=Refusing(error),  # type: ignore[arg-type]
        settings=Settings(),
        program={},
    )


@pytest.mark.parametrize(
    "error",
    [
        StateError("capsule", "cannot be written", "make room"),
        DataError("capsule", "does not fit"),
        TypeError("no form"),
        MemoryError(),
    ],
)
def test_a_capsule_that_cannot_be_kept_is_an_alarm_and_no_more(error: Exception) -> None:
    paper = paper_bot("100 100", at=NOON)

    report = recorded(paper, error).run_cycle(CYCLE)

    assert report.cycle_id == CYCLE.id
    assert "capsule" in [alarm.kind for alarm in paper.events(AlarmRaised) if isinstance(alarm, AlarmRaised)]


def test_a_contradiction_is_none_the_less_one() -> None:
    with pytest.raises(InvariantViolated):
        recorded(paper_bot("100 100", at=NOON), InvariantViolated("books", "they differ")).run_cycle(CYCLE)
