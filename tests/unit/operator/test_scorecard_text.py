"""Evidence stands first, what is none stands apart, and doing nothing is always there to be beaten."""

from dataclasses import replace

from dg_bot.analysis.scoring import ClaimBin, Scorecard
from dg_bot.operator.scorecard_text import scorecard_text

CARD = Scorecard(
    model="rules",
    is_evidence=True,
    opinions=10,
    claims=4,
    brier=0.2,
    hit_rate=0.75,
    model_pnl=0.01,
    vetoed_pnl=-0.02,
    validator_pnl=-0.01,
    passed_pnl=0.03,
    reliability=(ClaimBin(low=0.7, claims=4, mean_confidence=0.72, hit_rate=0.75),),
    problems={},
)


def test_nothing_to_score_is_said() -> None:
    assert scorecard_text([]).startswith("nothing to score yet")


def test_evidence_stands_first_and_what_is_none_under_its_title() -> None:
    apart = replace(
        CARD, model="llm", is_evidence=False, claims=0, brier=None, hit_rate=None, reliability=(), problems={"prose": 3}
    )

    lines = scorecard_text([apart, CARD]).splitlines()

    assert ["rules", "10", "4", "0.200", "75%"] == lines[1].split()[:5]
    assert "  said 72%, right 75% of 4" == lines[2]
    assert lines[3].startswith("No evidence: ")
    assert ["llm", "10", "0", "–", "–"] == lines[4].split()[:5]
    assert "  held for want of a usable answer: 3 prose" == lines[5]
    assert lines[6].startswith("doing nothing")


def test_without_doubtful_ones_there_is_no_title_for_them() -> None:
    assert "No evidence" not in scorecard_text([CARD])
