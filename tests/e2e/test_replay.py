"""What was decided over HTTP is computed again offline, to the last digit; what was altered since is named."""

import gzip
import json
import socket
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from threading import Event

import pytest
from pydantic import SecretStr
from scripts import replay as script
from scripts.models import promote, scorecard

from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.analysis.opinions import Voice
from dg_bot.app.replay import Replayed, Replayer, Verdict
from dg_bot.app.scoring import opinions_of
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.decision import Action
from dg_bot.domain.events import AlarmRaised, CapsuleStored, ChallengersHeard
from dg_bot.errors import DataError
from dg_bot.simulator.faults import FaultPlan
from tests.e2e.replay_bench import (
    OTHER_MODEL,
    RecordedHours,
    ReplayBench,
    asking_settings,
    hours_from,
    no_network,
    seeded_answers,
    seeded_faults,
)
from tests.e2e.tape_bench import tape, tape_text
from tests.feeds import rss
from tests.memory_archive import MemoryCandleArchive
from tests.openai_server import OpenAiServer, scores, served
from tests.postgres import copy_of_template, rows
from tests.shared_data import shared
from tests.unit.adapters.raw_server import RawServer, Request, answers, http

TAPE = "candles/KRW-BTC_60m_2020-2023.csv.gz"
CYCLES = 40
MOST_BYTES = 200_000


@pytest.fixture(scope="module")
def database(migrated_server: str) -> str:
    return copy_of_template(migrated_server)


@pytest.fixture(scope="module")
def recorded(database: str, tmp_path_factory: pytest.TempPathFactory) -> RecordedHours:
    path = shared(TAPE)
    bench = ReplayBench(
        folder=tmp_path_factory.mktemp("replay"),
        text=tape_text(path),
        tape=tape(path),
        database=database,
        faults=seeded_faults(7, 6),
    )
    with bench.open():
        return bench.record(hours_from(datetime(2022, 2, 28, 6, tzinfo=UTC), CYCLES), lives=2)


@pytest.fixture(scope="module")
def asked_database(migrated_server: str) -> str:
    return copy_of_template(migrated_server)


def one_more_each_time(peer: socket.socket, request: Request, gone: Event) -> None:
    listed = [f"headline {number}" for number in range(request.connection)]
    answers(http(200, rss(*listed)))(peer, request, gone)


@pytest.fixture(scope="module")
def asked(asked_database: str, tmp_path_factory: pytest.TempPathFactory) -> RecordedHours:
    """Record the cycles of a bot that asks a language model at every fourth hour, about news too: one more is there each time."""
    path, folder = shared(TAPE), tmp_path_factory.mktemp("asked")
    bench = ReplayBench(folder=folder, text=tape_text(path), tape=tape(path), database=asked_database, faults=FaultPlan())
    with bench.open(), OpenAiServer() as model, RawServer(one_more_each_time) as feed:
        model.answer = seeded_answers(3)
        model.sentiment = lambda asked: served(scores(asked, -0.25), asked.api)
        news = {"NEWS_FEEDS": f"{feed.url}/rss", "NEWS_SENTIMENT": "yes"}
        hours = [datetime(2022, 2, 28, tzinfo=UTC) + timedelta(hours=4 * place) for place in range(12)]
        return bench.record(hours, extra={**asking_settings(model, folder), **news})


def capsules(recorded: RecordedHours) -> list[CapsuleStored]:
    records = read_journal(recorded.settings.state_folder / "journal.jsonl")
    return [record.event for record in records if isinstance(record.event, CapsuleStored)]


def path_of(recorded: RecordedHours, stored: CapsuleStored) -> Path:
    return recorded.settings.state_folder / "capsules" / stored.file


def replayed(recorded: RecordedHours, cycle_id: str | None = None, **overrides: str) -> list[Replayed]:
    with no_network():
        return list(Replayer(recorded.settings, overrides).replay(cycle_id))


def entry(recorded: RecordedHours) -> CapsuleStored:
    traded = next(report.cycle_id for report in recorded.reports if report.outcome is Outcome.TRADED)
    return next(stored for stored in capsules(recorded) if stored.cycle_id == traded)


@pytest.mark.timeout(180)
def test_every_cycle_comes_out_the_same_offline(recorded: RecordedHours) -> None:
    found = replayed(recorded)

    assert [] == [one for one in found if one.verdict is not Verdict.SAME]
    assert [report.cycle_id for report in recorded.reports] == [one.cycle_id for one in found]
    assert {Outcome.TRADED, Outcome.HELD} <= {report.outcome for report in recorded.reports}


def test_a_capsule_is_small_and_its_row_names_it(recorded: RecordedHours, database: str) -> None:
    stored = {one.cycle_id: one for one in capsules(recorded)}
    told = rows(database, "SELECT cycle_id, capsule_file, capsule_sha256, capsule_bytes FROM cycles ORDER BY opened_at")

    assert max(one.size_bytes for one in stored.values()) <= MOST_BYTES
    assert [(one.cycle_id, one.file, one.sha256, one.size_bytes) for one in stored.values()][: len(told)] == told
    assert len(told) >= CYCLES // 2


def test_a_capsule_with_prompts_and_several_models_is_no_larger(asked: RecordedHours) -> None:
    asking = [stored for stored in capsules(asked) if stored.size_bytes > 6_000]

    assert asking
    assert max(stored.size_bytes for stored in asking) <= MOST_BYTES


def test_a_capsule_whose_file_is_gone_comes_out_of_its_row(recorded: RecordedHours, database: str) -> None:
    stored = entry(recorded)
    path = path_of(recorded, stored)
    content = path.read_bytes()
    path.unlink()
    try:
        (found,) = Replayer(recorded.settings, {}).replay(stored.cycle_id)
        away = recorded.settings.model_copy(update={"database_url": SecretStr("postgresql://x@127.0.0.1:1/x")})
        (offline,) = Replayer(away, {}).replay(stored.cycle_id)
    finally:
        path.write_bytes(content)

    assert (stored.cycle_id, content) in rows(database, "SELECT cycle_id, capsule FROM cycles")
    assert Verdict.SAME is found.verdict
    assert (Verdict.DAMAGED, True) == (offline.verdict, "no copy is known" in offline.problem)


def test_a_changed_byte_anywhere_is_named(recorded: RecordedHours) -> None:
    stored = entry(recorded)
    path = path_of(recorded, stored)
    content = path.read_bytes()
    try:
        for place in range(0, len(content), len(content) // 9):
            path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
            (found,) = replayed(recorded, stored.cycle_id)
            assert (Verdict.DAMAGED, True) == (found.verdict, stored.file in found.problem)
    finally:
        path.write_bytes(content)


def test_an_altered_section_is_named(recorded: RecordedHours) -> None:
    stored = entry(recorded)
    path = path_of(recorded, stored)
    content = path.read_bytes()
    try:
        sections = json.loads(gzip.decompress(content))
        sections["settings"]["RISK_MAX_POSITION_FRACTION"] = "0.5"
        path.write_bytes(gzip.compress(json.dumps(sections).encode()))
        (found,) = replayed(recorded, stored.cycle_id)
    finally:
        path.write_bytes(content)

    assert "section settings" in found.problem


def test_another_setting_shows_which_decisions_it_would_have_changed(recorded: RecordedHours) -> None:
    found = replayed(recorded, RISK_UNSCREENED_POSITION_FRACTION="0.01")

    changed = [one for one in found if one.recorded != one.recomputed]
    first = changed[0]
    assert first.difference is not None
    assert first.recorded is not None
    assert first.recomputed is not None
    assert entry(recorded).cycle_id == first.cycle_id
    assert ("execution", ["buy KRW-BTC 200000"], ["buy KRW-BTC 100000"]) == (
        first.difference.stage,
        list(first.recorded.orders),
        list(first.recomputed.orders),
    )


def test_a_limit_that_changes_no_decision_is_named_all_the_same(recorded: RecordedHours) -> None:
    (found,) = replayed(recorded, entry(recorded).cycle_id, MIN_CONFIDENCE="0.99")

    assert found.difference is not None
    assert ("analysis", "gate validator.confidence.limit") == (found.difference.stage, found.difference.field)
    assert found.recorded == found.recomputed


def test_candles_that_are_no_longer_those_are_named(recorded: RecordedHours) -> None:
    stored = entry(recorded)
    files = CapsuleFiles(recorded.settings.state_folder / "capsules")

    with pytest.raises(DataError, match=r"candles of KRW-BTC .* are not those that were used"):
        files.load(stored, MemoryCandleArchive())


def test_the_answers_of_a_language_model_come_from_the_capsules(asked: RecordedHours) -> None:
    found = replayed(asked)

    sources = {report.decision.source for report in asked.reports if report.decision is not None}
    assert [] == [one for one in found if one.verdict is not Verdict.SAME]
    assert {"llm"} <= sources


def test_what_challengers_wanted_comes_out_the_same_and_is_scored(asked: RecordedHours) -> None:
    heard = [
        record.event
        for record in read_journal(asked.settings.state_folder / "journal.jsonl")
        if isinstance(record.event, ChallengersHeard)
    ]
    scored = [one for one in opinions_of(asked.settings) if one.voice is Voice.CHALLENGER]

    other = f"llm:{OTHER_MODEL}"
    assert {("rules", False), ("ensemble", True), (other, True)} == {
        (one.model, one.has_read) for event in heard for one in event.opinions
    }
    assert {("rules", True), ("ensemble", False), (other, True)} == {(one.model, one.is_evidence) for one in scored}
    assert [] == [one for one in replayed(asked) if one.verdict is not Verdict.SAME]


def test_another_opinion_of_a_challenger_is_named_and_the_order_stays(
    asked: RecordedHours, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dg_bot.models.ensemble.weight_of", lambda _brier: 0.25)
    monkeypatch.setattr("dg_bot.models.ensemble.agreed", lambda _votes, _agreement: (Action.BUY, 1.0, 1.0))

    found = [one for one in replayed(asked) if one.verdict is not Verdict.SAME]

    assert {"challengers"} == {one.difference.stage for one in found if one.difference is not None}
    assert all(one.recorded == one.recomputed for one in found)


def test_another_prompt_is_named_and_the_answer_stays(asked: RecordedHours, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dg_bot.models.llm.SCHEMA", "{}")

    found = [one.difference for one in replayed(asked) if one.verdict is not Verdict.SAME]

    assert {("analysis", "prompt.schema")} == {(one.stage, one.field) for one in found if one is not None}


def test_news_are_rows_with_the_time_at_which_they_and_their_scores_became_known(
    asked: RecordedHours, asked_database: str
) -> None:
    found = rows(
        asked_database,
        "SELECT title, source, date_trunc('hour', fetched_at), score, scored_at >= fetched_at FROM news ORDER BY id",
    )

    hours = [report.opened_at for report in asked.reports]
    assert [(f"headline {place}", "127.0.0.1", hour, Decimal("-0.25"), True) for place, hour in enumerate(hours)] == found
    assert ["1 known, 1 scored", "6 known, 6 scored"] == [
        gate.value for report in (asked.reports[0], asked.reports[-1]) for gate in report.gates if gate.name == "data.news"
    ]


def test_news_come_from_the_capsules_and_another_limit_of_them_is_named(asked: RecordedHours) -> None:
    changed = [one.difference for one in replayed(asked, NEWS_BLOCK_SCORE="-0.2") if one.verdict is not Verdict.SAME]
    blind = [one.difference for one in replayed(asked, NEWS_FEEDS="") if one.verdict is not Verdict.SAME]

    assert {"gate filter.news.limit"} == {one.field for one in changed if one is not None}
    assert len(asked.reports) == len(blind)


def test_opinions_are_scored_a_day_later_and_the_rows_say_the_same(
    asked: RecordedHours, asked_database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opinions = [one for one in opinions_of(asked.settings) if one.model == "llm"]
    found = rows(
        asked_database,
        "SELECT opened_at, proposed, confidence, return_fraction, is_right FROM decision_scores"
        " WHERE voice = 'champion' ORDER BY opened_at",
    )
    for name in ("DATA_DIR", "CANDLE_DIR"):
        monkeypatch.setenv(name, asked.settings.public()[name])
    code = scorecard.main(["--mode", "paper", "--json"])
    cards = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert len(opinions) >= 3
    assert [(one.at, one.action, one.confidence) for one in opinions] == [(*row[:2], float(str(row[2]))) for row in found]
    assert [pytest.approx(one.return_fraction) for one in opinions] == [float(str(row[3])) for row in found]
    assert [None if one.action is Action.HOLD else one.is_right for one in opinions] == [row[4] for row in found]
    assert (0, [("ensemble", False), ("llm", False), (f"llm:{OTHER_MODEL}", False), ("rules", True), ("rules only", True)]) == (
        code,
        [(card["model"], card["is_evidence"]) for card in cards],
    )


def test_a_challenger_without_evidence_is_refused_unless_its_operator_insists(
    asked: RecordedHours, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    public = asked.settings.public()
    for name in ("DATA_DIR", "CANDLE_DIR", "DECISION_MODEL", "CHALLENGERS", "OPENAI_MODEL", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, public[name])
    monkeypatch.setenv("MODE", "paper")

    codes = [
        promote.main(arguments) for arguments in (["rules"], ["rules", "--override"], ["rules", "--json"], ["llm"], ["onnx"])
    ]
    told, complaints = capsys.readouterr()
    refused, granted = told.split("refused: ")

    assert [1, 0, 1, 2, 2] == codes
    assert "rules against llm, which decides" in refused
    assert "needed 60: not enough" in refused
    assert f"DECISION_MODEL=rules\n  CHALLENGERS=llm,ensemble,llm:{OTHER_MODEL}@2020-01-01" in granted
    assert {"is_enough": False, "is_granted": False, "set": {}}.items() <= json.loads(told.splitlines()[-1]).items()
    assert ["promote: DECISION_MODEL: is llm already", "promote: CHALLENGERS: names no onnx"] == [
        line.partition(";")[0].partition(", and")[0] for line in complaints.splitlines()
    ]


def test_the_script_tells_verdicts_and_ends_accordingly(
    recorded: RecordedHours, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, text in recorded.settings.public().items():
        if text and text != "set" and name in ("DATA_DIR", "CANDLE_DIR"):
            monkeypatch.setenv(name, text)
    monkeypatch.setenv("MODE", "paper")
    cycle_id = entry(recorded).cycle_id

    codes = [script.main([cycle_id]), script.main([cycle_id, "--json", "--set", "MIN_CONFIDENCE=0.99"]), script.main(["KRW-X/1"])]
    same, differs, missing = capsys.readouterr().out.splitlines()

    assert [0, 1, 1] == codes
    assert f"{cycle_id}: same, traded, decision buy" in same
    assert ("differs", "analysis") == (json.loads(differs)["verdict"], json.loads(differs)["difference"]["stage"])
    assert "missing" in missing


def test_a_disk_that_takes_no_capsule_is_an_alarm_and_stops_no_order(migrated_server: str, tmp_path: Path) -> None:
    path = shared(TAPE)
    (tmp_path / "data" / "state").mkdir(parents=True, mode=0o700)
    (tmp_path / "data" / "state" / "capsules").write_text("no folder")
    bench = ReplayBench(
        folder=tmp_path,
        text=tape_text(path),
        tape=tape(path),
        database=copy_of_template(migrated_server),
        faults=FaultPlan(),
    )
    with bench.open():
        recorded = bench.record(hours_from(datetime(2022, 2, 28, 20, tzinfo=UTC), 1))

    alarms = [
        record.event.kind
        for record in read_journal(recorded.settings.state_folder / "journal.jsonl")
        if isinstance(record.event, AlarmRaised)
    ]
    assert (Outcome.TRADED, ["capsule"]) == (recorded.reports[0].outcome, alarms)
    assert [Verdict.MISSING] == [one.verdict for one in replayed(recorded)]
