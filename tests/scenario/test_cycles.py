"""A cycle as a whole: once an hour, whatever happens around it."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Outcome, Stage
from dg_bot.domain.decision import Action
from dg_bot.domain.events import SafeModeEntered
from dg_bot.errors import DecisionError
from dg_bot.risk.limits import RiskLimits
from tests.builders import BTC, ETH, paper_bot
from tests.scenario.faulty_upbit import booked, key_refused, priced, refused, unavailable


def test_d09_a_cycle_that_has_completed_sends_nothing_again_and_gives_its_report() -> None:
    bot = paper_bot(says="buy")
    first = bot.run_cycle()

    again = bot.run_cycle()

    assert (False, True) == (first.repeated, again.repeated)
    assert (first.cycle_id, first.orders, first.completed_at) == (again.cycle_id, again.orders, again.completed_at)
    assert 1 == bot.upbit.calls("submit")


def test_d09_after_a_restart_in_the_same_hour_the_cycle_is_still_known() -> None:
    bot = paper_bot(says="buy")
    bot.run_cycle()

    bot.restart()
    again = bot.run_cycle()

    assert (True, Outcome.TRADED, 1) == (again.repeated, again.outcome, bot.upbit.calls("submit"))


@pytest.mark.parametrize("says", ["hold", "sell"])
def test_a_cycle_without_an_order_is_not_run_again_either(says: str) -> None:
    bot = paper_bot(says=says)
    bot.run_cycle()
    bot.opinion.says = "buy"

    assert bot.run_cycle().repeated
    assert [] == bot.placed()


def test_a_cycle_that_failed_may_run_again_in_its_hour() -> None:
    bot = paper_bot(says="buy")
    bot.upbit.on("notices", unavailable)

    first, second = bot.run_cycle(), bot.run_cycle()

    assert (Outcome.FAILED, Outcome.TRADED, False) == (first.outcome, second.outcome, second.repeated)


def test_a_cycle_that_failed_after_its_entry_was_refused_sends_no_second_one() -> None:
    bot = paper_bot(says="buy")
    bot.upbit.on("submit", refused("insufficient_funds_bid"))
    bot.upbit.on("last_prices", unavailable, first=2)
    failed = bot.run_cycle()
    assert Outcome.FAILED is failed.outcome

    bot.run_cycle()
    bot.run_cycle()

    assert 1 == bot.upbit.calls("submit")


def test_b07_a_refused_key_fails_the_cycle_and_is_no_crash() -> None:
    bot = paper_bot(says="buy")
    bot.upbit.always("balances", key_refused)

    report = bot.run_cycle()

    assert (Outcome.FAILED, Stage.RISK_CHECK) == (report.outcome, report.stage)


def test_what_risk_found_meanwhile_is_asked_again_before_the_entry() -> None:
    bot = paper_bot(says="buy")

    def enter() -> None:
        bot.books.record(SafeModeEntered(reason="told to"))

    bot.opinion.on_asked = enter

    report = bot.run_cycle()

    assert ([], "execution.safe_mode: told to, limit off") == (bot.placed(), report.reason)


def test_a_position_that_the_guard_sold_meanwhile_is_not_sold_again() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000", says="sell")

    def falls() -> None:
        bot.upbit.always("last_prices", priced(BTC="940"))
        bot.upbit.always("order_book", booked(asks="941:1000", bids="940:1000"))
        bot.guard.tick()

    bot.opinion.on_asked = falls

    report = bot.run_cycle()

    assert (["sell KRW-BTC 100"], Outcome.TRADED, "stop_loss") == (bot.placed(), report.outcome, report.reason)


def test_an_hour_in_which_the_guard_sold_before_the_cycle_has_traded() -> None:
    bot = paper_bot("1000 1000 | 940", holding="100 @ 1000")
    bot.guard.tick()

    report = bot.run_cycle()

    assert (Outcome.TRADED, "stop_loss", 1) == (report.outcome, report.reason, len(report.orders))


def test_a_cycle_that_failed_stays_failed_though_the_guard_sold_in_its_hour() -> None:
    bot = paper_bot("1000 1000 | 940", holding="100 @ 1000")
    bot.guard.tick()
    bot.upbit.always("notices", unavailable)

    report = bot.run_cycle()

    assert (Outcome.FAILED, 1) == (report.outcome, len(report.orders))


def test_the_average_price_that_the_book_gives_is_in_the_report() -> None:
    bot = paper_bot("1000 1000", says="buy")

    report = bot.run_cycle()

    [average] = [gate for gate in report.gates if gate.name == "execution.book_average_krw"]
    assert isinstance(average.value, Decimal)
    assert Decimal(1000) < average.value < Decimal(1010)


def test_m_a_model_without_a_usable_answer_is_a_hold() -> None:
    bot = paper_bot(says="buy")
    bot.opinion.error = DecisionError("opinion", "the answer was cut off")

    report = bot.run_cycle()

    assert Outcome.HELD is report.outcome
    assert report.decision is not None
    assert (Action.HOLD, "opinion: the answer was cut off") == (report.decision.action, report.decision.reason)


def test_a_model_that_is_unsure_does_not_buy() -> None:
    bot = paper_bot(says="buy")
    bot.opinion.confidence = 0.69

    report = bot.run_cycle()

    assert (Outcome.HELD, "validator.confidence: 0.69, limit 0.7") == (report.outcome, report.reason)


@pytest.mark.parametrize("confidence", [0.70, 0.71])
def test_a_model_that_is_sure_enough_buys(confidence: float) -> None:
    bot = paper_bot(says="buy")
    bot.opinion.confidence = confidence

    assert Outcome.TRADED is bot.run_cycle().outcome


def test_a_portfolio_of_several_markets_is_traded_market_by_market() -> None:
    bot = paper_bot({BTC: "1000 1000 | 1000 1110", ETH: "500 500 | 500 470"}, says="buy")
    bot.run_cycle(BTC)
    bot.run_cycle(ETH)
    bot.next_hour()
    bot.opinion.says = "hold"

    bot.guard.tick()

    words = [words.rsplit(" ", 1)[0] for words in bot.placed()]
    assert ["buy KRW-BTC", "buy KRW-ETH", "sell KRW-BTC", "sell KRW-ETH"] == words
    assert {} == bot.state.positions


def test_the_report_carries_every_stages_gates() -> None:
    bot = paper_bot(says="buy")

    report = bot.run_cycle()

    assert {"risk", "data", "screen", "filter", "validator", "execution"} <= {gate.name.split(".")[0] for gate in report.gates}


def test_the_report_tells_the_account_after_the_trade() -> None:
    bot = paper_bot(says="buy")

    state = bot.run_cycle().state

    assert state is not None
    account = bot.venue.account("KRW")
    assert (account.balance, 1, False) == (state.free_krw, state.daily_trade_count, state.safe_mode)
    assert [BTC] == [position.market for position in state.positions]


def test_slippage_is_the_average_price_against_the_price_at_decision() -> None:
    bot = paper_bot(says="buy")

    report = bot.run_cycle()

    assert 10.0 == report.slippage_bps


def test_an_entry_can_be_followed_by_another_only_when_flat() -> None:
    bot = paper_bot(says="buy", limits=RiskLimits(entry_interval=timedelta(0)))
    bot.run_cycle()
    bot.next_hour()

    report = bot.run_cycle()

    assert 1 == len(bot.placed())
    assert "flat" in [gate.name.split(".")[-1] for gate in report.gates if not gate.passed]


def test_levels_are_those_of_the_average_cost_with_fees() -> None:
    bot = paper_bot(says="buy")
    bot.opinion.stop_distance = 30.0

    bot.run_cycle()

    position = bot.position()
    assert position is not None
    cost = position.average_cost_krw
    assert abs(position.levels.stop_krw - (cost - 30)) < Decimal("0.000001")
    assert abs(position.levels.target_krw - cost * Decimal("1.1")) < Decimal("0.000001")


def test_d10_a_process_that_is_about_to_end_begins_no_order() -> None:
    bot = paper_bot(says="buy")
    bot.books.close_for_orders()

    report = bot.run_cycle()

    assert ([], Outcome.HALTED) == (bot.placed(), report.outcome)
