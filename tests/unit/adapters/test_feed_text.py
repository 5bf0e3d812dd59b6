"""Bytes that are a feed, and bytes that are everything else."""

from datetime import UTC, datetime

import pytest

from dg_bot.adapters.feed_text import LONGEST_TITLE, MOST_ENTRIES, read_feed
from dg_bot.domain.news import FeedOutcome, FeedReading, NewsEntry
from tests.feeds import rss
from tests.shared_data import shared

HEAD = b'<rss version="2.0"><channel>'
TAIL = b"</channel></rss>"


def read(body: bytes, content_type: str = "") -> FeedReading:
    return read_feed("news.example", body, content_type)


def only(body: bytes, content_type: str = "") -> NewsEntry:
    [entry] = read(body, content_type).entries
    return entry


def test_a_recorded_feed_is_read_without_what_tracks_its_readers() -> None:
    first, second, repeated = read(shared("news/rss_cointelegraph_20260828.xml").read_bytes()).entries

    assert first == NewsEntry(
        url="https://cointelegraph.com/news/what-happened-in-crypto-today",
        title="Here's what happened in crypto today",
        published_at=datetime(2026, 8, 28, 20, 42, 54, tzinfo=UTC),
    )
    assert second == repeated


ATOM = """<feed xmlns="http://www.w3.org/2005/Atom"><entry><id>urn:1</id><updated>2026-11-20T09:00:00+09:00</updated>
<title type="html">&lt;b&gt;비트코인&lt;/b&gt; 7만달러 &amp;amp; 금값</title>
<link href="HTTPS://News.Example:8443/A%20b/?utm_source=rss&amp;id=2&amp;fbclid=x#top"/></entry></feed>"""


def test_an_atom_entry_is_read_without_its_markup() -> None:
    assert NewsEntry(
        url="https://news.example:8443/A%20b?id=2",
        title="비트코인 7만달러 & 금값",
        published_at=datetime(2026, 11, 20, tzinfo=UTC),
    ) == only(ATOM.encode())


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (rss("비트코인"), ""),
        (rss("비트코인"), "text/xml; charset=iso-8859-1"),
        (b"\xef\xbb\xbf" + rss("비트코인"), ""),
        (rss("비트코인").decode().replace("UTF-8", "euc-kr").encode("euc-kr"), ""),
        (rss("비트코인").decode().replace(' encoding="UTF-8"', "").encode("cp949"), 'text/xml; charset="EUC-KR"'),
        (rss("비트코인").decode().encode("utf-16"), ""),
    ],
)
def test_the_charset_is_found_by_what_can_be_read(body: bytes, content_type: str) -> None:
    assert "비트코인" == only(body, content_type).title


@pytest.mark.parametrize(
    ("body", "outcome"),
    [
        (b"", FeedOutcome.NO_FEED),
        (b"   ", FeedOutcome.NO_FEED),
        (b'{"items": []}', FeedOutcome.NO_FEED),
        (b"news are out", FeedOutcome.NO_FEED),
        (b"/etc/hostname", FeedOutcome.NO_FEED),
        (b"http://127.0.0.1:1/", FeedOutcome.NO_FEED),
        (b"<!DOCTYPE html><html><body><br>Just a moment...</body></html>", FeedOutcome.NO_FEED),
        (b"<html><body>Access denied</body></html>", FeedOutcome.NO_FEED),
        (b"<opml><body/></opml>", FeedOutcome.NO_FEED),
        (bytes(range(256)), FeedOutcome.NO_TEXT),
        (rss("비트코인").decode().replace("UTF-8", "utf-7").encode("utf-16-le"), FeedOutcome.NO_TEXT),
        (HEAD + b"<item><title>cut off</title></item><item><ti", FeedOutcome.MALFORMED),
        (HEAD + b"<item></channel></rss>", FeedOutcome.MALFORMED),
        (HEAD + b"<item><title>&undefined;</title></item>" + TAIL, FeedOutcome.MALFORMED),
        (b'<!DOCTYPE rss [<!ENTITY a "b">]>' + HEAD + b"<item><title>&a;</title></item>" + TAIL, FeedOutcome.ENTITIES),
        (b'<!DOCTYPE rss [<!ENTITY a SYSTEM "file:///etc/passwd">]>' + HEAD + TAIL, FeedOutcome.ENTITIES),
        (
            b'<!DOCTYPE r [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>' + HEAD + b"&c;" + TAIL,
            FeedOutcome.ENTITIES,
        ),
        ('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE r [<!ENTITY a "b">]><rss/>'.encode("utf-16"), FeedOutcome.ENTITIES),
        (HEAD + b"<a>" * 100 + b"</a>" * 100 + TAIL, FeedOutcome.TOO_LARGE),
        (HEAD + b"<a/>" * 20_001 + TAIL, FeedOutcome.TOO_LARGE),
        (HEAD + b"<item " + b" ".join(b'a%d=""' % number for number in range(65)) + b"/>" + TAIL, FeedOutcome.TOO_LARGE),
    ],
)
def test_what_is_no_tame_feed_gives_no_news_and_its_name(body: bytes, outcome: FeedOutcome) -> None:
    assert FeedReading(outcome=outcome) == read(body)


def test_long_texts_beside_the_headline_never_reach_the_slow_parser() -> None:
    """The library takes minutes over an author of 200,000 letters, and keeps all threads waiting meanwhile."""
    author, date = f"<author>{'a' * 500_000}</author>", f"<pubDate>{'a' * 200_000}</pubDate>"
    inside = "<source><title>of another</title></source>"
    entry = f"<item>{author}{date}{inside}<title>t</title><link>https://a.example/1</link></item>"

    assert NewsEntry(url="https://a.example/1", title="t") == only(rss(items=entry))


def test_a_feed_without_entries_is_a_feed() -> None:
    assert FeedReading(outcome=FeedOutcome.READ) == read(rss())


def test_of_a_long_feed_the_first_entries_are_taken_and_the_rest_is_counted() -> None:
    reading = read(rss(*(f"headline {number}" for number in range(MOST_ENTRIES + 7))))

    assert (MOST_ENTRIES, 7) == (len(reading.entries), reading.left_out)
    assert "headline 0" == reading.entries[0].title


@pytest.mark.parametrize("title", ["", "<b></b>", "  ", "&lt;p&gt; &lt;/p&gt;"])
def test_an_entry_without_a_title_is_left_out(title: str) -> None:
    reading = read(rss(items=f"<item><title>{title}</title><link>https://a.example/1</link></item><item/>"))

    assert ((), 2) == (reading.entries, reading.left_out)


def test_a_title_is_cut_and_its_named_characters_are_written_out() -> None:
    longest = only(rss("x" * 100_000)).title
    named = only(rss(items="<item><title>a&nbsp;b &eacute;t&amp;amp;e &lt;i&gt;c&lt;/i&gt;</title></item>")).title

    assert LONGEST_TITLE == len(longest)
    assert "a b ét&e c" == named


@pytest.mark.parametrize(
    "link", ["javascript:alert(1)", "file:///etc/passwd", "https://user:word@a.example/", "//", "http://[", "x" * 3000, ""]
)
def test_an_entry_without_a_page_has_a_name_of_its_own(link: str) -> None:
    urls = [only(rss(items=f"<item><title>{title}</title><link>{link}</link></item>")).url for title in ("one", "two", "one")]

    assert all(url.startswith("urn:sha256:") for url in urls)
    assert (urls[0] == urls[2], urls[0] == urls[1]) == (True, False)


@pytest.mark.parametrize("told", ["", "yesterday", "1", "Fri, 99 Foo 2026 99:99:99 +0000", "1 " * 99_999, "0000-00-00T00:00Z"])
def test_a_time_that_no_calendar_has_is_none(told: str) -> None:
    assert only(rss(items=f"<item><title>t</title><pubDate>{told}</pubDate></item>")).published_at is None
