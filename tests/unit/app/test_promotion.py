from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.app.promotion import last_change
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
