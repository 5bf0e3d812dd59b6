"""What a decision becomes: entries, sells, and nothing."""

from decimal import Decimal

from dg_bot.domain.cycle_report import Outcome
from tests.builders import paper_bot


def test_a_buy_decision_buys_ten_percent_of_equity_for_whole_won() -> None:
    bot = paper_bot("1000 1000", says="buy")

    report = bot.run_cycle()

    assert (Outcome.TRADED, "told to buy") == (report.outcome, report.reason)
    assert ["buy KRW-BTC 1000000"] == bot.placed()


def test_a_hold_decision_sends_nothing() -> None:
    bot = paper_bot("1000 1000")

    report = bot.run_cycle()

    assert (Outcome.HELD, "told to hold") == (report.outcome, report.reason)
    assert [] == bot.placed()


def test_a_sell_decision_sells_the_whole_position() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000", says="sell")

    report = bot.run_cycle()

    assert Outcome.TRADED is report.outcome
    assert ["sell KRW-BTC 100"] == bot.placed()
    assert bot.position() is None
    assert Decimal(0) == bot.venue.account("BTC").total
