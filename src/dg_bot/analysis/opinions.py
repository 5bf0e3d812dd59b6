"""Who wanted what in a cycle: the model that decided, voters, the strategy's rules alone, challengers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dg_bot.analysis.ensemble import ENSEMBLE
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.decision import Action, Opinion
from dg_bot.domain.gate import first_failure
from dg_bot.domain.language_model import LLM

RULES_ONLY = "rules only"
# The rules have no confidence of their own where nobody asked them; this is the least that may act.
_RULES_CONFIDENCE = 0.7
_STRATEGY = "strategy."
# Nothing failed, and it was not bought all the same: the model that decides wanted something else.
_ANOTHER_OPINION = "model"


class Voice(StrEnum):
    """In which part somebody spoke."""

    CHAMPION = "champion"
    VOTER = "voter"
    RULES = "rules"
    CHALLENGER = "challenger"


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenOpinion:
    """One opinion of a cycle. `vetoed_by` names what kept a BUY from being decided: validator, screen, filter, risk and so on."""

    voice: Voice
    model: str
    action: Action
    confidence: float
    has_read: bool = False
    problem: str = ""
    vetoed_by: str | None = None


def opinions_given(report: CycleReport) -> Iterator[GivenOpinion]:
    """Give the opinions that a cycle's report keeps: of the model, of each voter, and of the strategy's gates by themselves."""
    veto = _veto(report)
    if report.proposed is not None:
        proposed = report.proposed
        # An ensemble that heard a language model knows what that one may have read.
        has_read = proposed.source == LLM or (proposed.source == ENSEMBLE and any(vote.model == LLM for vote in report.votes))
        yield _given(Voice.CHAMPION, proposed.source, proposed.action, proposed.confidence, veto, has_read=has_read)
    for vote in report.votes:
        yield _given(Voice.VOTER, vote.model, vote.action, vote.confidence, veto, has_read=vote.model == LLM)
    gates = [gate for gate in report.gates if gate.name.startswith(_STRATEGY)]
    if gates:
        action = Action.BUY if all(gate.passed for gate in gates) else Action.HOLD
        yield _given(Voice.RULES, RULES_ONLY, action, _RULES_CONFIDENCE, veto)


def challengers_opinions(challengers: Sequence[Opinion]) -> Iterator[GivenOpinion]:
    """Give the opinions of challengers, to which nothing can object."""
    for one in challengers:
        yield GivenOpinion(
            voice=Voice.CHALLENGER,
            model=one.model,
            action=one.action,
            confidence=one.confidence,
            has_read=one.has_read,
            problem=one.problem,
        )


def _given(
    voice: Voice, model: str, action: Action, confidence: float, veto: str | None, *, has_read: bool = False
) -> GivenOpinion:
    return GivenOpinion(
        voice=voice,
        model=model,
        action=action,
        confidence=confidence,
        has_read=has_read,
        vetoed_by=veto if action is Action.BUY else None,
    )


def _veto(report: CycleReport) -> str | None:
    """Say what stood against a BUY; where it is the validator, all before it let the BUY pass. None where it was decided."""
    if report.decision is not None and report.decision.action is Action.BUY:
        return None
    failed = first_failure(report.gates)
    return _ANOTHER_OPINION if failed is None else failed.name.partition(".")[0]
