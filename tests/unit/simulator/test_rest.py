import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import pytest

from dg_bot.simulator.faults import (
    Action,
    Answer,
    AnswerAfter,
    Big,
    Delay,
    Drip,
    DropHeader,
    Edit,
    FaultPlan,
    FaultRule,
    HangUp,
    Html,
    Invisible,
    LoseReply,
    LoseRequest,
    Redirect,
    SetHeader,
    Truncate,
)
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.wire_log import WireLog
from tests.unit.simulator.rest_builders import NOON, HandClock, authorization, boundless, venue

ORDER = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "10000", "identifier": "bot.1"}


@contextmanager
def _serving(*actions: Action, clock: HandClock | None = None, limits: RateLimits | None = None) -> Iterator[UpbitServer]:
    """Serve a drawn market; `actions` strike the first order POST and the first ticker call."""
    rules = [FaultRule(action=action, path=path, nth=1, count=1) for action in actions for path in ("/v1/orders", "/v1/ticker")]
    with UpbitServer(venue(clock), faults=FaultPlan(rules), limits=limits or boundless()) as server:
        yield server


@contextmanager
def _connected(server: UpbitServer) -> Iterator[http.client.HTTPConnection]:
    connection = http.client.HTTPConnection("127.0.0.1", int(server.base_url.rsplit(":", 1)[1]), timeout=10)
    try:
        yield connection
    finally:
        connection.close()


def _get(server: UpbitServer, path: str, text: str = "", **headers: str) -> tuple[http.client.HTTPResponse, bytes]:
    with _connected(server) as connection:
        connection.request("GET", path, headers={"Authorization": authorization(text), **headers})
        response = connection.getresponse()
        return response, response.read()


def _order(server: UpbitServer) -> tuple[int, Any]:
    text = "&".join(f"{name}={value}" for name, value in ORDER.items())
    with _connected(server) as connection:
        headers = {"Authorization": authorization(text), "Content-Type": "application/json"}
        connection.request("POST", "/v1/orders", body=json.dumps(ORDER), headers=headers)
        response = connection.getresponse()
        return response.status, response.read()


def _placed(server: UpbitServer) -> int:
    """Give the status of asking for the order by its identifier."""
    return _get(server, "/v1/order?identifier=bot.1", "identifier=bot.1")[0].status


def test_the_date_header_is_the_venues_time() -> None:
    clock = HandClock(datetime(2026, 11, 19, 7, 8, 9, tzinfo=UTC))
    with _serving(clock=clock) as server:
        response, _ = _get(server, "/v1/market/all")

    assert response.headers["Date"] == "Thu, 19 Nov 2026 07:08:09 GMT"


def test_every_answer_tells_what_is_left_of_its_group() -> None:
    limits = RateLimits(monotonic=lambda: 0.0)
    with _serving(limits=limits) as server:
        answers = [_get(server, path)[0] for path in ("/v1/ticker?markets=KRW-BTC", "/v1/ticker", "/v1/accounts", "/v1/nothing")]

    assert [(answer.status, answer.headers["Remaining-Req"]) for answer in answers] == [
        (200, "group=ticker; min=600; sec=9"),
        (400, "group=ticker; min=600; sec=8"),
        (200, "group=default; min=1800; sec=29"),
        (404, "group=default; min=1800; sec=28"),
    ]


def test_over_the_limit_there_is_text_first_and_then_a_block_in_json() -> None:
    with _serving(limits=RateLimits(monotonic=lambda: 0.0)) as server:
        answers = [_get(server, "/v1/market/all") for _ in range(12)]

    assert [answer.status for answer, _ in answers] == [200] * 10 + [429, 418]
    assert answers[10][1] == b"Too many API requests."
    assert answers[10][0].headers["Content-Type"] == "text/plain;charset=utf-8"
    assert json.loads(answers[11][1])["error"]["message"] == "Requests are blocked. Try again after 2 seconds."


def test_an_origin_header_leaves_one_request() -> None:
    with _serving(limits=RateLimits(monotonic=lambda: 0.0)) as server:
        assert [_get(server, "/v1/market/all", Origin="http://x")[0].status for _ in range(2)] == [200, 429]


def test_a_connection_is_kept_for_the_next_request() -> None:
    with _serving() as server, _connected(server) as connection:
        sockets = []
        for _ in range(2):
            connection.request("GET", "/v1/market/all")
            connection.getresponse().read()
            sockets.append(connection.sock)

    assert sockets[0] is sockets[1] is not None


def test_every_request_is_in_the_wire_log_without_its_authorization() -> None:
    with _serving() as server:
        _order(server)
        _get(server, "/v1/withdraws?currency=BTC", "currency=BTC")
        entries = server.wire_log.entries

    assert [(each.sequence, each.at, each.method, each.path, each.query, each.identifier, each.status) for each in entries] == [
        (1, NOON, "POST", "/v1/orders", "", "bot.1", 201),
        (2, NOON, "GET", "/v1/withdraws", "currency=BTC", None, 404),
    ]
    assert json.loads(entries[0].body) == ORDER
    assert "Bearer" not in repr(entries)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "OPTIONS", "HEAD"])
def test_other_methods_find_nothing_and_are_logged(method: str) -> None:
    with _serving() as server, _connected(server) as connection:
        connection.request(method, "/v1/orders")

        assert (connection.getresponse().status, [entry.method for entry in server.wire_log.entries]) == (404, [method])


def test_of_many_orders_with_one_identifier_at_once_one_is_taken() -> None:
    with _serving() as server, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: _order(server), range(16)))

    assert sorted(status for status, _ in answers) == [201] + [400] * 15
    assert {json.loads(body)["error"]["name"] for status, body in answers if status == 400} == {"duplicated_identifier"}


def test_keys_are_verified_where_they_are_given() -> None:
    with UpbitServer(venue(), access_key="key", secret_key="another" * 10, limits=boundless()) as server:
        response, body = _get(server, "/v1/accounts")

    assert (response.status, json.loads(body)["error"]["name"]) == (401, "jwt_verification")


def test_a_port_that_is_taken_is_refused() -> None:
    with _serving() as server, pytest.raises(OSError, match="in use"):
        UpbitServer(venue(), port=int(server.base_url.rsplit(":", 1)[1]))


class _Seen(WireLog):
    """Tells when a request has come in."""

    def __init__(self) -> None:
        super().__init__()
        self.event = Event()

    def received(self, **entry: Any) -> int:
        sequence = super().received(**entry)
        self.event.set()
        return sequence


def test_stopping_ends_open_connections_and_long_delays() -> None:
    seen = _Seen()
    faults = FaultPlan([FaultRule(action=Delay(3600), path="/v1/ticker")])
    with UpbitServer(venue(), faults=faults, wire_log=seen) as server, _connected(server) as connection:
        connection.request("GET", "/v1/ticker?markets=KRW-BTC")
        seen.event.wait(10)
        server.stop()

        with pytest.raises((http.client.HTTPException, OSError)):
            connection.getresponse()


def test_a_lost_request_never_reaches_the_venue() -> None:
    with _serving(LoseRequest()) as server:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            _order(server)

        assert _placed(server) == 404
        assert [entry.status for entry in server.wire_log.matching("POST", "/v1/orders")] == [None]


def test_a_lost_reply_leaves_an_order_at_the_venue() -> None:
    with _serving(LoseReply()) as server:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            _order(server)

        assert _placed(server) == 200
        assert [entry.status for entry in server.wire_log.matching("POST", "/v1/orders")] == [None]


def test_a_status_can_stand_in_for_the_venue_or_hide_what_it_did() -> None:
    with _serving(Answer(503, "down")) as instead, _serving(AnswerAfter(502, '{"error":{"name":"x"}}')) as after:
        assert (_order(instead), _placed(instead)) == ((503, b"down"), 404)
        assert (_order(after), _placed(after)) == ((502, b'{"error":{"name":"x"}}'), 200)


def test_a_dripping_body_arrives_whole() -> None:
    with _serving(Drip(0)) as server:
        assert _order(server)[0] == 201


def test_a_truncated_body_is_shorter_than_announced() -> None:
    with _serving(Truncate(10)) as server, pytest.raises(http.client.IncompleteRead) as caught:
        _order(server)

    assert len(caught.value.partial) == 10


def test_a_header_can_be_missing_or_wrong() -> None:
    with _serving(DropHeader("Remaining-Req")) as dropping, _serving(SetHeader("remaining-req", "group=x; sec=0")) as setting:
        assert _get(dropping, "/v1/ticker?markets=KRW-BTC")[0].headers["Remaining-Req"] is None
        assert _get(setting, "/v1/ticker?markets=KRW-BTC")[0].headers.get_all("Remaining-Req") == ["group=x; sec=0"]


def test_a_kept_connection_can_be_closed_unannounced() -> None:
    with _serving(HangUp()) as server, _connected(server) as connection:
        connection.request("GET", "/v1/ticker?markets=KRW-BTC")
        response = connection.getresponse()
        response.read()
        assert (response.status, response.headers["Connection"]) == (200, None)

        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)):
            _again(connection)


def _again(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/v1/market/all")
    connection.getresponse()


def test_a_request_can_be_sent_elsewhere() -> None:
    with _serving(Redirect("http://127.0.0.1:9/elsewhere")) as server:
        response, _ = _get(server, "/v1/ticker?markets=KRW-BTC")

    assert (response.status, response.headers["Location"]) == (302, "http://127.0.0.1:9/elsewhere")


def test_a_portal_page_can_stand_where_json_is_expected() -> None:
    with _serving(Html()) as server:
        response, body = _get(server, "/v1/ticker?markets=KRW-BTC")

    assert (response.status, response.headers["Content-Type"], body[:15]) == (200, "text/html;charset=utf-8", b"<!doctype html>")


def test_a_body_can_be_as_big_as_it_is_told() -> None:
    with _serving(Big(2)) as server:
        _, body = _get(server, "/v1/ticker?markets=KRW-BTC")

    assert (len(body), len(json.loads(body))) == (2 * 1024 * 1024, 1)


def test_a_placed_order_can_be_invisible_for_a_while() -> None:
    clock = HandClock()
    with _serving(Invisible(3), clock=clock) as server:
        status, _ = _order(server)
        hidden = _placed(server)
        clock.advance(3)

        assert (status, hidden, _placed(server)) == (201, 404, 200)


def test_fields_of_an_answer_can_be_changed_and_removed() -> None:
    with _serving(Edit({"state": "frozen"}, ("uuid",))) as server:
        _, body = _order(server)

    assert (json.loads(body)["state"], "uuid" in json.loads(body)) == ("frozen", False)


def test_of_a_list_the_first_object_is_changed() -> None:
    with _serving(Edit({"trade_price": None})) as server:
        _, body = _get(server, "/v1/ticker?markets=KRW-BTC,KRW-BTC")

    assert [ticker["trade_price"] for ticker in json.loads(body)] == [None, 50_000_000]


@pytest.mark.parametrize("actions", [(Invisible(3), AnswerAfter(400, "{}")), (AnswerAfter(400, "{}"), Invisible(3))])
def test_two_faults_can_strike_one_request(actions: tuple[Action, ...]) -> None:
    clock = HandClock()
    with _serving(*actions, clock=clock) as server:
        answer, hidden = _order(server), _placed(server)
        clock.advance(3)

        assert (answer, hidden, _placed(server)) == ((400, b"{}"), 404, 200)


def test_the_venue_goes_on_between_faults() -> None:
    clock = HandClock()
    with _serving(Html(), clock=clock) as server:
        _get(server, "/v1/ticker?markets=KRW-BTC")
        clock.at += timedelta(hours=1)
        response, _ = _get(server, "/v1/ticker?markets=KRW-BTC")

    assert response.headers["Content-Type"] == "application/json;charset=utf-8"
