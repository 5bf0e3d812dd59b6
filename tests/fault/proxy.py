"""A proxy on loopback that can break what passes between a client and a server, with a certificate or without."""

import os
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

_CHUNK = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How bytes pass; the defaults let them pass as they are.

    A request is held back for ever (`stalls`) or loses its connection before it gets through (`drops`). Of an answer
    `bytes_passed` get through before the connection ends, orderly or with a reset (`resets`), and each byte takes `drip_s`. With
    `hangs_up` the connection ends after each whole answer. The fault strikes the first `times` requests that begin with `only`.
    """

    stalls: bool = False
    drops: bool = False
    resets: bool = False
    hangs_up: bool = False
    bytes_passed: int | None = None
    drip_s: float | None = None
    only: bytes = b""
    times: int = 1_000_000


PLAIN = Manner()


class Proxy:
    """Listens on a free port and passes on to `target`, as it is until `behave` says otherwise.

    An answer that the server writes in one piece is one answer here. With `tls` the client's side is encrypted.
    """

    def __init__(self, target: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(target)
        self._target = (parts.hostname or "", parts.port or 0)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[Thread] = []
        self._gone = Event()
        self._manner = PLAIN
        self._struck = 0
        self.connections = 0
        self.requests: list[bytes] = []

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._gone.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()
        for thread in self._threads:
            thread.join()

    def behave(self, manner: Manner) -> None:
        """Let bytes pass in this manner from the next request on."""
        with self._lock:
            self._manner, self._struck = manner, 0

    def hang_up(self) -> None:
        """End every open connection, as a restarted router does."""
        with self._lock:
            for one in self._open:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)

    def _start(self, target: Callable[[], None]) -> None:
        thread = Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                self._start(partial(self._serve, client))

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError), socket.create_connection(self._target) as server:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            near = client if self._tls is None else self._tls.wrap_socket(client, server_side=True)
            with self._lock:
                self._open |= {near, server}
            try:
                while self._exchange(near, server):
                    pass
            finally:
                with self._lock:
                    self._open -= {near, server}
                near.close()
        client.close()

    def _exchange(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass one request and its answer; tells whether the connection goes on."""
        request = _whole(client)
        if not request:
            return False
        self.requests.append(request)
        manner = self._manner_for(request)
        if manner.stalls:
            self._gone.wait()
        if manner.drops or manner.stalls:
            return False
        server.sendall(request)
        answer = _whole(server)
        if not answer:
            return False
        return self._answer(client, answer, manner)

    def _manner_for(self, request: bytes) -> Manner:
        with self._lock:
            if not request.startswith(self._manner.only) or self._struck >= self._manner.times:
                return PLAIN
            self._struck += 1
            return self._manner

    def _answer(self, client: socket.socket, answer: bytes, manner: Manner) -> bool:
        passed = answer if manner.bytes_passed is None else answer[: manner.bytes_passed]
        if manner.drip_s is None:
            client.sendall(passed)
        else:
            for place in range(len(passed)):
                if self._gone.wait(manner.drip_s):
                    return False
                client.sendall(passed[place : place + 1])
        if manner.resets:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(client.detach())
            return False
        return manner.bytes_passed is None and not manner.hangs_up


def _whole(peer: socket.socket) -> bytes:
    """Read one message up to the end that its head announces, or to the end of the connection."""
    message = bytearray()
    wanted = None
    while wanted is None or len(message) < wanted:
        chunk = peer.recv(_CHUNK)
        if not chunk:
            break
        message += chunk
        if wanted is None and (head := message.partition(b"\r\n\r\n"))[1]:
            wanted = len(head[0]) + len(head[1]) + _length(bytes(head[0]))
    return bytes(message)


def _length(head: bytes) -> int:
    rows = (row.partition(b":") for row in head.lower().split(b"\r\n"))
    return next((int(value) for name, _, value in rows if name == b"content-length"), 0)
