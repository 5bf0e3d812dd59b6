"""Tell the time: the machine's clock, and exchange time derived from the venue's answers."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from threading import Lock

from dg_bot.ports import Clock

_HEADER_RESOLUTION_S = 1.0
# A header this far from what was known is a jump; so many answers have to agree on it.
_JUMP_S = 30.0
_BELIEVED_AFTER = 3


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def skew_s(self) -> float:
        return 0.0

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(max(0.0, seconds))


@dataclass(frozen=True, slots=True)
class _Bounds:
    """What is known of venue time minus local time, in seconds: it lies in [low, high)."""

    low: float
    high: float

    def narrowed(self, fresh: "_Bounds") -> "_Bounds":
        """Join two measurements; where they contradict each other a clock has moved, and the fresh one stands alone."""
        low, high = max(self.low, fresh.low), min(self.high, fresh.high)
        return _Bounds(low, high) if low < high else fresh


class VenueClock:
    """Exchange time: local time plus an offset that is learnt from the `Date` headers of the venue.

    The header has whole seconds, so each answer only bounds the offset; the lower bound is used, so that exchange time is never
    ahead of the venue's. A single header may be wrong: one that is far from what was known, at first from this machine's time,
    is believed when the next ones agree with it. With `follow` the venue's clock is the clock: each answer is believed, its
    distance from here is no fault, and `skew_s` is 0.0.
    """

    def __init__(self, *, local: Clock, follow: bool) -> None:
        self._local = local
        self._follow = follow
        self._bounds: _Bounds | None = None
        self._suspect: _Bounds | None = None
        self._agreeing = 0
        self._lock = Lock()

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._local.now().timestamp() + self._offset_s(), UTC)

    def skew_s(self) -> float:
        """Give the offset in seconds, positive where the venue is ahead of this machine; 0.0 when the venue is followed.

        Before any answer is believed this is what the last one claims: two clocks that disagree are trouble, whoever is right.
        """
        if self._follow:
            return 0.0
        claimed = self._suspect if self._bounds is None else self._bounds
        return 0.0 if claimed is None else claimed.low

    def monotonic_s(self) -> float:
        return self._local.monotonic_s()

    def sleep(self, seconds: float) -> None:
        self._local.sleep(seconds)

    def observe(self, date_header: str | None, *, sent_s: float, received_s: float) -> None:
        """Learn from the `Date` of one answer; times are monotonic seconds at which its request left and its headers were here.

        The venue wrote the header in between, so its time at receipt lies in [date, date + 1 s + round trip). A header that is
        missing or cannot be read teaches nothing.
        """
        venue_s = _epoch(date_header)
        if venue_s is None:
            return
        local_s = self._local.now().timestamp() - (self._local.monotonic_s() - received_s)
        low = venue_s - local_s
        fresh = _Bounds(low, low + _HEADER_RESOLUTION_S + max(0.0, received_s - sent_s))
        with self._lock:
            if self._follow or abs(fresh.low - self._offset_s()) <= _JUMP_S:
                self._believe(fresh if self._bounds is None else self._bounds.narrowed(fresh))
            else:
                self._suspect_jump(fresh)

    def _suspect_jump(self, fresh: _Bounds) -> None:
        """Believe a jump when several answers in a row tell of the same one."""
        if self._suspect is not None and abs(fresh.low - self._suspect.low) <= _JUMP_S:
            self._suspect, self._agreeing = self._suspect.narrowed(fresh), self._agreeing + 1
        else:
            self._suspect, self._agreeing = fresh, 1
        if self._agreeing >= _BELIEVED_AFTER:
            self._believe(self._suspect)

    def _believe(self, bounds: _Bounds) -> None:
        self._bounds, self._suspect, self._agreeing = bounds, None, 0

    def _offset_s(self) -> float:
        bounds = self._bounds
        return 0.0 if bounds is None else bounds.low


def _epoch(date_header: str | None) -> float | None:
    """Read an HTTP date as seconds since 1970; None where it is none, or names no zone."""
    if date_header is None:
        return None
    try:
        at = parsedate_to_datetime(date_header)
        return at.timestamp() if at.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
