"""One order and everything that can happen to its request, its answer and its fills."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import (
    Answer,
    Closing,
    IntentAnswered,
    IntentPlanned,
    IntentSending,
    PositionAdopted,
    SafeModeEntered,
    TransferDeclared,
)
from dg_bot.domain.order import Side, VenueOrder, VenueState
from dg_bot.execution.intent import DUPLICATE, IntentState
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from tests.builders import BTC, ETH, NOON, PaperBot, paper_bot, protection
from tests.scenario.faulty_upbit import (
    Call,
    Fault,
    answered_unclearly,
    on_market,
    refused,
    reply_lost,
    request_lost,
    unavailable,
)
from tests.scenario.order_bots import ENTRY, ENTRY_ID, EXIT, buyer, closings, hide, nothing_filled, stopped, ticks


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


def test_an_accepted_order_that_stays_invisible_is_never_sent_again_nor_closed() -> None:
    bot = buyer()
    hide(bot, 100_000)

    bot.run_cycle()
    for _ in range(10):
        bot.wait(30)
        bot.guard.tick()

    assert (1, []) == (bot.upbit.calls("submit"), closings(bot))


def test_declaring_coins_of_the_owners_own_away_leaves_the_bots_position_alone() -> None:
    bot = paper_bot("1000 1000", holding="100 @ 1000", foreign={"BTC": "30"})
    bot.deposit("BTC", "-30")

    bot.declare("BTC", "-30")

    position = bot.position()
    assert position is not None
    assert Decimal(100) == position.quantity


def test_coins_of_the_bots_that_the_owner_sold_by_hand_are_not_sold_again_out_of_the_owners() -> None:
    bot = paper_bot("1000 1000 | 1000 940", holding="100 @ 1000", foreign={"BTC": "150"})
    bot.deposit("BTC", "-100")
    bot.deposit("KRW", "100000")

    bot.declare("BTC", "-100", of_position=True)
    bot.declare("KRW", "100000")
    bot.next_hour()
    bot.guard.tick()

    assert (None, [], Decimal(150)) == (bot.position(), bot.placed(), bot.venue.account("BTC").balance)


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


def test_r7_a_name_that_the_venue_knows_before_it_was_sent_is_anothers_and_stops_entries() -> None:
    """A second bot under this namespace or a copy of this journal: what it bought is booked, and nothing more is bought."""
    bot = buyer()

    def another_bot_is_faster(method: Call, approved: RiskApproved) -> Submission:
        method(approved)
        answer: Submission = method(approved)
        return answer

    bot.upbit.on("submit", another_bot_is_faster)

    bot.run_cycle()

    assert (ENTRY, ["executed"]) == (bot.placed(), closings(bot))
    assert bot.state.safe_mode is not None
    assert bot.state.safe_mode.reason == f"second_writer: the venue knew order {ENTRY_ID} before this bot had sent it"


def test_r7_a_name_that_was_sent_before_is_the_bots_own() -> None:
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    hide(bot, 12)

    bot.run_cycle()

    assert (2, ENTRY, None) == (bot.upbit.calls("submit"), bot.placed(), bot.state.safe_mode)


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


def test_a_stop_that_never_arrived_is_not_sent_again_once_the_owner_has_sold_by_hand() -> None:
    """The coins that are left are the owner's; the order is asked about, with an alarm, and sells none of them."""
    bot = paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000", foreign={"BTC": "150"})
    bot.upbit.always("submit", request_lost)
    ticks(bot, 2)
    bot.deposit("BTC", "-100")
    bot.deposit("KRW", "94000")
    bot.upbit.heal()

    ticks(bot, 200)

    assert ([], Decimal(150)) == (bot.placed(), bot.venue.account("BTC").balance)


def test_a_stop_that_never_arrived_is_not_sent_again_once_its_coins_are_not_the_bots_any_more() -> None:
    bot = paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000", foreign={"BTC": "150"})
    bot.upbit.always("submit", request_lost)
    bot.guard.tick()
    bot.upbit.heal()
    bot.deposit("BTC", "-100")
    bot.declare("BTC", "-100", of_position=True)

    ticks(bot, 20)

    assert (None, [], Decimal(150)) == (bot.position(), bot.placed(), bot.venue.account("BTC").balance)


def test_a_stop_that_never_arrived_and_whose_coins_are_locked_ends_within_minutes_and_sells_what_is_free() -> None:
    bot = stopped()
    bot.upbit.always("submit", request_lost)
    bot.guard.tick()
    bot.upbit.heal()
    order = bot.foreign_order(BTC, Side.SELL, volume="60", price="2000")

    ticks(bot, 6)
    assert (["never_accepted", "executed"], ["sell KRW-BTC 40"]) == (closings(bot), bot.placed())
    bot.venue.cancel(uuid=order.uuid)
    ticks(bot, 2)

    assert ["sell KRW-BTC 40", "sell KRW-BTC 60"] == bot.placed()


@pytest.mark.parametrize(("left", "sold"), [("0.00000001", "99.99999999"), ("10", "90")])
def test_coins_that_the_owner_takes_out_while_a_stop_is_lost_keep_no_more_than_themselves_from_it(left: str, sold: str) -> None:
    """A sale brings won: where none has come, the coins that are missing were taken out, and what is left has to be sold."""
    bot = paper_bot("1000 1000 | 940 940 940", holding="100 @ 1000", foreign={"BTC": "50"})
    bot.upbit.always("submit", request_lost)
    ticks(bot, 2)
    bot.deposit("BTC", f"-{left}")
    bot.upbit.heal()

    ticks(bot, 5)

    assert ([f"sell KRW-BTC {sold}"], ["never_accepted", "executed"]) == (bot.placed(), closings(bot))


def test_a_stop_that_never_arrived_waits_for_balances_before_it_is_sent_again() -> None:
    bot = stopped()
    bot.upbit.always("submit", request_lost)
    bot.guard.tick()
    bot.upbit.heal()
    bot.upbit.on("balances", unavailable, first=2, last=99)

    bot.guard.tick()
    assert [] == bot.placed()
    bot.upbit.heal()
    bot.guard.tick()

    assert (["executed"], EXIT) == (closings(bot), bot.placed())


@pytest.mark.parametrize("read", [1, 9], ids=["at once", "when it was time to send again"])
def test_nothing_is_sent_again_once_the_process_is_stopping(read: int) -> None:
    bot = buyer()
    bot.upbit.on("submit", request_lost)
    bot.upbit.on("find", stopping(bot), first=read)

    bot.run_cycle()

    assert (read, 1, []) == (bot.upbit.calls("find"), bot.upbit.calls("submit"), bot.placed())


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


def accepted_by_nobody(_method: Call, _approved: RiskApproved) -> Submission:
    """The venue says that it has taken the order, and no order comes of it."""
    return Accepted("nowhere")


def test_an_accepted_sale_that_is_nowhere_to_be_found_is_closed_by_proof_and_the_exit_tried_again() -> None:
    bot = stopped()
    bot.upbit.on("submit", accepted_by_nobody)

    ticks(bot, 12)

    assert (["not_executed", "executed"], EXIT) == (closings(bot), bot.placed())
    assert {"vanished:KRW-BTC", "unprotected:KRW-BTC"} <= set(bot.alarms())


def test_an_accepted_sale_that_was_executed_is_not_closed_while_it_is_invisible() -> None:
    bot = stopped()
    hide(bot, 3600)

    ticks(bot, 30)

    assert ([], EXIT) == (closings(bot), bot.placed())


def test_an_accepted_sale_is_not_closed_while_the_lists_show_that_it_may_still_execute() -> None:
    bot = stopped()
    bot.upbit.on("submit", accepted_by_nobody)
    bot.upbit.always("list_orders", lambda *_: (listed(VenueState.OPEN),))

    ticks(bot, 12)
    assert [] == closings(bot)
    bot.upbit.heal()
    bot.upbit.always("list_orders", lambda *_: (listed(VenueState.CLOSED),))
    ticks(bot, 2)

    assert ["not_executed", "executed"] == closings(bot)


def test_an_accepted_entry_that_the_lists_show_as_ended_without_a_fill_is_closed() -> None:
    bot = buyer()
    bot.upbit.on("submit", accepted_by_nobody)
    bot.upbit.always("list_orders", lambda *_: (replace(listed(VenueState.CLOSED), side=Side.BUY),))

    bot.run_cycle()
    ticks(bot, 8)

    assert (["not_executed"], []) == (closings(bot), bot.placed())


def listed(state: VenueState) -> VenueOrder:
    """An order of that venue id as the lists have it."""
    return VenueOrder(
        venue_id="nowhere",
        identifier=None,
        market=BTC,
        side=Side.SELL,
        state=state,
        executed_quantity=Decimal(0),
        paid_fee_krw=Decimal(0),
        fills=(),
        created_at=NOON,
    )


def test_an_accepted_sale_is_not_closed_while_its_coins_are_locked_or_cannot_be_counted() -> None:
    bot = stopped()
    bot.upbit.on("submit", accepted_by_nobody)
    bot.guard.tick()
    order = bot.foreign_order(BTC, Side.SELL, volume="60", price="2000")

    ticks(bot, 12)
    assert [] == closings(bot)
    bot.venue.cancel(uuid=order.uuid)
    ticks(bot, 2)

    assert ["not_executed", "executed"] == closings(bot)


def test_an_accepted_entry_that_is_nowhere_to_be_found_blocks_its_market_and_no_exit_elsewhere() -> None:
    bot = paper_bot({BTC: "1000 1000", ETH: "500 500 | 500 470"}, holding={ETH: "200 @ 500"}, says="buy")
    bot.upbit.on("submit", accepted_by_nobody)
    bot.run_cycle(BTC)
    ticks(bot, 12)
    bot.next_hour()
    began = bot.clock.monotonic_s()

    bot.guard.tick()
    report = bot.run_cycle(BTC)

    assert (["sell KRW-ETH 200"], ["executed"]) == (bot.placed(), closings(bot))
    assert "risk.unresolved_intent: yes, limit no" == report.reason
    assert {"vanished:KRW-BTC", "unresolved:KRW-BTC"} <= set(bot.alarms())
    assert bot.clock.monotonic_s() - began < 10


def parked() -> PaperBot:
    """A bot whose sale was executed after its operator had declared most of the coins as gone."""
    bot = paper_bot({BTC: "1000 1000 | 940", ETH: "500 500 | 500 470"}, holding={BTC: "100 @ 1000", ETH: "200 @ 500"})
    bot.upbit.on("submit", reply_lost)
    bot.upbit.on("find", unavailable, last=99)
    bot.guard.tick()
    bot.books.record(TransferDeclared(currency="BTC", amount=Decimal(-60), note="by mistake"))
    bot.upbit.heal()
    bot.wait(30)
    return bot


def test_an_answer_that_contradicts_the_books_is_not_booked_and_ends_nothing_but_entries() -> None:
    bot = parked()

    ticks(bot, 3)
    bot.restart()
    bot.next_hour()
    bot.guard.tick()

    assert bot.state.safe_mode is not None
    assert "more than is owned" in bot.state.safe_mode.reason
    assert ("odd_order:KRW-BTC" in bot.alarms(), 1) == (True, len(bot.events(SafeModeEntered)))
    assert ["sell KRW-BTC 100", "sell KRW-ETH 200"] == bot.placed()
    assert IntentState.ACCEPTED is bot.books.intents.open_on(BTC)[0].state


def test_an_answer_that_contradicts_the_books_is_booked_once_they_agree() -> None:
    bot = parked()
    bot.guard.tick()
    bot.books.record(TransferDeclared(currency="BTC", amount=Decimal(60), note="taken back"))
    bot.books.record(
        PositionAdopted(market=BTC, quantity=Decimal(60), cost_krw=Decimal(1000), mark_krw=Decimal(940), protection=protection())
    )

    bot.guard.tick()

    assert (["executed"], None) == (closings(bot), bot.position(BTC))


@pytest.mark.parametrize("says", ["buy", "sell"])
def test_an_order_that_the_owner_has_cancelled_is_not_sent_again_in_its_cycle(says: str) -> None:
    bot = paper_bot("1000 1000", holding="" if says == "buy" else "100 @ 1000", says=says)
    bot.upbit.on("submit", nothing_filled)

    def dies(name: str, call: Callable[[], object]) -> object:
        answer = call()
        if name == "append IntentClosed":
            raise KeyboardInterrupt
        return answer

    bot.upbit.around = dies
    with pytest.raises(KeyboardInterrupt):
        bot.run_cycle()
    bot.upbit.around = lambda _name, call: call()

    bot.restart()
    bot.run_cycle()

    assert (["not_executed"], 1) == (closings(bot), bot.upbit.calls("submit"))
