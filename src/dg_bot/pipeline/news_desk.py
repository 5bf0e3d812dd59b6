"""Read the feeds before a cycle, remember what is new, and have it judged; nothing waits for it longer than its deadline."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dg_bot.analysis.sentiment import may_be_shown, read_scores, sentiment_question
from dg_bot.domain.events import NewsJudged, NewsSeen
from dg_bot.domain.language_model import AnswerKind, ModelAnswer
from dg_bot.domain.news import FeedOutcome, FeedReading, NewsEntry, NewsItem
from dg_bot.domain.news_memory import KnownNews
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, LanguageModel, NewsFeed

READING_S = 15.0
_ONE_FEED_S = 5.0
_MOST_QUESTIONS = 3
# No question begins later than this after the first.
_JUDGING_S = 30.0
# How many headlines are asked about together, by how often they were asked about in vain: one that spoils an answer spoils it for
# few others the second time.
_TOGETHER = (20, 5)
_FAILURES_TOLD = 6
_DAY = timedelta(hours=24)
# How far a source's clock may be ahead of ours.
_AHEAD = timedelta(hours=1)
# The model or its provider took the question in and made nothing usable of it: what is asked may be the reason.
_OVER_THE_ITEMS = frozenset(AnswerKind) - {
    AnswerKind.USABLE, AnswerKind.NOT_ASKED, AnswerKind.OVER_BUDGET, AnswerKind.BREAKER_OPEN, AnswerKind.CANARY_FAILED,
    AnswerKind.STILL_BUSY, AnswerKind.BROKE, AnswerKind.NO_ANSWER_IN_TIME, AnswerKind.UNREACHABLE, AnswerKind.CONNECTION_LOST,
    AnswerKind.KEY_REFUSED, AnswerKind.TOO_MANY_REQUESTS, AnswerKind.NO_QUOTA, AnswerKind.PROVIDER_FAILED, AnswerKind.REDIRECTED,
    AnswerKind.TOO_LARGE, AnswerKind.ENCODED, AnswerKind.NO_JSON_REPLY, AnswerKind.MALFORMED_REPLY, AnswerKind.OTHER_MODEL,
    AnswerKind.CHANGED_MODEL,
}  # fmt: skip


class NewsDesk:
    """Keeps the news of the account in its journal.

    Feeds are read one after the other within 15 s in all, 5 s each, a different one first each time. What was never seen is
    recorded with the time of its record, whatever its source claims. With a `judge` what is new is scored in at most three
    questions of twenty headlines, newest first; what has a score, or was asked about twice in vain, is never asked about again.
    """

    def __init__(
        self,
        *,
        feeds: Sequence[NewsFeed],
        judge: LanguageModel | None,
        books: Books,
        clock: Clock,
        on_reading: Callable[[str, FeedOutcome], None],
        on_judged: Callable[[AnswerKind], None],
    ) -> None:
        self._feeds = list(feeds)
        self._judge = judge
        self._books = books
        self._clock = clock
        self._on_reading = on_reading
        self._on_judged = on_judged
        self._failures: Counter[str] = Counter()

    def gather(self) -> None:
        """Read every feed and have judged what has no score; raises StateError where the journal takes no record."""
        ends_s = self._clock.monotonic_s() + READING_S
        for feed in self._feeds:
            left_s = min(_ONE_FEED_S, ends_s - self._clock.monotonic_s())
            self._take(feed.source, feed.read(left_s) if left_s > 0 else FeedReading(outcome=FeedOutcome.NO_TIME_LEFT))
        self._feeds = self._feeds[1:] + self._feeds[:1]
        if self._judge is not None and self._books.state.safe_mode is None:
            self._have_judged(self._judge)

    def recent(self, now: datetime) -> tuple[NewsItem, ...]:
        """Give the news that became known in the 24 hours before `now`, oldest first."""
        return tuple(news.item for news in self._books.remembered.news.recent(now))

    def _take(self, source: str, reading: FeedReading) -> None:
        self._on_reading(source, reading.outcome)
        if not reading.outcome.is_answer:
            self._count_failure(source, reading.outcome)
            return
        self._failures[source] = 0
        latest = self._clock.now() + _AHEAD
        new = self._books.remembered.news.new_among(reading.entries)
        if new:
            self._books.record(NewsSeen(source=source, entries=tuple(_possible(entry, latest) for entry in new)))

    def _count_failure(self, source: str, outcome: FeedOutcome) -> None:
        self._failures[source] += 1
        if self._failures[source] >= _FAILURES_TOLD:
            text = f"the news of {source} could not be read {self._failures[source]} times in a row, the last time: {outcome}"
            self._books.alarm(f"news_feed_{source}", f"{text}; decisions go on without them", silence=_DAY)

    def _have_judged(self, judge: LanguageModel) -> None:
        ends_s = self._clock.monotonic_s() + _JUDGING_S
        for _ in range(_MOST_QUESTIONS):
            batch = self._waiting()
            if not batch or self._clock.monotonic_s() > ends_s or not self._judged(judge, batch):
                return

    def _waiting(self) -> Sequence[KnownNews]:
        """Give the newest headlines without a score that may be asked about together."""
        recent = self._books.remembered.news.recent(self._clock.now())
        waiting = [news for news in recent if news.may_be_judged and may_be_shown(news.item)]
        alike = [news for news in waiting if news.tries == waiting[-1].tries]
        return alike[-_TOGETHER[alike[-1].tries] :] if alike else []

    def _judged(self, judge: LanguageModel, batch: Sequence[KnownNews]) -> bool:
        """Ask about one batch and record what came of it; tell whether it is worth asking on."""
        answer = judge.ask(sentiment_question([news.item for news in batch]))
        urls = tuple(news.entry.url for news in batch)
        scores = _scores(answer, len(batch))
        self._on_judged(answer.kind)
        if scores:
            self._books.record(NewsJudged(kind=answer.kind, scores=dict(zip(urls, scores, strict=True)), unscored=()))
        elif answer.kind in _OVER_THE_ITEMS:
            self._books.record(NewsJudged(kind=answer.kind, scores={}, unscored=urls))
        return bool(scores) or answer.kind in _OVER_THE_ITEMS


def _scores(answer: ModelAnswer, count: int) -> tuple[float, ...]:
    read = read_scores(answer.text, count) if answer.kind is AnswerKind.USABLE else answer.kind
    return () if isinstance(read, AnswerKind) else read


def _possible(entry: NewsEntry, latest: datetime) -> NewsEntry:
    """Leave out a time of publication that has not come yet."""
    is_future = entry.published_at is not None and entry.published_at > latest
    return replace(entry, published_at=None) if is_future else entry
