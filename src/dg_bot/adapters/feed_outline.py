"""Cut a feed down to what is read of it, by a parser that is fast on anything, before one that is not gets to see it."""

import re
from collections.abc import Mapping
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from dg_bot.domain.news import FeedOutcome

LONGEST_TEXT = 2000
_MOST_ELEMENTS = 20_000
_DEEPEST = 64
_MOST_ATTRIBUTES = 64
_FRAMES = frozenset(["rss", "rdf", "channel", "feed", "item", "entry"])
_TIMES = frozenset(["pubdate", "published", "updated", "issued", "modified", "created", "date"])
_LEAVES = _TIMES | {"title", "link", "guid", "id"}
_ATTRIBUTES = frozenset(["version", "href", "rel", "type", "ispermalink", "rdf:about"])


class Refused(Exception):
    """A page is no feed that may be read; `outcome` says why."""

    def __init__(self, outcome: FeedOutcome) -> None:
        super().__init__(outcome.value)
        self.outcome = outcome


def outline_of(text: str) -> str:
    """Give the frame of a feed with the titles, addresses and times of its entries, each text at most 2000 characters long.

    Everything else is left out: authors, contents, pictures. Raises Refused for what is not well-formed, declares entities, or is
    of a size or depth that no feed has.
    """
    outline = _Outline()
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler, parser.EndElementHandler = outline.begin, outline.end
    parser.CharacterDataHandler = outline.take
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(text.encode("utf-8", "replace"), True)
    except expat.ExpatError as error:
        is_page = re.match(r"<!doctype html|<html", text, re.IGNORECASE) is not None
        raise Refused(FeedOutcome.NO_FEED if is_page else FeedOutcome.MALFORMED) from error
    return "".join(outline.parts)


class _Outline:
    """What is kept while a feed is parsed; inside of a leaf only text is, and inside of a foreign element nothing."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._open: list[str] = []
        self._elements = 0
        # How deep the leaf or the foreign element lies in which the parser is; 0 where it is in neither.
        self._leaf = self._foreign = 0
        self._room = 0

    def begin(self, name: str, attributes: Mapping[str, str]) -> None:
        self._open.append(name)
        self._elements += 1
        if len(self._open) > _DEEPEST or self._elements > _MOST_ELEMENTS or len(attributes) > _MOST_ATTRIBUTES:
            raise Refused(FeedOutcome.TOO_LARGE)
        if self._leaf or self._foreign:
            return
        kind = name.rpartition(":")[2].lower()
        if kind in _LEAVES:
            self._leaf, self._room = len(self._open), LONGEST_TEXT
        elif kind not in _FRAMES and len(self._open) > 1:
            self._foreign = len(self._open)
            return
        self.parts.append(f"<{name}{_kept(attributes)}>")

    def end(self, name: str) -> None:
        depth = len(self._open)
        self._open.pop()
        if self._foreign == depth:
            self._foreign = 0
            return
        if self._leaf == depth:
            self._leaf = 0
        if not self._leaf and not self._foreign:
            self.parts.append(f"</{name}>")

    def take(self, text: str) -> None:
        if self._leaf and self._room > 0:
            kept = text[: self._room]
            self._room -= len(kept)
            self.parts.append(escape(kept))


def _kept(attributes: Mapping[str, str]) -> str:
    names = (name for name in attributes if name.startswith("xmlns") or name.lower() in _ATTRIBUTES)
    return "".join(f" {name}={quoteattr(attributes[name][:LONGEST_TEXT])}" for name in names)


def _refuse_entity(*_: object) -> None:
    raise Refused(FeedOutcome.ENTITIES)
