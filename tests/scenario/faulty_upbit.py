"""A venue in process whose nth calls can go wrong, and that can kill whoever calls it."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_DOWN, Decimal
from typing import Any

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.money import QUANTITY_STEP, ZERO
from dg_bot.domain.order import MarketBuy, VenueOrder, VenueState
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.ports import Rejected, Submission, Unclear
from dg_bot.risk.manager import RiskApproved
from tests.in_process_upbit import InProcessUpbit

Call = Callable[..., Any]
Fault = Callable[..., Any]
"""A fault is called instead of the port's method, with that method and its arguments."""


@dataclass(frozen=True)
class _Planned:
    operation: str
    first: int
    last: int
    fault: Fault


class FaultyUpbit:
    """The Exchange and MarketData ports over another; calls are counted from 1, by operation, since the last `faults`."""

    def __init__(self, inner: InProcessUpbit) -> None:
        self._inner = inner
        self._planned: list[_Planned] = []
        self._calls: Counter[str] = Counter()
        self.around: Callable[[str, Callable[[], Any]], Any] = lambda _operation, call: call()
        self.log: list[str] = []

    def on(self, operation: str, fault: Fault, *, first: int = 1, last: int | None = None) -> None:
        """Let `fault` happen at the calls of an operation from `first` to `last`, counted from now."""
        offset = self._calls[operation]
        self._planned.append(_Planned(operation, offset + first, offset + (last or first), fault))

    def always(self, operation: str, fault: Fault) -> None:
        self.on(operation, fault, last=1_000_000)

    def heal(self) -> None:
        self._planned.clear()

    def calls(self, operation: str) -> int:
        return self._calls[operation]

    def _call(self, operation: str, method: Call, *args: Any) -> Any:
        self._calls[operation] += 1
        self.log.append(operation)
        count = self._calls[operation]
        call = method
        for planned in self._planned:
            if planned.operation == operation and planned.first <= count <= planned.last:
                call = _under(planned.fault, call)
        return self.around(operation, lambda: call(*args))

    def balances(self) -> Mapping[str, Balance]:
        answer: Mapping[str, Balance] = self._call("balances", self._inner.balances)
        return answer

    def rules(self, market: Market) -> MarketRules:
        answer: MarketRules = self._call("rules", self._inner.rules, market)
        return answer

    def submit(self, approved: RiskApproved) -> Submission:
        answer: Submission = self._call("submit", self._inner.submit, approved)
        return answer

    def find(self, identifier: str) -> VenueOrder | None:
        answer: VenueOrder | None = self._call("find", self._inner.find, identifier)
        return answer

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        answer: Sequence[VenueOrder] = self._call("list_orders", self._inner.list_orders, market, since)
        return answer

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        answer: list[Candle] = self._call("candles", self._inner.candles, market, timeframe, before, count)
        return answer

    def order_book(self, market: Market) -> OrderBook:
        answer: OrderBook = self._call("order_book", self._inner.order_book, market)
        return answer

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        answer: Mapping[Market, Decimal] = self._call("last_prices", self._inner.last_prices, markets)
        return answer

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        size: Decimal = self._call("tick_size", self._inner.tick_size, market, price_krw)
        return size

    def notices(self) -> Mapping[Market, MarketNotice]:
        answer: Mapping[Market, MarketNotice] = self._call("notices", self._inner.notices)
        return answer


def _under(fault: Fault, method: Call) -> Call:
    return lambda *args: fault(method, *args)


def unavailable(_method: Call, *_args: Any) -> Any:
    """The venue does not answer."""
    raise ExchangeUnavailable("test", "503")


def key_refused(_method: Call, *_args: Any) -> Any:
    raise AuthenticationFailed("test", "expired_access_key")


def garbled(_method: Call, *_args: Any) -> Any:
    raise DataError("test", "not an answer")


def on_market(market: Market, fault: Fault) -> Fault:
    """Let a fault happen only where the question is about `market`."""

    def act(method: Call, *args: Any) -> Any:
        asked = args[0].request.market if isinstance(args[0], RiskApproved) else args[0]
        is_meant = market in asked if isinstance(asked, list | tuple) else asked == market
        return fault(method, *args) if is_meant else method(*args)

    return act


def request_lost(_method: Call, _approved: RiskApproved) -> Submission:
    """The request never reaches the venue."""
    return Unclear("connect_timeout")


def reply_lost(method: Call, approved: RiskApproved) -> Submission:
    """The order is placed, and nobody hears of it."""
    method(approved)
    return Unclear("read_timeout")


def refused(name: str) -> Fault:
    """The venue looks at the order and says no."""
    return lambda _method, _approved: Rejected(name, "refused")


def answered_unclearly(name: str) -> Fault:
    """No order comes of the request, and the answer proves nothing."""
    return lambda _method, _approved: Unclear(name)


def filled_in_part(fraction: str) -> Fault:
    """Only part of the order finds somebody; the rest is cancelled."""

    def act(method: Call, approved: RiskApproved) -> Submission:
        request = approved.request
        if isinstance(request, MarketBuy):
            less = (request.notional_krw * Decimal(fraction)).quantize(Decimal(1), ROUND_DOWN)
            return _submission(method(replace(approved, request=replace(request, notional_krw=less))))
        part = (request.quantity * Decimal(fraction)).quantize(QUANTITY_STEP, ROUND_DOWN)
        return _submission(method(replace(approved, request=replace(request, quantity=part))))

    return act


def not_found(_method: Call, _identifier: str) -> None:
    """The venue says that it knows no such order."""


def none_listed(_method: Call, _market: Market, _since: datetime) -> Sequence[VenueOrder]:
    return ()


def hidden_until(now: Callable[[], datetime], at: datetime, nothing: Fault) -> Fault:
    """Orders are invisible before `at`, to which `nothing` is the answer."""
    return lambda method, *args: method(*args) if now() >= at else nothing(method, *args)


def without_fills(method: Call, identifier: str) -> VenueOrder | None:
    """The order has ended, its fills are not there yet."""
    order: VenueOrder | None = method(identifier)
    return None if order is None else replace(order, executed_quantity=ZERO, paid_fee_krw=ZERO, fills=())


def with_fills_missing(method: Call, identifier: str) -> VenueOrder | None:
    """The executed quantity is there, the list of trades lags behind it."""
    order: VenueOrder | None = method(identifier)
    return None if order is None else replace(order, fills=order.fills[:-1])


def with_fills_twice(method: Call, identifier: str) -> VenueOrder | None:
    """Each trade is listed twice, as overlapping pages do."""
    order: VenueOrder | None = method(identifier)
    return None if order is None else replace(order, fills=(*order.fills, *reversed(order.fills)))


def still_open(method: Call, identifier: str) -> VenueOrder | None:
    order: VenueOrder | None = method(identifier)
    return None if order is None else replace(order, state=VenueState.OPEN, executed_quantity=ZERO, paid_fee_krw=ZERO, fills=())


def in_unknown_state(method: Call, identifier: str) -> VenueOrder | None:
    order: VenueOrder | None = method(identifier)
    return None if order is None else replace(order, state=VenueState.UNKNOWN)


def priced(**prices: str) -> Fault:
    """Show these last prices, by base; other markets have their own."""

    def act(method: Call, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        shown: Mapping[Market, Decimal] = method(markets)
        return {market: Decimal(prices.get(market.base, str(price))) for market, price in shown.items()}

    return act


def booked(*, asks: str = "", bids: str = "", old_s: float = 0.0) -> Fault:
    """Show this order book, as `price:size` with the best first; `old_s` seconds old."""

    def act(method: Call, market: Market) -> OrderBook:
        seen: OrderBook = method(market)
        at = datetime.fromtimestamp(seen.at.timestamp() - old_s, seen.at.tzinfo)
        return OrderBook(market=market, at=at, asks=_levels(asks), bids=_levels(bids))

    return act


def aged(seconds: float) -> Fault:
    """Show the book as it is, stamped `seconds` ago."""

    def act(method: Call, market: Market) -> OrderBook:
        seen: OrderBook = method(market)
        return replace(seen, at=datetime.fromtimestamp(seen.at.timestamp() - seconds, seen.at.tzinfo))

    return act


def _levels(text: str) -> tuple[Level, ...]:
    pairs = (word.split(":") for word in text.split())
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in pairs)


def _submission(answer: Any) -> Submission:
    submission: Submission = answer
    return submission
