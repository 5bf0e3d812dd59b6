"""The daemon's starts, folded from the journal: when the first was, and which have not ended on purpose."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dg_bot.domain.events import DAEMON, PROGRAM, Record, Started, Stopped

CRASHES = 5
CRASH_WINDOW = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """`unended` are those within ten minutes of the last one, which is among them until it ends on purpose.

    A single cycle by `main.py` counts as nothing: whoever runs it, by hand or by cron, chose its moments.
    """

    first_at: datetime | None = None
    unended: tuple[datetime, ...] = ()

    @property
    def crashes(self) -> int:
        """Count the starts of the ten minutes before the present one that never ended on purpose."""
        return max(0, len(self.unended) - 1)

    @property
    def is_crash_loop(self) -> bool:
        return self.crashes >= CRASHES

    def after(self, record: Record) -> "Starts":
        """Fold one record in."""
        match record.event:
            case Started(settings=settings) if settings.get(PROGRAM) == DAEMON:
                recent = (at for at in self.unended if at > record.at - CRASH_WINDOW)
                return Starts(first_at=self.first_at or record.at, unended=(*recent, record.at))
            case Stopped():
                return replace(self, unended=self.unended[:-1])
            case _:
                return self
