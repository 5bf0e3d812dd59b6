"""Which commands have been taken, so that none is ever taken a second time."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dg_bot.domain.events import CommandEnded, CommandTaken, Record

# Messengers number their messages upwards, but may begin anew after days of silence; what waits there is never older than a day.
_NUMBERED_UPWARDS = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandsHeard:
    """The number and the time of the newest command, and those without an end."""

    newest: int = 0
    at: datetime | None = None
    unended: tuple[CommandTaken, ...] = ()

    def after(self, record: Record) -> "CommandsHeard":
        """Fold one record in; other kinds of event change nothing."""
        match record.event:
            case CommandTaken() as taken:
                return CommandsHeard(newest=taken.update, at=record.at, unended=(*self.unended, taken))
            case CommandEnded(update=update):
                return replace(self, unended=tuple(taken for taken in self.unended if taken.update != update))
            case _:
                return self

    def has(self, update: int, now: datetime) -> bool:
        """Tell whether this one, or one after it, has been taken."""
        return self.at is not None and now - self.at < _NUMBERED_UPWARDS and update <= self.newest
