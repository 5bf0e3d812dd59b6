"""What an operator does by hand: sell what is held, once and wholly, and compare books with the venue."""

from decimal import Decimal

import pytest

from dg_bot.domain.events import IntentPlanned
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.order import ExitCause, Role
from dg_bot.pipeline.operator_hands import Comparison, Sale, SaleEnd
from tests.builders import BTC, ETH, paper_bot
from tests.scenario.faulty_upbit import booked, refused, reply_lost, request_lost, unavailable
from tests.scenario.order_bots import hide

HELD = "100 @ 1000"


def test_an_exit_sells_all_of_it_at_once_and_names_the_operator() -> None:
    bot = paper_bot(holding=HELD)

    sale = bot.hands.exit(BTC)

    (planned,) = [event for event in bot.events(IntentPlanned) if isinstance(event, IntentPlanned) and event.role is Role.EXIT]
    assert (SaleEnd.PLACED, ["sell KRW-BTC 100"], None) == (sale.end, bot.placed(), bot.position())
    assert ("operator", ExitCause.OPERATOR) == (planned.reason, planned.exit_cause)


def test_an_exit_sells_in_safe_mode_and_leaves_what_the_owner_holds_beside_it() -> None:
    bot = paper_bot(holding=HELD, safe_mode=True, foreign={"BTC": "3"})

    bot.hands.exit(BTC)

    assert (["sell KRW-BTC 100"], Decimal(3)) == (bot.placed(), bot.upbit.balances()["BTC"].total)


@pytest.mark.parametrize("market", [ETH, Market("KRW-NOWHERE")])
def test_an_exit_of_what_is_not_held_sends_nothing(market: Market) -> None:
    bot = paper_bot({BTC: "1000 1000", ETH: "1000 1000"}, holding={BTC: HELD})

    assert Sale(end=SaleEnd.NOTHING_HELD, market=market) == bot.hands.exit(market)
    assert [] == bot.placed()


def test_an_exit_before_the_end_of_an_entry_is_known_says_so_and_sells_what_it_bought_afterwards() -> None:
    bot = paper_bot(says="buy")
    bot.upbit.on("submit", reply_lost)
    hide(bot, 60)
    bot.run_cycle()

    before = bot.hands.exit(BTC)
    bot.wait(60)
    bot.hands.sync()
    after = bot.hands.exit(BTC)

    assert [Sale(end=SaleEnd.ENTRY_OPEN, market=BTC), SaleEnd.PLACED] == [before, after.end]
    assert bot.position() is None


def test_a_sale_that_the_venue_refuses_is_told_and_may_be_tried_again_at_once() -> None:
    bot = paper_bot(holding=HELD)
    bot.upbit.on("submit", refused("under_min_total_ask"))

    first, second = bot.hands.exit(BTC), bot.hands.exit(BTC)

    assert [SaleEnd.PLACED, SaleEnd.PLACED] == [first.end, second.end]
    assert ["sell KRW-BTC 100"] == bot.placed()


def test_an_exit_while_the_process_ends_sends_nothing() -> None:
    bot = paper_bot(holding=HELD)
    bot.books.close_for_orders()

    sale = bot.hands.exit(BTC)

    assert (SaleEnd.NOT_SENT, Gate("process", "stopping", "running", False)) == (sale.end, sale.gate)


def test_what_a_thin_book_cannot_take_at_once_is_sold_in_parts_that_are_all_followed() -> None:
    bot = paper_bot(holding="100 @ 1000")
    bot.upbit.always("order_book", booked(asks="1001:1000", bids="1000:30 999:10"))

    sale = bot.hands.exit(BTC)

    assert (True, None) == (len(sale.intents) > 1, bot.position())
    assert Decimal(100) == sum(intent.closing.executed_quantity for intent in sale.intents if intent.closing)


def test_a_comparison_settles_what_has_no_end_and_names_what_nobody_explains() -> None:
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    bot.upbit.on("submit", request_lost)
    bot.upbit.always("find", unavailable)
    bot.guard.tick()
    unclear = bot.hands.sync()
    bot.upbit.heal()
    bot.wait(300)
    bot.deposit("KRW", "-5000")

    settled = bot.hands.sync()

    assert (1, {}) == (len(unclear.open_intents), unclear.unexplained)
    assert Comparison(open_intents=(), unexplained={"KRW": Decimal(-5000)}) == settled
