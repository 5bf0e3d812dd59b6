"""What may be taken for evidence, and what a language model may have read before."""

from dataclasses import replace
from datetime import date

import pytest

from dg_bot.analysis.opinions import Voice
from dg_bot.app.scoring import opinions_in
from dg_bot.domain.decision import Action, Decision, Opinion, Vote
from dg_bot.domain.gate import Gate
from tests.unit.operator.reports import TRADED

DECIDED = Decision(source="ensemble", action=Action.BUY, confidence=0.8, reason="they agree")


def no_cutoff(_model: str) -> None:
    """Know of no language model until when it has read."""


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

    opinions = opinions_in(seen, 0.01, lambda _model: cutoff)

    assert told == {one.model: one.is_evidence for one in opinions}


def test_challengers_are_scored_beside_it_and_what_one_has_read_is_told() -> None:
    read = Opinion(model="llm", action=Action.SELL, confidence=0.6, has_read=True)
    failed = Opinion(model="onnx", action=Action.HOLD, confidence=0.0, problem="DecisionError")
    seen = replace(TRADED, proposed=None, votes=(), gates=())

    opinions = list(opinions_in(seen, -0.01, no_cutoff, (read, failed)))

    told = [(one.voice, one.model, one.action, one.problem, one.is_evidence) for one in opinions]
    assert [
        (Voice.CHALLENGER, "llm", Action.SELL, "", False),
        (Voice.CHALLENGER, "onnx", Action.HOLD, "DecisionError", True),
    ] == told


@pytest.mark.parametrize(
    ("failed", "vetoed_by"),
    [(("validator.rsi",), "validator"), (("screen.sharpe", "validator.rsi"), "screen"), ((), "model")],
)
def test_a_buy_that_was_not_decided_names_what_stood_against_it_first(failed: tuple[str, ...], vetoed_by: str) -> None:
    hold = replace(DECIDED, action=Action.HOLD)
    gates = tuple(Gate(name, 1.0, 2.0, name not in failed) for name in ("risk.loss", "screen.sharpe", "validator.rsi"))

    (told,) = opinions_in(replace(TRADED, proposed=DECIDED, decision=hold, votes=(), gates=gates), 0.01, no_cutoff)

    assert vetoed_by == told.vetoed_by


def test_an_ensemble_without_a_language_model_is_evidence() -> None:
    seen = replace(TRADED, proposed=DECIDED, votes=(vote("rules"),), gates=())

    assert all(one.is_evidence for one in opinions_in(seen, 0.01, no_cutoff))
