"""Keep the venue's request budgets: pace each group of calls, and be silent in it for as long as the venue demands."""

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

import structlog

from dg_bot.adapters.silence_file import SilenceFile
from dg_bot.errors import RateLimited, StateError
from dg_bot.ports import Clock

_log = structlog.get_logger(__name__)

# Calls a second until an answer says what is left; docs.upbit.com/kr/reference/rate-limits.
START_LIMITS = {"market": 10, "candles": 10, "ticker": 10, "orderbook": 10, "default": 30, "order": 8, "order-test": 8}
WINDOW_S = 1.0
SILENCE_S = 1.0
UNKNOWN_BLOCK_S = 60.0
_LONGEST_BLOCK_S = 86_400.0
# The venue counts by its own second: what we sent within two of ours holds any one of its.
_OWN_USE_S = 2.0

_LEFT = re.compile(r"\bsec\s*=\s*(\d{1,6})(?!\d)", re.ASCII)
_TIMES = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:?\d{2})?", re.ASCII)
_AMOUNT = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)\s*(hour|시간|min|분|sec|초|s\b|m\b|h\b)", re.ASCII | re.IGNORECASE)
_FIELD = re.compile(r"(hour|min|sec)[a-z]*[\"']?\s*[:=]\s*[\"']?(\d{1,9}(?:\.\d{1,6})?)(?![\d:-])", re.ASCII | re.IGNORECASE)
_UNIT_S = {"hour": 3600.0, "시간": 3600.0, "h": 3600.0, "min": 60.0, "분": 60.0, "m": 60.0, "sec": 1.0, "초": 1.0, "s": 1.0}


@dataclass(slots=True)
class _Group:
    """The budget of one group; moments are monotonic seconds."""

    sent_at_s: deque[float]
    left: int = 0
    window_ends_s: float = float("-inf")
    silent_until_s: float = float("-inf")

    def is_full_of_ours(self, now_s: float) -> bool:
        """Tell whether our own calls alone may have used up a second of the venue's."""
        return len(self.sent_at_s) == self.sent_at_s.maxlen and now_s - self.sent_at_s[0] <= _OWN_USE_S


class UpbitLimiter:
    """Budgets by group. Thread-safe; waits on the clock that it is given.

    A block (418) is kept in `silences`, and holds for whoever starts later on the same file.
    """

    def __init__(self, *, clock: Clock, silences: SilenceFile | None = None) -> None:
        self._clock = clock
        self._silences = silences
        self._groups = {name: _Group(sent_at_s=deque(maxlen=limit)) for name, limit in START_LIMITS.items()}
        self._lock = Lock()
        self._on_sharing: Callable[[str], None] = lambda _group: None
        for group, seconds in _kept(silences).items():
            if group in self._groups:
                self._groups[group].silent_until_s = clock.monotonic_s() + min(seconds, _LONGEST_BLOCK_S)

    def report_sharing_to(self, listener: Callable[[str], None]) -> None:
        """Tell `listener` the group of each 429 that our own calls do not explain; it must not raise."""
        self._on_sharing = listener

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
        now, now_s = self._clock.now(), self._clock.monotonic_s()
        silence_s = block_s(text, now) if status == 418 else SILENCE_S
        with self._lock:
            state = self._groups[group]
            state.silent_until_s = max(state.silent_until_s, now_s + silence_s)
            is_shared = status == 429 and not state.is_full_of_ours(now_s)
            if status == 418:
                self._keep(group, silence_s)
        if is_shared:
            self._on_sharing(group)
        return RateLimited(operation, group, now + timedelta(seconds=silence_s))

    def _keep(self, group: str, seconds: float) -> None:
        """Make a block outlast this process; where that fails it holds in this one."""
        if self._silences is None:
            return
        try:
            self._silences.keep(group, seconds)
        except StateError as error:
            _log.error("silence_not_kept", group=group, error=str(error))

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
            state.sent_at_s.append(now_s)
            return 0.0


def _kept(silences: SilenceFile | None) -> Mapping[str, float]:
    """Give what is left of earlier blocks, in seconds; one that cannot be read has an unknown length, in every group."""
    if silences is None:
        return {}
    try:
        return silences.left_s()
    except StateError as error:
        _log.warning("silence_unreadable", error=str(error))
        return dict.fromkeys(START_LIMITS, UNKNOWN_BLOCK_S)


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
