"""A drawn market, and a client that signs by hand, for the tests of the simulator's protocol."""

import base64
import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote, urlencode

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.simulator.ledger import Ledger
from dg_bot.simulator.rest_api import UpbitApi
from dg_bot.simulator.rest_auth import Authenticator
from dg_bot.simulator.rest_limits import UPBIT_PER_SECOND, RateLimits
from dg_bot.simulator.rest_request import Request
from dg_bot.simulator.tape import Tape
from dg_bot.simulator.venue import Venue

BTC = Market("KRW-BTC")
ETH = Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, 30, 5, tzinfo=UTC)
SECRET = "s" * 64


@dataclass
class HandClock:
    """Venue time that moves when it is told to."""

    at: datetime = NOON

    def __call__(self) -> datetime:
        return self.at

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def candle(opened_at: datetime, *, price: int = 50_000_000, close: int | None = None, volume: str = "3.6") -> Candle:
    end = price if close is None else close
    return Candle(
        opened_at=opened_at,
        open=Decimal(price),
        high=Decimal(max(price, end)),
        low=Decimal(min(price, end)),
        close=Decimal(end),
        volume=Decimal(volume),
    )


def tape(market: Market = BTC, *, price: int = 50_000_000, hours: int = 72, gap: int | None = None) -> Tape:
    """Draw hours around noon, flat at `price`, rising by 1 % in each hour to come; `gap` hours ago nothing traded."""
    present = HOUR.floor(NOON)
    back = [present - timedelta(hours=ago) for ago in range(hours, -1, -1) if ago != gap]
    ahead = [present + timedelta(hours=hour) for hour in range(1, 4)]
    return Tape.of(
        market,
        HOUR,
        [candle(at, price=price) for at in back] + [candle(at, price=price, close=price * 101 // 100) for at in ahead],
    )


def venue(
    clock: HandClock | None = None,
    *,
    tapes: Mapping[Market, Tape] | None = None,
    krw: int = 10_000_000,
    depth_krw: int = 30_000_000,
) -> Venue:
    return Venue(
        ledger=Ledger(krw=Decimal(krw)),
        tapes={BTC: tape()} if tapes is None else tapes,
        now=HandClock() if clock is None else clock,
        depth_krw=Decimal(depth_krw),
    )


def boundless() -> RateLimits:
    """Limits that no test reaches."""
    return RateLimits(monotonic=lambda: 0.0, per_second=dict.fromkeys(UPBIT_PER_SECOND, 1_000_000))


def authorization(text: str, *, secret: str = SECRET, access_key: str = "key") -> str:
    """Sign parameters that read `text` with HS512."""
    payload = {"access_key": access_key, "nonce": str(uuid.uuid4())}
    if text:
        payload |= {"query_hash": hashlib.sha512(text.encode()).hexdigest(), "query_hash_alg": "SHA512"}
    signed = f"{_part({'alg': 'HS512', 'typ': 'JWT'})}.{_part(payload)}"
    return f"Bearer {signed}.{_base64(hmac.new(secret.encode(), signed.encode(), hashlib.sha512).digest())}"


@dataclass
class Client:
    """Asks an api in process; an answer is its status and its body read as JSON."""

    venue: Venue = field(default_factory=venue)
    limits: RateLimits = field(default_factory=boundless)

    def __post_init__(self) -> None:
        self.api = UpbitApi(self.venue, authenticator=Authenticator(access_key="key", secret_key=SECRET), limits=self.limits)

    def get(self, path: str, **parameters: object) -> tuple[int, Any]:
        return self.query("GET", path, list(parameters.items()))

    def delete(self, path: str, **parameters: object) -> tuple[int, Any]:
        return self.query("DELETE", path, list(parameters.items()))

    def query(self, method: str, path: str, pairs: list[tuple[str, object]]) -> tuple[int, Any]:
        raw = urlencode(pairs)
        return self.send(Request(method=method, path=path, query=raw, authorization=authorization(unquote(raw))))

    def post(self, path: str, **body: object) -> tuple[int, Any]:
        text = "&".join(f"{name}={value}" for name, value in body.items())
        return self.send(
            Request(
                method="POST",
                path=path,
                body=json.dumps(body),
                content_type="application/json; charset=utf-8",
                authorization=authorization(text),
            )
        )

    def send(self, request: Request) -> tuple[int, Any]:
        reply = self.api.answer(request)
        return reply.status, json.loads(reply.body, parse_float=Decimal)

    def buy(self, krw: int | str = 100_000, **more: object) -> tuple[int, Any]:
        return self.post("/v1/orders", market="KRW-BTC", side="bid", ord_type="price", price=str(krw), **more)

    def bid(self, price: int | str, volume: str = "0.001", **more: object) -> tuple[int, Any]:
        """Place a limit bid."""
        return self.post("/v1/orders", market="KRW-BTC", side="bid", ord_type="limit", price=str(price), volume=volume, **more)


def name_of(answer: tuple[int, Any]) -> tuple[int, str | int]:
    """Give status and error name of a refusal."""
    status, body = answer
    return status, body["error"]["name"]


def _part(value: object) -> str:
    return _base64(json.dumps(value).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
