"""What decides is broken; what checks it is broken: nothing is bought, and exits go on."""

import pytest

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.pipeline import analysis_stage
from tests.builders import BTC, paper_bot


def test_m14_a_validator_that_raises_is_never_taken_for_one_without_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    """The cycle ends there with the error and without an order; the stop is watched and the next hour decides again."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError("a defect")

    buyer, holder = paper_bot("1000 1000 | 1000 1000", says="buy"), paper_bot("1000 1000 | 1000 940", holding="100 @ 1000")
    holder.opinion.says = "sell"
    with monkeypatch.context() as patch:
        patch.setattr(analysis_stage, "validate", broken)
        for bot in (buyer, holder):
            with pytest.raises(ZeroDivisionError):
                bot.pipeline.run_cycle(Cycle(market=BTC, opened_at=HOUR.floor(bot.clock.now())))
            assert [] == bot.placed()
            bot.next_hour()
        holder.guard.tick()
    buyer.run_cycle()

    assert ["sell KRW-BTC 100"] == holder.placed()
    assert ["buy KRW-BTC 1000000"] == buyer.placed()
