import socket
from collections.abc import Iterator
from threading import Event

import pytest
import stamina

from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.errors import AuthenticationFailed, ExchangeUnavailable, RateLimited
from tests.unit.adapters.raw_server import Request, answers, http, reply_json, reset
from tests.unit.adapters.upbit_bench import Bench, bench


@pytest.fixture
def without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3, cap=True):
        yield


def reads(it: Bench, *, attempts: int = 3, budget_s: float = 60.0) -> UpbitReads:
    return UpbitReads(client=it.client, clock=it.clock, attempts=attempts, budget_s=budget_s)


def refused(name: object, status: int) -> bytes:
    return reply_json({"error": {"name": name, "message": "no"}}, status)


@pytest.mark.parametrize(
    "trouble", [http(500, b"oops"), http(503, b"<html>"), refused("x", 502), http(200, b"<html>"), http(204, b"")]
)
@pytest.mark.usefixtures("without_waiting")
def test_what_is_no_answer_is_asked_again(trouble: bytes) -> None:
    with bench(answers(trouble, trouble, reply_json([1]))) as it:
        assert [1] == reads(it).document("/v1/accounts")

    assert 3 == len(it.server.requests)


@pytest.mark.usefixtures("without_waiting")
def test_a_connection_that_breaks_inside_an_answer_is_asked_again() -> None:
    first = [True]

    def break_once(peer: socket.socket, request: Request, gone: Event) -> None:
        if first:
            first.clear()
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n[")
            reset(peer)
        else:
            peer.sendall(reply_json([1]))

    with bench(break_once) as it:
        assert [1] == reads(it).document("/v1/accounts")


@pytest.mark.parametrize("attempts", [1, 2, 3])
@pytest.mark.usefixtures("without_waiting")
def test_the_last_attempt_raises_what_was_wrong(attempts: int) -> None:
    with bench(answers(http(503, b"closed"))) as it, pytest.raises(ExchangeUnavailable) as caught:
        reads(it, attempts=attempts).document("/v1/accounts")

    assert caught.value.cause == "status_503"
    assert attempts == len(it.server.requests)


@pytest.mark.parametrize(
    ("name", "status", "cause"),
    [
        ("invalid_parameter", 400, "invalid_parameter"),
        ("nonce_used", 401, "nonce_used"),
        (404, 404, "404"),
        (None, 400, "status_400"),
    ],
)
def test_a_refusal_is_not_asked_again(name: object, status: int, cause: str) -> None:
    with bench(answers(refused(name, status))) as it, pytest.raises(ExchangeUnavailable) as caught:
        reads(it).document("/v1/accounts")

    assert cause == caught.value.cause
    assert 1 == len(it.server.requests)


@pytest.mark.parametrize("status", [400, 401, 403])
@pytest.mark.parametrize(
    "name",
    [
        "expired_access_key",
        "no_authorization_ip",
        "no_authorization_i_p",
        "no_authorization_token",
        "invalid_access_key",
        "jwt_verification",
        "invalid_query_payload",
        "out_of_scope",
    ],
)
def test_a_refused_key_is_told_by_its_name_whatever_the_status(name: str, status: int) -> None:
    with bench(answers(refused(name, status))) as it, pytest.raises(AuthenticationFailed) as caught:
        reads(it).document("/v1/accounts")

    assert name == caught.value.name
    assert 1 == len(it.server.requests)


@pytest.mark.usefixtures("without_waiting")
def test_no_attempt_begins_that_could_end_after_the_budget() -> None:
    with bench(answers(http(503, b"")), deadline_s=10.0) as it, pytest.raises(ExchangeUnavailable):
        reads(it, budget_s=9.9).document("/v1/accounts")

    assert 1 == len(it.server.requests)


def test_a_silence_that_ends_inside_the_budget_is_waited_out() -> None:
    with bench(answers(http(418, b"blocked for 0.05 seconds"), reply_json([1]))) as it:
        assert [1] == reads(it).document("/v1/accounts")

    assert 2 == len(it.server.requests)


def test_a_silence_beyond_the_budget_is_left_to_the_caller() -> None:
    with bench(answers(http(418, b"blocked for 45 seconds")), deadline_s=20.0) as it, pytest.raises(RateLimited) as caught:
        reads(it).document("/v1/accounts")

    assert caught.value.group == "default"
    assert 1 == len(it.server.requests)
