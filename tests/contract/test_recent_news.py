"""Whoever tells of recent news tells the same of the same records: the desk of a bot, and a backtest over its journal."""

import random
from datetime import datetime, timedelta

import pytest

from dg_bot.backtesting.recorded_news import RecordedNews
from dg_bot.domain.news import FeedOutcome, NewsItem
from dg_bot.domain.news_memory import NEWS_AGE
from tests.builders import NOON
from tests.feeds import ToldFeed
from tests.unit.pipeline.test_news_desk import Desk, Judge

HOURS = 60


def moment(hour: int) -> datetime:
    return NOON + timedelta(hours=hour, minutes=59)


def hours_of_news(seed: int) -> tuple[Desk, list[tuple[NewsItem, ...]]]:
    """Read two feeds hour by hour, each of them now and then away, and keep what was known a minute before each next reading."""
    chance = random.Random(seed)
    feeds = [ToldFeed(source=source) for source in ("a.example", "b.example")]
    desk = Desk(*feeds, judge=Judge())
    seen: list[tuple[NewsItem, ...]] = []
    for hour in range(HOURS):
        for feed in feeds:
            feed.titles = [f"headline {max(0, hour - back)}" for back in range(chance.randint(0, 5))]
            feed.outcome = chance.choice([FeedOutcome.READ, FeedOutcome.READ, FeedOutcome.UNREACHABLE])
        desk.gather()
        seen.append(desk.desk.recent(moment(hour)))
    return desk, seen


@pytest.mark.parametrize("seed", range(3))
def test_a_backtest_knows_at_each_hour_what_the_bot_knew(seed: int) -> None:
    desk, seen = hours_of_news(seed)
    recorded = RecordedNews(desk.journal.records())

    assert seen == [recorded.recent(moment(hour)) for hour in range(HOURS)]
    assert any(item.score is not None for items in seen for item in items)


@pytest.mark.parametrize("seed", range(3))
def test_news_are_told_oldest_first_each_once_and_none_of_the_future_or_of_yesterday(seed: int) -> None:
    _, seen = hours_of_news(seed)

    for hour, items in enumerate(seen):
        now = moment(hour)
        times = [item.known_at for item in items]
        assert times == sorted(times)
        assert len({item.title for item in items}) == len(items)
        assert all(now - NEWS_AGE < at <= now for at in times)
