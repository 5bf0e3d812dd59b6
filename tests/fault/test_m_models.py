"""What decides is broken; what checks it is broken: nothing is bought, and exits go on."""

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.pipeline import analysis_stage
from tests.builders import paper_bot


def test_m14_a_validator_that_raises_is_never_taken_for_one_without_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    """That is a failed check: the cycle holds and names it; the stop is watched and the next hour decides again."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    buyer, holder = paper_bot("1000 1000 | 1000 1000", says="buy"), paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
    holder.opinion.says = "sell"
    reasons = []
    with monkeypatch.context() as patch:
        patch.setattr(analysis_stage, "validate", broken)
        for bot in (buyer, holder):
            report = bot.run_cycle()
            assert (Outcome.HELD, []) == (report.outcome, bot.placed())
            reasons.append(report.reason)
            bot.next_hour()
        holder.guard.tick()
    buyer.run_cycle()

    assert 2 * ["validator.completed: ZeroDivisionError: a defect, limit no error"] == reasons
    assert ["sell KRW-BTC 100"] == holder.placed()
    assert ["buy KRW-BTC 1000000"] == buyer.placed()
