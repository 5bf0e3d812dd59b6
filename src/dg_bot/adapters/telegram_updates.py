"""Listen to what people write to a Telegram bot."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from dg_bot.adapters.telegram_client import OFFICIAL_SERVER, open_client, require_token, seconds_of
from dg_bot.domain.conversation import Inbound
from dg_bot.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from telegram import Bot, CallbackQuery, Message, Update
    from telegram.request import HTTPXRequest

T = TypeVar("T")

_OPERATION = "listen to telegram"
_KINDS = ("message", "callback_query")


class PolledElsewhere(StoreError):
    """Another program listens with the same token: Telegram lets one of the two have each message."""

    def __init__(self) -> None:
        super().__init__(_OPERATION, "another program listens with the same token; stop it, or give this bot one of its own")


class TokenRefused(StoreError):
    """Telegram does not know the token any more."""

    def __init__(self) -> None:
        super().__init__(_OPERATION, "the token was refused; copy the present one from BotFather")


class AskedToWait(StoreError):
    """Telegram wants to be left alone for `pause_s` seconds."""

    def __init__(self, pause_s: float) -> None:
        super().__init__(_OPERATION, f"it asked for {pause_s:g} s of silence")
        self.pause_s = pause_s


class TelegramUpdates:
    """Waits for messages in one long call after another.

    A message counts as delivered with the call after the one that brought it: what a process did not live to look at comes again.
    All methods but `interrupt` belong to one thread that has no running event loop; all raise StoreError, which never names the
    token, where Telegram does not answer as it should.
    """

    def __init__(
        self,
        *,
        token: str,
        server: str = OFFICIAL_SERVER,
        poll_s: float = 25.0,
        connect_timeout_s: float = 5.0,
        read_timeout_s: float = 10.0,
    ) -> None:
        """Prepare without touching the network; raises ConfigurationError for a token that cannot be one."""
        require_token(token)
        self._token = token
        self._server = server
        self._poll_s = poll_s
        self._connect_timeout_s = connect_timeout_s
        self._read_timeout_s = read_timeout_s
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = self._runner.get_loop()
        self._end = asyncio.Event()
        self._client: tuple[Bot, HTTPXRequest] | None = None
        self._next: int | None = None

    def poll(self, *, is_patient: bool = True) -> tuple[Inbound, ...]:
        """Wait for messages and give those that came, oldest first; none after a while of silence, or where interrupted.

        Without patience only what waits already is given.

        Raises PolledElsewhere and TokenRefused for what waiting does not mend, and AskedToWait for how long it does; all are
        StoreErrors.
        """
        patience_s = self._poll_s if is_patient else 0.0
        updates = self._run(lambda bot: self._next_updates(bot, patience_s), patience_s)
        # Numbers may begin anew after a week of silence: the place is told once, and then Telegram keeps it.
        self._next = None if not updates else max(update.update_id for update in updates) + 1
        return tuple(inbound for update in updates if (inbound := _inbound(update)) is not None)

    def acknowledge(self, press: str) -> None:
        """Let the button that was pressed come to rest."""

        async def answer(bot: "Bot") -> bool:
            return await bot.answer_callback_query(press)

        self._run(answer, 0.0)

    def show_menu(self, menus: "Mapping[str | None, Sequence[tuple[str, str]]]") -> None:
        """Tell Telegram which commands there are, with a word on each, by language; None is for all other languages."""

        async def tell(bot: "Bot") -> None:
            for language, commands in menus.items():
                await bot.set_my_commands([*commands], language_code=language)

        self._run(tell, 0.0)

    def interrupt(self) -> None:
        """End the call that waits, and any later one at once; may come from any thread."""
        self._loop.call_soon_threadsafe(self._end.set)

    def close(self) -> None:
        """Close the connection and its event loop."""
        if self._client is not None:
            self._runner.run(self._client[1].shutdown())
            self._client = None
        self._runner.close()

    async def _next_updates(self, bot: "Bot", patience_s: float) -> "tuple[Update, ...]":
        asking = asyncio.ensure_future(
            bot.get_updates(offset=self._next, timeout=int(patience_s), allowed_updates=_KINDS, read_timeout=self._read_timeout_s)
        )
        ending = asyncio.ensure_future(self._end.wait())
        try:
            await asyncio.wait({asking, ending}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else ()
        finally:
            ending.cancel()
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})

    def _run(self, call: "Callable[[Bot], Awaitable[T]]", patience_s: float) -> T:
        """Let the call have what it may take by itself, and the timeouts of a connection beside it."""
        from telegram import error as refusal  # noqa: PLC0415 - half a second, and many runs never listen

        try:
            return self._runner.run(self._within(call, patience_s + self._connect_timeout_s + self._read_timeout_s))
        except refusal.Conflict as error:
            raise PolledElsewhere from error
        except refusal.InvalidToken as error:
            raise TokenRefused from error
        except refusal.RetryAfter as error:
            raise AskedToWait(seconds_of(error.retry_after)) from error
        except (refusal.TelegramError, TimeoutError) as error:
            raise StoreError(_OPERATION, f"{type(error).__name__}: {error}".replace(self._token, "***")) from error

    async def _within(self, call: "Callable[[Bot], Awaitable[T]]", limit_s: float) -> T:
        if self._client is None:
            self._client = open_client(
                self._token, self._server, connect_timeout_s=self._connect_timeout_s, read_timeout_s=self._read_timeout_s
            )
        async with asyncio.timeout(limit_s):
            return await call(self._client[0])


def _inbound(update: "Update") -> Inbound | None:
    """Give what somebody wrote or pressed; None for what is neither."""
    if update.callback_query is not None:
        return _pressed(update.update_id, update.callback_query)
    return None if update.message is None else _written(update.update_id, update.message)


def _written(number: int, message: "Message") -> Inbound | None:
    if message.text is None:
        return None
    sender = message.from_user
    return Inbound(
        number=number,
        user=None if sender is None else sender.id,
        is_bot=sender is not None and sender.is_bot,
        chat=message.chat.id,
        is_private=message.chat.type == "private",
        sent_at=message.date,
        text=message.text,
    )


def _pressed(number: int, press: "CallbackQuery") -> Inbound | None:
    if press.data is None or press.message is None:
        return None
    return Inbound(
        number=number,
        user=press.from_user.id,
        is_bot=press.from_user.is_bot,
        chat=press.message.chat.id,
        is_private=press.message.chat.type == "private",
        sent_at=None,
        text=press.data,
        press=press.id,
        message=press.message.message_id,
    )
