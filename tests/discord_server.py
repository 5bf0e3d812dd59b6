"""A local server that takes what a Discord webhook takes, and keeps it."""

import json
import threading
from collections import deque
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

SECRET = "canary-of-the-webhook-0123456789"
PATH = f"/api/webhooks/1234567890/{SECRET}"


class DiscordServer:
    """Runs between `with` and its end; `replies` (status, body) are used up one a message, then everything is accepted."""

    def __init__(self) -> None:
        self.sent: list[dict[str, object]] = []
        self.calls = 0
        self.replies: deque[tuple[int, Mapping[str, object]]] = deque()
        self.changed = threading.Condition()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}{PATH}"

    @property
    def texts(self) -> list[str]:
        with self.changed:
            return [str(message["content"]) for message in self.sent]

    def __enter__(self) -> "DiscordServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def take(self, path: str, body: bytes) -> tuple[int, Mapping[str, object]]:
        with self.changed:
            self.calls += 1
            self.changed.notify_all()
            if path != PATH:
                return 404, {"message": "Unknown Webhook", "code": 10015}
            if self.replies:
                return self.replies.popleft()
            message = json.loads(body)
            if not message["content"].strip() or len(message["content"].encode("utf-16-le")) > 4000:
                return 400, {"message": "Invalid Form Body", "code": 50035}
            self.sent.append(message)
            return 204, {}


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: DiscordServer) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    server: _Http

    def do_POST(self) -> None:
        status, document = self.server.api.take(self.path, self.rfile.read(int(self.headers["Content-Length"])))
        content = b"" if status == 204 else json.dumps(document).encode()
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
