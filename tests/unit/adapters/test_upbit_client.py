import json
import socket
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from threading import Event

import pytest

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.upbit_client import BODY_LIMIT_BYTES, ROUTES, UpbitClient
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_signer import UpbitSigner
from dg_bot.errors import BotError, ConfigurationError, ExchangeUnavailable, InvariantViolated, RateLimited, UnsafeSetup
from tests.unit.adapters.raw_server import RawServer, Request, answers, http, reply_json, reset
from tests.unit.adapters.upbit_bench import AUTHORIZATION, PATIENT_S, TINY_S, bench

BODY = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "5000", "identifier": "ns.1"}


def client_of(url: str, deadline_s: float = PATIENT_S) -> UpbitClient:
    clock = VenueClock(local=SystemClock(), follow=False)
    return UpbitClient(
        base_url=url,
        signer=None,
        limiter=UpbitLimiter(clock=clock),
        clock=clock,
        on_request=lambda *_: None,
        deadline_s=deadline_s,
    )


# What goes out and what comes back


def test_a_question_goes_out_as_a_query_and_its_answer_comes_back_with_exact_numbers() -> None:
    with bench(answers(http(200, b'[{"trade_price": 0.1}]'))) as it:
        reply = it.client.call("GET", "/v1/candles/minutes/60", params={"market": "KRW-BTC", "to": "2026-11-20T13:00:00Z"})

    assert ["/v1/candles/minutes/60?market=KRW-BTC&to=2026-11-20T13%3A00%3A00Z"] == it.targets
    assert (200, [{"trade_price": Decimal("0.1")}]) == (reply.status, reply.document)
    assert [("candles", 200)] == it.reported


def test_an_order_goes_out_as_json_of_its_body() -> None:
    with bench(answers(reply_json({"uuid": "v"}, 201))) as it:
        it.client.call("POST", "/v1/orders", body=BODY)

    (request,) = it.server.requests
    assert BODY == json.loads(request.body)
    assert ("POST", "/v1/orders") == (request.method, request.target)
    assert request.headers["content-type"].startswith("application/json")


def test_private_calls_alone_are_signed() -> None:
    with bench(answers(reply_json([]))) as it:
        it.client.call("GET", "/v1/accounts")
        it.client.call("GET", "/v1/ticker", params={"markets": "KRW-BTC"})

    assert [AUTHORIZATION, None] == [request.headers.get("authorization") for request in it.server.requests]


def test_compression_is_not_asked_for() -> None:
    with bench(answers(reply_json([]))) as it:
        it.client.call("GET", "/v1/accounts")

    assert it.server.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_an_answer(status: int) -> None:
    with bench(answers(reply_json({"error": {"name": "x"}}, status))) as it:
        assert status == it.client.call("GET", "/v1/accounts").status


@pytest.mark.parametrize("suffix", ["", "/", "/v1", "/v1/"])
def test_the_root_may_be_given_with_or_without_the_version(suffix: str) -> None:
    with RawServer(answers(reply_json([]))) as server:
        client = client_of(f"{server.url}{suffix}")
        client.call("GET", "/v1/market/all")
        client.close()

    assert ["/v1/market/all"] == [request.target for request in server.requests]


# What may be called


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/withdraws/coin"),
        ("POST", "/v1/withdraws/krw"),
        ("GET", "/v1/withdraws"),
        ("POST", "/v1/deposits/generate_coin_address"),
        ("POST", "/v1/deposits/krw"),
        ("POST", "/v1/pockets/transfers"),
        ("POST", "/v1/pockets/universal_transfers"),
        ("POST", "/v1/travel_rule/deposit/uuid"),
        ("DELETE", "/v1/order"),
        ("DELETE", "/v1/orders/open"),
        ("POST", "/v1/orders/cancel_and_new"),
        ("GET", "/v1/orders"),
        ("POST", "/v1/order"),
        ("GET", "/v1/../v1/withdraws"),
        ("GET", "/v1/accounts/"),
        ("get", "/v1/accounts"),
        ("GET", "//evil.test/v1/accounts"),
        ("GET", "/v1/candles/minutes/7"),
        ("GET", "/v1/accounts?x=1"),
    ],
)
def test_an_endpoint_that_is_not_listed_is_refused_before_a_socket_is_opened(method: str, path: str) -> None:
    with bench(answers(reply_json([]))) as it, pytest.raises(InvariantViolated):
        it.client.call(method, path)

    assert (0, []) == (it.server.connections, it.reported)


def test_no_listed_endpoint_moves_money_out() -> None:
    words = ("withdraw", "deposit", "transfer", "pocket", "travel")

    assert [] == [path for _, path in ROUTES if any(word in path for word in words)]


def test_a_private_call_without_a_key_is_refused_before_a_socket_is_opened() -> None:
    with RawServer(answers(reply_json([]))) as server:
        client = client_of(server.url)
        with pytest.raises(InvariantViolated):
            client.call("GET", "/v1/accounts")

    assert server.connections == 0


@pytest.mark.parametrize(
    "url", ["", "api.upbit.com", "ftp://api.upbit.com", "https://", "https://api.upbit.com/v2", "http://h:x"]
)
def test_a_root_that_cannot_be_the_venue_is_a_wrong_setting(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        client_of(url)
    assert caught.value.variable == "UPBIT_BASE_URL"


def test_plain_http_is_for_this_machine_alone() -> None:
    with pytest.raises(UnsafeSetup):
        client_of("http://api.upbit.com")


# Peers that misbehave: one request on the wire, and an end


def silence(peer: socket.socket, request: Request, gone: Event) -> None:
    gone.wait()


def drip_headers(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nX-Drip: ")
    while not gone.wait(0.02):
        peer.sendall(b"x")


def drip_body(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not gone.wait(0.02):
        peer.sendall(b" ")


def drip_interim_answers(peer: socket.socket, request: Request, gone: Event) -> None:
    while not gone.wait(0.02):
        peer.sendall(b"HTTP/1.1 102 Processing\r\n\r\n")


@pytest.mark.parametrize("behaviour", [silence, drip_headers, drip_body, drip_interim_answers])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/accounts"), ("POST", "/v1/orders")])
def test_a_peer_that_stalls_or_drips_does_not_outlive_the_deadline(
    behaviour: Callable[[socket.socket, Request, Event], None], method: str, path: str
) -> None:
    with bench(behaviour, deadline_s=TINY_S) as it, pytest.raises(ExchangeUnavailable) as caught:
        it.client.call(method, path, body=BODY if method == "POST" else None)

    assert caught.value.cause == "timeout"
    assert 1 == len(it.server.requests)
    assert [None] == [status for _, status in it.reported]


def hang_up(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.shutdown(socket.SHUT_RDWR)


def reset_at_once(peer: socket.socket, request: Request, gone: Event) -> None:
    reset(peer)


def reset_inside_the_body(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"uuid": ')
    reset(peer)


def end_inside_the_body(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"uuid": "v"}')
    peer.shutdown(socket.SHUT_RDWR)


def nonsense(peer: socket.socket, request: Request, gone: Event) -> None:
    peer.sendall(b"SMTP ready\r\n\r\n")
    peer.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("behaviour", [hang_up, reset_at_once, reset_inside_the_body, end_inside_the_body, nonsense])
@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/accounts"), ("POST", "/v1/orders")])
def test_a_lost_answer_is_unavailable_and_nothing_is_sent_again(
    behaviour: Callable[[socket.socket, Request, Event], None], method: str, path: str
) -> None:
    with bench(behaviour) as it, pytest.raises(ExchangeUnavailable) as caught:
        it.client.call(method, path, body=BODY if method == "POST" else None)

    assert caught.value.cause in ("connection_lost", "protocol_error")
    assert 1 == len(it.server.requests)


def test_a_refused_connection_is_unavailable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    client = client_of(url)

    with pytest.raises(ExchangeUnavailable) as caught:
        client.call("GET", "/v1/market/all")
    assert caught.value.cause == "connect_failed"


def test_a_body_of_just_the_limit_is_read() -> None:
    with bench(answers(http(200, b'"' + b"x" * (BODY_LIMIT_BYTES - 2) + b'"'))) as it:
        reply = it.client.call("GET", "/v1/accounts")

    assert isinstance(reply.document, str)
    assert BODY_LIMIT_BYTES - 2 == len(reply.document)


def test_a_body_over_the_limit_is_cut_off() -> None:
    with bench(answers(http(200, b" " * (BODY_LIMIT_BYTES + 1)))) as it, pytest.raises(ExchangeUnavailable) as caught:
        it.client.call("GET", "/v1/accounts")

    assert caught.value.cause == "body_too_large"


def test_a_body_without_an_end_is_cut_off() -> None:
    def endless(peer: socket.socket, request: Request, gone: Event) -> None:
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while not gone.is_set():
            peer.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    with bench(endless) as it, pytest.raises(ExchangeUnavailable) as caught:
        it.client.call("GET", "/v1/accounts")

    assert caught.value.cause == "body_too_large"


@pytest.mark.parametrize("body", [b"<html>sign in</html>", b"", b"Too many API requests.", b"\x1f\x8b\x08\x00"])
def test_an_answer_that_is_no_json_has_no_document(body: bytes) -> None:
    with bench(answers(http(200, body))) as it:
        assert it.client.call("GET", "/v1/accounts").document is None


# Connections


def test_reads_share_a_connection_and_every_order_has_its_own() -> None:
    with bench(answers(reply_json({"uuid": "v"}))) as it:
        for _ in range(2):
            it.client.call("GET", "/v1/accounts")
        for _ in range(2):
            it.client.call("POST", "/v1/orders", body=BODY)
        it.client.call("GET", "/v1/accounts")

    assert [1, 1, 2, 3, 1] == [request.connection for request in it.server.requests]


def test_a_broken_connection_does_not_spoil_the_next_read() -> None:
    replies = [None, reply_json([1])]

    def break_once(peer: socket.socket, request: Request, gone: Event) -> None:
        reply = replies.pop(0)
        if reply is None:
            reset(peer)
        else:
            peer.sendall(reply)

    with bench(break_once) as it:
        with pytest.raises(ExchangeUnavailable):
            it.client.call("GET", "/v1/accounts")
        assert [1] == it.client.call("GET", "/v1/accounts").document


# Environment


def test_neither_netrc_nor_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("default login someone password else\n")
    with RawServer(answers(reply_json([]))) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
        with bench(answers(reply_json([]))) as it:
            it.client.call("GET", "/v1/accounts")

    assert proxy.connections == 0
    assert it.server.requests[0].headers["authorization"] == AUTHORIZATION


# Headers and budgets


@pytest.mark.parametrize("remaining", [None, "", "group=a.b; sec=x", "group=order; min=1; sec=7"])
def test_the_header_of_the_budget_never_fails_a_call(remaining: str | None) -> None:
    headers = {} if remaining is None else {"Remaining_Req": remaining}
    with bench(answers(reply_json({"uuid": "v"}, 201, **headers))) as it:
        assert it.client.call("POST", "/v1/orders", body=BODY).status == 201


@pytest.mark.parametrize(
    ("status", "text", "silence_s"), [(429, "Too many API requests.", 1), (418, "blocked for 30 seconds", 30)]
)
def test_after_a_429_or_a_418_the_group_is_silent_on_the_wire(status: int, text: str, silence_s: int) -> None:
    with bench(answers(http(status, text.encode()))) as it:
        before = it.clock.now()
        with pytest.raises(RateLimited) as first:
            it.client.call("GET", "/v1/accounts")
        with pytest.raises(RateLimited) as second:
            it.client.call("GET", "/v1/api_keys")

    assert 1 == len(it.server.requests)
    assert timedelta(seconds=silence_s) <= first.value.silent_until - before
    assert ("default", "default") == (first.value.group, second.value.group)


def test_exchange_time_is_learnt_from_an_answer() -> None:
    header = format_datetime(datetime(2022, 5, 9, 13, tzinfo=UTC), usegmt=True)
    with bench(answers(reply_json([], Date=header)), follow=True) as it:
        it.client.call("GET", "/v1/market/all")

        assert datetime(2022, 5, 9, 13, tzinfo=UTC) <= it.clock.now() < datetime(2022, 5, 9, 14, tzinfo=UTC)


def test_exchange_time_is_not_learnt_from_a_page_that_is_not_the_venues() -> None:
    header = format_datetime(datetime(2022, 5, 9, 13, tzinfo=UTC), usegmt=True)
    with bench(answers(http(200, b"<html>", Date=header))) as it:
        it.client.call("GET", "/v1/market/all")

        assert it.clock.skew_s() == 0.0


# Secrets


@pytest.mark.parametrize("behaviour", [hang_up, answers(http(302, b"", Location="/")), answers(http(429, b""))])
def test_no_error_carries_a_key_or_the_signature(behaviour: Callable[[socket.socket, Request, Event], None]) -> None:
    access, secret = "access-key-of-the-test", "secret-key-of-the-test-40-characters-long"
    clock = VenueClock(local=SystemClock(), follow=False)
    with RawServer(behaviour) as server:
        client = UpbitClient(
            base_url=server.url,
            signer=UpbitSigner(access_key=access, secret_key=secret),
            limiter=UpbitLimiter(clock=clock),
            clock=clock,
            on_request=lambda *_: None,
        )
        with pytest.raises(BotError) as caught:
            client.call("GET", "/v1/accounts")
        client.close()

    error: BaseException | None = caught.value
    while error is not None:
        assert not [word for word in (access, secret, "Bearer", "eyJ") if word in f"{error} {error!r}"]
        error = error.__cause__
    assert access not in f"{client!r}{vars(client)!r}"
