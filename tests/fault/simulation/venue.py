"""The venue of a run: the simulator's ledger behind both ports, with every fault that a wire and a venue can have."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal

from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, MarketRules, published_rules
from dg_bot.domain.money import QUANTITY_STEP, ZERO, product
from dg_bot.domain.order import MarketBuy, OrderRequest, Side, VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable, RateLimited
from dg_bot.ports import Accepted, Rejected, Submission, Unclear
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.ledger import Ledger, LedgerOrder, OrderState, Ticket, TicketKind
from dg_bot.simulator.market_orders import balances_of, ticket_for, venue_order, verdict_of
from dg_bot.simulator.refusals import VenueRefusal
from tests.builders import VirtualClock
from tests.fault.simulation.checker import Checker
from tests.fault.simulation.false_answers import FALSE_ANSWERS, disguised
from tests.fault.simulation.listing import Listing
from tests.fault.simulation.plan import Kind
from tests.fault.simulation.trouble import Trouble
from tests.scenario.faulty_upbit import FaultyUpbit

# The lists lag by less than this behind an order that moved nothing, which the balances cannot show.
_LISTED_AFTER_S = 45.0
_ANSWERS = {
    Kind.REPLY_LOST: "read_timeout",
    Kind.SERVER_ERROR: "500",
    Kind.LANDS_LATER: "an_unlisted_name",
    Kind.HIDDEN: "read_timeout",
}


class SimulatedUpbit(FaultyUpbit):
    """Exchange and MarketData for the bot; the world itself uses the methods that begin with `owner`."""

    def __init__(
        self, *, ledger: Ledger, listings: Sequence[Listing], clock: VirtualClock, trouble: Trouble, checker: Checker
    ) -> None:
        self._ledger = ledger
        self._listings = {listing.market: listing for listing in listings}
        self._clock = clock
        self._trouble = trouble
        self._checker = checker
        self._hidden: dict[str, float] = {}
        self._landing: list[tuple[float, RiskApproved]] = []
        self._foreign: dict[str, LedgerOrder] = {}
        self._foreign_seen_s = 0.0
        self._rules = {market: published_rules(market) for market in self._listings}
        self._notices = {market: MarketNotice(market=market, has_warning=False) for market in self._listings}
        self.ambiguous = 0
        self.posts = 0

    # The ports

    def balances(self) -> Mapping[str, Balance]:
        self._read("balances")
        self._settle()
        answer = balances_of(self._ledger)
        self._checker.balances_shown()
        self._trouble.leave("balances")
        return answer

    def rules(self, market: Market) -> MarketRules:
        self._read("rules")
        self._trouble.leave("rules")
        return self._rules[market]

    def submit(self, approved: RiskApproved) -> Submission:
        kind = self._trouble.enter("submit")
        self._settle()
        self.posts += 1
        if self._trouble.trace is not None:
            self._trouble.note(f"  {approved.identifier} {approved.request}")
        self._checker.posted(approved, self._clock.now())
        answer = self._answered(kind, approved)
        self.ambiguous += isinstance(answer, Unclear)
        try:
            self._trouble.leave("submit")
        except BaseException:
            self.ambiguous += not isinstance(answer, Unclear)
            raise
        return answer

    def find(self, identifier: str) -> VenueOrder | None:
        kind = self._read("find")
        self._settle()
        try:
            order = None if self._is_hidden(identifier) else venue_order(self._ledger.find(identifier=identifier))
        except VenueRefusal:
            order = None
        self._trouble.leave("find")
        return order if order is None or kind is None else disguised(kind, order)

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        kind = self._read("list_orders")
        self._settle()
        known = self._ledger.orders(market, frozenset(OrderState))
        listed = [order for order in known if order.closed_at is None or order.closed_at >= since]
        now = self._clock.at
        if kind is Kind.NONE_LISTED:
            listed = [order for order in listed if (now - order.created_at).total_seconds() > _LISTED_AFTER_S]
        self._trouble.leave("list_orders")
        return [replace(venue_order(order), fills=()) for order in listed if not self._is_hidden(order.identifier or "")]

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        kind = self._read("last_prices")
        prices = {market: self.price(market) for market in markets}
        if kind is Kind.WRONG_PRICE and prices:
            dice = self._trouble.dice(kind)
            wrong = dice.choice(sorted(prices))
            prices[wrong] = max(self._listings[wrong].tick, prices[wrong] * dice.choice((Decimal("0.5"), Decimal(2))))
        self._checker.prices_shown(prices, is_wrong=kind is Kind.WRONG_PRICE)
        self._trouble.leave("last_prices")
        return prices

    def order_book(self, market: Market) -> OrderBook:
        kind = self._read("order_book")
        book = self._listings[market].book(self._clock)
        self._trouble.leave("order_book")
        if kind is Kind.STALE_BOOK:
            return replace(book, at=book.at - timedelta(seconds=120))
        return replace(book, asks=(), bids=()) if kind is Kind.EMPTY_BOOK else book

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        kind = self._read("candles")
        last = min(before, self._clock.at + timedelta(microseconds=1))
        first = HOUR.floor(before) - count * HOUR.length
        found = [candle for candle in self._listings[market].hours(self._clock, first) if candle.opened_at < last]
        self._trouble.leave("candles")
        return found[:-1] if kind is Kind.CANDLES_LATE else found

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        self._read("tick_size")
        return self._listings[market].tick

    def notices(self) -> Mapping[Market, MarketNotice]:
        self._read("notices")
        return self._notices

    # The truth

    def price(self, market: Market) -> Decimal:
        return self._listings[market].price(self._clock)

    def owner_moves(self, currency: str, amount: Decimal) -> None:
        """Move money at the venue behind the bot's back."""
        (self._ledger.deposit if amount > ZERO else self._ledger.withdraw)(currency, abs(amount))
        self._checker.moved_by_owner(currency, amount)
        self._trouble.note(f"the owner moves {amount} {currency}")

    def owner_orders(self, market: Market, *, krw: Decimal) -> None:
        """Leave a limit buy of the owner's a little below the market."""
        listing = self._listings[market]
        price = (self.price(market) * Decimal("0.99") // listing.tick) * listing.tick
        if price <= ZERO or self._ledger.account("KRW").balance < krw * 2:
            return
        ticket = Ticket(
            market=market,
            side=Side.BUY,
            kind=TicketKind.LIMIT,
            price=price,
            volume=(krw / price).quantize(QUANTITY_STEP, ROUND_DOWN),
        )
        self._settle()
        order = self._ledger.place(ticket, book=listing.book(self._clock), tick_size=listing.tick, now=self._clock.at)
        self._foreign[order.uuid] = order
        self._foreign_seen_s = self._clock.monotonic_s()
        self._trouble.note(f"the owner orders {ticket.volume} {market.base} at {price}")

    def owner_cancels(self) -> None:
        """Take the owner's open orders back."""
        self._settle()
        for uuid in list(self._foreign):
            self._ledger.cancel(uuid, self._clock.at)
        self._foreign.clear()

    # What goes wrong

    def _read(self, operation: str) -> Kind | None:
        """Begin a read; gives what the answer is to be falsified with."""
        kind = self._trouble.enter(operation)
        if kind is None or kind in FALSE_ANSWERS:
            return kind
        if kind is Kind.KEY_REFUSED:
            raise AuthenticationFailed(operation, "expired_access_key")
        if kind in (Kind.GARBLED, Kind.CANDLES_GARBLED):
            raise DataError(operation, "it is not an answer")
        if kind is Kind.RATE_LIMITED:
            raise RateLimited(operation, "default", self._clock.at + timedelta(seconds=1))
        raise ExchangeUnavailable(operation, str(kind))

    def _answered(self, kind: Kind | None, approved: RiskApproved) -> Submission:
        match kind:
            case None:
                return self._placed(approved)
            case Kind.PARTIAL_FILL | Kind.NO_FILL:
                share = self._trouble.dice(kind).uniform(0.01, 0.2) if kind is Kind.PARTIAL_FILL else 0.0
                return self._placed(approved, share=Decimal(str(round(share, 4))))
            case Kind.REFUSED:
                self._ledger.burn(approved.identifier)
                return Rejected("insufficient_funds_bid", "refused")
            case Kind.OWNER_RACES:
                self._owner_races(approved.request)
                return self._placed(approved)
            case Kind.LANDS_LATER:
                delay = self._trouble.dice(kind).uniform(1.0, 40.0)
                self._landing.append((self._clock.monotonic_s() + delay, approved))
            case Kind.REPLY_LOST | Kind.HIDDEN:
                self._place_unseen(kind, approved)
            case Kind.SERVER_ERROR | Kind.PACKET_LOSS:
                if self._trouble.dice(kind).random() < 0.5:
                    self._placed(approved)
            case Kind.RATE_LIMITED:
                return Unclear("rate_limited")
            case Kind.KEY_REFUSED:
                return Unclear("expired_access_key")
            case _:
                return Unclear("connect_timeout")
        return Unclear(_ANSWERS.get(kind, "read_timeout"))

    def _place_unseen(self, kind: Kind, approved: RiskApproved) -> None:
        self._placed(approved)
        if kind is Kind.HIDDEN:
            seconds = self._trouble.dice(kind).choice((3.0, 9.0, 15.0, 70.0, 600.0, 4000.0))
            order = self._known(approved.identifier)
            moved = order is not None and order.executed_volume > ZERO
            self._hidden[approved.identifier] = self._clock.monotonic_s() + (seconds if moved else min(seconds, _LISTED_AFTER_S))

    def _owner_races(self, request: OrderRequest) -> None:
        """Let the owner take half of what the order is to use, between the bot's look and its request."""
        currency = "KRW" if isinstance(request, MarketBuy) else request.market.base
        half = (self._ledger.account(currency).balance / 2).quantize(QUANTITY_STEP, ROUND_DOWN)
        if half > ZERO:
            self.owner_moves(currency, -half)

    def _placed(self, approved: RiskApproved, *, share: Decimal | None = None) -> Submission:
        request = approved.request
        market = request.market
        price = self.price(market)
        depth = None
        if share is not None:
            wanted = request.notional_krw if isinstance(request, MarketBuy) else product(request.quantity, price)
            depth = wanted * share
        book = self._listings[market].book(self._clock, depth)
        if depth is not None and depth == ZERO:
            book = replace(book, asks=(), bids=())
        ticket = ticket_for(request, approved.identifier)
        try:
            order = self._ledger.place(ticket, book=book, tick_size=self._listings[market].tick, now=self._clock.at)
        except VenueRefusal as refusal:
            self._ledger.burn(approved.identifier)
            return verdict_of(refusal)
        self._checker.accepted(order)
        if self._trouble.trace is not None:
            self._trouble.note(f"  the venue executed {order.executed_volume} of {approved.identifier}")
        return Accepted(order.uuid)

    def _settle(self) -> None:
        """Let land what was on its way, and trade the owner's orders."""
        if self._landing:
            now_s = self._clock.monotonic_s()
            due = [approved for at, approved in self._landing if at <= now_s]
            self._landing = [(at, approved) for at, approved in self._landing if at > now_s]
            for approved in due:
                self._trouble.note(f"{approved.identifier} lands")
                self._placed(approved)
        if self._foreign:
            self._trade_foreign()

    def _trade_foreign(self) -> None:
        now_s = self._clock.monotonic_s()
        for market in {order.market for order in self._foreign.values()}:
            low, high = self._listings[market].path.range_between(self._foreign_seen_s, now_s)
            self._ledger.trade_through(market, low, high, self._clock.at)
        self._foreign_seen_s = now_s
        for uuid in list(self._foreign):
            order = self._ledger.find(uuid=uuid)
            if not order.is_open:
                del self._foreign[uuid]
                self._checker.moved_by_owner("KRW", -(order.executed_funds + order.paid_fee))
                self._checker.moved_by_owner(order.market.base, order.executed_volume)
                self._trouble.note(f"the owner's order for {order.executed_volume} {order.market.base} is filled")

    def _known(self, identifier: str) -> LedgerOrder | None:
        try:
            return self._ledger.find(identifier=identifier)
        except VenueRefusal:
            return None

    def _is_hidden(self, identifier: str) -> bool:
        return self._hidden.get(identifier, 0.0) > self._clock.monotonic_s()
