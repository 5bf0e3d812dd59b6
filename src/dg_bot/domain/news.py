"""A piece of news as it became known: whose it is, what its headline says, and how it was scored."""

from dataclasses import dataclass
from datetime import datetime

from dg_bot.domain.calendar import require_aware


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
