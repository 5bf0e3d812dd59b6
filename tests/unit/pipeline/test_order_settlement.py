"""How often an order is asked about before it ends, what still counts when it is late, and what sending it tells."""

from datetime import timedelta

import pytest

from dg_bot.domain.events import SafeModeEntered
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.ports import Accepted, KeyRefused, Submission
from dg_bot.risk.manager import RiskApproved
from tests.builders import PaperBot
from tests.scenario.faulty_upbit import Call, request_lost, unavailable
from tests.scenario.order_bots import ask_once, buyer, closings, nothing_filled, stopped, ticks
from tests.unit.risk.account import buy_plan


def lost_entry(seconds_ago: float) -> PaperBot:
    """A bot whose entry got lost on the way so long ago, and that could not ask about it yet."""
    bot = buyer()
    bot.upbit.on("submit", request_lost)
    bot.upbit.always("find", unavailable)
    bot.run_cycle()
    bot.upbit.heal()
    sent_at = bot.books.intents.open_intents()[0].last_sent_at
    assert sent_at is not None
    bot.clock.at = sent_at + timedelta(seconds=seconds_ago)
    return bot


def test_an_end_without_a_fill_is_believed_at_the_second_reading() -> None:
    bot = buyer()
    bot.upbit.on("submit", nothing_filled)

    bot.run_cycle()

    assert (["not_executed"], 2) == (closings(bot), bot.upbit.calls("find"))


@pytest.mark.parametrize(("seconds", "ended"), [(179.9, []), (180, ["never_accepted"])])
def test_coins_that_came_in_keep_a_lost_entry_open_for_three_minutes(seconds: float, ended: list[str]) -> None:
    bot = lost_entry(seconds)
    bot.books.record(SafeModeEntered(reason="told to"))
    bot.deposit("BTC", "1")

    ask_once(bot)

    assert ended == closings(bot)


def test_a_sale_that_is_nowhere_is_closed_though_coins_and_won_came_in() -> None:
    bot = stopped()
    bot.upbit.on("submit", lambda _method, _approved: Accepted("nowhere"))
    bot.guard.tick()
    bot.deposit("BTC", "5")
    bot.deposit("KRW", "1000")

    ticks(bot, 8)

    assert ["not_executed", "executed"] == closings(bot)


def test_a_process_that_ends_closes_a_lost_entry_by_proof_and_does_not_send_it() -> None:
    bot = lost_entry(60)
    bot.books.close_for_orders()
    submitted = bot.upbit.calls("submit")

    ask_once(bot)

    assert (["never_accepted"], submitted) == (closings(bot), bot.upbit.calls("submit"))


@pytest.mark.parametrize("earlier", [None, "told to"])
def test_a_key_that_may_not_order_ends_new_risk_and_leaves_an_earlier_reason(earlier: str | None) -> None:
    bot = stopped()
    if earlier is not None:
        bot.books.record(SafeModeEntered(reason=earlier))
    bot.upbit.always("submit", lambda _method, _approved: KeyRefused("no_authorization_ip"))

    bot.guard.tick()

    reasons = [event.reason for event in bot.events(SafeModeEntered) if isinstance(event, SafeModeEntered)]
    assert [earlier or "the exchange refuses orders of this key (no_authorization_ip)"] == reasons


def test_what_a_request_took_is_measured() -> None:
    bot, told = buyer(), list[float]()

    def slow(method: Call, approved: RiskApproved) -> Submission:
        bot.wait(1.5)
        answer: Submission = method(approved)
        return answer

    sender = OrderSender(books=bot.books, exchange=bot.upbit, clock=bot.clock, on_acknowledged=told.append)
    bot.wait(100)
    bot.upbit.on("submit", slow)
    bot.desk._sender = sender

    bot.run_cycle()

    assert [1.5] == told


def test_a_plan_that_no_request_can_have_left_for_is_closed_without_asking() -> None:
    bot = buyer()
    bot.books.record(buy_plan("x", notional="10000"))

    ask_once(bot)

    assert (["never_accepted"], 0) == (closings(bot), bot.upbit.calls("find"))
