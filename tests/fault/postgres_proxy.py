"""A proxy on loopback before a PostgreSQL server, that strikes at one kind of message: it cuts the line there, or holds it."""

import select
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from types import TracebackType
from typing import Self

from psycopg.conninfo import conninfo_to_dict

COMMIT = b"COMMIT\0"


class Strike(Enum):
    """What happens to a message: it never reaches the server, its answer never reaches the client, or it waits."""

    LOSE_REQUEST = auto()
    LOSE_REPLY = auto()
    HOLD = auto()


class PostgresProxy:
    """Runs between `with` and its end; `dsn` leads through it. Lines must not be encrypted."""

    def __init__(self, dsn: str) -> None:
        port = str(conninfo_to_dict(dsn)["port"])
        self._server = ("127.0.0.1", int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.dsn = dsn.replace(f":{port}/", f":{self._listener.getsockname()[1]}/")
        self._pattern = COMMIT
        self._strike: Strike | None = None
        self._left = 0
        self.held = threading.Event()
        self.released = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lines: list[socket.socket] = []

    def strike(self, strike: Strike, pattern: bytes = COMMIT, *, times: int = 1) -> None:
        """Strike the next `times` messages that hold `pattern`."""
        self._pattern, self._strike, self._left = pattern, strike, times

    @property
    def strikes_left(self) -> int:
        return self._left

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.released.set()
        for one in (self._listener, *self._lines):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join()

    def _spawn(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._spawn(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        with suppress(OSError, ValueError), client, socket.create_connection(self._server) as server:
            self._lines += [client, server]
            while True:
                ready, _, _ = select.select([client, server], [], [])
                if client in ready and not self._pass_request(client, server):
                    return
                if server in ready and not _pass(server, client):
                    return

    def _pass_request(self, client: socket.socket, server: socket.socket) -> bool:
        """Pass one message on; tells whether the line goes on."""
        message = client.recv(65536)
        if not message:
            return False
        if self._left == 0 or self._pattern not in message:
            server.sendall(message)
            return True
        self._left -= 1
        match self._strike:
            case Strike.LOSE_REPLY:
                server.sendall(message)
                server.recv(65536)
                return False
            case Strike.HOLD:
                self.held.set()
                self.released.wait()
                server.sendall(message)
                return True
            case _:
                return False


def _pass(source: socket.socket, target: socket.socket) -> bool:
    message = source.recv(65536)
    if message:
        target.sendall(message)
    return bool(message)
