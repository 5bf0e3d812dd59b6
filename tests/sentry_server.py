"""A local server that takes what Sentry's library sends, and keeps it as text."""

import gzip
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

KEY = "canaryofthesentrykey"


class SentryServer:
    """Runs between `with` and its end; `envelopes` holds the bodies that came in, unpacked."""

    def __init__(self) -> None:
        self.envelopes: list[str] = []
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def dsn(self) -> str:
        return f"http://{KEY}@127.0.0.1:{self._http.server_address[1]}/1"

    def __enter__(self) -> "SentryServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, kept: SentryServer) -> None:
        self.kept = kept
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.server.kept.envelopes.append((gzip.decompress(body) if packed else body).decode())
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
