"""Keep the venue's request budgets: pace each group of calls, and be silent in it for as long as the venue demands."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from dg_bot.errors import RateLimited
from dg_bot.ports import Clock

# Calls a second until an answer says what is left; docs.upbit.com/kr/reference/rate-limits.
START_LIMITS = {"market": 10, "candles": 10, "ticker": 10, "orderbook": 10, "default": 30, "order": 8, "order-test": 8}
WINDOW_S = 1.0
SILENCE_S = 1.0
UNKNOWN_BLOCK_S = 60.0
_LONGEST_BLOCK_S = 86_400.0

_LEFT = re.compile(r"\bsec\s*=\s*(\d{1,6})(?!\d)", re.ASCII)
_TIMES = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(hour|시간|min|분|sec|초|s\b|m\b|h\b)", re.ASCII | re.IGNORECASE)
_FIELD = re.compile(r"(hour|min|sec)[a-z]*[\"']?\s*[:=]\s*[\"']?(\d{1,9}(?:\.\d{1,6})?)(?![\d:-])", re.ASCII | re.IGNORECASE)
_UNIT_S = {"hour": 3600.0, "시간": 3600.0, "h": 3600.0, "min": 60.0, "분": 60.0, "m": 60.0, "sec": 1.0, "초": 1.0, "s": 1.0}


@dataclass(slots=True)
class _Group:
    """The budget of one group; moments are monotonic seconds."""

    left: int = 0
    window_ends_s: float = float("-inf")
    silent_until_s: float = float("-inf")


class UpbitLimiter:
    """Budgets by group. Thread-safe; waits on the clock that it is given."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._groups = {name: _Group() for name in START_LIMITS}
        self._lock = Lock()

    def acquire(self, operation: str, group: str) -> None:
        """Wait until `group` has room for one call, about a second at most; raises RateLimited while the group is silent."""
        while (wait_s := self._reserve(operation, group)) > 0.0:
            self._clock.sleep(wait_s)

    def observe(self, group: str, remaining_req: str | None) -> None:
        """Follow the `Remaining-Req` header of an answer; one that is missing or odd says nothing."""
        match = _LEFT.search(remaining_req or "")
        if match is None:
            return
        left = int(match[1])
        with self._lock:
            state = self._groups[group]
            state.left = min(state.left, left)
            if left == 0:
                state.window_ends_s = self._clock.monotonic_s() + WINDOW_S

    def refused(self, operation: str, group: str, *, status: int, text: str) -> RateLimited:
        """Silence `group` after a 429 (one second) or a 418 (as long as its text says); gives the error to be raised."""
        now = self._clock.now()
        silence_s = block_s(text, now) if status == 418 else SILENCE_S
        with self._lock:
            state = self._groups[group]
            state.silent_until_s = max(state.silent_until_s, self._clock.monotonic_s() + silence_s)
        return RateLimited(operation, group, now + timedelta(seconds=silence_s))

    def _reserve(self, operation: str, group: str) -> float:
        """Take one call out of the budget and give 0.0, or give the seconds to wait."""
        with self._lock:
            state, now_s = self._groups[group], self._clock.monotonic_s()
            silent_s = state.silent_until_s - now_s
            if silent_s > 0.0:
                raise RateLimited(operation, group, self._clock.now() + timedelta(seconds=silent_s))
            if now_s >= state.window_ends_s:
                state.left, state.window_ends_s = START_LIMITS[group], now_s + WINDOW_S
            if state.left == 0:
                return state.window_ends_s - now_s
            state.left -= 1
            return 0.0


def block_s(text: str, now: datetime) -> float:
    """Read from the text of a 418 how long it blocks, in seconds; the longest where it names several, 60 where it names none.

    The form is not documented. Understood are amounts with a unit ('10 seconds', '3분'), fields named for a unit
    (`"block_seconds": 30`) and ISO times, which are UTC where they have no offset; nothing above a day is believed.
    """
    found = [float(amount) * _UNIT_S[unit.lower()] for amount, unit in _AMOUNT.findall(text)]
    found += [float(amount) * _UNIT_S[unit.lower()] for unit, amount in _FIELD.findall(text)]
    found += [(_moment(moment) - now).total_seconds() for moment in _TIMES.findall(text) if _is_moment(moment)]
    return max((seconds for seconds in found if 0.0 < seconds <= _LONGEST_BLOCK_S), default=UNKNOWN_BLOCK_S)


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
