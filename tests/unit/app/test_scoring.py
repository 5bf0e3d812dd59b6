"""What may be taken for evidence, and what a language model may have read before."""

from dataclasses import replace
from datetime import date

import pytest

from dg_bot.app.scoring import opinions_in
from dg_bot.domain.decision import Action, Decision, Vote
from tests.unit.operator.reports import TRADED

DECIDED = Decision(source="ensemble", action=Action.BUY, confidence=0.8, reason="they agree")


def vote(model: str) -> Vote:
    return Vote(model=model, action=Action.BUY, confidence=0.8, weight=0.5)


@pytest.mark.parametrize(
    ("cutoff", "told"),
    [
        (None, {"rules": True, "llm": False, "ensemble": False}),
        (date(2025, 9, 30), {"rules": True, "llm": True, "ensemble": True}),
        (date(2030, 1, 1), {"rules": True, "llm": False, "ensemble": False}),
    ],
)
def test_an_ensemble_that_heard_a_language_model_knows_no_less_than_that(cutoff: date | None, told: dict[str, bool]) -> None:
    seen = replace(TRADED, proposed=DECIDED, votes=(vote("rules"), vote("llm")), gates=())

    opinions = opinions_in(seen, 0.01, cutoff)

    assert told == {one.model: one.is_evidence for one in opinions}


def test_an_ensemble_without_a_language_model_is_evidence() -> None:
    seen = replace(TRADED, proposed=DECIDED, votes=(vote("rules"),), gates=())

    assert all(one.is_evidence for one in opinions_in(seen, 0.01, None))
