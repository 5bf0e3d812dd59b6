"""A trained model decides over HTTP on recorded candles, and its decisions are computed again offline, by the very same file."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.app.replay import Replayed, Replayer, Verdict
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.decision import Action
from dg_bot.domain.events import AlarmRaised, CapsuleStored, ChallengersHeard, Event
from dg_bot.models.artifact import load_artifact, manifest_path
from dg_bot.simulator.faults import FaultPlan
from tests.e2e.replay_bench import RecordedHours, ReplayBench, hours_from, no_network
from tests.e2e.tape_bench import tape, tape_text
from tests.model_files import linear_model, put
from tests.postgres import copy_of_template
from tests.shared_data import shared

TAPE = "candles/KRW-BTC_60m_2020-2023.csv.gz"
EVENING = datetime(2022, 2, 28, 17, tzinfo=UTC)
BUYS = linear_model(0.01, 0.9, move_24=0.01)
OTHER = linear_model(0.02, 0.9, move_24=0.01)


def record(server: str, folder: Path, hours: int, settings: Mapping[str, str]) -> RecordedHours:
    path = shared(TAPE)
    bench = ReplayBench(
        folder=folder, text=tape_text(path), tape=tape(path), database=copy_of_template(server), faults=FaultPlan()
    )
    with bench.open():
        return bench.record(hours_from(EVENING, hours), extra=settings)


@pytest.fixture(scope="module")
def recorded(migrated_server: str, tmp_path_factory: pytest.TempPathFactory) -> RecordedHours:
    """Record an evening in which the strategy's gates open once, of a bot whose model would buy at any time."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "next").mkdir()
    path, other = put(folder, BUYS), put(folder / "next", OTHER)
    chosen = {"DECISION_MODEL": "onnx", "MODEL_PATH": str(path), "CHALLENGERS": f"onnx:{other},rules"}
    return record(migrated_server, folder, 5, chosen)


def model_of(recorded: RecordedHours) -> Path:
    assert recorded.settings.model_file is not None
    return recorded.settings.model_file


def events(recorded: RecordedHours, kind: type[Event]) -> list[Event]:
    records = read_journal(recorded.settings.state_folder / "journal.jsonl")
    return [record.event for record in records if isinstance(record.event, kind)]


def replayed(recorded: RecordedHours, **overrides: str) -> list[Replayed]:
    with no_network():
        return list(Replayer(recorded.settings, overrides).replay(None))


def outcomes(found: list[Replayed]) -> set[tuple[Verdict, str]]:
    """Give how cycles came out, and the field in which they differ first."""
    return {(one.verdict, "" if one.difference is None else one.difference.field) for one in found}


def test_a_trained_model_buys_where_the_gates_let_it(recorded: RecordedHours) -> None:
    traded = [report for report in recorded.reports if report.outcome is Outcome.TRADED]

    assert {("onnx", "buy")} == {(one.proposed.source, one.proposed.action) for one in recorded.reports if one.proposed}
    assert [("onnx", "buy")] == [(one.decision.source, one.decision.action) for one in traded if one.decision]
    assert {"usable"} == {gate.value for report in recorded.reports for gate in report.gates if gate.name == "model.output"}


def test_each_decision_comes_out_the_same_offline_and_names_its_model(recorded: RecordedHours) -> None:
    artifact = load_artifact(model_of(recorded))
    files, archive = CapsuleFiles(recorded.settings.state_folder / "capsules"), CandleFiles(recorded.settings.candle_folder)
    programs = [files.load(one, archive).program for one in events(recorded, CapsuleStored) if isinstance(one, CapsuleStored)]

    assert {(Verdict.SAME, "")} == outcomes(replayed(recorded))
    assert {(artifact.sha256, artifact.manifest_sha256)} == {
        (program["model_sha256"], program["model_manifest_sha256"]) for program in programs
    }


def test_a_model_that_was_replaced_is_named_and_found_beside_the_new_one(recorded: RecordedHours) -> None:
    path, old = model_of(recorded), load_artifact(model_of(recorded))
    put(path.parent, OTHER)
    try:
        (first, *_) = found = replayed(recorded)
        chosen = replayed(recorded, MODEL_PATH=str(path))
        put(path.parent, BUYS, name="before.onnx")
        assert {(Verdict.SAME, "")} == outcomes(replayed(recorded))
    finally:
        put(path.parent, BUYS)
        for kept in (path.with_name("before.onnx"), path.with_name("before.json")):
            kept.unlink(missing_ok=True)

    assert {(Verdict.DIFFERS, "model.model_sha256")} == outcomes(found)
    assert first.difference is not None
    assert (old.sha256, False) == (first.difference.recorded, first.difference.recomputed == old.sha256)
    assert {(Verdict.DIFFERS, "gate model.prediction.value")} == outcomes(chosen)


def test_a_model_that_is_gone_or_has_another_manifest_is_named(recorded: RecordedHours) -> None:
    path = model_of(recorded)
    away, text = path.with_suffix(".away"), manifest_path(path).read_text(encoding="utf-8")
    path.rename(away)
    gone = replayed(recorded)
    away.rename(path)
    manifest_path(path).write_text(text.replace('"range_margin": 0.5', '"range_margin": 0.25'), encoding="utf-8")
    other_limits = replayed(recorded)
    manifest_path(path).write_text(text, encoding="utf-8")

    assert {(Verdict.DIFFERS, "model.model_sha256")} == outcomes(gone)
    assert all("model.onnx is not there" in str(one.difference.recomputed) for one in gone if one.difference is not None)
    assert {(Verdict.DIFFERS, "model.model_manifest_sha256")} == outcomes(other_limits)


def test_a_bot_whose_model_is_gone_starts_holds_and_says_so(migrated_server: str, tmp_path: Path) -> None:
    """What it held for stays what it held for, even when the file is there again."""
    path = tmp_path / "model.onnx"
    recorded = record(migrated_server, tmp_path, 1, {"DECISION_MODEL": "onnx", "MODEL_PATH": str(path)})
    put(tmp_path, BUYS)

    (alarm,) = events(recorded, AlarmRaised)
    assert isinstance(alarm, AlarmRaised)
    assert ("model_file", True) == (alarm.kind, "model.onnx is not there; check MODEL_PATH" in alarm.text)
    assert [Outcome.HELD] == [report.outcome for report in recorded.reports]
    assert {(Verdict.SAME, "")} == outcomes(replayed(recorded))


def test_another_trained_model_is_scored_beside_it_by_its_own_file(recorded: RecordedHours) -> None:
    other = model_of(recorded).parent / "next" / "model.onnx"
    heard = [one for event in events(recorded, ChallengersHeard) if isinstance(event, ChallengersHeard) for one in event.opinions]
    put(other.parent, BUYS)
    try:
        found = replayed(recorded)
    finally:
        put(other.parent, OTHER)

    assert {(f"onnx:{other}", Action.BUY, ""), ("rules", Action.HOLD, ""), ("rules", Action.BUY, "")} == {
        (one.model, one.action, one.problem) for one in heard
    }
    assert {(Verdict.DIFFERS, "model.model_sha256")} == outcomes(found)
