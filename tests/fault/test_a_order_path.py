"""Faults of the order path: what can happen to a request, to its answer, and to its fills."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.cycle import Cycle, RiskClearance
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, IntentPlanned, IntentSending, SafeModeEntered
from dg_bot.domain.money import QUANTITY_STEP
from dg_bot.domain.order import MarketBuy, Role, Side
from dg_bot.domain.portfolio import Portfolio
from dg_bot.execution.planner import PlannerLimits
from dg_bot.pipeline.order_desk import OrderWish
from dg_bot.ports import Submission
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from tests.builders import BTC, ETH, PaperBot, assert_invariants, paper_bot, protection
from tests.scenario.faulty_upbit import (
    Call,
    answered_unclearly,
    filled_in_part,
    in_unknown_state,
    refused,
    reply_lost,
    request_lost,
    still_open,
    with_fills_missing,
    with_fills_twice,
    without_fills,
)
from tests.scenario.order_bots import ENTRY, ENTRY_ID, EXIT, buyer, closings, hide, nothing_filled, stopped, ticks


class Killed(BaseException):
    """The process is gone; nothing in the program may catch this."""


def test_a01_an_accepted_order_whose_reply_is_lost_is_adopted_and_sent_once() -> None:
    """The order is found by its name and adopted; no second one is sent."""
    bot = buyer()
    bot.upbit.on("submit", reply_lost)

    report = bot.run_cycle()

    assert (Outcome.TRADED, ENTRY, 1) == (report.outcome, bot.placed(), bot.upbit.calls("submit"))
    assert bot.position() is not None


def test_a02_a_request_that_never_arrived_goes_again_under_the_same_identifier_after_the_settle_time() -> None:
    """After ten seconds in which nobody knows the order it goes out again under the same name; one order comes of it."""
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
    """A server error proves nothing: the order is asked about, found and adopted."""
    bot = buyer()
    bot.upbit.on("submit", lambda method, approved: (method(approved), answered_unclearly(name)(method, approved))[1])

    bot.run_cycle()

    assert (ENTRY, 1) == (bot.placed(), bot.upbit.calls("submit"))


def test_a04_an_unlisted_refusal_while_the_order_lands_seconds_later_is_no_refusal() -> None:
    """An error name that is not on the short list is no refusal: the order is waited for and booked."""
    bot = buyer()
    bot.upbit.on("submit", lambda method, approved: (method(approved), answered_unclearly("some_new_error")(method, approved))[1])
    hide(bot, 4)

    bot.run_cycle()

    assert (ENTRY, 1, ["executed"]) == (bot.placed(), bot.upbit.calls("submit"), closings(bot))


@pytest.mark.parametrize("hidden_s", [3, 9, 12, 20])
def test_a07_an_order_that_cannot_be_seen_yet_never_gets_a_second_identifier(hidden_s: float) -> None:
    """An order that nobody can see yet is waited for, or sent again under its one name; there is never a second name."""
    bot = buyer()
    bot.upbit.on("submit", reply_lost)
    hide(bot, hidden_s)

    bot.run_cycle()
    bot.guard.tick()

    planned = [event.identifier for event in bot.events(IntentPlanned) if isinstance(event, IntentPlanned)]
    assert ([ENTRY_ID], ENTRY, ["executed"]) == (planned, bot.placed(), closings(bot))


def test_a07_an_accepted_order_that_cannot_be_seen_for_three_seconds_is_waited_for() -> None:
    """An accepted order that is invisible for three seconds is waited for and not sent again."""
    bot = buyer()
    hide(bot, 3)

    report = bot.run_cycle()

    assert (Outcome.TRADED, 1) == (report.outcome, bot.upbit.calls("submit"))


def test_a08_a_market_buy_that_ends_as_cancelled_with_fills_is_a_fill() -> None:
    """What was executed counts, not the name of the state: the fill is booked."""
    bot = buyer()

    bot.run_cycle()

    order = bot.our_orders()[0]
    position = bot.position()
    assert "cancel" == order.state
    assert position is not None
    assert order.executed_volume == position.quantity


def test_a09_a_partial_fill_is_the_position_and_is_not_topped_up() -> None:
    """The executed part becomes the position, and the cycle buys no more."""
    bot = buyer()
    bot.upbit.on("submit", filled_in_part("0.4"))

    bot.run_cycle()
    bot.run_cycle()

    position = bot.position()
    assert ["buy KRW-BTC 400000"] == bot.placed()
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity


def test_a09_a_partly_filled_exit_is_finished_by_the_next_tick() -> None:
    """The rest of an exit is sold at the next tick."""
    bot = stopped()
    bot.upbit.on("submit", filled_in_part("0.4"))

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert ["sell KRW-BTC 40", "sell KRW-BTC 60"] == bot.placed()
    assert bot.position() is None


def test_a10_an_order_that_nobody_met_leaves_no_position_and_counts_as_an_order_but_not_as_a_trade() -> None:
    """No position comes of it; it counts against the orders of the hour and not against the trades of the day."""
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
    """An exit that found nobody is tried again at the next tick, under a name of its own."""
    bot = stopped()
    bot.upbit.on("submit", nothing_filled)

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert ["test.KRW-BTC.20261120T12.exit.0.0", "test.KRW-BTC.20261120T12.exit.1.0"] == [
        order.identifier for order in bot.our_orders()
    ]
    assert bot.position() is None


def test_a10_an_entry_that_nobody_met_is_closed_though_coins_came_in_meanwhile() -> None:
    """Coins that the owner sent leave an empty entry open for some minutes, and not for ever."""
    bot = buyer()

    def met_by_a_deposit(method: Call, approved: RiskApproved) -> Submission:
        bot.deposit("BTC", "1")
        return nothing_filled(method, approved)

    bot.upbit.on("submit", met_by_a_deposit)
    bot.run_cycle()
    assert [] == closings(bot)

    ticks(bot, 8)

    assert ["not_executed"] == closings(bot)


@pytest.mark.parametrize("reads", [1, 2, 3, 5])
def test_a11_fills_that_appear_after_the_order_has_ended_are_booked(reads: int) -> None:
    """An end without a fill is read twice and held against the balance; late fills are booked."""
    bot = buyer()
    bot.upbit.on("find", without_fills, last=reads)

    report = bot.run_cycle()

    assert (Outcome.TRADED, ["executed"]) == (report.outcome, closings(bot))


def test_a11_an_exit_whose_fills_appear_late_is_not_sent_a_second_time() -> None:
    """An exit whose fills come late is booked once and not sent again."""
    bot = stopped()
    bot.upbit.on("find", without_fills, last=8)

    ticks(bot, 3)

    assert (EXIT, ["executed"]) == (bot.placed(), closings(bot))


def test_a11_an_exit_whose_fills_appear_late_is_booked_though_coins_came_in_that_hide_it() -> None:
    """Coins that the owner sent do not let an executed exit with late fills pass for one that nobody met."""
    bot = stopped()
    bot.deposit("BTC", "150")
    bot.upbit.on("find", without_fills, last=8)

    ticks(bot, 3)

    assert (EXIT, ["executed"]) == (bot.placed(), closings(bot))
    assert Decimal(150) == bot.venue.ledger.account("BTC").total


@pytest.mark.parametrize("krw", ["0", "-300000"], ids=["sent", "bought by hand"])
def test_a11_an_exit_that_nobody_met_is_tried_again_however_many_coins_came_in(krw: str) -> None:
    """More coins of the owner's than the bot holds do not keep an empty exit open for ever."""
    bot = stopped()
    bot.deposit("BTC", "300")
    if krw != "0":
        bot.deposit("KRW", krw)
    bot.upbit.on("submit", nothing_filled)

    ticks(bot, 8)

    assert (["not_executed", "executed"], None) == (closings(bot), bot.position())


def test_a11_an_exit_that_nobody_met_does_not_wait_for_a_deposit_to_be_explained() -> None:
    """A deposit that nobody has explained does not keep an empty exit from being closed and tried again."""
    bot = stopped()
    bot.deposit("KRW", "123456")
    bot.upbit.on("submit", nothing_filled)

    bot.guard.tick()
    bot.wait(30)
    bot.guard.tick()

    assert bot.position() is None


def test_a11_an_executed_quantity_without_all_its_trades_is_not_booked_yet() -> None:
    """An executed quantity is booked only with all of its trades."""
    bot = buyer(depth_krw="400000")
    bot.upbit.on("find", with_fills_missing, last=4)

    report = bot.run_cycle()

    assert len(bot.our_orders()[0].trades) > 1
    assert (Outcome.TRADED, ["executed"]) == (report.outcome, closings(bot))


def test_a12_a_trade_that_is_listed_twice_is_booked_once() -> None:
    """Trades are told apart by their venue id: each is booked once."""
    bot = buyer(depth_krw="400000")
    bot.upbit.always("find", with_fills_twice)

    bot.run_cycle()

    position = bot.position()
    assert position is not None
    assert bot.our_orders()[0].executed_volume == position.quantity


def test_a13_a_changed_price_step_is_read_again_at_each_cycle_and_no_order_has_a_price() -> None:
    """The price step is read at each cycle and told; an order is a total or a quantity, so that no step can spoil it."""
    bot = buyer()
    first = bot.run_cycle()
    bot.opinion.says = "sell"
    bot.upbit.always("tick_size", lambda _method, *_args: Decimal(50))
    bot.next_hour()

    second = bot.run_cycle()

    steps = [gate.value for report in (first, second) for gate in report.gates if gate.name == "data.tick_size_krw"]
    assert [Decimal(1), Decimal(50)] == steps
    assert [Outcome.TRADED, Outcome.TRADED] == [first.outcome, second.outcome]


def test_a13_a_price_that_the_venue_refuses_is_not_sent_again() -> None:
    """A refusal for the price ends the entry; it is not sent again in its cycle."""
    bot = buyer()
    bot.upbit.on("submit", refused("invalid_price_bid"))

    bot.run_cycle()
    bot.run_cycle()
    ticks(bot, 3)

    assert (["rejected"], 1) == (closings(bot), bot.upbit.calls("submit"))


def test_a14_an_entry_below_the_minimum_is_not_sent_and_says_so() -> None:
    """Nothing is sent, and the report names the limit."""
    bot = buyer(krw="40000")

    report = bot.run_cycle()

    assert 0 == bot.upbit.calls("submit")
    assert (Outcome.HALTED, "execution.entry_room_krw: 4000, limit 6000") == (report.outcome, report.reason)


@pytest.mark.parametrize(("krw", "orders"), [("59999", []), ("60000", ["buy KRW-BTC 6000"]), ("60010", ["buy KRW-BTC 6001"])])
def test_a14_an_entry_is_raised_to_what_can_be_sold_again_where_ten_percent_allow_it(krw: str, orders: list[str]) -> None:
    """An entry is raised to what can be sold again where its limits allow that, else it is not sent."""
    bot = buyer(krw=krw)

    bot.run_cycle()

    assert orders == bot.placed()


def test_a15_an_entry_for_everything_leaves_room_for_the_fee() -> None:
    """The fee is kept free: the one order is taken at once."""
    limits = RiskLimits(max_position_fraction=Decimal(1), max_exposure_fraction=Decimal(1))
    bot = buyer(krw="100000", limits=limits)

    bot.run_cycle()

    spent = bot.our_orders()[0]
    assert spent.executed_funds + spent.paid_fee <= Decimal(100000)
    assert bot.upbit.calls("submit") == 1


@given(
    quantity=st.decimals(min_value="60", max_value="300", places=11),
    share=st.decimals(min_value="0.1", max_value="1", places=17),
)
@settings(max_examples=25, deadline=None)
def test_a16_a_volume_is_cut_to_eight_decimals_and_never_above_what_is_free(quantity: Decimal, share: Decimal) -> None:
    """Volumes are decimals rounded down to eight places, and never above what is free."""
    limits = RiskLimits(sell_fraction=share)
    bot = paper_bot("1000 1000", holding=f"{quantity} @ 1000", says="sell", limits=limits)

    bot.run_cycle()

    [sold] = [order.volume for order in bot.our_orders()]
    assert sold is not None
    assert sold == sold.quantize(QUANTITY_STEP)
    assert sold <= quantity
    assert_invariants(bot)


def test_a17_a_position_below_the_minimum_is_not_sent_and_the_operator_is_told_once() -> None:
    """A position worth less than the smallest order is not sent, and told once."""
    bot = paper_bot("1000 1000 | 940", holding="5.2 @ 1000")

    ticks(bot, 5)

    assert 0 == bot.upbit.calls("submit")
    assert ["unsellable:KRW-BTC"] == bot.alarms()


def test_a18_the_owner_sold_half_before_the_request_so_that_the_rest_is_sold_once() -> None:
    """The refusal makes the bot read again: it sells the rest once and tells of the difference."""
    bot = stopped()

    def sells_first(method: Call, approved: RiskApproved) -> Submission:
        bot.deposit("BTC", "-50")
        answer: Submission = method(approved)
        return answer

    bot.upbit.on("submit", sells_first)

    ticks(bot, 4)

    assert ["sell KRW-BTC 50"] == bot.placed()
    assert ["rejected", "executed"] == closings(bot)
    assert "unexplained_balance" in bot.alarms()


def test_a18_declaring_what_the_owner_sold_ends_the_position_that_is_no_longer_there() -> None:
    """What the owner declares as gone is no longer owned by the bot."""
    bot = paper_bot("1000 1000", holding="100 @ 1000")
    bot.deposit("BTC", "-60")

    bot.declare("BTC", "-60")

    position = bot.position()
    assert position is not None
    assert Decimal(40) == position.quantity
    bot.deposit("BTC", "-40")
    bot.declare("BTC", "-40")
    assert bot.position() is None


def test_a19_an_exit_leaves_what_a_foreign_order_has_locked() -> None:
    """Coins that a foreign order has locked are left alone; the rest of the position is sold."""
    bot = paper_bot("1000 1000 | 940", holding="100 @ 1000")
    bot.foreign_order(BTC, Side.SELL, volume="40", price="2000")

    bot.guard.tick()

    assert ["sell KRW-BTC 60"] == bot.placed()


def test_a19_won_that_a_foreign_order_has_locked_is_not_spent() -> None:
    """Won that a foreign order has locked is not counted as free."""
    limits = RiskLimits(max_position_fraction=Decimal(1), max_exposure_fraction=Decimal(1), max_krw_per_day=Decimal(10) ** 9)
    bot = paper_bot(says="buy", limits=limits)
    bot.foreign_order(BTC, Side.BUY, volume="9000", price="900")

    bot.run_cycle()

    free = Decimal(10_000_000) - Decimal(9000 * 900) * Decimal("1.0005")
    assert [f"buy KRW-BTC {free // Decimal('1.0005')}"] == bot.placed()


def test_a20_the_fee_that_was_paid_is_booked_and_one_that_drifts_is_told() -> None:
    """The paid fee is booked as it is; one that is not the usual rate raises an alarm."""
    bot = buyer()
    bot.venue.ledger.fee_fraction = Decimal("0.00139")

    bot.run_cycle()

    order, position = bot.our_orders()[0], bot.position()
    assert position is not None
    assert order.executed_funds + order.paid_fee == position.average_cost_krw * position.quantity
    assert ["fee_drift"] == bot.alarms()


def test_a20_the_usual_fee_raises_no_alarm() -> None:
    """A fee at the usual rate is no news."""
    bot = buyer(depth_krw="400000")

    bot.run_cycle()

    assert [] == bot.alarms()


def test_a21_an_order_that_is_still_open_is_waited_for() -> None:
    """An order that may still execute is waited for and sent once."""
    bot = buyer()
    bot.upbit.on("find", still_open, last=6)

    report = bot.run_cycle()

    assert (Outcome.TRADED, 1) == (report.outcome, bot.upbit.calls("submit"))


def test_a21_an_order_that_ends_after_patience_is_booked_by_the_guard() -> None:
    """An order that ends after the patience of its cycle is booked by the guard."""
    bot = buyer()
    bot.upbit.on("find", still_open, last=40)

    report = bot.run_cycle()
    for _ in range(3):
        bot.wait(30)
        bot.guard.tick()

    assert (Outcome.HALTED, f"order {ENTRY_ID}: accepted") == (report.outcome, report.reason)
    assert ["executed"] == closings(bot)
    assert ["unresolved:KRW-BTC"] == bot.alarms()


@pytest.mark.parametrize("is_sent", [False, True])
def test_a22_death_at_the_second_of_three_children_leaves_what_was_filled(is_sent: bool) -> None:
    """What was filled before the crash is booked, nothing is bought twice, and the children stay below what was planned."""
    bot = buyer(planner=PlannerLimits(split_above_krw=Decimal(400_000)))
    sent = 0

    def dies(name: str, call: Callable[[], object]) -> object:
        nonlocal sent
        sent += name == "submit"
        if sent == 2 and not is_sent:
            raise Killed
        answer = call()
        if sent == 2:
            raise Killed
        return answer

    bot.upbit.around = dies
    with pytest.raises(Killed):
        bot.run_cycle()
    bot.upbit.around = lambda _name, call: call()

    bot.restart()
    bot.run_cycle()
    ticks(bot, 4)

    orders, position = bot.our_orders(), bot.position()
    assert position is not None
    assert sum(order.executed_volume for order in orders) == position.quantity
    assert 2 == len(orders)
    assert sum(order.executed_funds for order in orders) <= Decimal(1_000_000)


def test_a24_a_state_that_nobody_knows_leaves_the_order_unresolved() -> None:
    """The order stays unresolved, with an alarm, and is booked when its state can be read again."""
    bot = buyer()
    bot.upbit.always("find", in_unknown_state)

    bot.run_cycle()
    assert [] == closings(bot)
    bot.upbit.heal()
    bot.guard.tick()

    assert ["executed"] == closings(bot)


def enter(bot: PaperBot, portfolio: Portfolio) -> None:
    """Ask for one more entry, past every stage that would have stopped it."""
    wish = OrderWish(
        request=MarketBuy(market=BTC, notional_krw=Decimal(10_000)),
        cycle=Cycle(market=BTC, opened_at=HOUR.floor(bot.clock.now())),
        role=Role.ENTRY,
        reason="lost count",
        decision_digest="0",
        reference_krw=Decimal(1000),
        minimum_notional_krw=Decimal(5000),
        protection=protection(),
    )
    begun = bot.desk.begin([wish], portfolio, gates=(), warnings=())
    if begun.underway is not None:
        bot.desk.finish(begun.underway)


def test_a26_a_runaway_is_stopped_at_the_cap_of_the_hour() -> None:
    """The order beyond the cap of the hour is not sent; safe mode begins, and one alarm is raised for all of them."""
    bot = buyer()
    bot.account_only()
    clearance = bot.clearance()
    assert isinstance(clearance, RiskClearance)

    for _ in range(30):
        enter(bot, clearance.portfolio)

    reason = "orders_this_hour: one more entry order was asked for after 10 within an hour, limit 10"
    assert ["buy KRW-BTC 10000"] * 10 == bot.placed()
    assert bot.state.safe_mode is not None
    assert (reason, 1, 1) == (
        bot.state.safe_mode.reason,
        len(bot.events(SafeModeEntered)),
        len(bot.events(AlarmRaised)),
    )


def test_a26_an_hour_that_is_full_by_ordinary_entries_is_no_runaway() -> None:
    """An entry is cut into what the hour has left, and the next one halts in its first stage: no safe mode for that."""
    limits = RiskLimits(max_orders_per_hour=3)
    planner = PlannerLimits(split_above_krw=Decimal(200_000))
    bot = paper_bot({BTC: "1000 1000", ETH: "500 500"}, says="buy", limits=limits, planner=planner)

    bot.run_cycle(BTC)
    report = bot.run_cycle(ETH)

    assert ["buy KRW-BTC 333333", "buy KRW-BTC 333333", "buy KRW-BTC 333334"] == bot.placed()
    assert (Outcome.HALTED, "risk.orders_this_hour: 3, limit 3") == (report.outcome, report.reason)
    assert bot.state.safe_mode is None


def test_a26_a_full_hour_and_safe_mode_stop_no_exit() -> None:
    """An exit is sold in a full hour and in safe mode."""
    bot = paper_bot("1000 1000 | 940", holding="100 @ 1000", limits=RiskLimits(max_orders_per_hour=1))
    clearance = bot.clearance()
    assert isinstance(clearance, RiskClearance)
    for _ in range(2):
        enter(bot, clearance.portfolio)

    bot.guard.tick()

    assert bot.state.safe_mode is not None
    assert "sell KRW-BTC" in bot.placed()[-1]
