"""Deliver messages to one Telegram chat, patiently but never for ever."""

import asyncio
import html
import logging
import os
import re
import threading
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING

from dg_bot.errors import ConfigurationError, StoreError
from dg_bot.ports import Clock

if TYPE_CHECKING:
    from telegram import Bot
    from telegram.request import HTTPXRequest

OFFICIAL_SERVER = "https://api.telegram.org"
_OPERATION = "telegram"
_TRIES = 3
_PACE_S = 1.0
_FAREWELL_S = 1.0
# A token that was refused is tried again after this long: often enough to notice a mended one, too seldom to be a loop.
_REFUSED_S = 3600.0
_LONGEST = 4096
_TOKEN = re.compile(r"[A-Za-z0-9_:-]+", re.ASCII)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class _Form(Enum):
    HTML = auto()
    PLAIN = auto()


class TelegramNotifier:
    """Sends Telegram HTML to `chat_id`: at most one request a second and three tries a message.

    A server that asks for a pause is obeyed: within `patience_s` by waiting, beyond it by refusing until the pause is over. HTML
    that the server cannot read goes out again as plain text. A refused token is reported at once and then left alone. `send`
    may be called from any thread that has no running event loop; calls wait for one another.
    """

    def __init__(
        self,
        *,
        token: str,
        chat_id: str,
        clock: Clock,
        server: str = OFFICIAL_SERVER,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
        patience_s: float = 60.0,
    ) -> None:
        """Prepare without touching the network; raises ConfigurationError for a token that cannot be one."""
        if _TOKEN.fullmatch(token) is None:
            raise ConfigurationError(
                "TELEGRAM_BOT_TOKEN", "is not a bot token", "copy it from BotFather, without quotes or spaces"
            )
        self._token = token
        self._chat_id = chat_id
        self._clock = clock
        self._server = server.rstrip("/")
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._patience_s = patience_s
        self._lock = threading.Lock()
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._client: tuple[Bot, HTTPXRequest] | None = None
        self._next_request_s = clock.monotonic_s()
        self._silence: tuple[float, str] | None = None

    def send(self, text: str) -> None:
        """Deliver one message of Telegram HTML; raises StoreError, which never names the token, where it was not taken.

        After a timeout the message may have arrived all the same, and arrives twice when it is tried again.
        """
        with self._lock:
            self._refuse_in_silence()
            self._deliver(text)

    def close(self) -> None:
        """Close the connection and its event loop; a delivery under way for longer than a moment ends with the process."""
        if not self._lock.acquire(timeout=_FAREWELL_S):
            return
        try:
            if self._client is not None:
                self._runner.run(self._client[1].shutdown())
                self._client = None
            self._runner.close()
        finally:
            self._lock.release()

    def _deliver(self, text: str) -> None:
        from telegram import error as refusal  # noqa: PLC0415 - half a second, and many runs never send

        form = _Form.HTML
        deadline_s = self._clock.monotonic_s() + self._patience_s
        for attempt in range(1, _TRIES + 1):
            try:
                self._request(text, form)
                return
            except refusal.InvalidToken as error:
                raise self._silenced(_REFUSED_S, "the token was refused") from error
            except (refusal.Forbidden, refusal.ChatMigrated) as error:
                raise self._failure(error) from error
            except refusal.RetryAfter as error:
                pause_s = _seconds(error.retry_after)
                self._next_request_s = self._clock.monotonic_s() + pause_s
                if self._next_request_s > deadline_s:
                    raise self._silenced(pause_s, f"it asked for {pause_s:g} s of silence") from error
                if attempt == _TRIES:
                    raise self._failure(error) from error
            except refusal.BadRequest as error:
                if form is _Form.PLAIN or attempt == _TRIES:
                    raise self._failure(error) from error
                form = _Form.PLAIN
            except refusal.TelegramError as error:
                if attempt == _TRIES or self._clock.monotonic_s() >= deadline_s:
                    raise self._failure(error) from error
                self._next_request_s = self._clock.monotonic_s() + _PACE_S * attempt

    def _request(self, text: str, form: _Form) -> None:
        """Send once, when the pace allows."""
        pause_s = self._next_request_s - self._clock.monotonic_s()
        if pause_s > 0.0:
            self._clock.sleep(pause_s)
        self._next_request_s = self._clock.monotonic_s() + _PACE_S
        self._runner.run(self._send_once(text, form))

    async def _send_once(self, text: str, form: _Form) -> None:
        from telegram import LinkPreviewOptions, error  # noqa: PLC0415 - see _deliver

        if self._client is None:
            self._client = self._build()
        bot, _ = self._client
        body = text if form is _Form.HTML else _cut(html.unescape(_TAG.sub("", text)))
        try:
            # The library's timeouts are per read: a server that drips would hold us without this one over all of it.
            async with asyncio.timeout(self._connect_timeout_s + self._read_timeout_s):
                await bot.send_message(
                    self._chat_id,
                    body,
                    parse_mode="HTML" if form is _Form.HTML else None,
                    link_preview_options=LinkPreviewOptions(is_disabled=True),
                )
        except TimeoutError as cause:
            raise error.TimedOut from cause

    def _build(self) -> "tuple[Bot, HTTPXRequest]":
        """Make the client inside the loop it lives in."""
        os.environ.setdefault("PTB_TIMEDELTA", "true")  # the library's own switch; without it each 429 warns
        from telegram import Bot  # noqa: PLC0415 - see _deliver
        from telegram.request import HTTPXRequest  # noqa: PLC0415 - see _deliver

        for name in ("httpx", "httpcore", "telegram"):
            # These log the URL, and the token is in it.
            logging.getLogger(name).setLevel(logging.WARNING)
        request = HTTPXRequest(
            connection_pool_size=1,
            connect_timeout=self._connect_timeout_s,
            read_timeout=self._read_timeout_s,
            write_timeout=self._read_timeout_s,
            pool_timeout=self._connect_timeout_s,
            httpx_kwargs={"trust_env": False, "follow_redirects": False},
        )
        # Another request object serves getUpdates, which is never called here; one is enough for both.
        return Bot(self._token, base_url=f"{self._server}/bot", request=request, get_updates_request=request), request

    def _refuse_in_silence(self) -> None:
        if self._silence is None:
            return
        until_s, cause = self._silence
        if self._clock.monotonic_s() < until_s:
            raise StoreError(_OPERATION, cause)
        self._silence = None

    def _silenced(self, pause_s: float, cause: str) -> StoreError:
        self._silence = (self._clock.monotonic_s() + pause_s, cause)
        return StoreError(_OPERATION, cause)

    def _failure(self, error: Exception) -> StoreError:
        """Name what went wrong; the server's words are kept, for they tell the operator what to mend."""
        return StoreError(_OPERATION, f"{type(error).__name__}: {error}".replace(self._token, "***"))


def _seconds(pause: int | timedelta) -> float:
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)


def _cut(text: str) -> str:
    """Keep what fits into one message; Telegram counts UTF-16 units."""
    raw = text.encode("utf-16-le")
    if len(raw) <= 2 * _LONGEST:
        return text
    return raw[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + "…"
