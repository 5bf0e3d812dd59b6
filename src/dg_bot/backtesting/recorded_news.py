"""The news that a bot recorded, as they were known at each moment of a backtest."""

from collections.abc import Iterable
from datetime import datetime

from dg_bot.domain.events import NewsJudged, NewsSeen, Record
from dg_bot.domain.news import NewsItem
from dg_bot.domain.news_memory import NewsMemory


class RecordedNews:
    """Folds the records of a journal up to the moment that is asked about, as the bot did; what came later it has not seen."""

    def __init__(self, records: Iterable[Record]) -> None:
        """Keep what is about news; `records` are in their order, and moments are asked about in rising order."""
        self._coming = [record for record in records if isinstance(record.event, NewsSeen | NewsJudged)]
        self._next = 0
        self._memory = NewsMemory()

    def __len__(self) -> int:
        """Count the entries that became known."""
        return sum(len(record.event.entries) for record in self._coming if isinstance(record.event, NewsSeen))

    def recent(self, now: datetime) -> tuple[NewsItem, ...]:
        """Give what became known in the 24 hours before `now`, oldest first, with the scores that were known by then."""
        while self._next < len(self._coming) and self._coming[self._next].at <= now:
            self._memory = self._memory.after(self._coming[self._next])
            self._next += 1
        return tuple(news.item for news in self._memory.recent(now))
