import json
import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from threading import Event

import pytest
import stamina

from dg_bot.domain.market import Market
from dg_bot.domain.order import MarketBuy, MarketSell, VenueState
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable, MalformedReply
from dg_bot.ports import Accepted, Duplicate, KeyRefused, Rejected, Submission, Unclear
from tests.unit.adapters.approval import approved
from tests.unit.adapters.raw_server import Behaviour, Request, answers, http, reply_json, reset
from tests.unit.adapters.upbit_bench import TINY_S, bench

BTC = Market("KRW-BTC")
IDENTIFIER = "ns.KRW-BTC.20261120T13.entry.0.0"
BUY = approved(MarketBuy(market=BTC, notional_krw=Decimal(50000)), IDENTIFIER)
ORDER = {
    "uuid": "v-1",
    "identifier": IDENTIFIER,
    "side": "bid",
    "state": "done",
    "market": "KRW-BTC",
    "created_at": "2026-11-20T22:00:00+09:00",
    "paid_fee": "25",
    "executed_volume": "0.5",
    "trades": [
        {"uuid": "t-1", "price": "100000", "volume": "0.5", "funds": "50000", "created_at": "2026-11-20T22:00:00+09:00"},
    ],
}
TERMS = {
    "bid_fee": "0.0005",
    "ask_fee": "0.0005",
    "market": {
        "id": "KRW-BTC",
        "bid": {"min_total": "5000"},
        "ask": {"min_total": "5000"},
        "max_total": "1000000000",
        "state": "active",
    },
}


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def refused(name: object, status: int) -> bytes:
    return reply_json({"error": {"name": name, "message": "the reason"}}, status)


def by_path(replies: Mapping[str, bytes | Callable[[Request], bytes]]) -> Behaviour:
    def behave(peer: socket.socket, request: Request, gone: Event) -> None:
        reply = replies[request.path]
        peer.sendall(reply if isinstance(reply, bytes) else reply(request))

    return behave


# Orders out


def submitted(behaviour: Behaviour, *, deadline_s: float = 20.0) -> Submission:
    """Send one order, and see that one request was on the wire."""
    with bench(behaviour, deadline_s=deadline_s) as it:
        submission = it.exchange.submit(BUY)
    assert ["/v1/orders"] == it.targets
    return submission


@pytest.mark.parametrize("status", [200, 201])
def test_an_answer_with_an_order_is_acceptance(status: int) -> None:
    assert Accepted("v-1") == submitted(answers(reply_json(ORDER, status)))


def test_the_order_carries_its_identifier_and_plain_amounts() -> None:
    sell = approved(MarketSell(market=BTC, quantity=Decimal("1E-7")), IDENTIFIER)
    with bench(answers(reply_json(ORDER, 201))) as it:
        it.exchange.submit(BUY)
        it.exchange.submit(sell)

    common = {"market": "KRW-BTC", "identifier": IDENTIFIER}
    assert [
        {**common, "side": "bid", "ord_type": "price", "price": "50000"},
        {**common, "side": "ask", "ord_type": "market", "volume": "0.0000001"},
    ] == [json.loads(request.body) for request in it.server.requests]


@pytest.mark.parametrize(
    "name",
    [
        "insufficient_funds_bid",
        "insufficient_funds_ask",
        "under_min_total_bid",
        "under_min_total_ask",
        "invalid_price_bid",
        "invalid_price_ask",
        "validation_error",
        "invalid_parameter",
        "create_bid_error",
        "create_ask_error",
        "market_offline",
        "volume_too_large",
        "invalid_funds",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_listed_refusal_is_definitive_whatever_its_status(name: str, status: int) -> None:
    assert Rejected(name, "the reason") == submitted(answers(refused(name, status)))


@pytest.mark.parametrize(
    "name",
    [
        "out_of_scope",
        "expired_access_key",
        "no_authorization_ip",
        "no_authorization_i_p",
        "no_authorization_token",
        "invalid_access_key",
    ],
)
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_refused_key_is_told_apart_from_a_refused_order(name: str, status: int) -> None:
    assert KeyRefused(name) == submitted(answers(refused(name, status)))


@pytest.mark.parametrize("status", [400, 409, 422])
def test_a_used_identifier_says_that_an_order_of_that_name_may_be(status: int) -> None:
    assert Duplicate() == submitted(answers(refused("duplicated_identifier", status)))


@pytest.mark.parametrize(
    ("reply", "name"),
    [
        (refused("nonce_used", 401), "nonce_used"),
        (refused("jwt_verification", 401), "jwt_verification"),
        (refused("invalid_query_payload", 401), "invalid_query_payload"),
        (refused("something_new", 400), "something_new"),
        (refused(400, 400), "400"),
        (refused(None, 400), "status_400"),
        (refused("insufficient_funds_bid", 500), "insufficient_funds_bid"),
        (refused("insufficient_funds_bid", 502), "insufficient_funds_bid"),
        (http(500, b"oops"), "status_500"),
        (http(504, b"<html>"), "status_504"),
        (http(403, b"<html>"), "status_403"),
        (http(429, b"Too many API requests."), "rate_limited"),
        (http(418, b"blocked for 10 seconds"), "rate_limited"),
        (http(302, b"", Location="http://127.0.0.1:1/"), "redirected_302"),
        (http(200, b"<html>sign in</html>"), "answer_without_order"),
        (http(201, b""), "answer_without_order"),
        (reply_json({"state": "wait"}, 201), "answer_without_order"),
        (reply_json([], 201), "answer_without_order"),
        (reply_json(ORDER, 202), "status_202"),
        (b"HTTP/1.1 two hundred\r\n\r\n", "protocol_error"),
    ],
)
def test_every_other_answer_to_an_order_is_no_verdict(reply: bytes, name: str) -> None:
    assert Unclear(name) == submitted(answers(reply))


def test_a_reply_that_never_comes_is_no_verdict() -> None:
    def silence(peer: socket.socket, request: Request, gone: Event) -> None:
        gone.wait()

    assert Unclear("timeout") == submitted(silence, deadline_s=TINY_S)


def test_a_reply_that_is_lost_is_no_verdict() -> None:
    def lose(peer: socket.socket, request: Request, gone: Event) -> None:
        reset(peer)

    assert Unclear("connection_lost") == submitted(lose)


def test_an_accepted_order_does_not_depend_on_the_headers_of_its_answer() -> None:
    odd = reply_json(ORDER, 201, Remaining_Req="group=order.x", Date="soon")

    assert Accepted("v-1") == submitted(answers(odd))


def test_an_order_in_a_silent_group_is_not_sent_and_not_judged() -> None:
    with bench(answers(http(429, b""))) as it:
        first, second = it.exchange.submit(BUY), it.exchange.submit(BUY)

    assert (Unclear("rate_limited"), Unclear("rate_limited")) == (first, second)
    assert 1 == len(it.targets)


def test_a_test_order_is_the_smallest_buy_and_has_no_identifier() -> None:
    with bench(answers(reply_json({"uuid": "t"}, 201))) as it:
        assert Accepted("t") == it.exchange.test_order(BTC)

    (request,) = it.server.requests
    assert ("POST", "/v1/orders/test") == (request.method, request.target)
    assert {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "5000"} == json.loads(request.body)


def test_a_test_order_on_an_offline_market_is_rejected() -> None:
    with bench(answers(refused("market_offline", 400))) as it:
        assert Rejected("market_offline", "the reason") == it.exchange.test_order(BTC)


# Orders looked up


def test_an_order_is_found_by_its_identifier_with_its_fills() -> None:
    with bench(answers(reply_json(ORDER))) as it:
        order = it.exchange.find(IDENTIFIER)

    assert order is not None
    assert (IDENTIFIER, Decimal(50000), True) == (order.identifier, order.funds_krw, order.has_all_fills)
    assert [f"/v1/order?identifier={IDENTIFIER}"] == it.targets


def test_an_order_that_the_venue_does_not_know_is_none() -> None:
    with bench(answers(refused("order_not_found", 404))) as it:
        assert it.exchange.find(IDENTIFIER) is None


@pytest.mark.parametrize(
    "reply", [refused(404, 404), refused("order_not_found", 500), http(404, b"<html>"), refused("not_found", 404), http(410, b"")]
)
def test_nothing_else_says_that_an_order_does_not_exist(reply: bytes) -> None:
    with bench(answers(reply)) as it, pytest.raises(ExchangeUnavailable):
        it.exchange.find(IDENTIFIER)


def test_an_order_of_another_name_is_not_the_one_that_was_asked_for() -> None:
    with bench(answers(reply_json({**ORDER, "identifier": "ns.other"}))) as it, pytest.raises(MalformedReply):
        it.exchange.find(IDENTIFIER)


def test_looking_up_with_a_refused_key_says_so() -> None:
    with bench(answers(refused("expired_access_key", 401))) as it, pytest.raises(AuthenticationFailed):
        it.exchange.find(IDENTIFIER)


# Lists


def listed(number: int) -> dict[str, object]:
    return {
        **{key: value for key, value in ORDER.items() if key != "trades"},
        "uuid": f"v-{number}",
        "identifier": f"ns.{number}",
    }


def test_open_orders_are_read_page_by_page() -> None:
    def page(request: Request) -> bytes:
        first = (int(request.query["page"][0]) - 1) * 100
        return reply_json([{**listed(number), "state": "wait"} for number in range(first, min(first + 100, 201))])

    with bench(by_path({"/v1/orders/open": page, "/v1/orders/closed": reply_json([])})) as it:
        orders = it.exchange.list_orders(BTC, it.clock.now() - timedelta(hours=1))

    pages = [request for request in it.server.requests if request.path == "/v1/orders/open"]
    assert 201 == len(orders)
    assert [["1"], ["2"], ["3"]] == [request.query["page"] for request in pages]
    assert ["wait", "watch"] == pages[0].query["states[]"]


@pytest.mark.parametrize(("days", "windows"), [(1, 1), (6.99, 1), (7.01, 2), (20, 3)])
def test_closed_orders_are_asked_for_in_windows_of_at_most_seven_days_without_a_hole(days: float, windows: int) -> None:
    with bench(by_path({"/v1/orders/open": reply_json([]), "/v1/orders/closed": reply_json([])})) as it:
        since = it.clock.now() - timedelta(days=days)
        it.exchange.list_orders(BTC, since)
        now = it.clock.now()

    spans = [
        tuple(datetime.fromisoformat(request.query[name][0]) for name in ("start_time", "end_time"))
        for request in it.server.requests
        if request.path == "/v1/orders/closed"
    ]
    assert windows == len(spans)
    assert spans[0][0] <= since
    assert now <= spans[-1][1]
    assert all(end - start <= timedelta(days=7) for start, end in spans)
    assert all(later[0] < earlier[1] for earlier, later in pairwise(spans))


def test_a_full_list_of_closed_orders_is_asked_for_again_in_halves() -> None:
    now = datetime.now(UTC)

    def closed(request: Request) -> bytes:
        start, end = (datetime.fromisoformat(request.query[name][0]) for name in ("start_time", "end_time"))
        minutes = [number for number in range(1500) if start <= now - timedelta(minutes=number) <= end]
        return reply_json([listed(number) for number in minutes[:1000]])

    with bench(by_path({"/v1/orders/open": reply_json([]), "/v1/orders/closed": closed})) as it:
        orders = it.exchange.list_orders(BTC, now - timedelta(days=2))

    assert {f"v-{number}" for number in range(1500)} == {order.venue_id for order in orders}
    assert 1500 == len(orders)


def test_more_closed_orders_than_can_be_told_apart_are_no_list() -> None:
    full = reply_json([listed(number) for number in range(1000)])
    replies = {"/v1/orders/open": reply_json([]), "/v1/orders/closed": full}
    with bench(by_path(replies)) as it, pytest.raises(ExchangeUnavailable):
        it.exchange.list_orders(BTC, it.clock.now() - timedelta(seconds=10))


def test_an_order_that_closes_between_the_lists_is_listed_once_and_closed() -> None:
    replies = {"/v1/orders/open": reply_json([{**listed(1), "state": "wait"}]), "/v1/orders/closed": reply_json([listed(1)])}
    with bench(by_path(replies)) as it:
        orders = it.exchange.list_orders(BTC, it.clock.now())

    assert [("v-1", VenueState.CLOSED)] == [(order.venue_id, order.state) for order in orders]


def test_a_list_with_an_unreadable_order_is_no_list() -> None:
    replies = {"/v1/orders/open": reply_json([listed(1), {"uuid": "v-2"}]), "/v1/orders/closed": reply_json([])}
    with bench(by_path(replies)) as it, pytest.raises(DataError):
        it.exchange.list_orders(BTC, it.clock.now())


# Balances, rules and the key


def test_balances_are_read_by_currency() -> None:
    with bench(answers(reply_json([{"currency": "KRW", "balance": "1.5", "locked": "2"}]))) as it:
        assert {"KRW": Balance("KRW", Decimal("1.5"), Decimal(2))} == it.exchange.balances()


def test_the_rules_take_one_request() -> None:
    with bench(answers(reply_json(TERMS))) as it:
        assert Decimal(5000) == it.exchange.rules(BTC).minimum_notional_krw


def test_without_terms_there_are_no_rules() -> None:
    with bench(answers(refused("invalid_parameter", 400))) as it, pytest.raises(ExchangeUnavailable):
        it.exchange.rules(BTC)


def test_without_terms_for_the_fee_there_are_no_rules() -> None:
    with bench(answers(reply_json({"market": TERMS["market"]}))) as it, pytest.raises(DataError):
        it.exchange.rules(BTC)


def test_the_expiry_of_the_key_in_use_is_told() -> None:
    rows = [{"access_key": "ours", "expire_at": "2027-01-09T13:37:00+09:00"}]
    with bench(answers(reply_json(rows))) as it:
        assert datetime(2027, 1, 9, 4, 37, tzinfo=UTC) == it.exchange.key_expires_at()


def test_the_expiry_of_a_key_that_the_venue_does_not_list_is_not_known() -> None:
    with bench(answers(reply_json([]))) as it:
        assert it.exchange.key_expires_at() is None
