"""Clients written for the venue itself trade against the simulator over HTTP: the official SDK, and pyupbit's functions."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import httpx
import pytest
import pyupbit
import pyupbit.request_api
import requests
import upbit

from dg_bot.simulator.rest import UpbitServer
from tests.unit.simulator.rest_builders import BTC, ETH, SECRET, HandClock, boundless, tape, venue

Memory = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """One call of a client: its name there, the request that it puts on the wire, and what it must give."""

    name: str
    wire: str
    make: Callable[[Any, Memory], object]
    expected: object


@dataclass
class Redirected:
    """Stands in for the module `requests` inside pyupbit: the same calls, sent to the simulator and with a time limit."""

    base_url: str
    Response: type[requests.Response] = requests.Response
    session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        self.session.trust_env = False

    def get(self, url: str, **more: Any) -> requests.Response:
        return self.session.get(self._here(url), timeout=10, **more)

    def post(self, url: str, **more: Any) -> requests.Response:
        return self.session.post(self._here(url), timeout=10, **more)

    def delete(self, url: str, **more: Any) -> requests.Response:
        return self.session.delete(self._here(url), timeout=10, **more)

    def _here(self, url: str) -> str:
        return url.replace("https://api.upbit.com", self.base_url)


@contextmanager
def _venue_on_the_wire() -> Iterator[UpbitServer]:
    tapes = {BTC: tape(), ETH: tape(ETH, price=2_500_000)}
    with UpbitServer(venue(HandClock(), tapes=tapes), access_key="key", secret_key=SECRET, limits=boundless()) as server:
        yield server


def _kept(memory: Memory, name: str, order: Any) -> Any:
    """Remember the uuid of a placed order under `name`, and give it on."""
    memory[name] = order["uuid"] if isinstance(order, Mapping) else order.uuid
    return order


def _sdk_refusal(call: Callable[[], object]) -> tuple[int, str | None]:
    with pytest.raises(upbit.APIStatusError) as caught:
        call()
    return caught.value.status_code, caught.value.name


def _sdk_counts(result: Any) -> tuple[int, int]:
    return result.success.count, result.failed.count


def _sdk_sell(sdk: upbit.Upbit, memory: Memory) -> tuple[str, str]:
    order = _kept(memory, "sold", sdk.orders.create(market="KRW-BTC", side="ask", ord_type="market", volume="0.001"))
    return order.state, order.locked


def _sdk_bid(sdk: upbit.Upbit, memory: Memory, identifier: str) -> str:
    order = sdk.orders.create(
        market="KRW-BTC", side="bid", ord_type="limit", price="49000000", volume="0.001", identifier=identifier
    )
    return str(_kept(memory, identifier, order).locked)


# The official SDK, method by method.
SDK = (
    Call(
        "trading_pairs.list",
        "GET /v1/market/all",
        lambda c, _: [each.market for each in c.trading_pairs.list()],
        ["KRW-BTC", "KRW-ETH"],
    ),
    Call(
        "trading_pairs.list(is_details)",
        "GET /v1/market/all",
        lambda c, _: [each.market_event.warning for each in c.trading_pairs.list(is_details=True)],
        [False, False],
    ),
    Call(
        "candles.list_minutes",
        "GET /v1/candles/minutes/60",
        lambda c, _: [
            each.candle_date_time_utc
            for each in c.candles.list_minutes(60, market="KRW-BTC", count=2, to="2026-11-20T20:00:00+09:00")
        ],
        ["2026-11-20T10:00:00", "2026-11-20T09:00:00"],
    ),
    Call("candles.list_days", "GET /v1/candles/days", lambda c, _: len(c.candles.list_days(market="KRW-BTC", count=3)), 3),
    Call(
        "tickers.list_by_trading_pairs",
        "GET /v1/ticker",
        lambda c, _: [each.market for each in c.tickers.list_by_trading_pairs(markets="KRW-ETH,KRW-BTC")],
        ["KRW-ETH", "KRW-BTC"],
    ),
    Call(
        "orderbooks.list",
        "GET /v1/orderbook",
        lambda c, _: [len(each.orderbook_units) for each in c.orderbooks.list(markets="KRW-BTC", count=3, level="10000")],
        [3],
    ),
    Call(
        "orderbooks.list_instruments",
        "GET /v1/orderbook/instruments",
        lambda c, _: [each.tick_size for each in c.orderbooks.list_instruments(markets="KRW-BTC")],
        ["1000"],
    ),
    Call("trades.list", "GET /v1/trades/ticks", lambda c, _: len(c.trades.list(market="KRW-BTC", count=10)), 10),
    Call("api_keys.list", "GET /v1/api_keys", lambda c, _: [each.access_key for each in c.api_keys.list()], ["key"]),
    Call("accounts.list", "GET /v1/accounts", lambda c, _: [each.balance for each in c.accounts.list()], ["10000000"]),
    Call(
        "orders.retrieve_chance",
        "GET /v1/orders/chance",
        lambda c, _: c.orders.retrieve_chance(market="KRW-BTC").market.bid.min_total,
        "5000",
    ),
    Call(
        "orders.test_create",
        "POST /v1/orders/test",
        lambda c, _: c.orders.test_create(market="KRW-BTC", side="bid", ord_type="price", price="100000").state,
        "wait",
    ),
    Call(
        "orders.create(price)",
        "POST /v1/orders",
        lambda c, m: (
            _kept(
                m, "bought", c.orders.create(market="KRW-BTC", side="bid", ord_type="price", price="100000", identifier="sdk.1")
            ).identifier
        ),
        "sdk.1",
    ),
    Call(
        "orders.retrieve(identifier)",
        "GET /v1/order",
        lambda c, _: c.orders.retrieve(identifier="sdk.1").executed_volume,
        "0.00199996",
    ),
    Call("orders.retrieve(uuid)", "GET /v1/order", lambda c, m: len(c.orders.retrieve(uuid=m["bought"]).trades), 1),
    Call("orders.create(market)", "POST /v1/orders", _sdk_sell, ("wait", "0.001")),
    Call("orders.create(limit)", "POST /v1/orders", lambda c, m: _sdk_bid(c, m, "sdk:2,x"), "49024.5"),
    Call("orders.retrieve(odd identifier)", "GET /v1/order", lambda c, _: c.orders.retrieve(identifier="sdk:2,x").state, "wait"),
    Call(
        "orders.list_open",
        "GET /v1/orders/open",
        lambda c, _: [each.identifier for each in c.orders.list_open(market="KRW-BTC").items],
        ["sdk:2,x"],
    ),
    Call("orders.cancel", "DELETE /v1/order", lambda c, _: c.orders.cancel(identifier="sdk:2,x").state, "wait"),
    Call("orders.create(limit)", "POST /v1/orders", lambda c, m: _sdk_bid(c, m, "sdk.3"), "49024.5"),
    Call(
        "orders.list_by_uuids",
        "GET /v1/orders/uuids",
        lambda c, m: [each.state for each in c.orders.list_by_uuids(uuids=[m["sdk.3"], m["bought"]])],
        ["wait", "cancel"],
    ),
    Call(
        "orders.cancel_by_uuids",
        "DELETE /v1/orders/uuids",
        lambda c, m: _sdk_counts(c.orders.cancel_by_uuids(uuids=[m["sdk.3"], m["bought"]])),
        (1, 1),
    ),
    Call(
        "orders.list_closed",
        "GET /v1/orders/closed",
        lambda c, _: [
            each.state
            for each in c.orders.list_closed(
                states=["done", "cancel"],
                start_time="2026-11-20T00:00:00+09:00",
                end_time="2026-11-21T00:00:00+09:00",
                limit=1000,
            )
        ],
        ["cancel", "cancel", "done", "cancel"],
    ),
    Call(
        "orders.create(used identifier)",
        "POST /v1/orders",
        lambda c, m: _sdk_refusal(lambda: _sdk_bid(c, m, "sdk.3")),
        (400, "duplicated_identifier"),
    ),
    Call(
        "orders.create(wrong tick)",
        "POST /v1/orders",
        lambda c, _: _sdk_refusal(
            lambda: c.orders.create(market="KRW-BTC", side="bid", ord_type="limit", price="49000001", volume="0.001")
        ),
        (400, "invalid_price_bid"),
    ),
    Call(
        "orders.retrieve(unknown)",
        "GET /v1/order",
        lambda c, _: _sdk_refusal(lambda: c.orders.retrieve(uuid="x")),
        (404, "order_not_found"),
    ),
    Call("withdraws.list", "GET /v1/withdraws", lambda c, _: _sdk_refusal(lambda: c.withdraws.list(currency="KRW"))[0], 404),
)

# pyupbit, function by function. Reads carry their parameters in a form body, cancellations in a JSON body.
PYUPBIT = (
    Call("get_tickers", "GET /v1/market/all", lambda _, __: pyupbit.get_tickers(fiat="KRW"), ["KRW-BTC", "KRW-ETH"]),
    Call("get_current_price", "GET /v1/ticker", lambda _, __: pyupbit.get_current_price("KRW-BTC"), 50_000_000),
    Call(
        "get_current_price(list)",
        "GET /v1/ticker",
        lambda _, __: pyupbit.get_current_price(["KRW-BTC", "KRW-ETH"]),
        {"KRW-BTC": 50_000_000, "KRW-ETH": 2_500_000},
    ),
    Call("get_orderbook", "GET /v1/orderbook", lambda _, __: len(pyupbit.get_orderbook("KRW-BTC")["orderbook_units"]), 30),
    Call(
        "get_ohlcv(minute60)",
        "GET /v1/candles/minutes/60",
        lambda _, __: [
            str(at) for at in pyupbit.get_ohlcv("KRW-BTC", interval="minute60", count=2, to="2026-11-20 11:00:00").index
        ],
        ["2026-11-20 18:00:00", "2026-11-20 19:00:00"],
    ),
    Call(
        "get_ohlcv(day)",
        "GET /v1/candles/days",
        lambda _, __: pyupbit.get_ohlcv("KRW-BTC", interval="day", count=2, to="2026-11-20 11:00:00")["close"].tolist(),
        [50_000_000, 50_000_000],
    ),
    Call("get_balances", "GET /v1/accounts", lambda c, _: [each["currency"] for each in c.get_balances()], ["KRW"]),
    Call("get_balance", "GET /v1/accounts", lambda c, _: c.get_balance("KRW"), 10_000_000.0),
    Call("get_chance", "GET /v1/orders/chance", lambda c, _: c.get_chance("KRW-BTC")["bid_fee"], "0.0005"),
    Call("get_api_key_list", "GET /v1/api_keys", lambda c, _: [each["access_key"] for each in c.get_api_key_list()], ["key"]),
    Call(
        "buy_market_order",
        "POST /v1/orders",
        lambda c, m: _kept(m, "bought", c.buy_market_order("KRW-BTC", 100_000))["state"],
        "wait",
    ),
    Call("get_order(uuid)", "GET /v1/order", lambda c, m: c.get_order(m["bought"])["executed_volume"], "0.00199996"),
    Call("get_individual_order", "GET /v1/order", lambda c, m: len(c.get_individual_order(m["bought"])["trades"]), 1),
    Call("get_balance(coin)", "GET /v1/accounts", lambda c, _: c.get_balance("KRW-BTC"), 0.00199996),
    Call(
        "sell_market_order",
        "POST /v1/orders",
        lambda c, m: _kept(m, "sold", c.sell_market_order("KRW-BTC", 0.001))["locked"],
        "0.001",
    ),
    Call(
        "buy_limit_order",
        "POST /v1/orders",
        lambda c, m: _kept(m, "bid", c.buy_limit_order("KRW-BTC", 49_000_000, 0.001))["locked"],
        "49024.5",
    ),
    Call("cancel_order", "DELETE /v1/order", lambda c, m: c.cancel_order(m["bid"])["uuid"] == m["bid"], True),
    Call(
        "sell_limit_order",
        "POST /v1/orders",
        lambda c, m: _kept(m, "ask", c.sell_limit_order("KRW-BTC", 60_000_000, 0.0005))["state"],
        "wait",
    ),
    Call("get_order(uuid)", "GET /v1/order", lambda c, m: c.get_order(m["ask"])["remaining_volume"], "0.0005"),
    # The list by market is retired at the venue; pyupbit prints that and gives None.
    Call("get_order(market)", "GET /v1/orders", lambda c, _: c.get_order("KRW-BTC"), None),
)


def _run(calls: tuple[Call, ...], client: Any, server: UpbitServer) -> None:
    """Make the calls one after the other, each exactly one request on the wire."""
    memory: Memory = {}
    for call in calls:
        before = len(server.wire_log.entries)
        given = call.make(client, memory)
        sent = [f"{entry.method} {entry.path}" for entry in server.wire_log.entries[before:]]

        assert (call.name, given, sent) == (call.name, call.expected, [call.wire])


def test_the_official_sdk_trades() -> None:
    with _venue_on_the_wire() as server, httpx.Client(trust_env=False) as wire:
        sdk = upbit.Upbit(access_key="key", secret_key=SECRET, base_url=server.base_url, max_retries=0, http_client=wire)

        _run(SDK, sdk, server)


def test_pyupbit_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    with _venue_on_the_wire() as server:
        redirected = Redirected(server.base_url)
        monkeypatch.setattr(pyupbit.request_api, "requests", redirected)
        with redirected.session:
            _run(PYUPBIT, pyupbit.Upbit("key", SECRET), server)


def test_both_clients_leave_the_same_account_as_the_books_say() -> None:
    with _venue_on_the_wire() as server, httpx.Client(trust_env=False) as wire:
        sdk = upbit.Upbit(access_key="key", secret_key=SECRET, base_url=server.base_url, max_retries=0, http_client=wire)
        order = sdk.orders.create(market="KRW-BTC", side="bid", ord_type="price", price="100000")
        bought = sdk.orders.retrieve(uuid=order.uuid)

        spent = sum(Decimal(str(trade.funds)) for trade in bought.trades or []) + Decimal(bought.paid_fee)
        balances = {account.currency: account.balance for account in sdk.accounts.list()}

    assert (Decimal(balances["KRW"]), balances["BTC"]) == (10_000_000 - spent, bought.executed_volume)


def test_a_wrong_secret_is_refused_to_either_client(monkeypatch: pytest.MonkeyPatch) -> None:
    with _venue_on_the_wire() as server, httpx.Client(trust_env=False) as wire:
        sdk = upbit.Upbit(access_key="key", secret_key="x" * 64, base_url=server.base_url, max_retries=0, http_client=wire)
        assert _sdk_refusal(sdk.accounts.list) == (401, "jwt_verification")

        redirected = Redirected(server.base_url)
        monkeypatch.setattr(pyupbit.request_api, "requests", redirected)
        with redirected.session, pytest.raises(Exception, match=r".*") as caught:
            pyupbit.Upbit("key", "x" * 64).get_balances()
        assert type(caught.value).__name__ == "JwtVerification"
