"""The simulated exchange of a backtest: recorded prices, a ledger that fills at them, and a clock that moves when told."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import MAXIMUM_NOTIONAL_KRW, MINIMUM_NOTIONAL_KRW, Market, MarketNotice, MarketRules, tick_size
from dg_bot.domain.money import ceiling_to, floor_to
from dg_bot.domain.order import Side, VenueOrder
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import DataError
from dg_bot.ports import Accepted, Submission
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.ledger import Ledger, OrderState
from dg_bot.simulator.market_orders import balances_of, ticket_for, venue_order, verdict_of
from dg_bot.simulator.refusals import VenueRefusal

# More than any order of a backtest takes: what a book could not hold is not judged here.
_DEPTH = Decimal(10) ** 12


class RecordedClock:
    """Exchange time that moves only when it is set or slept on."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._started = at

    def now(self) -> datetime:
        return self.at

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return (self.at - self._started).total_seconds()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


class RecordedMarket:
    """The Exchange and MarketData ports over one market, at the prices that the engine walks it through.

    `last_krw` is the price of the last trade, which everybody sees; an order is filled at `next_krw`, that of the next one, on
    its price step and `slippage` worse. Where nothing trades before `next_at`, the market takes no entries; a sale waits, and the
    clock with it.
    """

    def __init__(self, *, market: Market, ledger: Ledger, clock: RecordedClock, rules: TradeRules, price_krw: Decimal) -> None:
        self._market = market
        self._ledger = ledger
        self._clock = clock
        self._slippage = Decimal(repr(rules.slippage_fraction))
        self._notices = {market: MarketNotice(market=market, has_warning=False)}
        self._rules = MarketRules(
            market=market,
            minimum_notional_krw=MINIMUM_NOTIONAL_KRW,
            maximum_notional_krw=MAXIMUM_NOTIONAL_KRW,
            bid_fee_fraction=ledger.fee_fraction,
            ask_fee_fraction=ledger.fee_fraction,
            is_active=True,
        )
        self.last_krw = price_krw
        self.next_krw = price_krw
        self.next_at = clock.now()

    def stand_at(self, last_krw: Decimal, *, next_krw: Decimal, next_at: datetime) -> None:
        """Let the market stand between two trades."""
        self.last_krw, self.next_krw, self.next_at = last_krw, next_krw, next_at

    def reach(self, level_krw: Decimal, seen_krw: Decimal) -> None:
        """Let the market trade through a level, now; the price that is seen of it lies on the price step beyond."""
        self.last_krw, self.next_krw, self.next_at = seen_krw, level_krw, self._clock.now()

    def balances(self) -> Mapping[str, Balance]:
        return balances_of(self._ledger)

    def rules(self, market: Market) -> MarketRules:
        self._require_listed(market)
        return self._rules if self.next_at <= self._clock.at else replace(self._rules, is_active=False)

    def submit(self, approved: RiskApproved) -> Submission:
        """Fill an order whole, at the next price."""
        self._clock.at = max(self._clock.at, self.next_at)
        now = self._clock.now()
        side = approved.request.side
        level = Level(self._worse(self.next_krw, side), _DEPTH)
        asks, bids = ((level,), ()) if side is Side.BUY else ((), (level,))
        book = OrderBook(market=self._market, at=now, asks=asks, bids=bids)
        try:
            step = tick_size(self._market, self.next_krw, now)
            order = self._ledger.place(ticket_for(approved.request, approved.identifier), book=book, tick_size=step, now=now)
        except VenueRefusal as refusal:
            return verdict_of(refusal)
        return Accepted(order.uuid)

    def find(self, identifier: str) -> VenueOrder | None:
        try:
            return venue_order(self._ledger.find(identifier=identifier))
        except VenueRefusal:
            return None

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        """List the orders since `since`, without their fills."""
        orders = self._ledger.orders(market, frozenset(OrderState))
        return [replace(venue_order(order), fills=()) for order in orders if order.created_at >= since]

    def candles(self, market: Market, timeframe: Timeframe, _before: datetime, _count: int) -> list[Candle]:
        """Raise DataError: a backtest has all its candles, and asks nobody for more."""
        raise DataError(f"{market} {timeframe}", "a backtest has no candles but those it was given")

    def order_book(self, market: Market) -> OrderBook:
        self._require_listed(market)
        ask, bid = self._worse(self.last_krw, Side.BUY), self._worse(self.last_krw, Side.SELL)
        if ask == bid:
            ask += tick_size(market, ask, self._clock.now())
        return OrderBook(market=market, at=self._clock.now(), asks=(Level(ask, _DEPTH),), bids=(Level(bid, _DEPTH),))

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        for market in markets:
            self._require_listed(market)
        return dict.fromkeys(markets, self.last_krw)

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        self._require_listed(market)
        return tick_size(market, price_krw, self._clock.now())

    def notices(self) -> Mapping[Market, MarketNotice]:
        return self._notices

    def _worse(self, price_krw: Decimal, side: Side) -> Decimal:
        """Give the price that is `slippage` worse for whoever takes `side`, on the price step, to his disadvantage."""
        if side is Side.SELL:
            lower = price_krw * (1 - self._slippage)
            return floor_to(lower, tick_size(self._market, lower, self._clock.now()))
        higher = price_krw * (1 + self._slippage)
        return ceiling_to(higher, tick_size(self._market, higher, self._clock.now()))

    def _require_listed(self, market: Market) -> None:
        if market != self._market:
            raise DataError("recorded market", f"it knows nothing of {market}")
