"""What speaks for a challenger, in words."""

from datetime import datetime

from dg_bot.analysis.promotion import MOST_COUNTED, RISK, Evidence
from dg_bot.operator.figures import percent, signed_percent


def evidence_text(found: Evidence, since: datetime | None) -> str:
    """Write the evidence as a few lines; the last says whether it is enough."""
    begin = "" if since is None else f", since {since:%Y-%m-%d %H:%M} UTC"
    verdict = "enough" if found.is_enough else "not enough"
    return "\n".join(
        [
            f"{found.challenger} against {found.champion}, which decides{begin}",
            f"  scored for both: {found.cycles} cycles; only one of the two bought in {found.disagreements}",
            f"  counted: {found.days}, each when the 24 hours of the last had passed",
            f"  mean difference after costs: {signed_percent(found.mean_difference)} each, of at most {percent(MOST_COUNTED, 0)}",
            f"  evidence: {found.wealth:.3g} (at its best {found.highest:.3g}), needed {found.needed:.3g}: {verdict}",
            f"  (equal models reach that at most {percent(RISK, 0)} of the time, however often one looks)",
        ]
    )
