from dataclasses import replace
from datetime import timedelta

import pytest

from dg_bot.analysis.opinions import Voice
from dg_bot.analysis.promotion import Evidence, evidence
from dg_bot.analysis.scoring import ROUND_TRIP_COST, ScoredOpinion
from dg_bot.domain.decision import Action
from tests.builders import NOON


def hours(model: str, words: str, returns: str, *, market: str = "KRW-BTC", step: int = 24) -> list[ScoredOpinion]:
    """Write a model's opinions `step` hours apart: `b` buys, `s` sells, `-` holds; returns are net percent."""
    return [
        ScoredOpinion(
            voice=Voice.CHAMPION if model == "old" else Voice.CHALLENGER,
            model=model,
            market=market,
            at=NOON + timedelta(hours=step * place),
            action={"b": Action.BUY, "s": Action.SELL, "-": Action.HOLD}[word],
            confidence=0.8,
            return_fraction=float(percent) / 100 + ROUND_TRIP_COST,
        )
        for place, (word, percent) in enumerate(zip(words, returns.split(), strict=True))
    ]


def against(*opinions: ScoredOpinion, rivals: int = 1) -> Evidence:
    return evidence(opinions, champion="old", challenger="new", rivals=rivals)


def test_only_where_one_of_the_two_bought_there_is_a_difference() -> None:
    returns = "1 2 3 4 5"

    found = against(*hours("old", "b-bs-", returns), *hours("new", "b-sb-", returns))

    assert (5, 2, 2) == (found.cycles, found.disagreements, found.days)
    assert found.mean_difference == pytest.approx((-0.03 + 0.04) / 2)


def test_no_two_differences_that_count_overlap() -> None:
    returns = " ".join(["1"] * 50)

    found = against(*hours("old", "-" * 50, returns, step=1), *hours("new", "b" * 50, returns, step=1))

    assert (50, 3) == (found.disagreements, found.days)


def test_markets_of_one_hour_are_one_difference() -> None:
    ours = [*hours("old", "-", "0"), *hours("old", "-", "0", market="KRW-ETH")]
    theirs = [*hours("new", "b", "3"), *hours("new", "b", "-1", market="KRW-ETH")]

    found = against(*ours, *theirs)

    assert (2, 1) == (found.disagreements, found.days)
    assert found.mean_difference == pytest.approx(0.01)


def test_a_day_counts_up_to_ten_percent_either_way() -> None:
    found = against(*hours("old", "--", "0 0"), *hours("new", "bb", "50 -30"))

    assert found.mean_difference == pytest.approx(0.0)


def test_what_is_no_evidence_and_the_rules_by_themselves_are_left_out() -> None:
    read = [replace(one, is_evidence=False) for one in hours("new", "bb", "1 1")]
    rules = [replace(one, voice=Voice.RULES) for one in hours("new", "bb", "1 1")]

    for theirs in (read, rules):
        assert 0 == against(*hours("old", "--", "1 1"), *theirs).cycles


def test_nothing_is_not_enough_and_among_several_more_is_needed() -> None:
    nothing = against()
    luck = hours("new", "b" * 60, " ".join(["2"] * 60))
    held = hours("old", "-" * 60, " ".join(["2"] * 60))

    assert (1.0, 20.0, False) == (nothing.wealth, nothing.needed, nothing.is_enough)
    assert against(*held, *luck).is_enough
    assert 60.0 == against(*held, *luck, rivals=3).needed
