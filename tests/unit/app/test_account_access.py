"""The account as the doctor sees it: a paper account and the demo's lie in a file."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters.state_file import write_state
from dg_bot.app.account_access import account_access
from dg_bot.app.settings import Settings
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import OrderBook
from dg_bot.simulator.ledger import Ledger, Ticket, TicketKind
from tests.builders import BTC, NOON


def test_orders_of_a_file_that_ended_before_the_time_asked_for_are_left_out(tmp_path: Path) -> None:
    ledger = Ledger(krw=Decimal(1_000_000))
    for days, kind in ((0, TicketKind.LIMIT), (0, TicketKind.PRICE), (2, TicketKind.PRICE)):
        place(ledger, kind, days)
    write_state(tmp_path / "paper_account.json", ledger.to_json())

    with account_access(Settings(mode=Mode.PAPER, data_dir=tmp_path)) as account:
        found = account.orders(BTC, NOON + timedelta(days=1))

    assert ["LIMIT-0", "PRICE-2"] == [order.identifier for order in found]


def place(ledger: Ledger, kind: TicketKind, days: int) -> None:
    """Place an order that waits for ever, or one that meets nobody and ends at once."""
    at = NOON + timedelta(days=days)
    ticket = Ticket(
        market=BTC,
        side=Side.BUY,
        kind=kind,
        price=Decimal(10_000),
        volume=Decimal(1) if kind is TicketKind.LIMIT else None,
        identifier=f"{kind.name}-{days}",
    )
    ledger.place(ticket, book=OrderBook(market=BTC, at=at, asks=(), bids=()), tick_size=Decimal(1), now=at)
