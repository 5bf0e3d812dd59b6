"""Opinions are scored by what came after them: who is sure and wrong pays for it."""

import random

import pytest

from dg_bot.analysis.ensemble import weight_of
from dg_bot.analysis.opinions import Voice
from dg_bot.analysis.scoring import ROUND_TRIP_COST, ScoredOpinion, calibration, scorecards
from dg_bot.domain.decision import Action
from tests.builders import NOON

CLAIMS = 20_000


def opinion(
    action: Action = Action.BUY,
    confidence: float = 0.8,
    change: float = 0.01,
    *,
    model: str = "m",
    vetoed_by: str | None = None,
    is_evidence: bool = True,
) -> ScoredOpinion:
    return ScoredOpinion(
        voice=Voice.CHAMPION,
        model=model,
        market="KRW-BTC",
        at=NOON,
        action=action,
        confidence=confidence,
        return_fraction=change,
        vetoed_by=vetoed_by,
        is_evidence=is_evidence,
    )


def claimant(model: str, *, says: float | None = None) -> list[ScoredOpinion]:
    """Make a model that knows the true probability of each rise, and says it, or `says` whatever it is."""
    chance = random.Random(5)
    opinions = []
    for _ in range(CLAIMS):
        truth = chance.uniform(0.5, 1.0)
        change = 0.02 if chance.random() < truth else -0.02
        opinions.append(opinion(confidence=truth if says is None else says, change=change, model=model))
    return opinions


def test_an_oracle_with_known_probabilities_is_scored_as_it_must_be() -> None:
    (card,) = scorecards(claimant("oracle"))

    # The mean of p(1-p) and of p for p even between one half and one.
    assert card.brier == pytest.approx(1 / 6, abs=0.005)
    assert card.hit_rate == pytest.approx(0.75, abs=0.01)
    assert [0.5, 0.6, 0.7, 0.8, 0.9] == [found.low for found in card.reliability]
    assert all(found.hit_rate == pytest.approx(found.mean_confidence, abs=0.02) for found in card.reliability)


def test_an_over_confident_model_loses_weight() -> None:
    cards = scorecards([*claimant("oracle"), *claimant("loud", says=0.99)])
    scores = calibration(cards, at_least=30)

    assert weight_of(scores["loud"]) < weight_of(scores["oracle"])
    assert scores["loud"] == pytest.approx(0.25 * 0.99**2 + 0.75 * 0.01**2, abs=0.01)


@pytest.mark.parametrize(
    ("action", "change", "is_right"),
    [
        (Action.BUY, ROUND_TRIP_COST, False),
        (Action.BUY, ROUND_TRIP_COST + 1e-9, True),
        (Action.BUY, -0.01, False),
        (Action.SELL, 0.0, False),
        (Action.SELL, -1e-9, True),
    ],
)
def test_a_buy_has_to_earn_its_costs_and_a_sale_to_avoid_a_loss(action: Action, change: float, is_right: bool) -> None:
    (card,) = scorecards([opinion(action, 1.0, change)])

    assert (1.0 if is_right else 0.0) == card.hit_rate


def test_vetoed_buys_are_counted_apart_and_a_hold_claims_nothing() -> None:
    (card,) = scorecards(
        [
            opinion(change=0.05),
            opinion(change=-0.03, vetoed_by="screen"),
            opinion(change=-0.02, vetoed_by="validator"),
            opinion(Action.HOLD, change=0.5),
            opinion(Action.SELL, change=-0.1),
        ]
    )

    assert (5, 4) == (card.opinions, card.claims)
    assert card.passed_pnl == pytest.approx(0.05 - ROUND_TRIP_COST)
    assert card.vetoed_pnl == pytest.approx(-0.05 - 2 * ROUND_TRIP_COST)
    assert card.validator_pnl == pytest.approx(-0.02 - ROUND_TRIP_COST)
    assert card.model_pnl == pytest.approx(card.passed_pnl + card.vetoed_pnl)


def test_what_is_no_evidence_stands_apart_and_weighs_nothing() -> None:
    before, after = opinion(change=0.1, is_evidence=False), opinion(change=-0.1)

    cards = scorecards([before] * 50 + [after] * 50)

    assert [(True, 0.0), (False, 1.0)] == [(card.is_evidence, card.hit_rate) for card in cards]
    assert calibration(cards, at_least=50) == {"m": pytest.approx(0.64)}
    assert {} == calibration(cards, at_least=51)


def test_a_model_that_only_holds_has_no_score() -> None:
    (card,) = scorecards([opinion(Action.HOLD)])

    assert (None, None, ()) == (card.brier, card.hit_rate, card.reliability)
