"""Remember across restarts how long the venue has blocked a group of calls."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.errors import StateError
from dg_bot.ports import Clock

_REMEDY = "it is written anew at the next block"


class SilenceFile:
    """The ends of blocks by group, in time of this machine: at a start, before the first answer, no other clock is known.

    Callers take care that one thread at a time writes.
    """

    def __init__(self, path: Path, *, clock: Clock) -> None:
        """Keep the blocks at `path`; `clock` is this machine's, not the venue's."""
        self._path = path
        self._clock = clock

    def left_s(self) -> Mapping[str, float]:
        """Give the seconds that are left by group; raises StateError where the file is there and cannot be trusted."""
        now = self._clock.now()
        left = {group: (until - now).total_seconds() for group, until in self._ends().items()}
        return {group: seconds for group, seconds in left.items() if seconds > 0.0}

    def keep(self, group: str, seconds: float) -> None:
        """Remember durably that `group` is blocked for `seconds` from now, or longer where that is known; raises StateError."""
        now = self._clock.now()
        try:
            known = {name: until for name, until in self._ends().items() if until > now}
        except StateError:
            known = {}
        known[group] = max(known.get(group, now), now + timedelta(seconds=seconds))
        write_state(self._path, {"silent_until": {name: until.isoformat() for name, until in known.items()}})

    def _ends(self) -> dict[str, datetime]:
        body = read_state(self._path, _REMEDY)
        kept = {} if body is None else body.get("silent_until")
        try:
            if isinstance(kept, dict):
                return {str(group): _aware(datetime.fromisoformat(until)) for group, until in kept.items()}
        except (TypeError, ValueError) as error:
            raise StateError(str(self._path), f"holds what is no time ({error})", _REMEDY) from error
        raise StateError(str(self._path), "does not hold times by group", _REMEDY)


def _aware(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no offset")
    return at
