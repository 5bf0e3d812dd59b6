"""The venue's front door: which call a request is, whether it may pass, and every refusal in the venue's shape."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, TypeAlias

from dg_bot.simulator.refusals import VenueRefusal, refused
from dg_bot.simulator.rest_auth import Authenticator
from dg_bot.simulator.rest_exchange import ExchangeCalls
from dg_bot.simulator.rest_json import Json
from dg_bot.simulator.rest_limits import Admitted, Blocked, RateLimits, Throttled
from dg_bot.simulator.rest_quotation import QuotationCalls
from dg_bot.simulator.rest_reply import TEXT_TYPE, Reply, error_reply, json_reply
from dg_bot.simulator.rest_request import BadParameter, Parameters, Request
from dg_bot.simulator.venue import Venue

_MISSING: Final = "Missing request parameter error. Check the required parameters!"
_MINUTES: Final = re.compile(r"/v1/candles/minutes/(\d{1,4})", re.ASCII)
_NO_GROUP: Final = "default"

Call: TypeAlias = Callable[[Parameters], Json]


@dataclass(frozen=True, slots=True)
class _Quotation:
    """A call without a key."""

    group: str
    call: Call


@dataclass(frozen=True, slots=True)
class _Signed:
    """A call with a key, and the status of its success."""

    group: str
    call: Call
    status: int = 200


@dataclass(frozen=True, slots=True)
class _KeyList:
    """The signed call whose answer depends on the key that signed it."""

    group: str


_Route: TypeAlias = _Quotation | _Signed | _KeyList


class UpbitApi:
    """Answers requests from any thread. What it does not know, everything that moves money out included, is a 404."""

    def __init__(self, venue: Venue, *, authenticator: Authenticator, limits: RateLimits) -> None:
        self._authenticator = authenticator
        self._limits = limits
        self._quotation = QuotationCalls(venue)
        self._exchange = ExchangeCalls(venue)
        self._routes: dict[tuple[str, str], _Route] = {
            ("GET", "/v1/market/all"): _Quotation("market", self._quotation.markets),
            ("GET", "/v1/candles/days"): _Quotation("candles", self._quotation.day_candles),
            ("GET", "/v1/ticker"): _Quotation("ticker", self._quotation.tickers),
            ("GET", "/v1/orderbook"): _Quotation("orderbook", self._quotation.order_books),
            ("GET", "/v1/orderbook/instruments"): _Quotation("orderbook", self._quotation.instruments),
            ("GET", "/v1/trades/ticks"): _Quotation("trade", self._quotation.trades),
            ("GET", "/v1/accounts"): _Signed("default", self._exchange.accounts),
            ("GET", "/v1/orders/chance"): _Signed("default", self._exchange.chance),
            ("GET", "/v1/order"): _Signed("default", self._exchange.order),
            ("DELETE", "/v1/order"): _Signed("default", self._exchange.cancel),
            ("GET", "/v1/orders/open"): _Signed("default", self._exchange.open_orders),
            ("GET", "/v1/orders/closed"): _Signed("default", self._exchange.closed_orders),
            ("GET", "/v1/orders/uuids"): _Signed("default", self._exchange.orders_by_ids),
            ("DELETE", "/v1/orders/uuids"): _Signed("default", self._exchange.cancel_by_ids),
            ("GET", "/v1/api_keys"): _KeyList("default"),
            ("POST", "/v1/orders"): _Signed("order", self._exchange.place, 201),
            ("POST", "/v1/orders/test"): _Signed("order-test", self._exchange.test, 201),
        }

    def hide(self, uuid: str, seconds: float) -> None:
        """Keep an order out of every read for `seconds` of venue time."""
        self._exchange.hide(uuid, seconds)

    def answer(self, request: Request) -> Reply:
        route = self._route(request)
        group = _NO_GROUP if route is None else route.group
        verdict = self._limits.admit(group, has_origin=request.has_origin)
        reply = self._admitted(request, route) if isinstance(verdict, Admitted) else _over_limit(verdict)
        return replace(reply, headers={**reply.headers, "Remaining-Req": self._limits.header(group, verdict)})

    def _route(self, request: Request) -> _Route | None:
        minutes = _MINUTES.fullmatch(request.path)
        if minutes is not None and request.method == "GET":
            return _Quotation("candles", partial(self._quotation.minute_candles, int(minutes[1])))
        return self._routes.get((request.method, request.path))

    def _admitted(self, request: Request, route: _Route | None) -> Reply:
        match route:
            case None:
                return error_reply(404, 404, "no Route matched with those values")
            case _Quotation():
                return self._quoted(request, route)
            case _Signed() | _KeyList():
                return self._signed(request, route)

    def _quoted(self, request: Request, route: _Quotation) -> Reply:
        """Answer a call for market data; the name of its error is a number."""
        try:
            return json_reply(200, route.call(Parameters(request.pairs(), raw_query=request.query)))
        except BadParameter as error:
            return error_reply(400, 400, _MISSING if error.is_missing else f"Invalid parameter. {error}")
        except VenueRefusal as refusal:
            return error_reply(refusal.status, refusal.status, refusal.message)

    def _signed(self, request: Request, route: _Signed | _KeyList) -> Reply:
        """Answer a call on the account; the name of its error is a word."""
        try:
            if request.method == "POST" and not request.is_json:
                raise refused("invalid_parameter")
            access_key = self._authenticator.check(request.authorization, request.signed_text())
            if isinstance(route, _KeyList):
                return json_reply(200, self._exchange.api_keys(access_key))
            return json_reply(route.status, route.call(Parameters(request.pairs(), raw_query=request.query)))
        except BadParameter as error:
            return error_reply(400, "validation_error", str(error))
        except VenueRefusal as refusal:
            return error_reply(refusal.status, refusal.name, refusal.message)


def _over_limit(verdict: Throttled | Blocked) -> Reply:
    """Say no as the venue does: bare text first, and JSON with the time of the block once it blocks."""
    match verdict:
        case Throttled():
            return Reply(status=429, body=b"Too many API requests.", content_type=TEXT_TYPE)
        case Blocked(seconds=seconds):
            return error_reply(418, "too_many_requests", f"Requests are blocked. Try again after {seconds} seconds.")
