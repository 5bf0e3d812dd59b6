"""What opinions were worth: each one held against what the market did in the 24 hours after it, after costs.

A BUY claims that the market will have risen by more than a round trip costs, a SELL that it will have fallen; the confidence is
read as the probability of that. A HOLD claims nothing. Windows of neighbouring hours overlap: a hundred opinions are fewer than a
hundred proofs.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from dg_bot.analysis.opinions import Voice
from dg_bot.domain.decision import Action

HORIZON = timedelta(hours=24)
# Twice a fee of 0.05 % and a slippage of 2 bps.
ROUND_TRIP_COST = 0.0014
VALIDATOR = "validator"
_BIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoredOpinion:
    """What one model wanted on one market, and the market's return from then over the horizon, a fraction.

    `vetoed_by` names what kept a BUY from being decided: screen, filter, validator, risk and so on. `problem` names how a
    challenger failed that holds for that reason. `is_evidence` is false for what a language model said of a time that it may have
    read about.
    """

    voice: Voice
    model: str
    market: str
    at: datetime
    action: Action
    confidence: float
    return_fraction: float
    vetoed_by: str | None = None
    problem: str = ""
    is_evidence: bool = True

    @property
    def net(self) -> float:
        """Give what a stake of one would have won by buying: the return less a round trip's costs."""
        return self.return_fraction - ROUND_TRIP_COST

    @property
    def is_right(self) -> bool:
        return self.net > 0.0 if self.action is Action.BUY else self.return_fraction < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimBin:
    """The claims of one range of confidence, [low, low + 0.1): how sure they were, and how often they were right."""

    low: float
    claims: int
    mean_confidence: float
    hit_rate: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """A model's record. `brier` is 0 for perfect claims and 0.25 for one who always says one half; None without a claim.

    The `*_pnl` are sums of net returns on equal stakes: of all its BUYs, of those that were vetoed, of those that the validator
    alone stood against, and of those that passed. `problems` counts the opinions that are HOLDs for want of a usable answer.
    """

    model: str
    is_evidence: bool
    opinions: int
    claims: int
    brier: float | None
    hit_rate: float | None
    model_pnl: float
    vetoed_pnl: float
    validator_pnl: float
    passed_pnl: float
    reliability: tuple[ClaimBin, ...]
    problems: Mapping[str, int]


def scorecards(opinions: Sequence[ScoredOpinion]) -> list[Scorecard]:
    """Score each model by itself, what is no evidence apart; in the order of names, evidence first."""
    groups: Mapping[tuple[str, bool], list[ScoredOpinion]] = defaultdict(list)
    for opinion in opinions:
        groups[opinion.model, not opinion.is_evidence].append(opinion)
    return [_scorecard(model, groups[model, is_apart], is_evidence=not is_apart) for model, is_apart in sorted(groups)]


def calibration(cards: Sequence[Scorecard], *, at_least: int) -> dict[str, float]:
    """Give the Brier score of each model with enough claims that are evidence."""
    return {card.model: card.brier for card in cards if card.is_evidence and card.brier is not None and card.claims >= at_least}


def _scorecard(model: str, opinions: Sequence[ScoredOpinion], *, is_evidence: bool) -> Scorecard:
    claims = [opinion for opinion in opinions if opinion.action is not Action.HOLD]
    buys = [opinion for opinion in claims if opinion.action is Action.BUY]
    vetoed = sum(opinion.net for opinion in buys if opinion.vetoed_by is not None)
    passed = sum(opinion.net for opinion in buys if opinion.vetoed_by is None)
    return Scorecard(
        model=model,
        is_evidence=is_evidence,
        opinions=len(opinions),
        claims=len(claims),
        brier=_mean([(opinion.confidence - opinion.is_right) ** 2 for opinion in claims]),
        hit_rate=_mean([float(opinion.is_right) for opinion in claims]),
        model_pnl=vetoed + passed,
        vetoed_pnl=vetoed,
        validator_pnl=sum(opinion.net for opinion in buys if opinion.vetoed_by == VALIDATOR),
        passed_pnl=passed,
        reliability=_reliability(claims),
        problems=dict(Counter(opinion.problem for opinion in opinions if opinion.problem)),
    )


def _reliability(claims: Sequence[ScoredOpinion]) -> tuple[ClaimBin, ...]:
    bins: Mapping[int, list[ScoredOpinion]] = defaultdict(list)
    for claim in claims:
        bins[min(9, int(claim.confidence / _BIN + 1e-9))].append(claim)
    return tuple(
        ClaimBin(
            low=round(place * _BIN, 1),
            claims=len(found),
            mean_confidence=sum(claim.confidence for claim in found) / len(found),
            hit_rate=sum(claim.is_right for claim in found) / len(found),
        )
        for place, found in sorted(bins.items())
    )


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
