"""Build what reads the news that the settings name, and what gives back those that were read."""

import structlog

from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.rss import RssFeed
from dg_bot.app.settings import Settings
from dg_bot.app.state_folder import existing_journal
from dg_bot.backtesting.recorded_news import RecordedNews
from dg_bot.domain.news import FeedOutcome
from dg_bot.errors import DataError
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.news_desk import NewsDesk
from dg_bot.ports import Clock, LanguageModel

_log = structlog.get_logger(__name__)


def news_desk(
    settings: Settings, language: LanguageModel | None, books: Books, clock: Clock, metrics: Metrics
) -> NewsDesk | None:
    """Build the desk over the feeds of the settings, with `language` as its judge where that is wanted; None without feeds."""
    if not settings.news_feeds:
        return None

    def on_reading(source: str, outcome: FeedOutcome) -> None:
        metrics.news_read(source, outcome)
        tell = _log.info if outcome.is_answer else _log.warning
        tell("news_feed_read", source=source, outcome=outcome)

    return NewsDesk(
        feeds=[RssFeed(url) for url in settings.news_feeds],
        judge=language if settings.scores_news else None,
        books=books,
        clock=clock,
        on_reading=on_reading,
        on_judged=metrics.news_judged,
    )


def recorded_news(settings: Settings) -> RecordedNews:
    """Give what the bot's journal holds of news, for a backtest; raises StateError, and DataError where it holds none."""
    news = RecordedNews(read_journal(existing_journal(settings)))
    if not len(news):
        raise DataError(str(settings.state_folder), "its journal holds no news; name feeds in NEWS_FEEDS and let the bot run")
    return news
