"""Market orders between the ports' words and those of the venue's books."""

from collections.abc import Mapping

from dg_bot.domain.order import Fill, MarketBuy, OrderRequest, Side, VenueOrder, VenueState
from dg_bot.domain.portfolio import Balance
from dg_bot.ports import Duplicate, Rejected
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.refusals import VenueRefusal
from dg_bot.simulator.tickets import LedgerOrder, Ticket, TicketKind

_DUPLICATE = "duplicated_identifier"


def ticket_for(request: OrderRequest, identifier: str) -> Ticket:
    """Write an order as the venue is asked for it: a buy by its total, a sell by its volume."""
    if isinstance(request, MarketBuy):
        return Ticket(
            market=request.market,
            side=Side.BUY,
            kind=TicketKind.PRICE,
            price=request.notional_krw,
            volume=None,
            identifier=identifier,
        )
    return Ticket(
        market=request.market,
        side=Side.SELL,
        kind=TicketKind.MARKET,
        price=None,
        volume=request.quantity,
        identifier=identifier,
    )


def verdict_of(refusal: VenueRefusal) -> Rejected | Duplicate:
    """Give what a refusal says of the order."""
    name = str(refusal.name)
    return Duplicate() if name == _DUPLICATE else Rejected(name, refusal.message)


def venue_order(order: LedgerOrder) -> VenueOrder:
    """Show an order of the books with its fills."""
    return VenueOrder(
        venue_id=order.uuid,
        identifier=order.identifier,
        market=order.market,
        side=order.side,
        state=VenueState.OPEN if order.is_open else VenueState.CLOSED,
        executed_quantity=order.executed_volume,
        paid_fee_krw=order.paid_fee,
        fills=tuple(
            Fill(trade_id=trade.uuid, price=trade.price, quantity=trade.volume, funds_krw=trade.funds, at=trade.created_at)
            for trade in order.trades
        ),
        created_at=order.created_at,
    )


def balances_of(ledger: Ledger) -> Mapping[str, Balance]:
    """Give an account's balances by currency."""
    return {account.currency: Balance(account.currency, account.balance, account.locked) for account in ledger.accounts()}
