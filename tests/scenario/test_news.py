"""Whole cycles with news: they hold up entries and nothing else, and say so."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest

from dg_bot.adapters.rss import RssFeed
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.gate import Gate
from dg_bot.domain.news import FeedOutcome
from tests.asking_bots import asking, judged_news
from tests.builders import PaperBot, paper_bot
from tests.feeds import ToldFeed
from tests.openai_server import OpenAiServer, opinion, refused, scores, served
from tests.shared_data import shared
from tests.unit.adapters.raw_server import RawServer, answers, http

HEADLINES = ["Exchange halts withdrawals after security incident", "Altcoins slide as dollar strengthens"]


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        yield running


def reader(server: OpenAiServer, score: float, headlines: Sequence[str] = HEADLINES, **bot: object) -> PaperBot:
    """Make a bot that reads these headlines, all of which get this score."""
    server.sentiment = lambda asked: served(scores(asked, score), asked.api)
    paper = paper_bot(**bot)  # type: ignore[arg-type]
    judged_news(paper, [ToldFeed(headlines)], server.url)
    return paper


def gate(report: CycleReport, name: str) -> Gate | None:
    return next((one for one in report.gates if one.name == name), None)


@pytest.mark.parametrize(
    ("score", "placed"), [(-1.0, []), (-0.5, []), (-0.49, ["buy KRW-BTC 1000000"]), (1.0, ["buy KRW-BTC 1000000"])]
)
def test_bad_news_hold_up_an_entry(server: OpenAiServer, score: float, placed: list[str]) -> None:
    bot = reader(server, score, says="buy")

    report = bot.run_cycle()

    assert placed == bot.placed()
    assert Gate("filter.news", score, -0.5, bool(placed)) == gate(report, "filter.news")
    assert Gate("data.news", "2 known, 2 scored", None, True) == gate(report, "data.news")
    assert (score, 2.0) == (report.indicators["news_score_24h"], report.indicators["news_scored_24h"])


def test_the_reason_of_the_cycle_is_the_news(server: OpenAiServer) -> None:
    report = reader(server, -0.8, says="buy").run_cycle()

    assert (Outcome.HELD, "filter.news: -0.8, limit -0.5") == (report.outcome, report.reason)


def test_bad_news_hold_up_no_exit(server: OpenAiServer) -> None:
    """Neither a SELL of the model nor a stop asks for the news."""
    seller = reader(server, -1.0, candles="1000 1000", holding="100 @ 1000", says="sell")
    stopped = reader(server, -1.0, candles="1000 1000 | 940", holding="100 @ 1000")
    report = seller.run_cycle()
    stopped.guard.tick()

    assert (["sell KRW-BTC 100"], ["sell KRW-BTC 100"]) == (seller.placed(), stopped.placed())
    assert gate(report, "filter.news") is None


def test_the_news_of_yesterday_hold_up_nothing(server: OpenAiServer) -> None:
    bot = reader(server, -1.0, candles="1000 1000 | " + "1000 1001 " * 13, says="buy")
    bot.run_cycle()
    held = bot.placed()
    bot.next_hour(23)
    bot.run_cycle()
    still = bot.placed()
    bot.next_hour(1)
    report = bot.run_cycle()

    assert ([], [], ["buy KRW-BTC 1000000"]) == (held, still, bot.placed())
    assert Gate("filter.news", "no opinion: no scored news", None, True) == gate(report, "filter.news")
    assert Gate("data.news", "0 known, 0 scored", None, True) == gate(report, "data.news")


@pytest.mark.parametrize("outcome", [one for one in FeedOutcome if not one.is_answer])
def test_without_news_there_is_no_opinion_and_the_gate_says_so(outcome: FeedOutcome) -> None:
    bot = paper_bot(says="buy", feeds=(ToldFeed(HEADLINES, outcome),))

    report = bot.run_cycle()

    assert ["buy KRW-BTC 1000000"] == bot.placed()
    assert Gate("filter.news", "no opinion: no scored news", None, True) == gate(report, "filter.news")
    assert Gate("data.news", "0 known, 0 scored", None, True) == gate(report, "data.news")
    assert "news_score_24h" not in report.indicators


def test_a_recorded_feed_is_news_on_its_day_and_twice_the_same_is_once(server: OpenAiServer) -> None:
    """Over a socket: the third of its items is the second with another address to be counted by."""
    page = shared("news/rss_cointelegraph_20260828.xml").read_bytes()
    server.sentiment = lambda asked: served(scores(asked, 0.5), asked.api)
    known = []
    with RawServer(answers(http(200, page, Content_Type="text/xml"))) as feed:
        for at in (datetime(2026, 8, 28, 21, 0, 5, tzinfo=UTC), datetime(2026, 8, 30, 21, 0, 5, tzinfo=UTC)):
            bot = paper_bot(at=at)
            judged_news(bot, [RssFeed(feed.url)], server.url)
            known.append(gate(bot.run_cycle(), "data.news"))

    assert [["Here's what happened in crypto today", "Solana validators approve proposal to accelerate SOL disinflation"]] == [
        asked.headlines for asked in server.about_news
    ]
    assert ["2 known, 2 scored", "0 known, 0 scored"] == [one.value for one in known if one is not None]


def test_where_nobody_reads_news_the_report_tells_nothing_of_them() -> None:
    assert gate(paper_bot(says="buy").run_cycle(), "data.news") is None


def test_what_nobody_scored_is_no_opinion(server: OpenAiServer) -> None:
    bot = reader(server, -1.0, says="buy")
    server.sentiment = lambda asked: refused(503)

    report = bot.run_cycle()

    assert ["buy KRW-BTC 1000000"] == bot.placed()
    assert Gate("data.news", "2 known, 0 scored", None, True) == gate(report, "data.news")


def test_a_language_model_is_shown_the_news_with_their_scores(server: OpenAiServer) -> None:
    server.says(opinion("HOLD"))
    bot = reader(server, -0.25)
    asking(bot, server.url)

    bot.run_cycle()

    [asked] = server.decisions
    assert all(headline in asked.text for headline in HEADLINES)
    assert '\\"score\\":-0.25' in asked.text
    assert '\\"news_score_24h\\":-0.25' in asked.text


def test_the_news_of_an_hour_are_the_same_for_every_market(server: OpenAiServer) -> None:
    bot = reader(server, -1.0)

    bot.run_cycle()
    bot.run_cycle()

    assert 1 == len(server.about_news)
