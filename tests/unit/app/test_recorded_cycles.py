"""What becomes of a capsule changes nothing of the cycle that is over."""

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from dg_bot.adapters.capsule_files import CapsuleFiles
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


@pytest.mark.parametrize(
    ("days", "delivered", "left"),
    [(None, 10**6, ["18", "19", "20"]), (2, 10**6, ["18", "19", "20"]), (2, 0, ["17", "18", "19", "20"])],
)
def test_files_are_removed_when_they_are_old_and_the_database_has_their_copies(
    tmp_path: Path, days: int | None, delivered: int, left: list[str]
) -> None:
    if days is None:
        left = ["17", *left]
    paper = paper_bot("100 100", at=NOON)
    month = tmp_path / "2026" / "11"
    month.mkdir(parents=True)
    for day in ("17", "18", "19"):
        (month / f"202611{day}T12-KRW-BTC-{int(day)}.json.gz").write_bytes(b"x")
    trading = SimpleNamespace(
        account=SimpleNamespace(known_differences={}), summarizer=SimpleNamespace(knows_dollar=True), pipeline=paper.pipeline
    )

    RecordedCycles(
        trading,  # type: ignore[arg-type]
        books=paper.books,
        recorder=CycleRecorder(),
        files=CapsuleFiles(tmp_path),
        settings=Settings(capsule_days=days),
        program={"code_sha256": "0"},
        delivered=lambda: delivered,
    ).run_cycle(CYCLE)

    assert left == [path.name[6:8] for path in sorted(month.iterdir())]
