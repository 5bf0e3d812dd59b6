"""A feed over a real socket, whatever stands at its other end."""

import socket
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from dg_bot.adapters import rss as module
from dg_bot.adapters.rss import BODY_LIMIT_BYTES, RssFeed, leads_outside
from dg_bot.domain.news import FeedOutcome, FeedReading
from tests.fault.certificates import authority
from tests.feeds import rss
from tests.unit.adapters.raw_server import Behaviour, RawServer, Request, answers, http, reset

FEED = http(200, rss("one", "two"), Content_Type="application/rss+xml")


def read(behaviour: Behaviour, deadline_s: float = 20.0) -> FeedReading:
    with RawServer(behaviour) as server:
        return RssFeed(f"{server.url}/rss").read(deadline_s)


def test_a_feed_is_read_over_http() -> None:
    with RawServer(answers(FEED)) as server:
        feed = RssFeed(f"{server.url}/rss?format=xml")
        reading = feed.read(20.0)

    assert (FeedOutcome.READ, ["one", "two"]) == (reading.outcome, [entry.title for entry in reading.entries])
    assert ("127.0.0.1", "GET", "/rss?format=xml") == (feed.source, server.requests[0].method, server.requests[0].target)
    assert {"host", "accept", "accept-encoding", "user-agent"} == server.requests[0].headers.keys()


def test_the_source_is_the_server_that_was_chosen() -> None:
    assert "news.example" == RssFeed("https://www.news.example/rss").source


def test_what_has_not_changed_is_not_sent_again() -> None:
    tagged = http(200, rss("one"), ETag='"v1"', Last_Modified="Fri, 28 Aug 2026 20:42:54 GMT")
    with RawServer(answers(tagged, http(304, b""), http(500, b""), http(304, b""))) as server:
        feed = RssFeed(server.url)
        outcomes = [feed.read(20.0).outcome for _ in range(4)]

    assert [FeedOutcome.READ, FeedOutcome.UNCHANGED, FeedOutcome.REFUSED, FeedOutcome.UNCHANGED] == outcomes
    assert [None, '"v1"', '"v1"', '"v1"'] == [request.headers.get("if-none-match") for request in server.requests]
    assert "Fri, 28 Aug 2026 20:42:54 GMT" == server.requests[1].headers["if-modified-since"]


def test_a_page_that_is_no_feed_is_never_taken_for_unchanged() -> None:
    page = http(200, b"<html><body>Just a moment</body></html>", ETag='"page"')
    with RawServer(answers(FEED, page, http(304, b""))) as server:
        feed = RssFeed(server.url)
        outcomes = [feed.read(20.0).outcome for _ in range(3)]

    assert [FeedOutcome.READ, FeedOutcome.NO_FEED, FeedOutcome.REFUSED] == outcomes
    assert all("if-none-match" not in request.headers for request in server.requests)


@pytest.mark.parametrize("status", [204, 304, 400, 401, 403, 404, 410, 429, 500, 503])
def test_any_other_status_is_a_refusal(status: int) -> None:
    assert FeedReading(outcome=FeedOutcome.REFUSED) == read(answers(http(status, b"")))


def silent(_peer: socket.socket, _request: Request, gone: Event) -> None:
    gone.wait(60)


def dripping(peer: socket.socket, _request: Request, gone: Event) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not gone.wait(0.05):
        peer.sendall(b" ")


def endless(peer: socket.socket, _request: Request, gone: Event) -> None:
    peer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not gone.is_set():
        peer.sendall(b" " * 65536)


@pytest.mark.parametrize(
    ("behaviour", "outcome", "deadline_s"),
    [
        (silent, FeedOutcome.NO_ANSWER_IN_TIME, 0.3),
        (dripping, FeedOutcome.NO_ANSWER_IN_TIME, 0.3),
        (endless, FeedOutcome.TOO_LARGE, 20.0),
        (answers(http(200, b" " * (BODY_LIMIT_BYTES + 1))), FeedOutcome.TOO_LARGE, 20.0),
        (answers(http(200, b"\x1f\x8b", Content_Encoding="gzip")), FeedOutcome.ENCODED, 20.0),
        (answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<rss"), FeedOutcome.NO_ANSWER_IN_TIME, 0.3),
        (answers(b"220 mail.example ESMTP\r\n\r\n"), FeedOutcome.CONNECTION_LOST, 20.0),
        (lambda peer, _request, _gone: reset(peer), FeedOutcome.CONNECTION_LOST, 20.0),
    ],
)
def test_what_does_not_arrive_whole_in_time_and_in_size_is_no_feed(
    behaviour: Behaviour, outcome: FeedOutcome, deadline_s: float
) -> None:
    assert FeedReading(outcome=outcome) == read(behaviour, deadline_s)


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    assert FeedReading(outcome=FeedOutcome.UNREACHABLE) == RssFeed(f"http://127.0.0.1:{port}/").read(20.0)


def test_a_certificate_of_nobody_known_is_refused(tmp_path: Path) -> None:
    with RawServer(answers(FEED), tls=authority(tmp_path, "nobody").server("news")) as server:
        reading = RssFeed(server.url).read(20.0)

    assert (FeedReading(outcome=FeedOutcome.CERTIFICATE_REFUSED), []) == (reading, server.requests)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_followed(status: int) -> None:
    with RawServer(answers(http(status, b"", Location="/moved"), FEED)) as server:
        reading = RssFeed(f"{server.url}/rss").read(20.0)

    assert FeedOutcome.READ is reading.outcome
    assert ["/rss", "/moved"] == [request.target for request in server.requests]


@pytest.mark.parametrize(
    "place",
    [
        "http://news.example/",
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://[",
        "http://127.0.0.1:99999/",
        "//\udce4/".encode("utf-8", "surrogateescape").decode("latin-1"),
    ],
)
def test_a_redirect_elsewhere_is_not_followed(place: str) -> None:
    raw = b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " + place.encode("latin-1") + b"\r\n\r\n"

    assert FeedReading(outcome=FeedOutcome.REDIRECTED) == read(answers(raw))


def test_a_redirect_in_a_circle_ends() -> None:
    with RawServer(answers(http(302, b"", Location="/again"))) as server:
        reading = RssFeed(server.url).read(20.0)

    assert (FeedOutcome.REDIRECTED, 4) == (reading.outcome, len(server.requests))


def test_from_elsewhere_nothing_leads_to_this_machine() -> None:
    from dg_bot.adapters.rss import _is_allowed  # noqa: PLC0415

    allowed: Callable[[str, bool], bool] = lambda url, here: _is_allowed(url, from_here=here)  # noqa: E731

    assert [False, False, True, True, False] == [
        allowed("https://127.0.0.1/", False),
        allowed("http://localhost:8080/", False),
        allowed("http://127.0.0.1/", True),
        allowed("https://news.example/", False),
        allowed("http://news.example/", True),
    ]


@pytest.mark.parametrize(
    ("address", "outside"),
    [
        ("8.8.8.8", True), ("2606:4700::1", True), ("127.0.0.2", False), ("::", False), ("::1", False),
        ("::ffff:127.0.0.1", False), ("169.254.169.254", False), ("10.0.0.1", False), ("192.168.1.1", False),
        ("fe80::1%lo", False), ("100.64.0.1", False),
    ],
)  # fmt: skip
def test_which_addresses_lead_outside(address: str, outside: bool) -> None:
    assert outside is leads_outside(address)


@pytest.mark.parametrize("host", ["127.0.0.2", "127.2", "2130706434"])
def test_a_server_of_the_world_leads_to_no_address_of_this_network(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """However this machine is called: what is looked at is the address that a connection would go to."""
    with socket.create_server(("127.0.0.2", 0)) as inside:
        inside.setblocking(False)
        monkeypatch.setattr(module, "leads_outside", lambda address: address == "127.0.0.1")

        reading = read(answers(http(302, b"", Location=f"https://{host}:{inside.getsockname()[1]}/")))

        with pytest.raises(BlockingIOError):
            inside.accept()
    assert FeedReading(outcome=FeedOutcome.UNREACHABLE) == reading
