"""Deliver messages to one Telegram chat, patiently but never for ever."""

import asyncio
import html
import re
import threading
from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import TYPE_CHECKING

from dg_bot.adapters.messenger_pause import MessengerPause
from dg_bot.adapters.telegram_client import OFFICIAL_SERVER, open_client, require_token, seconds_of
from dg_bot.domain.conversation import Button, Reply
from dg_bot.errors import StoreError
from dg_bot.ports import Clock

if TYPE_CHECKING:
    from telegram import Bot, InlineKeyboardMarkup
    from telegram.request import HTTPXRequest

_OPERATION = "telegram"
_TRIES = 3
_PACE_S = 1.0
_FAREWELL_S = 1.0
# A token that was refused is tried again after this long: often enough to notice a mended one, too seldom to be a loop.
_REFUSED_S = 3600.0
_LONGEST = 4096
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class _Form(Enum):
    HTML = auto()
    PLAIN = auto()

    @property
    def parse_mode(self) -> str | None:
        return "HTML" if self is _Form.HTML else None


# One request: the bot, the text in its form, and that form.
_Post = Callable[["Bot", str, _Form], Awaitable[object]]


class TelegramNotifier:
    """Sends Telegram HTML to `chat_id`, and answers to whoever asked: at most one request a second and three tries a message.

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
        require_token(token)
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
        self._pause = MessengerPause(_OPERATION, clock)

    def send(self, text: str) -> None:
        """Deliver one message of Telegram HTML; raises StoreError, which never names the token, where it was not taken.

        After a timeout the message may have arrived all the same, and arrives twice when it is tried again.
        """
        with self._lock:
            self._pause.require_over()
            self._deliver(text, _sending(self._chat_id, ()))

    def answer(self, chat: int, reply: Reply, *, over: int | None = None) -> None:
        """Deliver an answer with its buttons to `chat`, in place of the message `over` where that is given; raises as `send`."""
        post = _sending(chat, reply.buttons) if over is None else _editing(chat, over, reply.buttons)
        with self._lock:
            self._pause.require_over()
            self._deliver(reply.text, post)

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

    def _deliver(self, text: str, post: _Post) -> None:
        from telegram import error as refusal  # noqa: PLC0415 - half a second, and many runs never send

        form = _Form.HTML
        deadline_s = self._clock.monotonic_s() + self._patience_s
        for attempt in range(1, _TRIES + 1):
            try:
                self._request(text, form, post)
                return
            except refusal.InvalidToken as error:
                raise self._pause.begin(_REFUSED_S, "the token was refused") from error
            except (refusal.Forbidden, refusal.ChatMigrated) as error:
                raise self._failure(error) from error
            except refusal.RetryAfter as error:
                pause_s = seconds_of(error.retry_after)
                self._next_request_s = self._clock.monotonic_s() + pause_s
                if self._next_request_s > deadline_s:
                    raise self._pause.begin(pause_s, f"it asked for {pause_s:g} s of silence") from error
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

    def _request(self, text: str, form: _Form, post: _Post) -> None:
        """Send once, when the pace allows."""
        pause_s = self._next_request_s - self._clock.monotonic_s()
        if pause_s > 0.0:
            self._clock.sleep(pause_s)
        self._next_request_s = self._clock.monotonic_s() + _PACE_S
        self._runner.run(self._post_once(text, form, post))

    async def _post_once(self, text: str, form: _Form, post: _Post) -> None:
        from telegram import error  # noqa: PLC0415 - see _deliver

        if self._client is None:
            self._client = open_client(
                self._token, self._server, connect_timeout_s=self._connect_timeout_s, read_timeout_s=self._read_timeout_s
            )
        body = text if form is _Form.HTML else _cut(html.unescape(_TAG.sub("", text)))
        try:
            # The library's timeouts are per read: a server that drips would hold us without this one over all of it.
            async with asyncio.timeout(self._connect_timeout_s + self._read_timeout_s):
                await post(self._client[0], body, form)
        except TimeoutError as cause:
            raise error.TimedOut from cause

    def _failure(self, error: Exception) -> StoreError:
        """Name what went wrong; the server's words are kept, for they tell the operator what to mend."""
        return StoreError(_OPERATION, f"{type(error).__name__}: {error}".replace(self._token, "***"))


def _sending(chat: int | str, buttons: tuple[tuple[Button, ...], ...]) -> _Post:
    async def send(bot: "Bot", text: str, form: _Form) -> None:
        from telegram import LinkPreviewOptions  # noqa: PLC0415 - see _deliver

        await bot.send_message(
            chat,
            text,
            parse_mode=form.parse_mode,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=_keyboard(buttons),
        )

    return send


def _editing(chat: int, message: int, buttons: tuple[tuple[Button, ...], ...]) -> _Post:
    """Give what puts a text in place of an earlier one; one that stands there already is as good as written.

    Where the earlier one is gone, the text becomes a message of its own.
    """

    async def edit(bot: "Bot", text: str, form: _Form) -> None:
        from telegram import LinkPreviewOptions, error  # noqa: PLC0415 - see _deliver

        try:
            await bot.edit_message_text(
                text,
                chat,
                message,
                parse_mode=form.parse_mode,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
                reply_markup=_keyboard(buttons),
            )
        except error.BadRequest as refused:
            if "to edit not found" in str(refused) or "can't be edited" in str(refused):
                await _sending(chat, buttons)(bot, text, form)
            elif "not modified" not in str(refused):
                raise

    return edit


def _keyboard(buttons: tuple[tuple[Button, ...], ...]) -> "InlineKeyboardMarkup | None":
    from telegram import InlineKeyboardButton, InlineKeyboardMarkup  # noqa: PLC0415 - see _deliver

    if not buttons:
        return None
    return InlineKeyboardMarkup(
        [[InlineKeyboardButton(button.label, callback_data=button.command) for button in row] for row in buttons]
    )


def _cut(text: str) -> str:
    """Keep what fits into one message; Telegram counts UTF-16 units."""
    raw = text.encode("utf-16-le")
    if len(raw) <= 2 * _LONGEST:
        return text
    return raw[: 2 * (_LONGEST - 1)].decode("utf-16-le", "ignore") + "…"
