"""Time on the venue: timeframes on the UTC grid, and the operator's day and week in Seoul."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone

from dg_bot.errors import ImpossibleValue

SEOUL_AHEAD_S = 9 * 3600
_DAY_S = 24 * 3600
KST = timezone(timedelta(seconds=SEOUL_AHEAD_S), "KST")
_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "60m": 60, "240m": 240, "1d": 1440}


@dataclass(frozen=True, slots=True)
class Timeframe:
    """The length of a candle in minutes; its bars start at multiples of it since 1970-01-01T00:00Z."""

    minutes: int

    def __post_init__(self) -> None:
        if self.minutes not in _MINUTES.values():
            raise ImpossibleValue("timeframe", f"{self.minutes}m", f"it must be one of {', '.join(_MINUTES)}")

    @classmethod
    def parse(cls, text: str) -> "Timeframe":
        """Read '60m', '240m', '1d'; raises ImpossibleValue for a length the venue does not have."""
        if text not in _MINUTES:
            raise ImpossibleValue("timeframe", text, f"it must be one of {', '.join(_MINUTES)}")
        return cls(_MINUTES[text])

    @property
    def seconds(self) -> int:
        return self.minutes * 60

    @property
    def length(self) -> timedelta:
        return timedelta(minutes=self.minutes)

    def floor(self, at: datetime) -> datetime:
        """Give the opening time of the bar that contains `at`."""
        return from_epoch(to_epoch(at) // self.seconds * self.seconds)

    def is_boundary(self, at: datetime) -> bool:
        """Tell whether a bar opens exactly at `at`."""
        return at == self.floor(at)

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
    require_aware("time", at)
    return int(at.timestamp() // 1)


def from_epoch(seconds: int) -> datetime:
    """Give the aware UTC time of whole seconds since 1970-01-01T00:00Z."""
    return datetime.fromtimestamp(seconds, UTC)


def seoul_day_start(at: datetime) -> datetime:
    """Give 00:00 Asia/Seoul of the day that contains `at`, as UTC."""
    return from_epoch((to_epoch(at) + SEOUL_AHEAD_S) // _DAY_S * _DAY_S - SEOUL_AHEAD_S)


def seoul_week_start(at: datetime) -> datetime:
    """Give Monday 00:00 Asia/Seoul of the week that contains `at`, as UTC."""
    days = (to_epoch(at) + SEOUL_AHEAD_S) // _DAY_S
    # 1970-01-01 was a Thursday, day 3 of a week that begins on Monday.
    return from_epoch((days - (days + 3) % 7) * _DAY_S - SEOUL_AHEAD_S)
