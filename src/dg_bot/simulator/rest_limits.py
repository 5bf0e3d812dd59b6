"""The venue's request limits: so many a second in each group, then 429, then 418 for a growing time."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

# docs.upbit.com rate-limits (2026-10-07) and order-rate-limit-update; group names as the Remaining-Req header spells them.
UPBIT_PER_SECOND: Final[Mapping[str, int]] = {
    "market": 10,
    "candles": 10,
    "trade": 10,
    "ticker": 10,
    "orderbook": 10,
    "default": 30,
    "order": 12,
    "order-test": 8,
}
ORIGIN_WINDOW_S: Final = 10
FIRST_BLOCK_S: Final = 2
LONGEST_BLOCK_S: Final = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """The request may pass; `remaining` more may pass in this second."""

    remaining: int


@dataclass(frozen=True, slots=True)
class Throttled:
    """The limit of this second is used up (429)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """The group is closed for `seconds` more, rounded up (418)."""

    seconds: int


@dataclass(slots=True)
class _Window:
    """Use of one group: the window it counts in, and the block it has earned."""

    index: int = -1
    used: int = 0
    was_refused: bool = False
    blocked_until: float = -math.inf
    blocks: int = 0


@dataclass(slots=True)
class RateLimits:
    """Counts requests in windows of whole seconds of `monotonic`, per group.

    One request over the limit is refused; one more in the same second blocks the group, each time for twice as long as before.
    The venue's own patience and block times are not published; these are the strictest reading.
    """

    monotonic: Callable[[], float]
    per_second: Mapping[str, int] = field(default_factory=lambda: UPBIT_PER_SECOND)
    _windows: dict[str, _Window] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def admit(self, group: str, *, has_origin: bool) -> Admitted | Throttled | Blocked:
        """Count one request; a request with an Origin header shares one place in ten seconds over all groups."""
        with self._lock:
            if has_origin:
                return self._count("origin", 1, ORIGIN_WINDOW_S)
            return self._count(group, self.per_second[group], 1)

    def header(self, group: str, verdict: Admitted | Throttled | Blocked) -> str:
        """Render Remaining-Req; its `min` is the constant that the venue keeps sending."""
        remaining = verdict.remaining if isinstance(verdict, Admitted) else 0
        return f"group={group}; min={self.per_second[group] * 60}; sec={remaining}"

    def _count(self, key: str, limit: int, length_s: int) -> Admitted | Throttled | Blocked:
        now = self.monotonic()
        window = self._windows.setdefault(key, _Window())
        if now < window.blocked_until:
            return Blocked(seconds=math.ceil(window.blocked_until - now))
        index = math.floor(now / length_s)
        if index != window.index:
            window.index, window.used, window.was_refused = index, 0, False
        if window.used < limit:
            window.used += 1
            return Admitted(remaining=limit - window.used)
        if not window.was_refused:
            window.was_refused = True
            return Throttled()
        block_s = min(FIRST_BLOCK_S << window.blocks, LONGEST_BLOCK_S)
        window.blocks += 1
        window.blocked_until = now + block_s
        return Blocked(seconds=block_s)
