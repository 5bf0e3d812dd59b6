import http.client
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping

import pytest

from dg_bot.app.http import Check, HttpLimits, StatusServer
from dg_bot.app.secrets import Redactor
from dg_bot.errors import ConfigurationError

CANARY = "canary-9f8e7d6c"
WELL = {"guard": Check(ok=True, detail="4 s ago")}

Serve = Callable[..., StatusServer]


@pytest.fixture
def serve() -> Iterator[Serve]:
    running: list[StatusServer] = []

    def start(
        checks: Callable[[], Mapping[str, Check]] = lambda: WELL,
        exposition: Callable[[], bytes] = lambda: b"bot_running 1.0\n",
        limits: HttpLimits | None = None,
    ) -> StatusServer:
        clean = Redactor([CANARY]).clean
        server = StatusServer(service="dg_bot", checks=checks, exposition=exposition, clean=clean, port=0, limits=limits)
        running.append(server)
        server.start()
        return server

    yield start
    for server in running:
        server.stop()


def ask(server: StatusServer, method: str, path: str, body: bytes | None = None) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request(method, path, body=body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), content


def test_health_is_200_while_all_is_well(serve: Serve) -> None:
    status, headers, body = ask(serve(), "GET", "/health")

    document = json.loads(body)
    assert document.pop("uptime") >= 0.0
    expected = {"status": "ok", "service": "dg_bot", "checks": {"guard": {"ok": True, "detail": "4 s ago"}}}
    assert (200, "application/json; charset=utf-8", expected) == (status, headers["Content-Type"], document)


def test_health_is_503_when_one_check_is_not(serve: Serve) -> None:
    status, _, body = ask(serve(lambda: {**WELL, "database": Check(ok=False, detail="away")}), "GET", "/health")

    document = json.loads(body)
    assert (503, "failing", {"ok": False, "detail": "away"}) == (status, document["status"], document["checks"]["database"])


def test_a_secret_in_a_detail_does_not_leave(serve: Serve) -> None:
    _, _, body = ask(serve(lambda: {"database": Check(ok=False, detail=f"postgresql://bot:{CANARY}@db")}), "GET", "/health")

    assert (False, True) == (CANARY.encode() in body, b"***" in body)


def test_metrics_are_given_as_they_are(serve: Serve) -> None:
    status, headers, body = ask(serve(), "GET", "/metrics?name=x")

    assert (200, "text/plain; version=0.0.4; charset=utf-8", b"bot_running 1.0\n") == (status, headers["Content-Type"], body)


def test_head_has_the_length_and_no_body(serve: Serve) -> None:
    status, headers, body = ask(serve(), "HEAD", "/metrics")

    assert (200, "16", b"") == (status, headers["Content-Length"], body)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "NONSENSE"])
def test_nothing_but_get_and_head_is_served(serve: Serve, method: str) -> None:
    status, headers, _ = ask(serve(), method, "/health", body=b"x" * 100)

    assert (405, "GET, HEAD") == (status, headers["Allow"])


@pytest.mark.parametrize("path", ["/", "/healthz", "/health/", "/metrics/../health", "/order", "*"])
def test_other_paths_are_not_found(serve: Serve, path: str) -> None:
    assert 404 == ask(serve(), "GET", path)[0]


def test_no_answer_names_its_software(serve: Serve) -> None:
    server = serve()
    answers = [ask(server, "GET", "/health"), ask(server, "GET", "/"), ask(server, "POST", "/")]

    assert [False] * 3 == ["Server" in headers or b"Python" in body for _, headers, body in answers]


def test_a_silent_client_is_cut(serve: Serve) -> None:
    server = serve(limits=HttpLimits(silence_s=0.05))

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as silent:
        assert b"" == silent.recv(100)


def test_a_dripping_client_is_cut_when_its_time_is_over(serve: Serve) -> None:
    server = serve(limits=HttpLimits(silence_s=30.0, connection_s=0.05))

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as dripping:
        dripping.sendall(b"GET /health HTTP/1.1\r\nX-Drip: a")
        assert b"" == dripping.recv(100)


def test_connections_over_the_limit_are_closed_and_those_within_are_served(serve: Serve) -> None:
    entered, leave = threading.Semaphore(0), threading.Event()

    def slow() -> Mapping[str, Check]:
        entered.release()
        leave.wait(10)
        return WELL

    server = serve(slow, limits=HttpLimits(connections=2))
    answers: list[int] = []
    threads = [threading.Thread(target=lambda: answers.append(ask(server, "GET", "/health")[0])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in threads:
        entered.acquire(timeout=10)

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as third:
        assert b"" == third.recv(100)
    leave.set()
    for thread in threads:
        thread.join()

    assert [200, 200] == answers


@pytest.mark.parametrize("request_line", [b"\x00\xff\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 70_000])
def test_nonsense_does_not_harm_the_next_request(serve: Serve, request_line: bytes) -> None:
    server = serve(limits=HttpLimits(silence_s=0.5))

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(request_line)
        client.shutdown(socket.SHUT_WR)

    assert 200 == ask(server, "GET", "/health")[0]


def test_a_port_in_use_is_a_configuration_error(serve: Serve) -> None:
    port = serve().port

    with pytest.raises(ConfigurationError, match="HEALTH_PORT"):
        StatusServer(service="dg_bot", checks=lambda: WELL, exposition=lambda: b"", clean=str, port=port)


def test_it_listens_on_one_loopback_address_unless_told_otherwise(serve: Serve) -> None:
    server = serve()

    with socket.socket(socket.AF_INET) as client:
        client.settimeout(2.0)
        assert client.connect_ex(("127.0.0.2", server.port)) != 0
