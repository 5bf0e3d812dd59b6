"""The simulated venue without a wire: both ports to a venue that lives in the same process."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import DataError
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.ledger import OrderState
from dg_bot.simulator.market_orders import ticket_for, venue_order, verdict_of
from dg_bot.simulator.refusals import VenueRefusal
from dg_bot.simulator.venue import Venue

_LARGEST_PAGE = 200
T = TypeVar("T")


class InProcessUpbit:
    """The Exchange and MarketData ports over a Venue: the same books as behind HTTP, and nothing that can break on the way."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def balances(self) -> Mapping[str, Balance]:
        accounts = self._venue.accounts()
        return {account.currency: Balance(account.currency, account.balance, account.locked) for account in accounts}

    def rules(self, market: Market) -> MarketRules:
        """Give the venue's demands on an order; raises DataError for a market that is not listed."""
        return _listed(market, lambda: self._venue.rules(market))

    def submit(self, approved: RiskApproved) -> Submission:
        """Place one order."""
        try:
            return Accepted(self._venue.place(ticket_for(approved.request, approved.identifier)).uuid)
        except VenueRefusal as refusal:
            return verdict_of(refusal)

    def find(self, identifier: str) -> VenueOrder | None:
        try:
            return venue_order(self._venue.find(identifier=identifier))
        except VenueRefusal:
            return None

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        """List open orders and those closed since `since`, without their fills, as the venue's lists are."""
        orders = self._venue.orders(market, frozenset(OrderState))
        recent = [order for order in orders if order.closed_at is None or order.closed_at >= since]
        return [replace(venue_order(order), fills=()) for order in recent]

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        """Give up to `count` (at most 200) newest candles before `before`, in rising order; the last may be unfinished."""
        newest_first = _listed(market, lambda: self._venue.candles(market, timeframe, before, min(count, _LARGEST_PAGE)))
        return [
            Candle(opened_at=bar.opened_at, open=bar.open, high=bar.high, low=bar.low, close=bar.close, volume=bar.volume)
            for bar in reversed(newest_first)
        ]

    def order_book(self, market: Market) -> OrderBook:
        return _listed(market, lambda: self._venue.order_book(market))

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        """Give the price of the last trade of each market; raises DataError when one is not listed."""
        return {market: self._last_price(market) for market in markets}

    def tick_size(self, market: Market, _price_krw: Decimal) -> Decimal:
        return _listed(market, lambda: self._venue.tick_size(market))

    def notices(self) -> Mapping[Market, MarketNotice]:
        return self._venue.notices()

    def _last_price(self, market: Market) -> Decimal:
        return _listed(market, lambda: self._venue.ticker(market).price)


def _listed(market: Market, ask: Callable[[], T]) -> T:
    """Ask about a market; the venue's only refusal of such a question is that it does not list it."""
    try:
        return ask()
    except VenueRefusal as refusal:
        raise DataError("venue", f"it knows nothing of {market}") from refusal
