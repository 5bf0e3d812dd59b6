"""Time on the venue: timeframes on the UTC grid, and the operator's day and week in Seoul."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from dg_bot.errors import ImpossibleValue

SEOUL_AHEAD_S = 9 * 3600
_DAY_S = 24 * 3600
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)
KST = timezone(timedelta(seconds=SEOUL_AHEAD_S), "KST")
_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "60m": 60, "240m": 240, "1d": 1440}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of a candle in `minutes`; its bars start at multiples of it since 1970-01-01T00:00Z."""

    minutes: int
    seconds: int = field(init=False, repr=False, compare=False)
    length: timedelta = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.minutes not in _MINUTES.values():
            raise ImpossibleValue("timeframe", f"{self.minutes}m", f"it must be one of {', '.join(_MINUTES)}")
        object.__setattr__(self, "seconds", self.minutes * 60)
        object.__setattr__(self, "length", timedelta(minutes=self.minutes))

    @classmethod
    def parse(cls, text: str) -> "Timeframe":
        """Read '60m', '240m', '1d'; raises ImpossibleValue for a length the venue does not have."""
        if text not in _MINUTES:
            raise ImpossibleValue("timeframe", text, f"it must be one of {', '.join(_MINUTES)}")
        return cls(_MINUTES[text])

    def floor(self, at: datetime) -> datetime:
        """Give the opening time of the bar that contains `at`."""
        return from_epoch(to_epoch(at) // self.seconds * self.seconds)

    def is_boundary(self, at: datetime) -> bool:
        """Tell whether a bar opens exactly at `at`."""
        return not at.microsecond and not to_epoch(at) % self.seconds

    def __str__(self) -> str:
        return "1d" if self.minutes == 1440 else f"{self.minutes}m"


HOUR = Timeframe(60)
DAY = Timeframe(1440)
# From before the venue's first candle to after its last: all that a store of candles can hold, half-open.
ALL_TIME = (datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC))


def require_aware(what: str, at: datetime) -> None:
    """Raise ImpossibleValue for a time without an offset."""
    if at.tzinfo is None:
        raise ImpossibleValue(what, at, "it must carry its offset from UTC")


def to_epoch(at: datetime) -> int:
    """Give whole seconds since 1970-01-01T00:00Z, rounded down."""
    if at.tzinfo is None:
        require_aware("time", at)
    return (at - _EPOCH) // _SECOND


def from_epoch(seconds: int) -> datetime:
    """Give the aware UTC time of whole seconds since 1970-01-01T00:00Z."""
    return datetime.fromtimestamp(seconds, UTC)


def hour_text(at: datetime) -> str:
    """Write a time down to its hour, at its own offset: `2026-11-20T13`."""
    return at.isoformat(timespec="hours")[:13]


def minute_text(at: datetime) -> str:
    """Write a time down to its minute, at its own offset: `2026-11-20T13:05`."""
    return at.isoformat(timespec="minutes")[:16]


def seoul_day_start(at: datetime) -> datetime:
    """Give 00:00 Asia/Seoul of the day that contains `at`, as UTC."""
    return _seoul_midnight((to_epoch(at) + SEOUL_AHEAD_S) // _DAY_S)


@lru_cache(maxsize=64)
def _seoul_midnight(days: int) -> datetime:
    """Give the beginning of a day in Seoul, counted from 1970-01-01; a cycle asks for the same one again and again."""
    return from_epoch(days * _DAY_S - SEOUL_AHEAD_S)


def seoul_week_start(at: datetime) -> datetime:
    """Give Monday 00:00 Asia/Seoul of the week that contains `at`, as UTC."""
    days = (to_epoch(at) + SEOUL_AHEAD_S) // _DAY_S
    # 1970-01-01 was a Thursday, day 3 of a week that begins on Monday.
    return _seoul_midnight(days - (days + 3) % 7)
