"""What goes wrong with the news before an hour's cycles is told, and no cycle hears of it."""

from dataclasses import replace

import pytest

from dg_bot.app.bot import Bot
from dg_bot.app.one_cycle import run_markets
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.errors import BotError, InvariantViolated, StateError
from dg_bot.pipeline.news_desk import NewsDesk
from tests.builders import BTC, paper_bot
from tests.unit.app.whole_bot import value, whole_bot


class Broken:
    """A desk that breaks as told."""

    def __init__(self, error: BotError) -> None:
        self.error = error

    def gather(self) -> None:
        raise self.error


def bot_with(desk: NewsDesk | Broken | None) -> Bot:
    return replace(whole_bot(paper_bot(says="buy")), news=desk)  # type: ignore[arg-type]


def test_a_journal_that_takes_no_news_is_counted_and_the_cycle_runs() -> None:
    bot, reports = bot_with(Broken(StateError("journal", "the disk is full", "make room"))), list[CycleReport]()

    code = run_markets(bot, (BTC,), reports.append)

    assert (0, [Outcome.TRADED]) == (code, [report.outcome for report in reports])
    assert 1.0 == value(bot.metrics, "bot_errors_total", kind="StateError")


def test_a_contradiction_is_none_the_less_one() -> None:
    with pytest.raises(InvariantViolated):
        bot_with(Broken(InvariantViolated("books", "they differ"))).learn_news()


def test_without_feeds_nothing_is_read() -> None:
    bot = bot_with(None)
    bot.learn_news()

    assert b"news_reads_total{" not in bot.metrics.exposition()
