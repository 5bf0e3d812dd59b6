"""Paper trading: the real market, and orders that a ledger fills against the live order book."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.domain.market import Market, MarketRules, published_rules
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.ports import Accepted, Clock, MarketData, Submission, Unclear
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.ledger import Ledger, OrderState
from dg_bot.simulator.market_orders import balances_of, ticket_for, venue_order, verdict_of
from dg_bot.simulator.refusals import VenueRefusal


class PaperExchange:
    """An account of its own in one file; every order is durable in it before its answer is given."""

    def __init__(self, *, market_data: MarketData, clock: Clock, path: Path, krw: Decimal) -> None:
        """Open the account, with `krw` where there is none yet; raises StateError for a file that cannot be trusted."""
        self._market_data = market_data
        self._clock = clock
        self._path = path
        stored = read_state(path, "move it away to begin with a new paper account")
        self._ledger = Ledger(krw=krw) if stored is None else Ledger.restored(stored)

    def balances(self) -> Mapping[str, Balance]:
        return balances_of(self._ledger)

    def rules(self, market: Market) -> MarketRules:
        """Give the published rules: a paper account has no `orders/chance` of its own."""
        return published_rules(market)

    def submit(self, approved: RiskApproved) -> Submission:
        """Fill against the book as it is now; without a book there is no answer, and nothing was placed."""
        request = approved.request
        try:
            book = self._market_data.order_book(request.market)
            price = self._market_data.last_prices([request.market])[request.market]
            step = self._market_data.tick_size(request.market, price)
        except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
            return Unclear(type(error).__name__)
        ticket = ticket_for(request, approved.identifier)
        try:
            now = self._clock.now()
            order = self._ledger.place(ticket, book=book, tick_size=step, now=now)
        except VenueRefusal as refusal:
            self._save()
            return verdict_of(refusal)
        self._save()
        return Accepted(order.uuid)

    def find(self, identifier: str) -> VenueOrder | None:
        try:
            return venue_order(self._ledger.find(identifier=identifier))
        except VenueRefusal:
            return None

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        orders = self._ledger.orders(market, frozenset(OrderState))
        return [venue_order(order) for order in orders if order.is_open or order.created_at >= since]

    def _save(self) -> None:
        write_state(self._path, self._ledger.to_json())


def paper_ledger(path: Path) -> Ledger:
    """Read a paper account without opening it; raises StateError, DataError where there is none."""
    stored = read_state(path)
    if stored is None:
        raise DataError(str(path), "there is no paper account yet")
    return Ledger.restored(stored)
