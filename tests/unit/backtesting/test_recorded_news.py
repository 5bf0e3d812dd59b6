"""In a backtest news are known when they were, and their scores no sooner."""

from datetime import timedelta

from dg_bot.backtesting.recorded_news import RecordedNews
from dg_bot.domain.events import AlarmRaised, Event, NewsJudged, NewsSeen, Record
from dg_bot.domain.language_model import AnswerKind
from tests.builders import NOON
from tests.feeds import address, entry

HOUR = timedelta(hours=1)


def recorded(*events: Event) -> RecordedNews:
    """Record one event an hour, from noon on."""
    return RecordedNews(Record(sequence=place + 1, at=NOON + place * HOUR, event=event) for place, event in enumerate(events))


def known(news: RecordedNews, hours: float) -> list[tuple[str, float | None]]:
    return [(item.title, item.score) for item in news.recent(NOON + hours * HOUR)]


def seen(*titles: str) -> NewsSeen:
    return NewsSeen(source="s", entries=tuple(map(entry, titles)))


def test_news_and_scores_are_known_from_their_records_on() -> None:
    judged = NewsJudged(kind=AnswerKind.USABLE, scores={address("one"): -0.5}, unscored=())
    news = recorded(seen("one"), AlarmRaised(kind="k", text="t"), judged, seen("two"))

    assert [] == known(news, -0.1)
    assert [("one", None)] == known(news, 0)
    assert [("one", None)] == known(news, 1.9)
    assert [("one", -0.5)] == known(news, 2)
    assert [("one", -0.5), ("two", None)] == known(news, 3)
    assert [("two", None)] == known(news, 24)
    assert [] == known(news, 27)


def test_entries_are_counted() -> None:
    assert (0, 3) == (len(recorded(AlarmRaised(kind="k", text="t"))), len(recorded(seen("a", "b"), seen("c"))))
