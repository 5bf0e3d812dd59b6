"""Carry requests to Upbit: one request on the wire for each call, to the endpoints that the bot uses and no others.

Nothing is repeated and no redirect is followed; no proxy, `.netrc` or environment variable is looked at; certificates are always
verified.
"""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote, urlencode, urlsplit

import httpcore

from dg_bot.adapters.clock import VenueClock
from dg_bot.adapters.deadline_network import DeadlineNetwork
from dg_bot.adapters.json_fields import Json, parse_json
from dg_bot.adapters.loopback import LOOPBACK
from dg_bot.adapters.tls import trusted_authorities
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_signer import Params
from dg_bot.errors import ConfigurationError, ExchangeUnavailable, InvariantViolated, UnsafeSetup

DEADLINE_S = 8.0
BODY_LIMIT_BYTES = 8 * 1024 * 1024
_TEXT_LIMIT = 2000
_IDLE_S = 15.0

RequestObserver = Callable[[str, int | None, float], None]


class Signer(Protocol):
    def authorization(self, params: Params | None) -> str:
        """Give the value of the Authorization header for a request with these query or body parameters."""
        ...


@dataclass(frozen=True, slots=True)
class Route:
    """An endpoint that may be called: the budget that it draws on, and whether it is signed."""

    group: str
    is_signed: bool


ROUTES: Mapping[tuple[str, str], Route] = {
    ("GET", "/v1/market/all"): Route("market", is_signed=False),
    **{("GET", f"/v1/candles/minutes/{unit}"): Route("candles", is_signed=False) for unit in (1, 3, 5, 10, 15, 30, 60, 240)},
    ("GET", "/v1/candles/days"): Route("candles", is_signed=False),
    ("GET", "/v1/ticker"): Route("ticker", is_signed=False),
    ("GET", "/v1/orderbook"): Route("orderbook", is_signed=False),
    ("GET", "/v1/orderbook/instruments"): Route("orderbook", is_signed=False),
    ("GET", "/v1/accounts"): Route("default", is_signed=True),
    ("GET", "/v1/api_keys"): Route("default", is_signed=True),
    ("GET", "/v1/orders/chance"): Route("default", is_signed=True),
    ("GET", "/v1/order"): Route("default", is_signed=True),
    ("GET", "/v1/orders/open"): Route("default", is_signed=True),
    ("GET", "/v1/orders/closed"): Route("default", is_signed=True),
    ("POST", "/v1/orders"): Route("order", is_signed=True),
    ("POST", "/v1/orders/test"): Route("order-test", is_signed=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer; `document` is None where the body is not JSON, `text` is how the body begins."""

    status: int
    document: Json
    text: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300


class UpbitClient:
    """The transport. Thread-safe.

    `on_request` hears of each request: its group, the status (None without an answer), seconds; it must not raise.
    `deadline_s` bounds a call as a whole, from the name lookup to the last byte, whatever the other side does.
    """

    def __init__(
        self,
        *,
        base_url: str,
        signer: Signer | None,
        limiter: UpbitLimiter,
        clock: VenueClock,
        on_request: RequestObserver,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._origin = _origin(base_url)
        self._signer = signer
        self.limiter = limiter
        self._clock = clock
        self._on_request = on_request
        self.deadline_s = deadline_s
        self._network = DeadlineNetwork()
        self._tls = trusted_authorities() if self._origin.scheme == b"https" else None
        self._kept_alive = httpcore.ConnectionPool(
            ssl_context=self._tls, network_backend=self._network, keepalive_expiry=_IDLE_S, retries=0
        )

    def call(self, method: str, path: str, *, params: Params | None = None, body: Mapping[str, str] | None = None) -> Reply:
        """Send one request and give the whole answer.

        Waits for room in the budget first. Raises RateLimited for 418 and 429, and without a request while the group is silent;
        ExchangeUnavailable where no whole answer comes in time or it points elsewhere; InvariantViolated for a foreign endpoint.
        """
        route = ROUTES.get((method, path))
        if route is None:
            raise InvariantViolated("I24", f"{method} {path} is not an endpoint that this program uses")
        operation = f"{method} {path}"
        request = self._request(route, method, path, params, body)
        self.limiter.acquire(operation, route.group)
        reply = self._send(operation, route, request)
        if reply.status in (418, 429):
            raise self.limiter.refused(operation, route.group, status=reply.status, text=reply.text)
        if 300 <= reply.status < 400:
            raise ExchangeUnavailable(operation, f"redirected_{reply.status}")
        return reply

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._kept_alive.close()

    def _request(
        self, route: Route, method: str, path: str, params: Params | None, body: Mapping[str, str] | None
    ) -> httpcore.Request:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {
            "Host": _host(self._origin),
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": "dg-bot",
        }
        if body is not None:
            headers |= {"Content-Type": "application/json; charset=utf-8", "Content-Length": str(len(content))}
        if route.is_signed:
            if self._signer is None:
                raise InvariantViolated("I24", f"{method} {path} is private, and there is no key to sign it with")
            headers["Authorization"] = self._signer.authorization(params if body is None else body)
        query = f"?{urlencode(params, doseq=True, quote_via=quote)}" if params else ""
        url = httpcore.URL(
            scheme=self._origin.scheme, host=self._origin.host, port=self._origin.port, target=f"{path}{query}".encode("ascii")
        )
        return httpcore.Request(
            method, url, headers=list(headers.items()), content=content, extensions={"timeout": {"pool": self.deadline_s}}
        )

    def _send(self, operation: str, route: Route, request: httpcore.Request) -> Reply:
        sent_s, status = self._clock.monotonic_s(), None
        try:
            with self._network.deadline(self.deadline_s), self._answer(request) as response:
                received_s = self._clock.monotonic_s()
                body = _capped_body(operation, response)
                status = response.status
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            raise ExchangeUnavailable(operation, _cause(error)) from error
        finally:
            self._on_request(route.group, status, self._clock.monotonic_s() - sent_s)
        reply = Reply(status=status, document=parse_json(body), text=body[:_TEXT_LIMIT].decode("utf-8", "replace"))
        self.limiter.observe(route.group, _header(response, b"remaining-req"))
        if reply.document is not None:  # a page that is not the venue's tells nothing about its clock
            self._clock.observe(_header(response, b"date"), sent_s=sent_s, received_s=received_s)
        return reply

    @contextmanager
    def _answer(self, request: httpcore.Request) -> Iterator[httpcore.Response]:
        """Send the request; a write has a connection of its own, since on a kept one that is dead its fate could not be told."""
        is_read = request.method == b"GET"
        connection = self._kept_alive if is_read else self._fresh_connection()
        try:
            response = connection.handle_request(request)
            try:
                yield response
            finally:
                response.close()
        finally:
            if not is_read:
                connection.close()

    def _fresh_connection(self) -> httpcore.HTTPConnection:
        return httpcore.HTTPConnection(origin=self._origin, ssl_context=self._tls, network_backend=self._network, retries=0)


def _origin(base_url: str) -> httpcore.Origin:
    """Read the venue's root, with or without `/v1`; plain http is for this machine alone, since it shows all orders."""
    remedy = "use https://api.upbit.com"
    try:
        parts = urlsplit(base_url)
        port = parts.port
    except ValueError as error:
        raise ConfigurationError("UPBIT_BASE_URL", "is not an address", remedy) from error
    host = parts.hostname
    if parts.scheme not in ("http", "https") or not host or parts.path.rstrip("/") not in ("", "/v1"):
        raise ConfigurationError("UPBIT_BASE_URL", f"{parts.scheme}://{host}{parts.path} is not the root of the venue", remedy)
    if parts.scheme == "http" and host not in LOOPBACK:
        raise UnsafeSetup("UPBIT_BASE_URL", f"plain http to {host} would show orders to the network", remedy)
    default_port = 80 if parts.scheme == "http" else 443
    return httpcore.Origin(parts.scheme.encode(), host.encode("idna"), port if port is not None else default_port)


def _host(origin: httpcore.Origin) -> str:
    name = origin.host.decode("ascii")
    return f"[{name}]:{origin.port}" if ":" in name else f"{name}:{origin.port}"


def _capped_body(operation: str, response: httpcore.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise ExchangeUnavailable(operation, "body_too_large")
    return bytes(body)


def _header(response: httpcore.Response, name: bytes) -> str | None:
    return next((value.decode("latin-1") for key, value in response.headers if key.lower() == name), None)


def _cause(error: Exception) -> str:
    """Name what broke in one word that can stand in a metric and in the journal."""
    match error:
        case httpcore.TimeoutException():
            return "timeout"
        case httpcore.ConnectError(args=(ssl.SSLCertVerificationError(), *_)):
            return "certificate_refused"
        case httpcore.ConnectError():
            return "connect_failed"
        case httpcore.NetworkError():
            return "connection_lost"
        case _:
            return "protocol_error"
