"""Whether a challenger has shown that it decides better than the model in office."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dg_bot.analysis.evidence import wealth
from dg_bot.analysis.opinions import Voice
from dg_bot.analysis.scoring import HORIZON, ScoredOpinion
from dg_bot.domain.decision import Action

# Equal models may pass so often, whenever one looks.
RISK = 0.05
# A day's gain or loss counts up to here, so that no single day decides.
MOST_COUNTED = 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What speaks for the challenger.

    `cycles` were scored for both, in `disagreements` only one of the two bought. `days` are those that count: the first hour of
    disagreement, and the next one that comes after its 24 hours have passed. `mean_difference` is a fraction a counted day.
    `wealth` has to reach `needed` now; `highest` was its best.
    """

    champion: str
    challenger: str
    cycles: int
    disagreements: int
    days: int
    mean_difference: float
    wealth: float
    highest: float
    needed: float

    @property
    def is_enough(self) -> bool:
        return self.wealth >= self.needed


def evidence(opinions: Sequence[ScoredOpinion], *, champion: str, challenger: str, rivals: int) -> Evidence:
    """Compare two models where both were scored; what is no evidence is left out.

    `rivals` is how many challengers stand against the champion: among many equal ones the luckiest must not pass either, so each
    needs that many times the wealth. A BUY scores its return after costs, at most 10 % either way; anything else stays out of the
    market and scores 0.
    """
    ours, theirs = _scores(opinions, champion), _scores(opinions, challenger)
    both = sorted(ours.keys() & theirs.keys())
    apart = [(at, theirs[at, market] - ours[at, market]) for at, market in both if theirs[at, market] != ours[at, market]]
    counted = np.array(list(_apart_in_time(apart)), dtype=np.float64)
    made = wealth(counted / MOST_COUNTED)
    return Evidence(
        champion=champion,
        challenger=challenger,
        cycles=len(both),
        disagreements=len(apart),
        days=len(counted),
        mean_difference=float(np.mean(counted)) if len(counted) else 0.0,
        wealth=float(made[-1]) if len(made) else 1.0,
        highest=float(np.max(made)) if len(made) else 1.0,
        needed=max(1, rivals) / RISK,
    )


def _scores(opinions: Sequence[ScoredOpinion], model: str) -> Mapping[tuple[datetime, str], float]:
    """Give what a model's opinion scored by hour and market."""
    chosen = [one for one in opinions if one.model == model and one.is_evidence and one.voice is not Voice.RULES]
    return {(one.at, one.market): _score(one) for one in chosen}


def _score(opinion: ScoredOpinion) -> float:
    if opinion.action is not Action.BUY:
        return 0.0
    return max(-MOST_COUNTED, min(MOST_COUNTED, opinion.net))


def _apart_in_time(differences: Sequence[tuple[datetime, float]]) -> Iterator[float]:
    """Give one difference at a time, the mean over the markets of its hour, each when the 24 hours of the last have passed.

    What two models want at an hour is known before what comes of it; so is which hours count. Differences whose 24 hours overlap
    would not be: the second bet would be laid before the first is settled.
    """
    place = 0
    while place < len(differences):
        at = differences[place][0]
        end = place
        while end < len(differences) and differences[end][0] < at + HORIZON:
            end += 1
        markets = [difference for hour, difference in differences[place:end] if hour == at]
        yield sum(markets) / len(markets)
        place = end
