"""Trade on Upbit: balances, rules, orders out and orders looked up."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from dg_bot.adapters import upbit_wire
from dg_bot.adapters.upbit_client import Reply, UpbitClient
from dg_bot.adapters.upbit_reads import UpbitReads, refusal, refusal_name
from dg_bot.domain.market import MINIMUM_NOTIONAL_KRW, Market, MarketRules
from dg_bot.domain.order import MarketBuy, VenueOrder
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import ExchangeUnavailable, MalformedReply, RateLimited
from dg_bot.ports import Accepted, Clock, Duplicate, KeyRefused, Rejected, Submission, Unclear
from dg_bot.risk.manager import RiskApproved

_OPEN_PAGE = 100
_MOST_OPEN_PAGES = 50
_CLOSED_PAGE = 1000
_LONGEST_WINDOW = timedelta(days=7)
_SHORTEST_WINDOW = timedelta(seconds=2)
_OVERLAP = timedelta(seconds=1)
_CLOCK_LAG = timedelta(seconds=2)  # exchange time as it is known here may be behind by a little over a second


class UpbitExchange:
    """The Exchange port over Upbit's private endpoints; reads are repeated within bounds, an order is sent once."""

    def __init__(self, *, client: UpbitClient, reads: UpbitReads, clock: Clock, access_key: str) -> None:
        self._client = client
        self._reads = reads
        self._clock = clock
        self._access_key = access_key

    def balances(self) -> Mapping[str, Balance]:
        """Give all balances by currency; currencies that are not held are absent."""
        return upbit_wire.balances(self._reads.document("/v1/accounts"))

    def rules(self, market: Market) -> MarketRules:
        """Give the venue's demands on an order."""
        chance = self._reads.document("/v1/orders/chance", {"market": market.code})
        return upbit_wire.market_rules(chance, market)

    def submit(self, approved: RiskApproved) -> Submission:
        """Send one order with one request. Never raises for what the network or the venue does.

        Rejected and KeyRefused stand for the listed definitive refusals alone.
        """
        return self._post("/v1/orders", upbit_wire.order_body(approved.request, approved.identifier))

    def find(self, identifier: str) -> VenueOrder | None:
        """Look an order up with its fills; None where the venue says that it knows no such order (yet)."""
        reply = self._reads.reply("/v1/order", {"identifier": identifier})
        if reply.status == 404 and upbit_wire.error_name(reply.document) == upbit_wire.ORDER_NOT_FOUND:
            return None
        if not reply.is_success:
            raise refusal("GET /v1/order", reply)
        order = upbit_wire.order(reply.document)
        if order.identifier is not None and order.identifier != identifier:
            raise MalformedReply("order", "identifier", "names another order")
        return order

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        """List open orders and those closed since `since`, without their fills.

        Open orders are asked first: one that closes in between is in both lists, and counts as it was seen last.
        """
        listed = list(self._open_orders(market))
        for start, end in _windows(since, self._clock.now() + _CLOCK_LAG):
            listed += self._closed_orders(market, start, end)
        return list({order.venue_id: order for order in listed}.values())

    def test_order(self, market: Market) -> Submission:
        """Have the venue check a smallest buy on `market`, without an order; Accepted says that a real one would be taken."""
        smallest = MarketBuy(market=market, notional_krw=MINIMUM_NOTIONAL_KRW)
        return self._post("/v1/orders/test", upbit_wire.order_body(smallest, None))

    def key_expires_at(self) -> datetime | None:
        """Give when the key in use stops working; None where the venue does not list it."""
        return upbit_wire.key_expiry(self._reads.document("/v1/api_keys"), self._access_key)

    def _post(self, path: str, body: Mapping[str, str]) -> Submission:
        try:
            reply = self._client.call("POST", path, body=body)
        except RateLimited:
            return Unclear("rate_limited")
        except ExchangeUnavailable as error:
            return Unclear(error.cause)
        return _verdict(reply)

    def _open_orders(self, market: Market) -> Iterator[VenueOrder]:
        for page in range(1, _MOST_OPEN_PAGES + 1):
            params = {"market": market.code, "states[]": upbit_wire.OPEN_STATES, "page": str(page), "limit": str(_OPEN_PAGE)}
            orders = upbit_wire.orders(self._reads.document("/v1/orders/open", params))
            yield from orders
            if len(orders) < _OPEN_PAGE:
                return
        raise ExchangeUnavailable("GET /v1/orders/open", f"more than {_MOST_OPEN_PAGES} pages")

    def _closed_orders(self, market: Market, start: datetime, end: datetime) -> list[VenueOrder]:
        """List what closed in a window; a full page may hide more, so that its window is asked in halves."""
        params = {
            "market": market.code,
            "states[]": upbit_wire.CLOSED_STATES,
            "start_time": _seconds(start),
            "end_time": _seconds(end),
            "limit": str(_CLOSED_PAGE),
        }
        orders = upbit_wire.orders(self._reads.document("/v1/orders/closed", params))
        if len(orders) < _CLOSED_PAGE:
            return orders
        if end - start <= _SHORTEST_WINDOW:
            raise ExchangeUnavailable("GET /v1/orders/closed", f"{_CLOSED_PAGE} orders in {end - start}")
        middle = start + (end - start) / 2
        return self._closed_orders(market, start, middle) + self._closed_orders(market, middle - _OVERLAP, end)


def _verdict(reply: Reply) -> Submission:
    """Sort the answer to an order. Only an order in the answer is acceptance, only a listed name is a refusal."""
    if reply.status in (200, 201):
        venue_id = upbit_wire.accepted_id(reply.document)
        return Unclear("answer_without_order") if venue_id is None else Accepted(venue_id)
    name = refusal_name(reply)
    if name == upbit_wire.DUPLICATE_IDENTIFIER:
        return Duplicate()
    if 400 <= reply.status < 500 and name in upbit_wire.ORDER_REFUSALS:
        return Rejected(name, upbit_wire.error_message(reply.document))
    if 400 <= reply.status < 500 and name in upbit_wire.KEY_REFUSALS:
        return KeyRefused(name)
    return Unclear(name)


def _windows(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut [since, until], widened to whole seconds, into windows of at most seven days that overlap a little."""
    start, end = since.replace(microsecond=0), until.replace(microsecond=0) + timedelta(seconds=1)
    while end - start > _LONGEST_WINDOW:
        yield start, start + _LONGEST_WINDOW
        start += _LONGEST_WINDOW - _OVERLAP
    yield start, end


def _seconds(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
