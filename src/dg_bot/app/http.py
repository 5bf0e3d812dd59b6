"""Answer /health and /metrics over HTTP, to whoever asks, without letting anybody hold the program."""

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer, ThreadingMixIn
from typing import Any

import structlog

from dg_bot.errors import ConfigurationError

_JSON = "application/json; charset=utf-8"
_TEXT = "text/plain; charset=utf-8"
_LONGEST_BODY = 65_536
_PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Check:
    """One check of /health: whether it is well, and a short word on why."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpLimits:
    """What one server grants its clients; a connection is cut after `connection_s` whatever it does."""

    connections: int = 8
    silence_s: float = 5.0
    connection_s: float = 10.0


class StatusServer:
    """Serves GET and HEAD of /health and /metrics on its own threads between `start` and `stop`.

    `checks` is called for each /health: 200 where all are ok, else 503. `exposition` gives the Prometheus text. `clean` takes
    secrets out of check details.
    """

    def __init__(
        self,
        *,
        service: str,
        checks: Callable[[], Mapping[str, Check]],
        exposition: Callable[[], bytes],
        clean: Callable[[str], str],
        host: str = "127.0.0.1",
        port: int = 8080,
        limits: HttpLimits | None = None,
    ) -> None:
        """Bind the port; raises ConfigurationError where it cannot be had."""
        pages = _Pages(service=service, checks=checks, exposition=exposition, clean=clean)
        try:
            self._server = _Server(host, port, pages, limits or HttpLimits())
        except (OSError, OverflowError) as error:
            problem = f"{host}:{port} cannot be opened ({error})"
            raise ConfigurationError("HEALTH_PORT", problem, "choose a free port, or set HEALTH_HOST") from error
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="status-http", daemon=True)

    @property
    def port(self) -> int:
        """The port that is bound, also where 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop answering and free the port; connections that are still open are cut."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        self._server.server_close()
        self._server.cut_all()


@dataclass(frozen=True, slots=True)
class _Page:
    status: HTTPStatus
    kind: str
    body: bytes


class _Pages:
    def __init__(
        self,
        *,
        service: str,
        checks: Callable[[], Mapping[str, Check]],
        exposition: Callable[[], bytes],
        clean: Callable[[str], str],
    ) -> None:
        self._service = service
        self._checks = checks
        self._exposition = exposition
        self._clean = clean
        self._started_at = time.monotonic()

    def page(self, path: str) -> _Page:
        match path.partition("?")[0]:
            case "/health":
                return self._health()
            case "/metrics":
                return _Page(HTTPStatus.OK, _PROMETHEUS, self._exposition())
            case _:
                return _Page(HTTPStatus.NOT_FOUND, _TEXT, b"not found\n")

    def _health(self) -> _Page:
        checks = self._checks()
        healthy = all(check.ok for check in checks.values())
        document = {
            "status": "ok" if healthy else "failing",
            "service": self._service,
            "uptime": round(time.monotonic() - self._started_at, 3),
            "checks": {name: {"ok": check.ok, "detail": self._clean(check.detail)} for name, check in checks.items()},
        }
        body = json.dumps(document, ensure_ascii=False).encode() + b"\n"
        return _Page(HTTPStatus.OK if healthy else HTTPStatus.SERVICE_UNAVAILABLE, _JSON, body)


class _Server(ThreadingMixIn, TCPServer):
    """A thread a connection, at most `limits.connections` of them; one more is closed unanswered."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, host: str, port: int, pages: _Pages, limits: HttpLimits) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.pages = pages
        self.limits = limits
        self._free = threading.BoundedSemaphore(limits.connections)
        self._deadlines: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        with self._lock:
            self._deadlines[request] = time.monotonic() + self.limits.connection_s
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no thread could be started
            self._forget(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._forget(request)

    def service_actions(self) -> None:
        """Cut connections whose time is over; the accept loop calls this several times a second."""
        self._cut(time.monotonic())

    def cut_all(self) -> None:
        self._cut(float("inf"))

    def _forget(self, request: Any) -> None:
        with self._lock:
            self._deadlines.pop(request, None)
        self._free.release()

    def _cut(self, now: float) -> None:
        with self._lock:
            overdue = [request for request, deadline in self._deadlines.items() if deadline <= now]
            for request in overdue:
                try:
                    request.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # it ended by itself in the meantime

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - the base class's signature
        """Log what broke while answering; the base class would print it."""
        structlog.get_logger(__name__).warning("status_request_failed", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    """Reads one request and writes one page; HTTP/1.0, so a connection never serves a second request."""

    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.limits.silence_s)

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client went away, or was cut

    def do_GET(self) -> None:
        self._write(self.server.pages.page(self.path))

    do_HEAD = do_GET  # noqa: N815 - the name is the base class's

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse in one short line, without a banner; a method that is not served is 405."""
        status = HTTPStatus.METHOD_NOT_ALLOWED if code == HTTPStatus.NOT_IMPLEMENTED else HTTPStatus(code)
        self._drain()
        self._write(_Page(status, _TEXT, f"{status.phrase.lower()}\n".encode()))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's signature
        """Say nothing: a scrape every few seconds is no news."""

    def _drain(self) -> None:
        """Read a short body away: closing with bytes unread resets the connection, and the answer is lost."""
        headers = getattr(self, "headers", None)
        length = headers.get("Content-Length", "") if headers is not None else ""
        if length.isascii() and length.isdigit():
            self.rfile.read(min(int(length[:9]), _LONGEST_BODY))

    def _write(self, page: _Page) -> None:
        self.close_connection = True
        if self.request_version == "HTTP/0.9":
            return
        self.send_response_only(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(page.body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        if page.status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(page.body)
