"""HTTP/1.1 on a loopback socket: a request read, an answer written in one piece, connections kept alive and countable."""

import socket
import socketserver
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Final, TypeAlias, cast

from dg_bot.simulator.rest_reply import Delivery
from dg_bot.simulator.rest_request import Request

_LONGEST_BODY: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Dated:
    """A delivery with the value of its Date header."""

    delivery: Delivery
    date: str


Respond: TypeAlias = Callable[[Request], Dated | None]


class Listener(socketserver.ThreadingTCPServer):
    """One thread a connection; asks `respond` for each answer, and closes the connection where that gives None."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], respond: Respond) -> None:
        self.respond = respond
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Connection)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def process_request(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: "socket.socket | tuple[bytes, socket.socket]") -> None:
        if isinstance(request, socket.socket):
            with self._lock:
                self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: "socket.socket | tuple[bytes, socket.socket]", client_address: object) -> None:
        """Pass over a client that went away; anything else is a fault of the simulator and is shown."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def hang_up_all(self) -> None:
        """End every open connection, then wake whoever is delaying an answer: none of them can still be sent."""
        with self._lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # the client was quicker
        self.stopping.set()


class _Connection(BaseHTTPRequestHandler):
    """Reads requests of one connection one after the other."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is the base class's
        """Stay silent: the wire log is the record."""

    def _serve(self) -> None:
        request = self._read()
        answer = None if request is None else self._listener.respond(request)
        if answer is None:
            self.close_connection = True
            return
        self._write(answer)

    # The names are the base class's, which looks them up by the method of the request.
    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = do_HEAD = do_OPTIONS = _serve  # noqa: N815

    @property
    def _listener(self) -> Listener:
        return cast("Listener", self.server)

    def _read(self) -> Request | None:
        """Read the body and build the request; None where its length cannot be believed."""
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _LONGEST_BODY:
            return None
        path, _, query = self.path.partition("?")
        return Request(
            method=self.command,
            path=path,
            query=query,
            body=self.rfile.read(int(length)).decode(errors="replace"),
            content_type=self.headers.get("Content-Type", ""),
            authorization=self.headers.get("Authorization"),
            has_origin="Origin" in self.headers,
        )

    def _write(self, answer: Dated) -> None:
        delivery, reply = answer.delivery, answer.delivery.reply
        lines = [
            f"HTTP/1.1 {reply.status} {_reason(reply.status)}",
            *([] if any(name.lower() == "date" for name in reply.headers) else [f"Date: {answer.date}"]),
            f"Content-Type: {reply.content_type}",
            f"Content-Length: {len(reply.body)}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
            *(["Connection: close"] if self.close_connection else []),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", errors="replace")
        body = b"" if self.command == "HEAD" else reply.body[: delivery.bytes_sent]
        if delivery.drip_s is None:
            self.wfile.write(head + body)
        else:
            self.wfile.write(head)
            self._drip(body, delivery.drip_s)
        if delivery.hangs_up or delivery.bytes_sent is not None:
            self.close_connection = True

    def _drip(self, body: bytes, pause_s: float) -> None:
        for offset in range(len(body)):
            if self._listener.stopping.wait(pause_s):
                return
            self.wfile.write(body[offset : offset + 1])


def _reason(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Unknown"
