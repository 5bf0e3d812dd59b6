"""Faults of the order path that only show on the wire: requests counted by the venue, headers, spellings, odd documents."""

import re
from collections.abc import Callable
from decimal import Decimal

import pytest

from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import IntentSending
from dg_bot.domain.order import Side
from dg_bot.simulator.faults import (
    Action,
    Answer,
    AnswerAfter,
    DropHeader,
    Edit,
    FaultRule,
    HangUp,
    LoseReply,
    LoseRequest,
    SetHeader,
)
from dg_bot.simulator.rest_json import dumps
from dg_bot.simulator.rest_wire import order_with_trades_json
from tests.builders import BTC, ETH, PaperBot, assert_invariants, paper_bot
from tests.fault.wired import TINY_S, wired
from tests.scenario.order_bots import ENTRY, ENTRY_ID, EXIT, buyer, closings, stopped, ticks

ORDERS, ORDER, CLOSED = "/v1/orders", "/v1/order", "/v1/orders/closed"


def on_post(action: Action) -> FaultRule:
    """Strike the first order request."""
    return FaultRule(action=action, path=ORDERS, method="POST", nth=1)


def sent(bot: PaperBot) -> list[str]:
    """Give the identifiers of the requests that the journal knows of, in turn."""
    return [event.identifier for event in bot.events(IntentSending) if isinstance(event, IntentSending)]


# A05


@pytest.mark.parametrize(
    ("action", "requests"),
    [
        (LoseReply(), 1),
        (AnswerAfter(500, "broken"), 1),
        (AnswerAfter(502, "<html>"), 1),
        (HangUp(), 1),
        (LoseRequest(), 2),
        (Answer(500, "broken"), 2),
        (Answer(504, ""), 2),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, int) else str(value),
)
def test_a05_each_attempt_that_the_journal_knows_of_is_one_request_on_the_wire(action: Action, requests: int) -> None:
    """No library repeats an order: the venue counts as many requests as the journal has attempts, all of one name."""
    bot = buyer()
    with wired(bot, deadline_s=TINY_S) as wire:
        wire.faults.add(on_post(action))

        report = bot.run_cycle()

        assert [ENTRY_ID] * requests == wire.posts() == sent(bot)
    assert (Outcome.TRADED, ENTRY) == (report.outcome, bot.placed())


def test_a05_a_refused_exit_is_one_request_too() -> None:
    """A refusal is not repeated within its tick; the next attempt has a name of its own."""
    bot = stopped()
    with wired(bot) as wire:
        wire.faults.add(on_post(Answer(400, '{"error": {"name": "market_offline", "message": "closed"}}')))

        bot.guard.tick()
        assert 1 == len(wire.posts())
        bot.wait(30)
        bot.guard.tick()

        assert ["exit.0.0", "exit.0.1"] == [(name or "").split("T12.")[1] for name in wire.posts()]
    assert EXIT == bot.placed()


# A06


@pytest.mark.parametrize(
    "action",
    [
        DropHeader("Remaining-Req"),
        SetHeader("Remaining-Req", ""),
        SetHeader("Remaining-Req", "sec=-1; sec=; group"),
        SetHeader("Remaining-Req", "9" * 3000),
        DropHeader("Date"),
        SetHeader("Date", "yesterday"),
        DropHeader("Content-Type"),
    ],
    ids=["no budget", "empty budget", "malformed budget", "huge budget", "no date", "malformed date", "no type"],
)
def test_a06_a_header_that_is_missing_or_malformed_changes_no_outcome(action: Action) -> None:
    """The outcome of an order is read from status and body alone: it is accepted, and sent once."""
    bot = buyer()
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=action, path="/*"))

        report = bot.run_cycle()

        assert [ENTRY_ID] == wire.posts()
    assert (Outcome.TRADED, ENTRY, ["executed"]) == (report.outcome, bot.placed(), closings(bot))


# A23


def exponents(text: str) -> str:
    """Spell a number with an exponent, as `1E-8`."""
    return f"{Decimal(text).normalize():E}"


@pytest.mark.parametrize(
    "spelled",
    [lambda text: f'"{text}"', lambda text: text, lambda text: f'"{exponents(text)}"', exponents],
    ids=["strings", "numbers", "strings with exponents", "numbers with exponents"],
)
def test_a23_every_spelling_of_a_number_is_the_same_decimal(spelled: Callable[[str], str]) -> None:
    """Numbers, strings and exponents are read as the same decimal, and booked to the last digit."""
    twin, bot = buyer(depth_krw="400000"), buyer(depth_krw="400000")
    twin.run_cycle()
    document = dumps(order_with_trades_json(twin.our_orders()[0]))
    respelled = re.sub(r'"(-?\d+(?:\.\d+)?)"', lambda found: spelled(found.group(1)), document)
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Answer(200, respelled), path=ORDER))

        bot.run_cycle()

    assert (ENTRY, ["executed"]) == (bot.placed(), closings(bot))
    assert twin.state.positions[BTC].quantity == bot.state.positions[BTC].quantity
    assert twin.state.flows == bot.state.flows
    assert_invariants(bot)


# A24


def test_a24_an_unknown_state_in_the_venues_answer_leaves_the_order_unresolved() -> None:
    """The order stays open with an alarm and blocks entries; it is booked when its state can be read again."""
    bot = buyer()
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Edit({"state": "frozen"}), path=ORDER))
        bot.run_cycle()
        ticks(bot, 2)
        assert ([], ["unresolved:KRW-BTC"]) == (closings(bot), bot.alarms())
        wire.faults.clear()

        ticks(bot, 1)

    assert (["executed"], ENTRY) == (closings(bot), bot.placed())


def test_a24_fields_that_nobody_knows_are_passed_over() -> None:
    """Fields that are new in an order change nothing."""
    bot = buyer()
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Edit({"settlement": {"kind": 7}, "flags": [None, True]}), path="/v1/order*"))

        report = bot.run_cycle()

    assert (Outcome.TRADED, ["executed"]) == (report.outcome, closings(bot))


# A25


@pytest.mark.parametrize("field", ["uuid", "market", "side", "state", "executed_volume", "paid_fee", "created_at"])
def test_a25_an_order_without_a_needed_field_is_unresolved_and_the_others_are_processed(field: str) -> None:
    """An answer that lacks a field resolves nothing for its own order; orders of other markets go on."""
    coins = {BTC: "1000 1000 | 940 940", ETH: "500 500 | 470 470"}
    bot = paper_bot(coins, holding={BTC: "100 @ 1000", ETH: "200 @ 500"})
    with wired(bot) as wire:
        wire.faults.add(FaultRule(action=Edit({}, (field,)), path=ORDER, nth=1, count=60))

        bot.guard.tick()
        assert {BTC, ETH} == {order.market for order in bot.our_orders()}
        wire.faults.clear()
        ticks(bot, 1)

    assert (["executed", "executed"], {}) == (closings(bot), dict(bot.state.positions))


def test_a25_a_list_with_an_unreadable_order_proves_no_absence_on_its_market_alone() -> None:
    """A list that cannot be read whole proves nothing: the sale there stays open, the one on another market is ended and sold."""
    coins = {BTC: "1000 1000 | 940 940 940", ETH: "500 500 | 470 470 470"}
    bot = paper_bot(coins, holding={BTC: "100 @ 1000", ETH: "200 @ 500"})
    bot.clock.at = bot.clock.at.replace(minute=59, second=50)
    foreign = bot.foreign_order(BTC, Side.SELL, volume="10", price="2000")
    with wired(bot, deadline_s=TINY_S) as wire:
        wire.faults.add(FaultRule(action=LoseRequest(), path=ORDERS, method="POST", nth=1, count=2))
        bot.guard.tick()
        bot.venue.cancel(uuid=foreign.uuid)
        wire.faults.add(FaultRule(action=Edit({}, ("executed_volume",)), path=CLOSED))

        ticks(bot, 8)
        assert (["never_accepted", "executed"], ["sell KRW-ETH 200"]) == (closings(bot), bot.placed())
        assert bot.books.intents.is_selling(BTC)
        wire.faults.clear()
        ticks(bot, 3)

    assert {} == dict(bot.state.positions)
