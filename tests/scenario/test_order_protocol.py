"""One order and everything that can happen to its request, its answer and its fills."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned, IntentSending, SafeModeEntered
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import OrderBook
from dg_bot.execution.intent import DUPLICATE, IntentState
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.in_process import InProcessUpbit
from dg_bot.simulator.market_orders import ticket_for
from tests.builders import BTC, ETH, PaperBot, paper_bot
from tests.scenario.faulty_upbit import (
    Call,
    Fault,
    answered_unclearly,
    filled_in_part,
    hidden_until,
    in_unknown_state,
    none_listed,
    not_found,
    on_market,
    refused,
    reply_lost,
    request_lost,
    still_open,
    unavailable,
    with_fills_missing,
    with_fills_twice,
    without_fills,
)

ENTRY = ["buy KRW-BTC 1000000"]
EXIT = ["sell KRW-BTC 100"]
ENTRY_ID = "test.KRW-BTC.20261120T12.entry.0.0"


def buyer(**settings: object) -> PaperBot:
    return paper_bot("1000 1000 | 1000 1000 1000", says="buy", **settings)  # type: ignore[arg-type]


def stopped() -> PaperBot:
    """A bot whose position has reached its stop."""
    return paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000")


def closings(bot: PaperBot) -> list[str]:
    ended = [event for event in bot.events(IntentClosed) if isinstance(event, IntentClosed)]
    return [event.closing.value for event in ended if not event.fills or not event.fills[0].trade_id.startswith("earlier")]


def hide(bot: PaperBot, seconds: float) -> None:
    """Keep the bot's orders out of every answer for some time, though they are there."""
    until = bot.clock.now() + timedelta(seconds=seconds)
    bot.upbit.always("find", hidden_until(bot.clock.now, until, not_found))
    bot.upbit.always("list_orders", hidden_until(bot.clock.now, until, none_listed))


def test_an_intent_is_planned_and_sending_before_the_request_leaves() -> None:
    bot = buyer()
    known: list[type] = []

    def look(method: Call, approved: RiskApproved) -> Submission:
        known.extend(_kinds(bot))
        answer: Submission = method(approved)
        return answer

    bot.upbit.on("submit", look)

    bot.run_cycle()

    assert [IntentPlanned, IntentSending] == known[-2:]


def _kinds(bot: PaperBot) -> list[type]:
    return [type(record.event) for record in bot.memory.records()]


def test_a01_an_accepted_order_whose_reply_is_lost_is_adopted_and_sent_once() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)

    report = bot.run_cycle()

    assert (Outcome.TRADED, ENTRY, 1) == (report.outcome, bot.placed(), bot.upbit.calls("submit"))
    assert bot.position() is not None


def test_a02_a_request_that_never_arrived_goes_again_under_the_same_identifier_after_the_settle_time() -> None:
    bot = buyer()
    started = bot.clock.now()
    bot.upbit.on("submit", request_lost)

    report = bot.run_cycle()

    sent = [record for record in bot.memory.records() if isinstance(record.event, IntentSending)]
    assert [ENTRY_ID, ENTRY_ID] == [record.event.identifier for record in sent if isinstance(record.event, IntentSending)]
    assert sent[1].at - started >= timedelta(seconds=10)
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


@pytest.mark.parametrize("name", ["500", "502", "504", "answer_without_order"])
def test_a03_a_server_error_after_acceptance_is_asked_about(name: str) -> None:
    bot = buyer()
    bot.upbit.on("submit", lambda method, approved: (method(approved), answered_unclearly(name)(method, approved))[1])

    bot.run_cycle()

    assert (ENTRY, 1) == (bot.placed(), bot.upbit.calls("submit"))


def test_a04_an_unlisted_refusal_while_the_order_lands_seconds_later_is_no_refusal() -> None:
    bot = buyer()
    bot.upbit.on("submit", lambda method, approved: (method(approved), answered_unclearly("some_new_error")(method, approved))[1])
    hide(bot, 4)

    bot.run_cycle()

    assert (ENTRY, 1, ["executed"]) == (bot.placed(), bot.upbit.calls("submit"), closings(bot))


@pytest.mark.parametrize("hidden_s", [3, 9, 12, 20])
def test_a07_an_order_that_cannot_be_seen_yet_never_gets_a_second_identifier(hidden_s: float) -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    hide(bot, hidden_s)

    bot.run_cycle()
    bot.guard.tick()

    planned = [event.identifier for event in bot.events(IntentPlanned) if isinstance(event, IntentPlanned)]
    assert ([ENTRY_ID], ENTRY, ["executed"]) == (planned, bot.placed(), closings(bot))


def test_a07_an_accepted_order_that_cannot_be_seen_for_three_seconds_is_waited_for() -> None:
    bot = buyer()
    hide(bot, 3)

    report = bot.run_cycle()

    assert (Outcome.TRADED, 1) == (report.outcome, bot.upbit.calls("submit"))


def test_an_accepted_order_that_stays_invisible_is_never_sent_again_nor_closed() -> None:
    bot = buyer()
    hide(bot, 100_000)

    bot.run_cycle()
    for _ in range(10):
        bot.wait(30)
        bot.guard.tick()

    assert (1, []) == (bot.upbit.calls("submit"), closings(bot))


def test_a08_a_market_buy_that_ends_as_cancelled_with_fills_is_a_fill() -> None:
    bot = buyer()

    bot.run_cycle()

    order = bot.our_orders()[0]
    position = bot.position()
    assert "cancel" == order.state
    assert position is not None
    assert order.executed_volume == position.quantity


def test_a09_a_partial_fill_is_the_position_and_is_not_topped_up() -> None:
    bot = buyer()
    bot.upbit.on("submit", filled_in_part("0.4"))

    bot.run_cycle()
    bot.run_cycle()

    position = bot.position()
    assert ["buy KRW-BTC 400000"] == bot.placed()
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity


def test_a09_a_partly_filled_exit_is_finished_by_the_next_tick() -> None:
    bot = stopped()
    bot.upbit.on("submit", filled_in_part("0.4"))

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert ["sell KRW-BTC 40", "sell KRW-BTC 60"] == bot.placed()
    assert bot.position() is None


def nothing_filled(method: Call, approved: RiskApproved) -> Submission:
    """Place the order in a market in which there is nobody."""
    upbit = getattr(method, "__self__", None)
    assert isinstance(upbit, InProcessUpbit)
    venue = upbit._venue
    empty = OrderBook(market=approved.request.market, at=venue.now(), asks=(), bids=())
    ticket = ticket_for(approved.request, approved.identifier)
    return Accepted(venue.ledger.place(ticket, book=empty, tick_size=Decimal(1), now=venue.now()).uuid)


def test_a10_an_order_that_nobody_met_leaves_no_position_and_counts_as_an_order_but_not_as_a_trade() -> None:
    bot = buyer()
    bot.upbit.on("submit", nothing_filled)

    report = bot.run_cycle()

    assert (Outcome.HALTED, f"order {ENTRY_ID}: not_executed") == (report.outcome, report.reason)
    assert bot.position() is None
    assert (1, 0) == (
        bot.state.orders_sent_since(bot.clock.now() - timedelta(hours=1)),
        bot.state.entries_filled_on_day_of(bot.clock.now()),
    )


def test_a10_an_exit_that_nobody_met_is_tried_again_as_a_leg_of_its_own() -> None:
    bot = stopped()
    bot.upbit.on("submit", nothing_filled)

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert ["test.KRW-BTC.20261120T12.exit.0.0", "test.KRW-BTC.20261120T12.exit.1.0"] == [
        order.identifier for order in bot.our_orders()
    ]
    assert bot.position() is None


@pytest.mark.parametrize("reads", [1, 2, 3, 5])
def test_a11_fills_that_appear_after_the_order_has_ended_are_booked(reads: int) -> None:
    bot = buyer()
    bot.upbit.on("find", without_fills, last=reads)

    report = bot.run_cycle()

    assert (Outcome.TRADED, ["executed"]) == (report.outcome, closings(bot))


def test_a11_an_exit_whose_fills_appear_late_is_not_sent_a_second_time() -> None:
    bot = stopped()
    bot.upbit.on("find", without_fills, last=8)

    for _ in range(3):
        bot.guard.tick()
        bot.wait(30)

    assert (EXIT, ["executed"]) == (bot.placed(), closings(bot))


def test_a11_an_exit_that_nobody_met_does_not_wait_for_a_deposit_to_be_explained() -> None:
    bot = stopped()
    bot.deposit("KRW", "123456")
    bot.upbit.on("submit", nothing_filled)

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert bot.position() is None


def test_a11_an_executed_quantity_without_all_its_trades_is_not_booked_yet() -> None:
    bot = buyer(depth_krw="400000")
    bot.upbit.on("find", with_fills_missing, last=4)

    report = bot.run_cycle()

    assert len(bot.our_orders()[0].trades) > 1
    assert (Outcome.TRADED, ["executed"]) == (report.outcome, closings(bot))


def test_a12_a_trade_that_is_listed_twice_is_booked_once() -> None:
    bot = buyer(depth_krw="400000")
    bot.upbit.always("find", with_fills_twice)

    bot.run_cycle()

    position = bot.position()
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity


def test_a14_an_entry_below_the_minimum_is_not_sent_and_says_so() -> None:
    bot = buyer(krw="40000")

    report = bot.run_cycle()

    assert 0 == bot.upbit.calls("submit")
    assert (Outcome.HALTED, "execution.entry_room_krw: 4000, limit 6000") == (report.outcome, report.reason)


@pytest.mark.parametrize(("krw", "orders"), [("59999", []), ("60000", ["buy KRW-BTC 6000"]), ("60010", ["buy KRW-BTC 6001"])])
def test_a14_an_entry_is_raised_to_what_can_be_sold_again_where_ten_percent_allow_it(krw: str, orders: list[str]) -> None:
    bot = buyer(krw=krw)

    bot.run_cycle()

    assert orders == bot.placed()


def test_a15_an_entry_for_everything_leaves_room_for_the_fee() -> None:
    limits = RiskLimits(max_position_fraction=Decimal(1), max_exposure_fraction=Decimal(1))
    bot = buyer(krw="100000", limits=limits)

    bot.run_cycle()

    spent = bot.our_orders()[0]
    assert spent.executed_funds + spent.paid_fee <= Decimal(100000)
    assert bot.upbit.calls("submit") == 1


def test_a18_the_owner_sold_half_before_the_request_so_that_the_rest_is_sold_once() -> None:
    bot = stopped()

    def sells_first(method: Call, approved: RiskApproved) -> Submission:
        bot.deposit("BTC", "-50")
        answer: Submission = method(approved)
        return answer

    bot.upbit.on("submit", sells_first)

    for _ in range(4):
        bot.guard.tick()
        bot.wait(30)

    assert ["sell KRW-BTC 50"] == bot.placed()
    assert ["rejected", "executed"] == closings(bot)
    assert "unexplained_balance" in bot.alarms()


def test_a18_declaring_what_the_owner_sold_ends_the_position_that_is_no_longer_there() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000")
    bot.deposit("BTC", "-60")

    bot.declare("BTC", "-60")

    position = bot.position()
    assert position is not None
    assert Decimal(40) == position.quantity
    bot.deposit("BTC", "-40")
    bot.declare("BTC", "-40")
    assert bot.position() is None


def test_declaring_coins_of_the_owners_own_away_leaves_the_bots_position_alone() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000", foreign={"BTC": "30"})
    bot.deposit("BTC", "-30")

    bot.declare("BTC", "-30")

    position = bot.position()
    assert position is not None
    assert Decimal(100) == position.quantity


def test_a21_an_order_that_is_still_open_is_waited_for() -> None:
    bot = buyer()
    bot.upbit.on("find", still_open, last=6)

    report = bot.run_cycle()

    assert (Outcome.TRADED, 1) == (report.outcome, bot.upbit.calls("submit"))


def test_a21_an_order_that_ends_after_patience_is_booked_by_the_guard() -> None:
    bot = buyer()
    bot.upbit.on("find", still_open, last=40)

    report = bot.run_cycle()
    for _ in range(3):
        bot.wait(30)
        bot.guard.tick()

    assert (Outcome.HALTED, f"order {ENTRY_ID}: accepted") == (report.outcome, report.reason)
    assert ["executed"] == closings(bot)
    assert ["unresolved:KRW-BTC"] == bot.alarms()


def test_a24_a_state_that_nobody_knows_leaves_the_order_unresolved() -> None:
    bot = buyer()
    bot.upbit.always("find", in_unknown_state)

    bot.run_cycle()
    assert [] == closings(bot)
    bot.upbit.heal()
    bot.guard.tick()

    assert ["executed"] == closings(bot)


def test_b03_a_rate_limited_order_is_asked_about_before_it_goes_again() -> None:
    bot = buyer()
    bot.upbit.on("submit", answered_unclearly("rate_limited"))

    bot.run_cycle()

    assert ENTRY == bot.placed()
    assert bot.upbit.log.index("find") < len(bot.upbit.log) - 1 - bot.upbit.log[::-1].index("submit")


def test_a_venue_that_cannot_be_asked_leaves_the_order_unresolved_until_it_answers() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    bot.upbit.always("find", unavailable)

    report = bot.run_cycle()
    assert (Outcome.HALTED, f"order {ENTRY_ID}: unknown") == (report.outcome, report.reason)
    bot.upbit.heal()
    bot.guard.tick()

    assert (ENTRY, 1, ["executed"]) == (bot.placed(), bot.upbit.calls("submit"), closings(bot))


def test_a_definitive_refusal_of_the_first_request_closes_the_entry_and_is_not_repeated_in_the_cycle() -> None:
    bot = buyer()
    bot.upbit.on("submit", refused("insufficient_funds_bid"))

    report = bot.run_cycle()
    again = bot.run_cycle()

    assert (Outcome.HALTED, f"order {ENTRY_ID}: rejected") == (report.outcome, report.reason)
    assert (True, 1) == (again.repeated, bot.upbit.calls("submit"))


def test_r3_a_refused_exit_raises_the_attempt_of_the_same_leg() -> None:
    bot = stopped()
    bot.upbit.on("submit", refused("market_offline"))

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    planned = [event.identifier for event in bot.events(IntentPlanned) if isinstance(event, IntentPlanned)]
    assert ["test.KRW-BTC.20261120T12.exit.0.0", "test.KRW-BTC.20261120T12.exit.0.1"] == planned[1:]
    assert EXIT == bot.placed()


def test_r3_a_refusal_of_a_repeated_request_proves_nothing() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    bot.upbit.on("submit", refused("insufficient_funds_bid"), first=2)
    hide(bot, 12)

    bot.run_cycle()
    bot.guard.tick()

    assert (ENTRY, ["executed"]) == (bot.placed(), closings(bot))


def test_r4_a_stale_entry_is_closed_only_when_lists_and_balances_agree_that_it_never_was() -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost, last=9)
    bot.run_cycle()
    bot.next_hour()

    bot.guard.tick()

    assert (["never_accepted"], []) == (closings(bot), bot.placed())


def test_r4_a_stale_entry_that_was_accepted_is_not_closed_while_it_is_invisible() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    hide(bot, 7200)
    bot.run_cycle()
    bot.next_hour()
    bot.guard.tick()

    assert [] == closings(bot)
    bot.next_hour(2)
    bot.guard.tick()

    assert (["executed"], ENTRY) == (closings(bot), bot.placed())


def test_r4_a_stale_entry_is_not_closed_while_the_lists_cannot_be_read() -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost, last=9)
    bot.run_cycle()
    bot.next_hour()
    bot.upbit.always("list_orders", unavailable)

    bot.guard.tick()

    assert [] == closings(bot)


def test_r4_a_stale_entry_is_not_closed_while_won_is_missing() -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost, last=9)
    bot.run_cycle()
    bot.deposit("KRW", "-1000500")
    bot.next_hour()

    bot.guard.tick()

    assert [] == closings(bot)


def test_r2_a_duplicate_refusal_while_the_order_is_invisible_never_leads_to_a_second_identifier() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    hide(bot, 300)

    bot.run_cycle()
    for _ in range(12):
        bot.wait(30)
        bot.guard.tick()

    planned = bot.events(IntentPlanned)
    assert (1, ENTRY, ["executed"]) == (len(planned), bot.placed(), closings(bot))


def test_r3_an_identifier_that_was_burned_without_an_order_is_closed_as_never_accepted() -> None:
    bot = stopped()

    def burns(method: Call, approved: RiskApproved) -> Submission:
        bot.venue.ledger.burn(approved.identifier)
        answer: Submission = answered_unclearly("500")(method, approved)
        return answer

    bot.upbit.on("submit", burns)

    for _ in range(6):
        bot.guard.tick()
        bot.wait(30)

    names = [event.error_name for event in bot.events(IntentAnswered) if isinstance(event, IntentAnswered)]
    assert (["never_accepted", "executed"], EXIT) == (closings(bot), bot.placed())
    assert DUPLICATE in names


def test_i3_an_unresolved_intent_blocks_entries_on_its_market_only() -> None:
    bot = paper_bot({BTC: "1000 1000 | 1000 1000", ETH: "500 500 | 500 500"}, says="buy")
    bot.upbit.on("submit", reply_lost)
    bot.upbit.always("find", on_identifier("KRW-BTC", unavailable))
    bot.run_cycle(BTC)
    bot.next_hour()

    blocked, free = bot.run_cycle(BTC), bot.run_cycle(ETH)

    assert (Outcome.HALTED, "risk.unresolved_intent: yes, limit no") == (blocked.outcome, blocked.reason)
    assert Outcome.TRADED is free.outcome


def on_identifier(part: str, fault: Fault) -> Fault:
    return lambda method, name: fault(method, name) if part in name else method(name)


def test_i3_an_unresolved_entry_of_full_size_is_no_loss() -> None:
    bot = paper_bot({BTC: "1000 1000 | 1000 1000", ETH: "500 500 | 500 500"}, says="buy")
    bot.run_cycle(ETH)
    bot.upbit.on("submit", reply_lost)
    bot.upbit.always("find", unavailable)
    bot.run_cycle(BTC)

    bot.guard.tick()

    assert bot.state.safe_mode is None


def test_i8_an_unresolved_entry_counts_as_spent() -> None:
    limits = RiskLimits(max_krw_per_day=Decimal(1_500_000))
    bot = paper_bot({BTC: "1000 1000", ETH: "500 500"}, says="buy", limits=limits)
    bot.upbit.on("submit", request_lost)
    bot.upbit.always("find", on_identifier("KRW-BTC", unavailable))

    bot.run_cycle(BTC)
    bot.run_cycle(ETH)

    assert ["buy KRW-ETH 500000"] == bot.placed()


def test_an_entry_is_never_sent_again_after_safe_mode_began() -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost, last=9)
    bot.run_cycle()
    bot.upbit.heal()
    bot.books.record(SafeModeEntered(reason="told to"))

    for _ in range(4):
        bot.wait(30)
        bot.guard.tick()

    assert ([], ["never_accepted"]) == (bot.placed(), closings(bot))


def test_the_guard_does_not_spend_more_than_its_period_on_unresolved_orders() -> None:
    markets = {BTC: "1000 1000", ETH: "500 500"}
    bot = paper_bot(markets, says="buy")
    bot.upbit.on("submit", reply_lost, last=2)
    bot.upbit.always("find", unavailable)
    bot.run_cycle(BTC)
    bot.run_cycle(ETH)
    assert 2 == len(bot.books.intents.open_intents())
    started = bot.clock.monotonic_s()

    bot.guard.tick()

    assert bot.clock.monotonic_s() - started <= 30


def test_answers_are_recorded_as_they_came() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)

    bot.run_cycle()

    answers = [(event.answer, event.error_name) for event in bot.events(IntentAnswered) if isinstance(event, IntentAnswered)]
    assert [(Answer.UNKNOWN, "read_timeout"), (Answer.ACCEPTED, None)] == answers
    assert IntentState.CLOSED is bot.books.intents.by_identifier(ENTRY_ID).state
    assert Closing.EXECUTED.value == closings(bot)[0]


def test_an_order_on_one_market_does_not_hide_one_on_another() -> None:
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500 | 470"}, holding={BTC: "100 @ 1000", ETH: "200 @ 500"})
    bot.upbit.always("submit", on_market(BTC, request_lost))

    bot.guard.tick()

    assert ["sell KRW-ETH 200"] == bot.placed()


def test_coins_that_somebody_sent_keep_no_stop_from_being_sold() -> None:
    bot = stopped()
    bot.deposit("BTC", "0.001")
    bot.upbit.on("submit", request_lost)
    bot.clock.at = bot.clock.at.replace(minute=59, second=50)

    for _ in range(8):
        bot.guard.tick()
        bot.wait(30)

    assert ["never_accepted", "executed"] == closings(bot)
    assert ["sell KRW-BTC 100"] == bot.placed()
    assert Decimal("0.001") == bot.venue.account("BTC").balance


def test_a_stop_never_sells_what_was_the_owners_before() -> None:
    bot = paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000", foreign={"BTC": "5"})
    bot.deposit("BTC", "-100")

    bot.guard.tick()

    assert ([], Decimal(5)) == (bot.placed(), bot.venue.account("BTC").balance)
    assert "unsellable:KRW-BTC" in bot.alarms()


def test_nothing_is_sent_again_once_the_process_is_stopping() -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost)
    bot.upbit.on("find", stopping(bot))

    bot.run_cycle()

    assert [] == bot.placed()


def stopping(bot: PaperBot) -> Fault:
    def act(method: Call, *args: object) -> object:
        bot.books.close_for_orders()
        return method(*args)

    return act


@pytest.mark.parametrize(
    "odd",
    [
        {"market": ETH},
        {"side": Side.SELL},
        {"identifier": "someone-else"},
        {"paid_fee_krw": Decimal(9_000_000)},
    ],
)
def test_an_answer_that_contradicts_the_order_is_not_booked(odd: dict[str, object]) -> None:
    bot = buyer()

    def changed(method: Call, *args: object) -> object:
        order = method(*args)
        return order if order is None else replace(order, **odd)

    bot.upbit.always("find", changed)

    bot.run_cycle()

    assert ([], {}) == (closings(bot), dict(bot.state.positions))
    assert "odd_order:KRW-BTC" in bot.alarms()
