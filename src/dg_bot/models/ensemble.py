"""The decision model that asks several others, and acts where they agree."""

from collections.abc import Callable, Mapping, Sequence

from dg_bot.analysis.ensemble import ENSEMBLE, agreed, weight_of
from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Decision, Vote
from dg_bot.domain.language_model import AnswerKind
from dg_bot.errors import DecisionError
from dg_bot.ports import DecisionModel


class EnsembleModel:
    """Each member has a voice, weighed by `calibration`: its measured Brier score by its name, absent where it has none.

    A member without a usable answer says HOLD. One that was not asked, since its answer could have changed nothing, has no voice.
    """

    def __init__(
        self, *, members: Sequence[DecisionModel], agreement: float, calibration: Callable[[], Mapping[str, float]]
    ) -> None:
        self._members = members
        self._agreement = agreement
        self._calibration = calibration

    @property
    def name(self) -> str:
        return ENSEMBLE

    def decide(self, situation: Situation) -> Advice:
        """Give what at least `agreement` of all weight wants, else HOLD; every vote is with the advice."""
        calibration = self._calibration()
        advices = [_advice(member, situation) for member in self._members]
        # Whoever stands in for an absent member speaks in its own name, and once: the scores and weights are those of names.
        decisions = {advice.decision.source: advice.decision for advice in advices if _was_asked(advice)}
        votes = tuple(
            Vote(
                model=name,
                action=decision.action,
                confidence=decision.confidence,
                weight=weight_of(calibration.get(name)),
            )
            for name, decision in decisions.items()
        )
        action, confidence, share = agreed(votes, self._agreement)
        voices = ", ".join(f"{vote.model} {vote.action} {vote.confidence:.2f}" for vote in votes)
        reason = f"{share:.0%} for {action}, {self._agreement:.0%} needed: {voices}"
        return Advice(
            decision=Decision(action=action, confidence=confidence, source=ENSEMBLE, reason=reason),
            consultation=next((advice.consultation for advice in advices if advice.consultation is not None), None),
            prediction=next((advice.prediction for advice in advices if advice.prediction is not None), None),
            votes=votes,
        )


def _advice(member: DecisionModel, situation: Situation) -> Advice:
    try:
        return member.decide(situation)
    except DecisionError as error:
        return Advice(decision=Decision(action=Action.HOLD, confidence=0.0, source=member.name, reason=str(error)))


def _was_asked(advice: Advice) -> bool:
    return advice.consultation is None or advice.consultation.answer.kind is not AnswerKind.NOT_ASKED
