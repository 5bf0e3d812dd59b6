"""The news of a day and what was seen before, folded from the journal: nothing is news twice, and nothing is judged twice."""

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from dg_bot.domain.calendar import require_aware
from dg_bot.domain.events import NewsJudged, NewsSeen, Record
from dg_bot.domain.news import NewsEntry, NewsItem

NEWS_AGE = timedelta(hours=24)
MOST_RECENT = 100
# An entry that no model could judge twice stays without a score.
MOST_TRIES = 2
# More than a source lists at a time, so that what it still lists is never news again.
_MOST_KEYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownNews:
    """An entry of `source` and when it became known; `tries` counts the questions about it that had no usable answer."""

    known_at: datetime
    source: str
    entry: NewsEntry
    score: float | None = None
    tries: int = 0

    def __post_init__(self) -> None:
        require_aware("time of news", self.known_at)

    @property
    def was_old(self) -> bool:
        """Tell whether it was old already when it was first seen, by what its source claims."""
        published_at = self.entry.published_at
        return published_at is not None and published_at <= self.known_at - NEWS_AGE

    @property
    def may_be_judged(self) -> bool:
        return self.score is None and self.tries < MOST_TRIES

    @property
    def item(self) -> NewsItem:
        return NewsItem(known_at=self.known_at, source=self.source, title=self.entry.title, score=self.score)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsMemory:
    """What became known in the last 24 hours, oldest first, and by source the keys of what was seen before, newest last.

    What was old already when it was first seen has its keys here and nothing else.
    """

    known: tuple[KnownNews, ...] = ()
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def new_among(self, entries: Sequence[NewsEntry]) -> tuple[NewsEntry, ...]:
        """Give the entries that were never seen, by address or by words; of equal ones the first."""
        seen = {key for keys in self.keys.values() for key in keys}
        new = []
        for entry in entries:
            keys = set(_keys(entry))
            if seen.isdisjoint(keys):
                new.append(entry)
            seen |= keys
        return tuple(new)

    def recent(self, now: datetime) -> tuple[KnownNews, ...]:
        """Give the newest of what became known in the 24 hours before `now`, oldest first, at most 100."""
        return tuple([news for news in self.known if now - NEWS_AGE < news.known_at <= now][-MOST_RECENT:])

    def after(self, record: Record) -> "NewsMemory":
        """Fold one record in."""
        match record.event:
            case NewsSeen() as seen:
                return self._seen(seen, record.at)
            case NewsJudged() as judged:
                return replace(self, known=tuple(_judged(news, judged) for news in self.known))
            case _:
                return self

    def _seen(self, seen: NewsSeen, at: datetime) -> "NewsMemory":
        young = [news for news in self.known if at - NEWS_AGE < news.known_at]
        new = [KnownNews(known_at=at, source=seen.source, entry=entry) for entry in seen.entries]
        keys = [*self.keys.get(seen.source, ()), *(key for entry in seen.entries for key in _keys(entry))]
        known = (*young, *(news for news in new if not news.was_old))
        return NewsMemory(known=known, keys={**self.keys, seen.source: tuple(keys[-_MOST_KEYS:])})


def _judged(news: KnownNews, judged: NewsJudged) -> KnownNews:
    url = news.entry.url
    if news.score is not None:
        return news
    if url in judged.scores:
        return replace(news, score=judged.scores[url])
    return replace(news, tries=news.tries + 1) if url in judged.unscored else news


def _keys(entry: NewsEntry) -> Iterator[str]:
    """Give what an entry is known by: its address, and its words however they are spaced and signed."""
    yield _short(entry.url)
    words = "".join(mark for mark in unicodedata.normalize("NFKC", entry.title).casefold() if mark.isalnum())
    if words:
        yield _short(words)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
