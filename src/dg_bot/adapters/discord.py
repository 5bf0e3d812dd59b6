"""Deliver messages to a Discord channel by its webhook, whose address is a secret."""

import html
import json
import re
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpcore

from dg_bot.adapters.deadline_network import DeadlineNetwork
from dg_bot.adapters.messenger_pause import MessengerPause
from dg_bot.adapters.tls import trusted_authorities
from dg_bot.errors import ConfigurationError, StoreError
from dg_bot.ports import Clock

_OPERATION = "discord"
_TRIES = 3
_PACE_S = 1.0
# A webhook that is gone is tried again after this long, as a refused token of Telegram is.
_REFUSED_S = 3600.0
_LONGEST = 2000
_BODY_LIMIT_BYTES = 64 * 1024
_NO_PREVIEWS = 4
_TOKENS = re.compile(r"<(/?)(b|code)>|([^<]+|<)")
# Discord reads these as markup, mentions or emoji; a backslash before any of them leaves the sign itself.
_MARKUP = re.compile(r"([\\*_~`|>#\[\]()<@:-])")


class DiscordNotifier:
    """Sends the messages that are written for Telegram, in Discord's own markup: one request a second, three tries a part.

    Nobody is ever mentioned, whatever a text says. A pause that Discord asks for is kept: within `patience_s` by waiting, beyond
    it by refusing until it is over. May be called from any thread; calls wait for one another.
    """

    def __init__(self, *, url: str, clock: Clock, deadline_s: float = 10.0, patience_s: float = 60.0) -> None:
        """Prepare without touching the network; raises ConfigurationError for an address that can be no webhook's."""
        self._url = _webhook(url)
        self._clock = clock
        self._deadline_s = deadline_s
        self._patience_s = patience_s
        self._network = DeadlineNetwork()
        self._tls = trusted_authorities() if self._url.scheme == b"https" else None
        self._lock = threading.Lock()
        self._next_request_s = clock.monotonic_s()
        self._pause = MessengerPause(_OPERATION, clock)

    def send(self, text: str) -> None:
        """Deliver one message of Telegram HTML; raises StoreError, which never names the address, where it was not taken.

        One that is too long for Discord goes in parts, and again from its first part where one of them was not taken.
        """
        with self._lock:
            self._pause.require_over()
            for part in parts(text):
                self._deliver(part)

    def _deliver(self, content: str) -> None:
        deadline_s = self._clock.monotonic_s() + self._patience_s
        for attempt in range(1, _TRIES + 1):
            try:
                status, body = self._request(content)
            except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
                cause = type(error).__name__
            else:
                if 200 <= status < 300:
                    return
                cause = f"status {status}"
                if status in (401, 403, 404):
                    raise self._pause.begin(_REFUSED_S, f"the webhook is gone or was refused ({cause})")
                if status == 429:
                    pause_s = _pause_s(body)
                    self._next_request_s = self._clock.monotonic_s() + pause_s
                    if self._next_request_s > deadline_s:
                        raise self._pause.begin(pause_s, f"it asked for {pause_s:g} s of silence")
                elif status < 500:
                    raise StoreError(_OPERATION, cause)
            if attempt == _TRIES or self._clock.monotonic_s() >= deadline_s:
                raise StoreError(_OPERATION, cause)

    def _request(self, content: str) -> tuple[int, bytes]:
        """Post once, when the pace allows; gives status and the beginning of the body."""
        pause_s = self._next_request_s - self._clock.monotonic_s()
        if pause_s > 0.0:
            self._clock.sleep(pause_s)
        self._next_request_s = self._clock.monotonic_s() + _PACE_S
        body = json.dumps({"content": content, "allowed_mentions": {"parse": []}, "flags": _NO_PREVIEWS}).encode()
        headers = {
            b"Host": self._url.host if self._url.port is None else self._url.host + b":%d" % self._url.port,
            b"Content-Type": b"application/json",
            b"Content-Length": b"%d" % len(body),
            b"Accept-Encoding": b"identity",
            b"User-Agent": b"dg-bot",
        }
        connection = httpcore.HTTPConnection(
            origin=self._url.origin, ssl_context=self._tls, network_backend=self._network, retries=0
        )
        request = httpcore.Request("POST", self._url, headers=[*headers.items()], content=body)
        try:
            with self._network.deadline(self._deadline_s):
                response = connection.handle_request(request)
                try:
                    return response.status, _beginning(response)
                finally:
                    response.close()
        finally:
            connection.close()


def parts(text: str) -> list[str]:
    """Write a message of Telegram HTML in Discord's markup, in as many parts as its length asks for, cut between lines."""
    made = [""]
    for line in text.split("\n"):
        for piece in _pieces(_line(line)):
            longer = f"{made[-1]}\n{piece}" if made[-1] else piece
            if _units(longer) <= _LONGEST:
                made[-1] = longer
            else:
                made.append(piece)
    return made


def _line(line: str) -> str:
    """Turn the tags of one line into marks, and make everything else stand for itself."""
    written, is_code = "", False
    for closing, tag, words in _TOKENS.findall(line):
        if tag == "code":
            is_code = not closing
            written += "`"
        elif tag == "b":
            written += "**"
        else:
            plain = html.unescape(words)
            written += plain.replace("`", "'") if is_code else _MARKUP.sub(r"\\\1", plain)
    return written


def _pieces(line: str) -> Iterator[str]:
    """Cut a line that is longer than a message by itself; no character is torn."""
    while _units(line) > _LONGEST:
        end = _LONGEST // 2
        yield line[:end]
        line = line[end:]
    yield line


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def _webhook(url: str) -> httpcore.URL:
    """Read the address; the error for one that cannot be a webhook's does not repeat it."""
    try:
        parts_of = urlsplit(url)
        is_plain = url.isascii() and "@" not in parts_of.netloc and not parts_of.query
        is_fit = is_plain and parts_of.scheme in ("https", "http") and parts_of.hostname
        read = httpcore.URL(url) if is_fit and len(parts_of.path) > 1 else None
    except ValueError:
        read = None
    if read is None:
        problem, remedy = "is no address of a webhook", "copy it from the channel's settings: Integrations, Webhooks, Copy URL"
        raise ConfigurationError("DISCORD_WEBHOOK_URL", problem, remedy)
    return read


def _beginning(response: httpcore.Response) -> bytes:
    body = b""
    for chunk in response.iter_stream():
        body += chunk
        if len(body) > _BODY_LIMIT_BYTES:
            break
    return body[:_BODY_LIMIT_BYTES]


def _pause_s(body: bytes) -> float:
    """Give the seconds of silence that Discord asks for; a minute where it does not say."""
    try:
        document = json.loads(body)
        return max(0.0, float(document["retry_after"]))
    except (ValueError, KeyError, TypeError):
        return 60.0
