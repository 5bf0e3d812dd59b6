"""Nothing is news twice, nothing is news for more than a day, and nothing is known before it was seen."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.events import Event, NewsJudged, NewsSeen, Record
from dg_bot.domain.language_model import AnswerKind
from dg_bot.domain.news import NewsEntry, NewsItem
from dg_bot.domain.news_memory import MOST_RECENT, MOST_TRIES, NewsMemory
from dg_bot.errors import ImpossibleValue
from tests.builders import NOON
from tests.feeds import address, entry

HOUR = timedelta(hours=1)
NEXT = timedelta(microseconds=1)


def seen(*titles: str, source: str = "news.example") -> NewsSeen:
    return NewsSeen(source=source, entries=tuple(map(entry, titles)))


def judged(**scores: float) -> NewsJudged:
    return NewsJudged(kind=AnswerKind.USABLE, scores={address(title): score for title, score in scores.items()}, unscored=())


def folded(*events: tuple[Event, datetime]) -> NewsMemory:
    memory = NewsMemory()
    for number, (event, at) in enumerate(events, 1):
        memory = memory.after(Record(sequence=number, at=at, event=event))
    return memory


def titles(memory: NewsMemory, now: datetime) -> list[str]:
    return [news.item.title for news in memory.recent(now)]


def test_what_was_seen_is_no_news_again_by_its_address_or_by_its_words() -> None:
    memory = folded((seen("Bitcoin: up 4%!"), NOON))
    same_address = NewsEntry(url=address("Bitcoin: up 4%!"), title="Corrected headline")
    same_words = NewsEntry(url="https://elsewhere.example/1", title="BITCOIN - Up 4 %")
    other = NewsEntry(url="https://elsewhere.example/2", title="Bitcoin: up 5%")

    assert (other,) == memory.new_among([same_address, same_words, other, other])


def test_titles_of_signs_alone_are_told_apart_by_their_addresses() -> None:
    one, two = (NewsEntry(url=url, title="!!!") for url in ("a", "b"))

    assert (one, two) == NewsMemory().new_among([one, two, one])


def test_what_a_source_still_lists_after_a_month_is_no_news() -> None:
    memory = folded((seen("old"), NOON), (seen("new"), NOON + 31 * 24 * HOUR))

    assert () == memory.new_among([entry("old"), entry("new")])


def test_a_busy_source_does_not_make_a_quiet_ones_news_forgotten() -> None:
    busy = [(seen(*(f"{hour} {number}" for number in range(50)), source="busy"), NOON + hour * HOUR) for hour in range(30)]
    memory = folded((seen("quiet", source="quiet"), NOON), *busy)

    assert () == memory.new_among([entry("quiet"), *(entry(f"29 {number}") for number in range(50))])
    assert 1000 == len(memory.keys["busy"])


def test_news_are_recent_for_less_than_24_hours() -> None:
    memory = folded((seen("one"), NOON), (seen("two"), NOON + HOUR))

    assert [] == titles(memory, NOON - NEXT)
    assert ["one"] == titles(memory, NOON)
    assert ["one", "two"] == titles(memory, NOON + 24 * HOUR - NEXT)
    assert ["two"] == titles(memory, NOON + 24 * HOUR)


@pytest.mark.parametrize(("age", "shown"), [(24 * HOUR, []), (24 * HOUR - NEXT, ["t"]), (-HOUR, ["t"])])
def test_what_was_old_when_it_was_first_seen_is_no_news(age: timedelta, shown: list[str]) -> None:
    told = NewsEntry(url="u", title="t", published_at=NOON - age)
    memory = folded((NewsSeen(source="s", entries=(told,)), NOON))

    assert shown == titles(memory, NOON)
    assert () == memory.new_among([told])


def test_of_many_news_the_newest_are_given() -> None:
    memory = folded(*((seen(f"{number}"), NOON + number * timedelta(minutes=1)) for number in range(MOST_RECENT + 5)))

    recent = titles(memory, NOON + 3 * HOUR)

    assert (MOST_RECENT, "5", f"{MOST_RECENT + 4}") == (len(recent), recent[0], recent[-1])


def test_a_score_is_known_once_it_was_given_and_never_changes() -> None:
    memory = folded((seen("good", "bad"), NOON), (judged(good=0.5), NOON), (judged(good=-1.0, other=1.0), NOON))

    assert [0.5, None] == [news.item.score for news in memory.recent(NOON)]
    assert [False, True] == [news.may_be_judged for news in memory.recent(NOON)]


def test_what_was_asked_about_in_vain_twice_is_left_without_a_score() -> None:
    refused = (NewsJudged(kind=AnswerKind.REFUSAL, scores={}, unscored=(address("a"),)), NOON)
    may = [folded((seen("a"), NOON), *[refused] * tries).recent(NOON)[0].may_be_judged for tries in range(MOST_TRIES + 1)]

    assert [True, True, False] == may


def test_a_score_outside_its_range_cannot_be() -> None:
    for score in (1.01, -1.01, float("nan")):
        with pytest.raises(ImpossibleValue):
            NewsItem(known_at=NOON, source="s", title="t", score=score)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.floats(-1, 1)), max_size=12), st.integers(0, 12))
def test_what_comes_later_changes_nothing_that_was_known(told: list[tuple[str, float]], cut: int) -> None:
    """Point in time: what a cycle was shown of the news is the same whatever became known after it."""
    events: list[tuple[Event, datetime]] = []
    for hour, (title, score) in enumerate(told):
        events += [(seen(title), NOON + hour * HOUR), (judged(**{title: score}), NOON + hour * HOUR + NEXT)]
    known, whole = folded(*events[: 2 * cut]), folded(*events)
    at = NOON + cut * HOUR - NEXT

    assert [news.known_at for news in known.recent(at)] == [news.known_at for news in whole.recent(at) if news.known_at <= at]
    assert {news.known_at for news in known.recent(at)} <= {when for _, when in events[: 2 * cut]}
