"""Capsules on disk: small whatever is asked, and gone only when they may go."""

import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dg_bot.adapters.capsule_files import CapsuleFiles
from dg_bot.analysis.answer import SCHEMA
from dg_bot.capsule import CONSULTATION, Capsule, CarriedOver, Heard, HeardAnswer
from dg_bot.domain.language_model import AnswerKind, ModelAnswer
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.models.llm import prompt_of
from dg_bot.remembered import Remembered
from tests.memory_archive import MemoryCandleArchive
from tests.situations import situation

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MOST_BYTES = 200_000
MODELS = 12
# An answer as long as one may be by default, 2,000 tokens, of letters in no order: nothing of it can be packed.
LONGEST_ANSWER = 8_000


def asked(models: int) -> tuple[Heard, ...]:
    """Make the questions of a cycle, each with an answer that is its own."""
    prompt, chance = prompt_of(situation()), random.Random(4)
    heard = []
    for number in range(models):
        text = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz ", k=LONGEST_ANSWER))
        answer = ModelAnswer(kind=AnswerKind.PROSE, text=text, model="m", input_tokens=2000, output_tokens=2000)
        told = HeardAnswer(instructions=prompt.instructions, data=f"{number} {prompt.data}", schema=SCHEMA, answer=answer)
        heard.append(Heard(port=CONSULTATION, about="challenger decision", value=told))
    return tuple(heard)


def capsule(*heard: Heard, at: datetime = NOON) -> Capsule:
    return Capsule(
        cycle_id=f"KRW-BTC/{at:%Y-%m-%dT%H}",
        market=Market("KRW-BTC"),
        opened_at=at,
        program={"code_sha256": "0"},
        settings={},
        before=Remembered(),
        carried=CarriedOver(),
        heard=heard,
    )


def test_twelve_models_with_the_longest_answers_fit(tmp_path: Path) -> None:
    stored = CapsuleFiles(tmp_path).store(capsule(*asked(MODELS)))

    assert MODELS * LONGEST_ANSWER / 2 < stored.size_bytes <= MOST_BYTES


def test_a_payload_is_the_file_as_it_was_stored_or_none(tmp_path: Path) -> None:
    files = CapsuleFiles(tmp_path)
    stored = files.store(capsule(*asked(1)))
    path = tmp_path / stored.file
    content = path.read_bytes()

    assert content == files.payload(stored)
    path.write_bytes(content + b"x")
    assert files.payload(stored) is None
    path.unlink()
    assert files.payload(stored) is None


def test_a_copy_from_elsewhere_serves_where_the_file_is_gone_and_is_held_to_its_hash(tmp_path: Path) -> None:
    written = capsule(*asked(1))
    stored = CapsuleFiles(tmp_path).store(written)
    content = (tmp_path / stored.file).read_bytes()
    (tmp_path / stored.file).unlink()

    assert written == CapsuleFiles(tmp_path, elsewhere=lambda _stored: content).load(stored, MemoryCandleArchive())
    for copy, told in ((content[:-1], "was altered"), (None, "no copy is known")):
        with pytest.raises(DataError, match=told):
            CapsuleFiles(tmp_path, elsewhere=lambda _stored, copy=copy: copy).load(stored, MemoryCandleArchive())  # type: ignore[misc]


def test_files_of_earlier_hours_go_with_their_folders(tmp_path: Path) -> None:
    files = CapsuleFiles(tmp_path)
    for days in (40, 2, 0):
        files.store(capsule(at=NOON - timedelta(days=days)))

    removed = files.prune(NOON - timedelta(days=1), delivered=1)

    assert 2 == removed
    assert ["2026/11/20261120T12-KRW-BTC-0.json.gz"] == [
        str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()
    ]
    assert not (tmp_path / "2026" / "10").exists()
