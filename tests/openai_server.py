"""A local server that speaks as much of OpenAI's protocol as the bot uses, answers as it is told, and keeps what it was asked."""

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType

from dg_bot.adapters.openai_reply import Api
from dg_bot.analysis.answer import SECTIONS
from dg_bot.analysis.prompt import CANARY_INSTRUCTIONS

MODEL = "test-model"
KEY = "sk-canaryKeyThatMustNeverLeak0123456789"
_DRIP_S = 0.05


class Manner(Enum):
    """How a reply goes out."""

    WHOLE = auto()
    SILENT = auto()
    DRIPPING_HEAD = auto()
    DRIPPING_BODY = auto()
    CUT = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A reply; `manner` tells how it goes out."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: Manner = Manner.WHOLE


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request as it came in."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, object]

    @property
    def api(self) -> Api:
        return Api.CHAT if self.path.endswith("/chat/completions") else Api.RESPONSES

    @property
    def text(self) -> str:
        return json.dumps(self.body, ensure_ascii=False)

    @property
    def is_canary(self) -> bool:
        return json.dumps(CANARY_INSTRUCTIONS)[1:-1] in json.dumps(self.body)

    @property
    def is_about_news(self) -> bool:
        return '"name": "sentiment"' in self.text

    @property
    def headlines(self) -> list[str]:
        """Give the titles that it asks about, where it is about news."""
        messages = self.body.get("messages")
        data = messages[-1]["content"] if isinstance(messages, list) else self.body["input"]
        return [item["title"] for item in json.loads(str(data))["quoted"]["news"]]


def opinion(action: str = "HOLD", confidence: object = 0.9, **fields: object) -> str:
    """Write the text of a usable answer; `fields` are put over it."""
    sections = {section: f"a word on {section}" for section in SECTIONS}
    return json.dumps({"action": action, "confidence": confidence, "reason": sections, **fields})


def scores(asked: Asked, score: float) -> str:
    """Write the text of an answer that gives every headline this score."""
    return json.dumps({"scores": [{"item": number, "score": score} for number, _ in enumerate(asked.headlines, 1)]})


def served(text: str | None, api: Api = Api.RESPONSES, model: str = MODEL, tokens: tuple[int, int] = (1000, 200)) -> Served:
    """Wrap a text as either endpoint does."""
    return Served(body=json.dumps(envelope(text, api, model, tokens)).encode())


def envelope(
    text: str | None, api: Api = Api.RESPONSES, model: str = MODEL, tokens: tuple[int, int] = (1000, 200)
) -> dict[str, object]:
    """Give what stands around a text."""
    read, written = tokens
    if api is Api.CHAT:
        message = {"role": "assistant", "content": text, "refusal": None}
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written},
        }
    part: dict[str, object] = {"type": "output_text", "text": text, "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "model": model,
        "output": [{"type": "message", "role": "assistant", "status": "completed", "content": [part]}],
        "usage": {"input_tokens": read, "output_tokens": written, "total_tokens": read + written},
    }


def refused(status: int, code: str = "") -> Served:
    body = {"error": {"message": f"Incorrect API key provided: {KEY}", "type": "error", "code": code}}
    return Served(status=status, body=json.dumps(body).encode())


SILENCE = Served(manner=Manner.SILENT)


class OpenAiServer:
    """Runs between `with` and its end; `answer` gives the reply to a decision, `canary` that to the check of the form.

    `sentiment` gives the reply to a question about news.
    """

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.answer: Callable[[Asked], Served] = lambda asked: served(opinion(), asked.api)
        self.canary: Callable[[Asked], Served] = lambda asked: served(opinion(confidence=0.5), asked.api)
        self.sentiment: Callable[[Asked], Served] = lambda asked: served(scores(asked, 0.5), asked.api)
        self.is_closing = threading.Event()
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}/v1"

    @property
    def decisions(self) -> list[Asked]:
        """Give the requests that asked for a decision."""
        return [asked for asked in self.asked if not asked.is_canary and not asked.is_about_news]

    @property
    def about_news(self) -> list[Asked]:
        """Give the requests that asked how news sound."""
        return [asked for asked in self.asked if asked.is_about_news]

    def says(self, text: str) -> None:
        """Answer every decision with this text."""
        self.answer = lambda asked: served(text, asked.api)

    def replies_with(self, reply: Served) -> None:
        """Send every decision this reply."""
        self.answer = lambda _: reply

    def __enter__(self) -> "OpenAiServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.is_closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: OpenAiServer) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that went away."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http

    def do_POST(self) -> None:
        api = self.server.api
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", "0"))))
        asked = Asked(path=self.path, headers=dict(self.headers.items()), body=body)
        api.asked.append(asked)
        reply = api.sentiment if asked.is_about_news else api.answer
        self._serve((api.canary if asked.is_canary else reply)(asked))

    def _serve(self, reply: Served) -> None:
        if reply.manner is Manner.SILENT:
            self._wait(30.0)
            self.close_connection = True
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.manner is Manner.DRIPPING_HEAD:
            while not self._wait(_DRIP_S):
                self.wfile.write(b"X-Drip: 1\r\n")
                self.wfile.flush()
            return
        length = len(reply.body) + (10 if reply.manner is Manner.CUT else 0)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if reply.manner is Manner.DRIPPING_BODY:
            for byte in reply.body:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
                if self._wait(_DRIP_S):
                    return
        else:
            self.wfile.write(reply.body)
        self.close_connection = reply.manner is Manner.CUT

    def _wait(self, seconds: float) -> bool:
        return self.server.api.is_closing.wait(seconds)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
