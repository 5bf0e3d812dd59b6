"""Several opinions made one: agreement above a threshold, each voice weighed by how well its confidence has been calibrated."""

from collections.abc import Sequence

from dg_bot.domain.decision import Action, Vote

ENSEMBLE = "ensemble"
# The Brier score of somebody who always says one half: no skill at all.
NO_SKILL_BRIER = 0.25
SMALLEST_WEIGHT = 0.05


def weight_of(brier: float | None) -> float:
    """Give the weight of a model by its measured Brier score (0 is perfect); an unmeasured one counts as one half.

    Falls in a straight line from 1 at 0 to `SMALLEST_WEIGHT` at 0.25, and no further: a voice is never wholly lost.
    """
    if brier is None:
        return 0.5
    return max(SMALLEST_WEIGHT, 1.0 - brier / NO_SKILL_BRIER)


def agreed(votes: Sequence[Vote], agreement: float) -> tuple[Action, float, float]:
    """Give the action that carries at least `agreement` of all weight, its confidence, and the share that it carries.

    Anything less is HOLD with confidence zero and the largest share. The confidence is the weighted mean of those who agree.
    """
    total = sum(vote.weight for vote in votes)
    if total <= 0.0:
        return Action.HOLD, 0.0, 0.0
    shares = {action: sum(vote.weight for vote in votes if vote.action is action) / total for action in Action}
    action = max(shares, key=lambda one: shares[one])
    if shares[action] < agreement or action is Action.HOLD:
        return Action.HOLD, 0.0, shares[action]
    voices = [vote for vote in votes if vote.action is action]
    confidence = sum(vote.confidence * vote.weight for vote in voices) / sum(vote.weight for vote in voices)
    return action, min(1.0, confidence), shares[action]
