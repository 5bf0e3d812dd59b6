"""What leaves the process after the fact: projections of the journal, each with its own place in it."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from dg_bot.adapters.prometheus import Metrics
from dg_bot.errors import BotError

PROJECTIONS = ("database", "candles", "messages", "discord")
# What could not be delivered for this long is told to the operator.
_LATE = timedelta(minutes=10)
_log = structlog.get_logger(__name__)


class Projection(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def place(self) -> int:
        """The sequence of the last record that has been taken."""
        ...

    @property
    def waiting_since(self) -> datetime | None:
        """When the oldest record was made that has not been taken; None where there is none."""
        ...

    def flush(self) -> None:
        """Bring the projection up to the journal's end.

        Raises StoreError when the other side does not take it, StateError when its place cannot be kept; what was taken stays
        taken.
        """
        ...


class Outbox:
    """Flushes every projection; what one of them cannot take stays in the journal, and holds nothing else up."""

    def __init__(
        self,
        *,
        projections: Sequence[Projection],
        metrics: Metrics,
        end: Callable[[], int],
        now: Callable[[], datetime],
        alarm: Callable[[str, str], None],
        note: Callable[[Mapping[str, str]], None],
        name: str = "outbox",
    ) -> None:
        """`end` gives the sequence of the journal's last record.

        `alarm` is told once of each hold-up that lasts, `note` whenever what is behind or its reason is another.
        """
        self.name = name
        self._projections = projections
        self._end = end
        self._now = now
        self._alarm = alarm
        self._metrics = metrics
        self._note = note
        self._noted: dict[str, str] | None = None
        self._behind: dict[str, str] = {}
        self._alarmed: dict[str, str] = {}

    @property
    def degraded(self) -> dict[str, str]:
        """Give the projections that are behind, with the reason of the last attempt."""
        return dict(self._behind)

    def flush(self) -> None:
        """Try every projection once."""
        for projection in self._projections:
            try:
                projection.flush()
            except BotError as error:
                self._fall_behind(projection, str(error))
            except Exception as error:  # noqa: BLE001 - a defect in one rendering must not silence the others
                _log.error("projection_defect", projection=projection.name, exc_info=error)
                self._fall_behind(projection, f"a defect of this program ({type(error).__name__})")
            else:
                self._catch_up(projection)
        lag = max((self._end() - projection.place for projection in self._projections), default=0)
        self._metrics.outbox_lag(lag, of=self.name)
        if self._noted != self._behind:
            self._noted = self.degraded
            self._note(self._noted)

    def _fall_behind(self, projection: Projection, reason: str) -> None:
        if projection.name not in self._behind:
            _log.warning("projection_behind", projection=projection.name, reason=reason)
        self._behind[projection.name] = reason
        self._metrics.error(projection.name)
        since = projection.waiting_since
        if since is None or self._now() - since < _LATE or projection.name in self._alarmed:
            return
        if reason in self._alarmed.values():
            return  # one cause holds several up, and is told once
        try:
            self._alarm(f"{projection.name}_behind", f"not delivered since {since:%Y-%m-%d %H:%M}Z: {reason}")
        except BotError as error:
            _log.error("alarm_not_recorded", error=str(error))
        else:
            self._alarmed[projection.name] = reason

    def _catch_up(self, projection: Projection) -> None:
        self._alarmed.pop(projection.name, None)
        if self._behind.pop(projection.name, None) is not None:
            _log.info("projection_caught_up", projection=projection.name)
