"""How long a sale waits after the venue has refused the ones before it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from dg_bot.execution.intent import Intent

# Shorter than the guard's usual period, so that a first refusal costs no tick.
_FIRST_PAUSE = timedelta(seconds=20)
_LONGEST_PAUSE = timedelta(minutes=5)
# Twice the longest pause: refusals further apart than this were of another trouble.
_ROW_GAP = timedelta(minutes=10)
_NONE = timedelta(0)
_DOUBLINGS = 10


def still_in_a_row(refused: Sequence[Intent], now: datetime) -> Sequence[Intent]:
    """Give those of the refusals, newest last, that have followed each other up to now; trouble of hours ago is over."""
    later = now
    for place in range(len(refused), 0, -1):
        intent = refused[place - 1]
        if intent.closed_at is None or later - intent.closed_at > _ROW_GAP:
            return refused[place:]
        later = intent.planned_at
    return refused


def pause_left(refused: Sequence[Intent], now: datetime) -> timedelta:
    """Give how much longer to wait after refusals in a row, the newest last: twice as long after each, up to five minutes.

    It is counted from the refusal that the journal holds, so that a restart neither shortens nor lengthens it. A clock that went
    back starts no new wait.
    """
    if not refused or refused[-1].closed_at is None:
        return _NONE
    passed = now - refused[-1].closed_at
    if passed < _NONE:
        return _NONE
    pauses = 1 << min(len(refused) - 1, _DOUBLINGS)
    return max(_NONE, min(_LONGEST_PAUSE, _FIRST_PAUSE * pauses) - passed)
