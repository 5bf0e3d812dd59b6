import pytest

from dg_bot.analysis.ensemble import SMALLEST_WEIGHT, agreed, weight_of
from dg_bot.domain.decision import Action, Vote


def vote(action: str, confidence: float = 0.8, weight: float = 0.5) -> Vote:
    return Vote(model=action, action=Action(action), confidence=confidence, weight=weight)


@pytest.mark.parametrize(
    ("votes", "agreement", "action"),
    [
        ("buy buy", 1.0, "buy"),
        ("buy sell", 0.66, "hold"),
        ("buy hold", 0.66, "hold"),
        ("buy buy hold", 0.66, "buy"),
        ("buy buy hold", 0.67, "hold"),
        ("sell sell buy", 0.6, "sell"),
        ("hold hold buy", 0.6, "hold"),
    ],
)
def test_an_action_needs_its_share_of_the_weight(votes: str, agreement: float, action: str) -> None:
    assert Action(action) is agreed([vote(word) for word in votes.split()], agreement)[0]


def test_the_confidence_is_the_weighted_mean_of_those_who_agree() -> None:
    votes = [vote("buy", 0.9, 3.0), vote("buy", 0.5, 1.0), vote("hold", 1.0, 1.0)]

    assert (Action.BUY, 0.8, 0.8) == agreed(votes, 0.66)


@pytest.mark.parametrize("votes", [[], [vote("buy", weight=0.0)]])
def test_nobody_is_a_hold(votes: list[Vote]) -> None:
    assert (Action.HOLD, 0.0, 0.0) == agreed(votes, 0.6)


@pytest.mark.parametrize(
    ("brier", "weight"),
    [(None, 0.5), (0.0, 1.0), (0.125, 0.5), (0.2, 0.2), (0.25, SMALLEST_WEIGHT), (0.6, SMALLEST_WEIGHT)],
)
def test_a_better_calibrated_voice_weighs_more_and_none_is_lost(brier: float | None, weight: float) -> None:
    assert pytest.approx(weight) == weight_of(brier)


def test_an_overconfident_voice_loses_to_one_that_is_calibrated() -> None:
    votes = [vote("buy", 1.0, weight_of(0.3)), vote("hold", 0.6, weight_of(0.15))]

    assert Action.HOLD is agreed(votes, 0.66)[0]
