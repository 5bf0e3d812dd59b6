"""The types of settings that are more than pydantic's own: how each is read from a text."""

import re
from collections.abc import Callable
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import BeforeValidator

from dg_bot.adapters.loopback import LOOPBACK
from dg_bot.app.challenger_names import ChallengerName
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.market import Market
from dg_bot.errors import ImpossibleValue

T = TypeVar("T")
_MEMBERS = frozenset(["rules", "onnx", "llm"])
_LONGEST_USER_ID = 16
_MOST_FEEDS = 10
_PLAIN_URL = re.compile(r"[\x21-\x7e]{1,500}")
_SECRET = re.compile(r"(key|token|secret|auth|pass|sign)[^=&]*=", re.IGNORECASE)


def _yes(value: object) -> object:
    words = {"yes": True, "no": False}
    if isinstance(value, str):
        if value.lower() not in words:
            raise ValueError("say yes or no")
        return words[value.lower()]
    return value


def _parsed(parse: Callable[[str], T]) -> Callable[[object], object]:
    """Let pydantic report what a domain type refuses."""

    def read(value: object) -> object:
        try:
            return parse(value) if isinstance(value, str) else value
        except ImpossibleValue as error:
            raise ValueError(error.rule) from error

    return read


def _market_list(text: str) -> tuple[Market, ...]:
    return tuple(Market(code.strip()) for code in text.split(","))


def _members(value: object) -> object:
    """Read the names of those who vote, separated by commas: two or more, none twice."""
    names = tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value
    if isinstance(names, tuple) and (len(names) < 2 or len(set(names)) != len(names) or not set(names) <= _MEMBERS):
        raise ValueError(f"name two or more of {', '.join(sorted(_MEMBERS))}, separated by commas")
    return names


def _challengers(value: object) -> object:
    """Read the names of models that are only scored, separated by commas; none twice."""
    if not isinstance(value, str):
        return value
    texts = tuple(text.strip() for text in value.split(",") if text.strip())
    try:
        labels = [ChallengerName.parse(text).label for text in texts]
    except ImpossibleValue as error:
        raise ValueError(error.rule) from error
    if len(set(labels)) != len(labels):
        raise ValueError("name each once")
    return texts


def _user_ids(value: object) -> object:
    """Read the numbers of users, separated by commas."""
    if not isinstance(value, str):
        return value
    words = [word.strip() for word in value.split(",")]
    if not all(word.isascii() and word.isdigit() and len(word) <= _LONGEST_USER_ID and int(word) > 0 for word in words):
        raise ValueError("name users by their numbers, separated by commas; a group's number (negative) or a @name is none")
    return tuple(dict.fromkeys(map(int, words)))


def _feed_list(value: object) -> object:
    """Read the addresses of feeds, separated by commas: https, or plain http on this machine, and none with a secret in it."""
    feeds = tuple(url.strip() for url in value.split(",")) if isinstance(value, str) else value
    if not isinstance(feeds, tuple):
        return feeds
    if len(set(feeds)) != len(feeds) or len(feeds) > _MOST_FEEDS:
        raise ValueError(f"name at most {_MOST_FEEDS} addresses, each once, separated by commas")
    if not all(map(_is_feed, feeds)):
        raise ValueError("each must be an https address, or an http one of this machine, without a user, a password or a key")
    return feeds


def _is_feed(url: object) -> bool:
    try:
        parts = urlsplit(url) if isinstance(url, str) and _PLAIN_URL.fullmatch(url) else None
        _ = parts and parts.port
    except ValueError:
        return False
    if parts is None or not parts.hostname or "@" in parts.netloc or _SECRET.search(parts.query):
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)


YesNo = Annotated[bool, BeforeValidator(_yes)]
OneMarket = Annotated[Market, BeforeValidator(_parsed(Market))]
Markets = Annotated[tuple[Market, ...], BeforeValidator(_parsed(_market_list))]
StrategyTimeframe = Annotated[Timeframe, BeforeValidator(_parsed(Timeframe.parse))]
ChallengerNames = Annotated[tuple[str, ...], BeforeValidator(_challengers)]
UserIds = Annotated[tuple[int, ...], BeforeValidator(_user_ids)]
EnsembleMembers = Annotated[tuple[str, ...], BeforeValidator(_members)]
NewsFeeds = Annotated[tuple[str, ...], BeforeValidator(_feed_list)]
