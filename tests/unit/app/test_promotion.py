from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.app.promotion import last_change, wanted_settings
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import Record, Started

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def starts(*settings: dict[str, str]) -> list[Record]:
    return [
        Record(sequence=place + 1, at=NOON + timedelta(days=place), event=Started(mode=Mode.PAPER, version="1", settings=one))
        for place, one in enumerate(settings)
    ]


@pytest.mark.parametrize(
    ("settings", "day"),
    [
        ([], None),
        ([{"OPENAI_MODEL": "a"}, {"OPENAI_MODEL": "a", "GUARD_SECONDS": "20"}], None),
        ([{"OPENAI_MODEL": "a"}, {"OPENAI_MODEL": "b"}, {"OPENAI_MODEL": "b"}], 1),
        ([{"STRATEGY": "grid"}, {"STRATEGY": "grid"}, {}], 2),
    ],
)
def test_another_model_under_the_same_name_begins_anew(settings: list[dict[str, str]], day: int | None) -> None:
    assert last_change(iter(starts(*settings))) == (None if day is None else NOON + timedelta(days=day))


@pytest.mark.parametrize(
    ("settings", "promoted", "wanted"),
    [
        ({"challengers": "onnx,llm"}, "onnx", {"DECISION_MODEL": "onnx", "CHALLENGERS": "rules,llm"}),
        (
            {"challengers": "llm:b@2025-05-31,onnx"},
            "llm:b",
            {"DECISION_MODEL": "llm", "OPENAI_MODEL": "b", "LLM_CUTOFF": "2025-05-31", "CHALLENGERS": "rules,onnx"},
        ),
        (
            {"decision_model": "llm", "openai_model": "a", "llm_cutoff": "2024-12-31", "challengers": "llm:b"},
            "llm:b",
            {"DECISION_MODEL": "llm", "OPENAI_MODEL": "b", "LLM_CUTOFF": "", "CHALLENGERS": "llm:a@2024-12-31"},
        ),
        (
            {"decision_model": "onnx", "model_path": "old.onnx", "challengers": "onnx:new.onnx"},
            "onnx:new.onnx",
            {"DECISION_MODEL": "onnx", "MODEL_PATH": "new.onnx", "CHALLENGERS": "onnx:old.onnx"},
        ),
    ],
)
def test_it_says_what_to_set_and_whoever_leaves_becomes_a_challenger(
    settings: dict[str, str], promoted: str, wanted: dict[str, str]
) -> None:
    assert wanted == wanted_settings(Settings.model_validate(settings), promoted)
