"""A piece of news as it became known: whose it is, what its headline says, and how it was scored."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dg_bot.domain.calendar import require_aware
from dg_bot.errors import ImpossibleValue


class FeedOutcome(StrEnum):
    """How the reading of a feed ended; everything but READ and UNCHANGED gives no news, and is counted under its name."""

    READ = "read"
    UNCHANGED = "unchanged"

    # It was not asked, or no answer came.
    NO_TIME_LEFT = "no_time_left"
    NO_ANSWER_IN_TIME = "no_answer_in_time"
    UNREACHABLE = "unreachable"
    CERTIFICATE_REFUSED = "certificate_refused"
    CONNECTION_LOST = "connection_lost"
    REDIRECTED = "redirected"
    REFUSED = "refused"

    # What came is no feed.
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    NO_TEXT = "no_text"
    ENTITIES = "entities"
    MALFORMED = "malformed"
    NO_FEED = "no_feed"
    BROKE = "broke"

    @property
    def is_answer(self) -> bool:
        """Tell whether the feed could be read, even if it holds nothing new."""
        return self in (FeedOutcome.READ, FeedOutcome.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsEntry:
    """What a feed says of one piece of news.

    `url` tells it apart from others; `title` is whatever the source wrote, without markup; `published_at` is what the source
    claims, and None where it claims nothing that can be true.
    """

    url: str
    title: str
    published_at: datetime | None = None

    def __post_init__(self) -> None:
        if not self.url or not self.title:
            raise ImpossibleValue("news", self.url or self.title, "it must have an address and a title")
        if self.published_at is not None:
            require_aware("time of publication", self.published_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReading:
    """What came of reading a feed; `left_out` counts entries beyond the most that are taken, and those without a title."""

    outcome: FeedOutcome
    entries: tuple[NewsEntry, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsItem:
    """`known_at` is when this program first saw it; `title` is whatever the source wrote and is never to be obeyed.

    `score` is its sentiment from -1 to 1; None where it has none.
    """

    known_at: datetime
    source: str
    title: str
    score: float | None = None

    def __post_init__(self) -> None:
        require_aware("time of news", self.known_at)
        if self.score is not None and not -1 <= self.score <= 1:
            raise ImpossibleValue("score of news", str(self.score), "it must lie from -1 to 1")
