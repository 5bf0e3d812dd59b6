"""The cron of the cycle in exchange time."""

from datetime import UTC, datetime, timedelta

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.cron import CronTrigger

from dg_bot.errors import ConfigurationError
from dg_bot.ports import Clock

_SECOND = 5
_EXAMPLE = "use for example 0 * * * *"
# Every date that a cron can name comes within four decades of this one.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)
# Corrections of the clock within this much do not let an hour that has fired fire again; shorter than any two fires are apart.
_CORRECTION = timedelta(seconds=30)
_MOMENT = timedelta(microseconds=1)


class VenueCron(BaseTrigger):  # type: ignore[misc]  # APScheduler has no types
    """A cron that fires when the venue's clock reads what it names, five seconds into the minute."""

    def __init__(self, expression: str, clock: Clock) -> None:
        """Read a cron of five fields; raises ConfigurationError."""
        self._cron = cycle_cron(expression)
        self._clock = clock

    def get_next_fire_time(self, previous_fire_time: datetime | None, now: datetime) -> datetime | None:
        """Give the next fire time on this machine's clock."""
        ahead = self._clock.now() - datetime.now(UTC)
        after = now if previous_fire_time is None else previous_fire_time + _CORRECTION
        fires: datetime | None = self._cron.get_next_fire_time(None, after + ahead)
        return None if fires is None else fires - ahead

    def next_after(self, at: datetime) -> datetime | None:
        """Give the first moment after `at` that the cron names, both in exchange time."""
        fires: datetime | None = self._cron.get_next_fire_time(None, at + _MOMENT)
        return fires

    def last_within(self, span: timedelta) -> datetime | None:
        """Give the last moment that the cron named in the `span` up to now, in exchange time; None where it named none."""
        now = self._clock.now()
        last, at = None, self.next_after(now - span)
        while at is not None and at <= now:
            last, at = at, self.next_after(at)
        return last


def cycle_cron(expression: str) -> CronTrigger:
    """Give the trigger of a cron of five fields in UTC, five seconds into the minute; raises ConfigurationError."""
    try:
        minute, hour, day, month, weekday = expression.split()
        trigger = CronTrigger(second=_SECOND, minute=minute, hour=hour, day=day, month=month, day_of_week=weekday, timezone=UTC)
    except ValueError as error:
        raise ConfigurationError("CYCLE_CRON", "is not a cron of five fields", _EXAMPLE) from error
    if trigger.get_next_fire_time(None, _SOME_DAY) is None:
        raise ConfigurationError("CYCLE_CRON", "names a time that never comes", _EXAMPLE)
    return trigger
