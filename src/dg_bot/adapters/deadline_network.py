"""Bound everything that one HTTP call does on the network, name lookup included, by one deadline."""

import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from socket import SOCK_STREAM, getaddrinfo
from typing import Any

import httpcore


class DeadlineNetwork(httpcore.NetworkBackend):
    """Sockets whose every wait is cut to what is left of the deadline of the calling thread.

    A timeout of each read alone never ends for a peer that sends byte by byte; here the waits of a call are bounded together.
    To be used inside `deadline`. Raises httpcore's exceptions.
    """

    def __init__(self, is_allowed: Callable[[str], bool] = lambda _address: True) -> None:
        """`is_allowed` tells of an IP address whether a connection may go there; it is asked behind the name lookup."""
        self._is_allowed = is_allowed
        self._sockets = httpcore.SyncBackend()
        self._call = threading.local()
        self._lookups = _Lookups()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Give all that this thread does on the network inside the block `seconds` in total."""
        self._call.ends_s = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._call.ends_s

    def left_s(self) -> float:
        """Give the seconds left to this thread's call; raises httpcore.ReadTimeout when there are none."""
        left: float = self._call.ends_s - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline of the call has passed")
        return left

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  # the deadline stands in its place
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = [one for one in self._lookups.addresses(host, port, self.left_s()) if self._is_allowed(one)]
        failure: httpcore.ConnectError | httpcore.ConnectTimeout
        failure = httpcore.ConnectError(f"{host} has no address that may be reached")
        for tried, address in enumerate(addresses):
            share_s = self.left_s() / (len(addresses) - tried)
            try:
                stream = self._sockets.connect_tcp(address, port, share_s, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _DeadlineStream(stream, self)
        raise failure


class _DeadlineStream(httpcore.NetworkStream):
    """A stream that asks its network for the time left before it waits."""

    def __init__(self, stream: httpcore.NetworkStream, network: DeadlineNetwork) -> None:
        self._stream = stream
        self._network = network

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        return self._stream.read(max_bytes, self._network.left_s())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002
        self._stream.write(buffer, self._network.left_s())

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> httpcore.NetworkStream:
        return _DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, self._network.left_s()), self._network)

    def close(self) -> None:
        self._stream.close()

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _Lookups:
    """Name lookups that can be given up on: the system's own lookup knows no timeout, so it runs on a thread of its own.

    While a lookup of a host hangs, later calls wait for that same one, so that a dead name server costs one thread.
    """

    def __init__(self) -> None:
        self._pending: dict[tuple[str, int], Future[list[str]]] = {}
        self._lock = threading.Lock()

    def addresses(self, host: str, port: int, timeout_s: float) -> list[str]:
        """Give the addresses of `host`, best first; raises httpcore.ConnectTimeout or httpcore.ConnectError."""
        if _is_address(host):
            return [host]
        try:
            return self._lookup(host, port).result(timeout_s)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"the name {host} was not resolved in time") from error
        except OSError as error:
            raise httpcore.ConnectError(f"the name {host} cannot be resolved") from error

    def _lookup(self, host: str, port: int) -> "Future[list[str]]":
        with self._lock:
            pending = self._pending.get((host, port))
            if pending is None:
                pending = self._pending[host, port] = Future()
                threading.Thread(target=self._resolve, args=(host, port, pending), name=f"lookup-{host}", daemon=True).start()
            return pending

    def _resolve(self, host: str, port: int, answer: "Future[list[str]]") -> None:
        try:
            found = list(dict.fromkeys(str(row[4][0]) for row in getaddrinfo(host, port, type=SOCK_STREAM)))
        except (OSError, UnicodeError) as error:
            self._forget(host, port)
            answer.set_exception(error if isinstance(error, OSError) else OSError(str(error)))
        else:
            self._forget(host, port)
            answer.set_result(found)

    def _forget(self, host: str, port: int) -> None:
        with self._lock:
            del self._pending[host, port]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
