"""A server of raw sockets on loopback, for peers that break off, drip, stall or answer nonsense; it counts what reaches it."""

import json
import os
import socket
import ssl
import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True, slots=True)
class Request:
    """What came over the wire; header names in lower case."""

    connection: int
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, strict_parsing=bool(urlsplit(self.target).query))


Behaviour = Callable[[socket.socket, Request, Event], None]


class RawServer:
    """Runs one behaviour for each request; `gone` is set when the server closes, so that a behaviour can wait for it."""

    def __init__(self, behaviour: Behaviour, *, tls: ssl.SSLContext | None = None) -> None:
        self._behaviour = behaviour
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._lock = Lock()
        self._peers: list[socket.socket] = []
        self._threads: list[Thread] = []
        self.connections = 0
        self.requests: list[Request] = []
        self.gone = Event()

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.gone.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for peer in self._peers:
                with suppress(OSError):
                    peer.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[[], None]) -> None:
        thread = Thread(target=target, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                with self._lock:
                    self.connections += 1
                    number = self.connections
                    self._peers.append(peer)
                self._start(partial(self._serve, peer, number))

    def _serve(self, peer: socket.socket, number: int) -> None:
        with peer, suppress(OSError):
            stream = peer if self._tls is None else self._tls.wrap_socket(peer, server_side=True)
            with stream, stream.makefile("rb") as reader:
                while request := _read_request(reader, number):
                    self.requests.append(request)
                    self._behaviour(stream, request, self.gone)


def _read_request(reader: BufferedReader, number: int) -> Request | None:
    line = reader.readline().decode()
    if not line:
        return None
    method, target, _ = line.split(" ")
    headers = {}
    while (row := reader.readline().decode().rstrip()) != "":
        name, _, value = row.partition(":")
        headers[name.lower()] = value.strip()
    body = reader.read(int(headers.get("content-length", "0")))
    return Request(number, method, target, headers, body)


def http(status: int, body: bytes, **headers: str) -> bytes:
    """Write an answer; underscores in header names stand for dashes."""
    rows = {"Content-Length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    head = "".join(f"{name}: {value}\r\n" for name, value in rows.items())
    return f"HTTP/1.1 {status} Any\r\n{head}\r\n".encode() + body


def answers(*replies: bytes) -> Behaviour:
    """Give these answers one after another, the last one for ever."""
    left = list(replies)

    def behave(peer: socket.socket, request: Request, gone: Event) -> None:
        peer.sendall(left.pop(0) if len(left) > 1 else left[0])

    return behave


def reply_json(document: object, status: int = 200, **headers: str) -> bytes:
    return http(status, json.dumps(document).encode(), Content_Type="application/json", **headers)


def reset(peer: socket.socket) -> None:
    """Break the connection off with a reset instead of an orderly end."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(peer.detach())  # a plain close would wait for the reader on the same socket
