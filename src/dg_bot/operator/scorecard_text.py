"""Scorecards as a table for the terminal."""

from collections.abc import Sequence

from dg_bot.analysis.scoring import Scorecard
from dg_bot.operator.figures import signed_percent

_PNL = (("all buys", 11), ("vetoed", 10), ("validator", 11), ("passed", 10))
_HEADER = f"{'model':<14}{'opinions':>9}{'claims':>8}{'Brier':>8}{'right':>8}" + "".join(
    f"{name:>{width}}" for name, width in _PNL
)


def scorecard_text(cards: Sequence[Scorecard]) -> str:
    """Write evidence first, then what is none, each with its reliability; doing nothing earns nothing.

    `validator` is what those BUYs would have made against which the validator alone stood, a part of `vetoed`.
    """
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
    pnl = (card.model_pnl, card.vetoed_pnl, card.validator_pnl, card.passed_pnl)
    sums = "".join(f"{signed_percent(won):>{width}}" for won, (_, width) in zip(pnl, _PNL, strict=True))
    return f"{card.model:<14}{card.opinions:>9}{card.claims:>8}{brier:>8}{right:>8}{sums}"


def _reliability(card: Scorecard) -> list[str]:
    said = [f"  said {found.mean_confidence:.0%}, right {found.hit_rate:.0%} of {found.claims}" for found in card.reliability]
    failed = ", ".join(f"{count} {problem}" for problem, count in sorted(card.problems.items()))
    return [*said, *([f"  held for want of a usable answer: {failed}"] if failed else [])]
