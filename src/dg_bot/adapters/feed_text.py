"""Read a feed out of bytes: well-formed, small and without entities, or the word for what it is instead."""

import calendar
import hashlib
import html
import io
import re
import time
from datetime import UTC, datetime
from html.entities import html5
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from dg_bot.adapters.feed_outline import LONGEST_TEXT, Refused, outline_of
from dg_bot.domain.news import FeedOutcome, FeedReading, NewsEntry
from dg_bot.errors import ImpossibleValue

MOST_ENTRIES = 50
LONGEST_TITLE = 300
_LONGEST_URL = 500
_DECLARATION = re.compile(r"<\?xml[^>]*\?>")
_DECLARED_CHARSET = re.compile(rb"<\?xml[^>]*\bencoding\s*=\s*[\"']([A-Za-z0-9_-]{1,40})[\"']")
_HEADER_CHARSET = re.compile(r"charset\s*=\s*[\"']?([A-Za-z0-9_-]{1,40})", re.IGNORECASE)
# A feed may be in one of these and no other: some of Python's codecs can hide markup.
_CODECS = {
    "utf-8": "utf-8", "utf8": "utf-8", "us-ascii": "ascii", "iso-8859-1": "latin-1", "windows-1252": "cp1252",
    "euc-kr": "cp949", "ks_c_5601-1987": "cp949", "cp949": "cp949",
}  # fmt: skip
_BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")
_TAG = re.compile(r"<[^<>]*>")
_NAMED = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,30});")
_TIMES = ("published_parsed", "updated_parsed")
_OF_XML = frozenset(["amp", "lt", "gt", "quot", "apos"])
# What says where a reader came from, and not what is read.
_TRACKING = re.compile(r"utm_.*|fbclid|gclid|mc_cid|mc_eid|ref|source", re.IGNORECASE)


def read_feed(source: str, body: bytes, content_type: str = "") -> FeedReading:
    """Read the body of a feed; never raises. `source` goes into the address of an entry that has none."""
    try:
        text = _without_names(_text(body, content_type))
        if not text.startswith("<"):
            raise Refused(FeedOutcome.NO_FEED)
        return _entries(source, outline_of(text))
    except Refused as refused:
        return FeedReading(outcome=refused.outcome)


def _text(body: bytes, content_type: str) -> str:
    """Decode a body, strictly, and bring it onto one line: the parser behind is slow where there are many."""
    declared = _DECLARED_CHARSET.search(body[:200])
    told = _HEADER_CHARSET.search(content_type)
    names = [declared[1].decode("ascii") if declared else "", told[1] if told else ""]
    codecs = ["utf-8-sig", *(_CODECS.get(name.lower(), "") for name in names)]
    if body[:2] in (b"\xff\xfe", b"\xfe\xff"):
        codecs = ["utf-16"]
    for codec in filter(None, codecs):
        try:
            text = body.decode(codec)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return _DECLARATION.sub("", _BLANKS.sub(" ", text), count=1).strip()
    raise Refused(FeedOutcome.NO_TEXT)


def _without_names(text: str) -> str:
    """Write the characters that HTML has names for and XML has not."""
    return _NAMED.sub(lambda name: name[0] if name[1] in _OF_XML else html5.get(f"{name[1]};", name[0]), text)


def _entries(source: str, outline: str) -> FeedReading:
    # A fifth of a second that only those who read feeds pay.
    import feedparser  # noqa: PLC0415

    # From a stream: what is given as a text may be taken for the name of a file or the address of a page.
    stream = io.BytesIO(outline.encode("utf-8", "replace"))
    headers = {"content-type": "application/xml; charset=utf-8"}
    try:
        document = feedparser.parse(stream, response_headers=headers, sanitize_html=False, resolve_relative_uris=False)
    except Exception as error:  # whatever a feed does to the library is one more feed that cannot be read
        raise Refused(FeedOutcome.BROKE) from error
    if not document.get("version"):
        raise Refused(FeedOutcome.NO_FEED)
    listed = list(document.get("entries", ()))
    read = [_entry(source, entry) for entry in listed[:MOST_ENTRIES]]
    entries = tuple(entry for entry in read if entry is not None)
    return FeedReading(outcome=FeedOutcome.READ, entries=entries, left_out=len(listed) - len(entries))


def _entry(source: str, entry: Any) -> NewsEntry | None:
    """Give an entry with its title in plain text; None where it has none."""
    title = _title(entry.get("title"))
    try:
        return NewsEntry(
            url=_address(entry.get("link")) or _name(source, entry.get("id") or title),
            title=title,
            published_at=_time(next((entry[name] for name in _TIMES if name in entry), None)),
        )
    except ImpossibleValue:
        return None


def _title(raw: object) -> str:
    """Take the markup out, twice for what was escaped twice, and cut it to a length that no headline has."""
    text = raw if isinstance(raw, str) else ""
    for _ in range(2):
        text = html.unescape(_TAG.sub(" ", text))
    return _BLANKS.sub(" ", text).strip().encode("utf-8", "ignore").decode("utf-8")[:LONGEST_TITLE].strip()


def _address(raw: object) -> str | None:
    """Give a link without what tracks its reader; None for what is no address of a page."""
    if not isinstance(raw, str) or len(raw) >= LONGEST_TEXT:
        return None
    try:
        parts = urlsplit(raw.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme.lower() not in ("http", "https") or not host or "@" in parts.netloc:
        return None
    query = urlencode([pair for pair in parse_qsl(parts.query) if _TRACKING.fullmatch(pair[0]) is None])
    path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._", errors="replace")
    place = host.encode("ascii", "backslashreplace").decode() + (f":{port}" if port else "")
    url = urlunsplit((parts.scheme.lower(), place, path, query, ""))
    return url if len(url) <= _LONGEST_URL else None


def _name(source: str, words: object) -> str:
    """Make an address for an entry that has none of its own."""
    told = f"{source} {words}".encode("utf-8", "replace")
    return f"urn:sha256:{hashlib.sha256(told).hexdigest()}"


def _time(parsed: time.struct_time | None) -> datetime | None:
    """Read a time that the library has brought into UTC; one that no calendar has is none."""
    try:
        return None if parsed is None else datetime.fromtimestamp(calendar.timegm(parsed), UTC)
    except (ValueError, OverflowError, OSError):
        return None
