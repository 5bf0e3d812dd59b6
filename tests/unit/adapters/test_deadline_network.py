import socket
from threading import Event

import httpcore
import pytest

from dg_bot.adapters import deadline_network
from dg_bot.adapters.deadline_network import DeadlineNetwork


def hanging_lookup(monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], Event]:
    asked: list[str] = []
    release = Event()

    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        asked.append(host)
        release.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(deadline_network, "getaddrinfo", lookup)
    return asked, release


def test_a_name_lookup_that_hangs_ends_with_the_deadline_and_is_not_asked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, release = hanging_lookup(monkeypatch)
    network = DeadlineNetwork()

    for _ in range(3):
        with pytest.raises(httpcore.ConnectTimeout), network.deadline(0.05):
            network.connect_tcp("venue.test", 443)
    release.set()

    assert ["venue.test"] == asked


def test_a_name_that_does_not_exist_is_a_failed_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    def lookup(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(deadline_network, "getaddrinfo", lookup)
    network = DeadlineNetwork()

    for _ in range(2):
        with pytest.raises(httpcore.ConnectError), network.deadline(20):
            network.connect_tcp("venue.test", 443)


def test_the_next_address_is_tried_where_the_first_one_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def lookup(host: str, at: int, **_: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, at)) for address in ("127.0.0.2", "127.0.0.1")]

        monkeypatch.setattr(deadline_network, "getaddrinfo", lookup)
        network = DeadlineNetwork()

        with network.deadline(20):
            stream = network.connect_tcp("venue.test", port)
        reached = stream.get_extra_info("socket").getpeername()
        stream.close()

    assert ("127.0.0.1", port) == reached


def test_what_may_not_be_reached_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

        def lookup(host: str, at: int, **_: object) -> list[tuple[object, ...]]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", at))]

        monkeypatch.setattr(deadline_network, "getaddrinfo", lookup)
        network = DeadlineNetwork(is_allowed=lambda address: address != "127.0.0.1")
        for host in ("venue.test", "127.0.0.1"):
            with pytest.raises(httpcore.ConnectError, match="no address that may be reached"), network.deadline(20):
                network.connect_tcp(host, port)
        listener.setblocking(False)

        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_address_needs_no_lookup(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, _ = hanging_lookup(monkeypatch)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = DeadlineNetwork()

        with network.deadline(20):
            network.connect_tcp("127.0.0.1", listener.getsockname()[1]).close()

    assert [] == asked


def test_after_the_deadline_nothing_waits_any_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        network = DeadlineNetwork()
        with network.deadline(20):
            stream = network.connect_tcp("127.0.0.1", listener.getsockname()[1])

        with network.deadline(-1.0):
            with pytest.raises(httpcore.ReadTimeout):
                stream.read(1)
            with pytest.raises(httpcore.ReadTimeout):
                stream.write(b"x")
            with pytest.raises(httpcore.ReadTimeout):
                network.connect_tcp("127.0.0.1", listener.getsockname()[1])
        stream.close()
