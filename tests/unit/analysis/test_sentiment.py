"""Scores are taken where there is exactly one for each piece of news; anything else has its name and gives none."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from dg_bot.analysis.quoted_text import WITHHELD
from dg_bot.analysis.sentiment import judge_scores, may_be_shown, read_scores, sentiment_question
from dg_bot.domain.language_model import AnswerKind, Purpose
from dg_bot.domain.news import NewsItem
from tests.builders import NOON
from tests.injections import HARMLESS, INJECTIONS
from tests.shared_data import shared


def item(title: str, source: str = "news.example") -> NewsItem:
    return NewsItem(known_at=NOON, source=source, title=title)


def scores(*pairs: tuple[object, object]) -> str:
    return json.dumps({"scores": [{"item": number, "score": score} for number, score in pairs]})


def test_news_are_asked_about_by_number_as_quoted_data() -> None:
    question = sentiment_question([item("비트코인 \u200b급등 🚀" + "!" * 300, "news " * 10), item("ETF <b>delayed</b>")])

    assert Purpose.SENTIMENT is question.purpose
    assert {
        "quoted": {
            "news": [
                {"item": 1, "source": "news " * 7 + "news~", "title": "비트코인 급등 " + "!" * 151 + "~"},
                {"item": 2, "source": "news.example", "title": "ETF b delayed /b"},
            ]
        }
    } == json.loads(question.data)


def test_the_same_news_give_the_same_question() -> None:
    one, other = (sentiment_question([item("a"), item("b")]) for _ in range(2))

    assert (one.instructions, one.data, one.schema) == (other.instructions, other.data, other.schema)
    assert "news.example" not in one.instructions


def test_the_schema_is_closed() -> None:
    schema = json.loads(sentiment_question([item("a")]).schema)

    assert (False, False) == (schema["additionalProperties"], schema["properties"]["scores"]["items"]["additionalProperties"])


@pytest.mark.parametrize("text", INJECTIONS)
def test_a_headline_that_gives_orders_is_not_shown(text: str) -> None:
    assert not may_be_shown(item(text))
    assert WITHHELD in sentiment_question([item(text)]).data


@pytest.mark.parametrize("text", HARMLESS)
def test_a_headline_of_an_ordinary_day_is_shown(text: str) -> None:
    assert may_be_shown(item(text))


@pytest.mark.parametrize(
    ("name", "titles", "count"),
    [
        ("cryptonews_api_20240617a.json", lambda document: [row["title"] for row in document], 10),
        ("naver_news_ko_202403a.json", lambda document: [row["title"] for row in document["data"]["content"]], 5),
    ],
)
def test_real_headlines_in_english_and_korean_are_asked_about(name: str, titles: Callable[[Any], list[str]], count: int) -> None:
    news = [item(title) for title in titles(json.loads(shared(f"news/{name}").read_text(encoding="utf-8")))]

    asked = json.loads(sentiment_question(news).data)["quoted"]["news"]

    assert count == len(news)
    assert all(map(may_be_shown, news))
    assert all("withheld" not in row["title"] and len(row["title"]) > 10 for row in asked)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (scores((1, -1), (2, 1.0)), (-1.0, 1.0)),
        (scores((2, 0.25), (1, -0.5)), (-0.5, 0.25)),
        (f"\n {scores((1, 0), (2, 0))}\r\n", (0.0, 0.0)),
    ],
)
def test_one_score_for_each_item_is_read_in_their_order(text: str, read: tuple[float, ...]) -> None:
    assert read == read_scores(text, 2)
    assert AnswerKind.USABLE is judge_scores(text, 2)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", AnswerKind.EMPTY),
        ("The news are good.", AnswerKind.PROSE),
        (f"```json\n{scores((1, 0), (2, 0))}\n```", AnswerKind.FENCED),
        (f"{scores((1, 0), (2, 0))} I hope this helps", AnswerKind.PROSE),
        (scores((1, 0), (2, 0))[:-3], AnswerKind.BROKEN_JSON),
        ("[1, 2]", AnswerKind.NO_OBJECT),
        ("[" * 5000, AnswerKind.BROKEN_JSON),
        (" " * 20_000 + "{}", AnswerKind.TOO_LONG),
        ("{}", AnswerKind.MISSING_FIELD),
        ('{"scores": [], "action": "BUY"}', AnswerKind.EXTRA_FIELD),
        ('{"scores": [], "scores": []}', AnswerKind.DUPLICATE_KEY),
        ('{"scores": {"1": 0.5}}', AnswerKind.WRONG_TYPE),
        ('{"scores": [0.5, 0.5]}', AnswerKind.WRONG_TYPE),
        ('{"scores": [{"item": 1}, {"item": 2}]}', AnswerKind.MISSING_FIELD),
        ('{"scores": [{"item": 1, "score": 0, "buy": true}]}', AnswerKind.EXTRA_FIELD),
        ('{"scores": [{"item": 1, "score": NaN}]}', AnswerKind.NO_NUMBER),
        ('{"scores": [{"item": 1, "score": 1e400}]}', AnswerKind.NO_NUMBER),
        (scores((1, "0.5"), (2, 0)), AnswerKind.WRONG_TYPE),
        (scores((1, True), (2, 0)), AnswerKind.WRONG_TYPE),
        (scores((1, None), (2, 0)), AnswerKind.WRONG_TYPE),
        (scores((True, 0), (2, 0)), AnswerKind.WRONG_TYPE),
        (scores((1.0, 0), (2, 0)), AnswerKind.WRONG_TYPE),
        (scores((1, 1.01), (2, 0)), AnswerKind.SCORE_OUT_OF_RANGE),
        (scores((1, -1.01), (2, 0)), AnswerKind.SCORE_OUT_OF_RANGE),
        (scores((1, 100), (2, 0)), AnswerKind.SCORE_OUT_OF_RANGE),
        (scores((1, 0)), AnswerKind.OTHER_ITEMS),
        (scores((1, 0), (1, 0)), AnswerKind.OTHER_ITEMS),
        (scores((1, 0), (2, 0), (2, 0)), AnswerKind.OTHER_ITEMS),
        (scores((1, 0), (3, 0)), AnswerKind.OTHER_ITEMS),
        (scores((0, 0), (1, 0)), AnswerKind.OTHER_ITEMS),
    ],
)
def test_anything_else_gives_no_score_and_has_its_name(text: str, kind: AnswerKind) -> None:
    assert kind is read_scores(text, 2)
    assert kind is judge_scores(text, 2)
