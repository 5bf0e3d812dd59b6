"""A local server that speaks as much of Telegram's Bot API as the bot uses, and keeps what it was told.

It reads HTML as Telegram does (unknown or unbalanced tags are refused) and counts length in UTF-16 units after the tags are gone.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import parse_qs

TOKEN = "123456789:AAcanaryTokenThatMustNeverLeak_0123"
CHAT = "424242"
_TAGS = frozenset({"b", "strong", "i", "em", "u", "s", "code", "pre", "a", "blockquote"})
_LONGEST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message that was accepted; `buttons` are the labels under it with what a press says."""

    chat_id: str
    text: str
    parse_mode: str | None
    buttons: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer instead of accepting; `status` 0 is silence."""

    status: int
    description: str = ""
    parameters: Mapping[str, int | float] | None = None


def flood(retry_after: float) -> Reply:
    return Reply(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})


def broken(status: int = 502) -> Reply:
    return Reply(status, "Bad Gateway")


UNAUTHORIZED = Reply(401, "Unauthorized")
CONFLICT = Reply(409, "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running")
BLOCKED = Reply(403, "Forbidden: bot was blocked by the user")
NO_CHAT = Reply(400, "Bad Request: chat not found")
SILENCE = Reply(0)


class _Entities(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.text = ""
        self.problem: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.problem = self.problem or f'unsupported start tag "{tag}"'
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.problem = self.problem or f'unexpected end tag "{tag}"'

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.problem = self.problem or "unsupported comment"


def refusal_of(text: str, parse_mode: str | None) -> str | None:
    """Give the description with which the API would refuse this text, or None."""
    visible = text
    if parse_mode == "HTML":
        entities = _Entities()
        entities.feed(text)
        entities.close()
        problem = entities.problem or ("can't find end tag" if entities.open else None)
        if problem is not None:
            return f"Bad Request: can't parse entities: {problem}"
        visible = entities.text
    if not visible.strip():
        return "Bad Request: message text is empty"
    return "Bad Request: message is too long" if len(visible.encode("utf-16-le")) > 2 * _LONGEST else None


class TelegramServer:
    """Runs between `with` and its end; `replies` are used up one a sendMessage, then everything is accepted."""

    def __init__(self, token: str = TOKEN) -> None:
        self.token = token
        self.sent: list[Sent] = []
        self.calls: list[str] = []
        self.replies: deque[Reply] = deque()
        self.poll_replies: deque[Reply] = deque()
        self.edited: list[tuple[int, Sent]] = []
        self.rested: list[str] = []
        self.menus: dict[str, list[str]] = {}
        self.offsets: list[int] = []
        self.changed = threading.Condition()
        self.is_closing = threading.Event()
        self._updates: list[dict[str, object]] = []
        self._taken = 0
        self._http = _Http(self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> "TelegramServer":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.is_closing.set()
        with self.changed:
            self.changed.notify_all()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def push(
        self,
        text: str,
        *,
        user_id: int,
        chat_id: int | None = None,
        kind: str = "private",
        ago_s: float = 0.0,
        is_bot: bool = False,
        more: Mapping[str, object] | None = None,
    ) -> int:
        """Let a user write to the bot, alone with it unless a chat is named: the next getUpdates returns it.

        `more` are further fields of the message.
        """
        person = {"id": user_id, "is_bot": is_bot, "first_name": "someone"}
        chat = {"id": user_id if chat_id is None else chat_id, "type": kind, "first_name": "someone", "title": "some group"}
        entities = [{"type": "bot_command", "offset": 0, "length": len(text.partition(" ")[0])}] if text.startswith("/") else []
        message = {
            "date": int(time.time() - ago_s),
            "chat": chat,
            "from": person,
            "text": text,
            "entities": entities,
            **(more or {}),
        }
        return self._deliver(lambda number: {"message": {**message, "message_id": 1_000_000 + number}})

    def press(self, label: str, *, user_id: int) -> int:
        """Let a user press the newest button of that label."""
        screen = self.screen()
        number, said = next(
            (number, dict(message.buttons)[label])
            for number, message in reversed(screen.items())
            if label in dict(message.buttons)
        )
        return self.press_data(said, user_id=user_id, message=number)

    def press_data(self, data: str, *, user_id: int, message: int) -> int:
        """Let a user's client say that a button with this data was pressed."""
        person = {"id": user_id, "is_bot": False, "first_name": "someone"}
        chat = {"id": user_id, "type": "private", "first_name": "someone"}
        under = {"message_id": message, "date": int(time.time()), "chat": chat, "text": "…"}
        press = {"from": person, "chat_instance": "1", "data": data, "message": under}
        return self._deliver(lambda number: {"callback_query": {**press, "id": f"press-{number}"}})

    def screen(self) -> dict[int, Sent]:
        """Give what a person sees, by message, edits applied."""
        with self.changed:
            return {**dict(enumerate(self.sent, start=1)), **dict(self.edited)}

    def wait_until(self, holds: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait until the server has heard what makes this true."""
        with self.changed:
            assert self.changed.wait_for(holds, seconds), [message.text for message in self.sent[-3:]]

    def _deliver(self, made: Callable[[int], dict[str, object]]) -> int:
        with self.changed:
            number = len(self._updates) + 1
            self._updates.append({"update_id": number, **made(number)})
            self.changed.notify_all()
        return number

    def answer(self, method: str, fields: Mapping[str, str]) -> tuple[int, object] | None:
        """Give status and JSON for one call; None where nothing shall be answered."""
        with self.changed:
            self.calls.append(method)
        match method:
            case "getMe":
                return _ok({"id": 123456789, "is_bot": True, "first_name": "bot", "username": "a_bot"})
            case "deleteWebhook":
                return _ok(result=True)
            case "setMyCommands":
                names = [one["command"] for one in json.loads(fields["commands"])]
                self.menus[fields.get("language_code", "")] = names
                return _ok(result=True)
            case "answerCallbackQuery":
                with self.changed:
                    self.rested.append(fields["callback_query_id"])
                    self.changed.notify_all()
                return _ok(result=True)
            case "getUpdates":
                return self._poll(int(fields.get("offset", "0")), float(fields.get("timeout", "0")))
            case "editMessageText":
                return self._edit(int(fields["message_id"]), fields)
            case "sendMessage":
                return self._take(fields)
            case _:
                return _refused(Reply(404, "Not Found: method not found"))

    def _poll(self, offset: int, timeout: float) -> tuple[int, object] | None:
        """Give what waits; an offset says that everything before it has been taken, for ever."""

        def waiting() -> list[dict[str, object]]:
            return self._updates[self._taken : self._taken + 100]

        with self.changed:
            if self.poll_replies:
                return _refused(self.poll_replies.popleft())
            self.offsets.append(offset)
            self._taken = max(self._taken, offset - 1)
            self.changed.notify_all()
            self.changed.wait_for(lambda: bool(waiting()) or self.is_closing.is_set(), timeout)
            return _ok(waiting())

    def _edit(self, number: int, fields: Mapping[str, str]) -> tuple[int, object]:
        message = _sent(fields)
        problem = refusal_of(message.text, message.parse_mode)
        if problem is not None:
            return _refused(Reply(400, problem))
        with self.changed:
            if not 1 <= number <= len(self.sent):
                return _refused(Reply(400, "Bad Request: message to edit not found"))
            seen = {**dict(enumerate(self.sent, start=1)), **dict(self.edited)}[number]
            if seen == message:
                return _refused(Reply(400, "Bad Request: message is not modified"))
            self.edited.append((number, message))
            self.changed.notify_all()
        return _ok(
            {"message_id": number, "date": 0, "chat": {"id": int(message.chat_id), "type": "private"}, "text": message.text}
        )

    def _take(self, fields: Mapping[str, str]) -> tuple[int, object] | None:
        with self.changed:
            reply = self.replies.popleft() if self.replies else None
        if reply is not None:
            return None if reply.status == 0 else _refused(reply)
        message = _sent(fields)
        problem = refusal_of(message.text, message.parse_mode)
        if problem is not None:
            return _refused(Reply(400, problem))
        with self.changed:
            self.sent.append(message)
            number = len(self.sent)
            self.changed.notify_all()
        return _ok(
            {"message_id": number, "date": 0, "chat": {"id": int(message.chat_id), "type": "private"}, "text": message.text}
        )


def _sent(fields: Mapping[str, str]) -> Sent:
    rows = json.loads(fields.get("reply_markup", "{}")).get("inline_keyboard", [])
    buttons = tuple((button["text"], button["callback_data"]) for row in rows for button in row)
    assert all(len(data.encode()) <= 64 for _, data in buttons)
    return Sent(chat_id=fields["chat_id"], text=fields.get("text", ""), parse_mode=fields.get("parse_mode"), buttons=buttons)


def _ok(result: object) -> tuple[int, object]:
    return 200, {"ok": True, "result": result}


def _refused(reply: Reply) -> tuple[int, object]:
    body: dict[str, object] = {"ok": False, "error_code": reply.status, "description": reply.description}
    if reply.parameters is not None:
        body["parameters"] = dict(reply.parameters)
    return reply.status, body


class _Http(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: TelegramServer) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # in one piece: the other side need not acknowledge headers before it gets the body
    server: _Http

    def do_POST(self) -> None:
        api = self.server.api
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
        token, _, method = self.path.removeprefix("/bot").partition("/")
        answer = _refused(UNAUTHORIZED) if token != api.token else api.answer(method, fields)
        if answer is None:
            api.is_closing.wait(30)
            self.close_connection = True
            return
        status, document = answer
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Keep quiet."""
