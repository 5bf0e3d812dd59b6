"""Scorecards as a table for the terminal."""

from collections.abc import Sequence

from dg_bot.analysis.scoring import Scorecard
from dg_bot.operator.figures import signed_percent

_HEADER = f"{'model':<14}{'opinions':>9}{'claims':>8}{'Brier':>8}{'right':>8}{'all buys':>11}{'vetoed':>10}{'passed':>10}"


def scorecard_text(cards: Sequence[Scorecard]) -> str:
    """Write evidence first, then what is none, each with its reliability; doing nothing earns nothing."""
    if not cards:
        return "nothing to score yet: an opinion is scored 24 hours after it was given"
    lines = [_HEADER]
    for title, is_evidence in (("", True), ("No evidence: said of a time before the model's cut-off, or that has none", False)):
        chosen = [card for card in cards if card.is_evidence is is_evidence]
        lines += [title] if chosen and title else []
        for card in chosen:
            lines += [_row(card), *_reliability(card)]
    lines.append(f"{'doing nothing':<14}{'':>33}{signed_percent(0.0):>11}")
    return "\n".join(lines)


def _row(card: Scorecard) -> str:
    brier = "–" if card.brier is None else f"{card.brier:.3f}"
    right = "–" if card.hit_rate is None else f"{card.hit_rate:.0%}"
    sums = "".join(
        f"{signed_percent(pnl):>{width}}" for pnl, width in ((card.model_pnl, 11), (card.vetoed_pnl, 10), (card.passed_pnl, 10))
    )
    return f"{card.model:<14}{card.opinions:>9}{card.claims:>8}{brier:>8}{right:>8}{sums}"


def _reliability(card: Scorecard) -> list[str]:
    return [f"  said {found.mean_confidence:.0%}, right {found.hit_rate:.0%} of {found.claims}" for found in card.reliability]
