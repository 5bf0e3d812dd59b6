"""The call breaker: an outside call that keeps failing is left alone for a while, then tried once."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallBreaker:
    """OPEN for `pause` after `most_failures` calls in a row have failed, then HALF_OPEN: the next call decides."""

    most_failures: int = 5
    pause: timedelta = timedelta(seconds=60)
    failures: int = 0
    opened_at: datetime | None = None

    def state(self, now: datetime) -> BreakerState:
        if self.opened_at is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if now - self.opened_at < self.pause else BreakerState.HALF_OPEN

    def succeeded(self) -> "CallBreaker":
        return replace(self, failures=0, opened_at=None)

    def failed(self, now: datetime) -> "CallBreaker":
        """Count one more failure; the one that fills the number, or one while HALF_OPEN, opens it."""
        failures = self.failures + 1
        return replace(self, failures=failures, opened_at=now if failures >= self.most_failures else None)
