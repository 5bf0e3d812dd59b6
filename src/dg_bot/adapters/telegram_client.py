"""Open a connection to Telegram's Bot API that tells nobody its token."""

import logging
import os
import re
from datetime import timedelta
from typing import TYPE_CHECKING

from dg_bot.adapters.telegram_json import Json, pruned
from dg_bot.errors import ConfigurationError

if TYPE_CHECKING:
    from telegram import Bot
    from telegram.request import HTTPXRequest

OFFICIAL_SERVER = "https://api.telegram.org"
_TOKEN = re.compile(r"[A-Za-z0-9_:-]+", re.ASCII)


def require_token(token: str) -> None:
    """Raise ConfigurationError for a token that cannot be one."""
    if _TOKEN.fullmatch(token) is None:
        raise ConfigurationError("TELEGRAM_BOT_TOKEN", "is not a bot token", "copy it from BotFather, without quotes or spaces")


def seconds_of(pause: int | timedelta) -> float:
    """Give a pause that the library tells in either of its two ways."""
    return pause.total_seconds() if isinstance(pause, timedelta) else float(pause)


def open_client(token: str, server: str, *, connect_timeout_s: float, read_timeout_s: float) -> "tuple[Bot, HTTPXRequest]":
    """Make the client inside the event loop it is to live in."""
    os.environ.setdefault("PTB_TIMEDELTA", "true")  # the library's own switch; without it each 429 warns
    from telegram import Bot  # noqa: PLC0415 - half a second, and many runs never send
    from telegram.request import HTTPXRequest  # noqa: PLC0415 - as above

    class Request(HTTPXRequest):
        @staticmethod
        def parse_json_payload(payload: bytes) -> Json:
            return pruned(HTTPXRequest.parse_json_payload(payload))

    for name in ("httpx", "httpcore", "telegram"):
        # These log the URL, and the token is in it.
        logging.getLogger(name).setLevel(logging.WARNING)
    request = Request(
        connection_pool_size=1,
        connect_timeout=connect_timeout_s,
        read_timeout=read_timeout_s,
        write_timeout=read_timeout_s,
        pool_timeout=connect_timeout_s,
        httpx_kwargs={"trust_env": False, "follow_redirects": False},
    )
    # The library keeps another request object for getUpdates; each client here either sends or listens, and one is enough.
    return Bot(token, base_url=f"{server.rstrip('/')}/bot", request=request, get_updates_request=request), request
