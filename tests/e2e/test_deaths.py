"""The true program, killed with SIGKILL at calls of its ports and started again: what the venue has is what is booked."""

from decimal import Decimal

import pytest

from dg_bot.domain.order import Side
from dg_bot.simulator.ledger import Ticket, TicketKind
from tests.e2e.deaths_bench import Point, Yard, points
from tests.e2e.dying_bot import AFTER, BEFORE
from tests.e2e.tape_bench import BTC
from tests.postgres import run_sql

# The steps of one order; the process that buys takes them, and the one that sells.
STEPS = (
    Point("append IntentPlanned 1", BEFORE),
    Point("append IntentPlanned 1", AFTER),
    Point("append IntentSending 1", BEFORE),
    Point("append IntentSending 1", AFTER),
    Point("POST /v1/orders 1", AFTER),
    Point("append IntentAnswered 1", AFTER),
    Point("append IntentClosed 1", BEFORE),
    Point("append IntentClosed 1", AFTER),
    Point("append CycleCompleted 1", BEFORE),
    Point("append CycleCompleted 1", AFTER),
)
LADDERS = 3
RUNGS = 8


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_d08_death_at_a_step_of_an_order_and_three_times_in_its_recovery_loses_and_doubles_nothing(
    yard: Yard, place: int
) -> None:
    """Killed within an order and then at three starts in a row, the real process ends with what the exchange has, booked once."""
    again = points(range(4, 34))[3 * place : 3 * place + 3]
    with yard.life(is_daemon=place % 5 == 4) as life:
        life.dies("buy", [STEPS[place], *again])
        life.falls()
        life.dies("sell", [STEPS[place]])
        tally = life.settle()

    assert [] == tally.faults
    assert 3 <= tally.kills


@pytest.mark.parametrize("ladder", range(LADDERS))
def test_death_at_call_after_call_before_an_order_loses_and_doubles_nothing(yard: Yard, ladder: int) -> None:
    rungs = points(range(1, 31))[ladder::LADDERS][:RUNGS]
    with yard.life() as life:
        life.dies("buy", rungs)
        life.falls()
        life.dies("sell", rungs)
        tally = life.settle()

    assert ([], 2 * RUNGS) == (tally.faults, tally.kills)
    assert ["buy", "sell"] == [order.side for order in life.bench.orders]


def test_the_audit_sees_an_order_too_many_and_a_row_that_was_altered(yard: Yard) -> None:
    with yard.life() as life:
        life.process("buy")
        run_sql(life.bench.settings["DATABASE_URL"], "UPDATE fills SET quantity = quantity + 1")
        [first] = life.bench.orders
        again = f"{str(first.identifier).removesuffix('0')}1"
        second = life.bench.venue.place(
            Ticket(market=BTC, side=Side.BUY, kind=TicketKind.PRICE, price=Decimal(10_000), volume=None, identifier=again)
        )
        tally = life.settle()

    altered, unknown = len(first.trades), len(second.trades)
    assert (1, altered + 2 * unknown, altered) == (tally.double_orders, tally.lost_fills, tally.invented_fills)
    assert any(line.startswith("balances") for line in tally.faults)
