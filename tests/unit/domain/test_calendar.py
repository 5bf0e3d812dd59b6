from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.calendar import (
    DAY,
    HOUR,
    KST,
    Timeframe,
    from_epoch,
    hour_text,
    minute_text,
    require_aware,
    seoul_day_start,
    seoul_week_start,
    to_epoch,
)
from dg_bot.errors import ImpossibleValue

LENGTHS = {"1m": 1, "3m": 3, "5m": 5, "10m": 10, "15m": 15, "30m": 30, "60m": 60, "240m": 240, "1d": 1440}
INSTANT = timedelta(microseconds=1)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=83 * 365)).map(lambda since: datetime(2017, 1, 1, tzinfo=UTC) + since)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def test_a_time_is_written_down_to_its_hour_or_minute_at_its_own_offset() -> None:
    at = datetime(2026, 3, 9, 4, 5, 59, 999_999, KST)

    assert ("2026-03-09T04", "2026-03-09T04:05") == (hour_text(at), minute_text(at))


@pytest.mark.parametrize(("name", "minutes"), LENGTHS.items())
def test_every_timeframe_of_the_venue_reads_and_writes_its_name(name: str, minutes: int) -> None:
    timeframe = Timeframe.parse(name)

    assert minutes == timeframe.minutes
    assert minutes * 60 == timeframe.seconds
    assert timedelta(minutes=minutes) == timeframe.length
    assert name == str(timeframe)


@pytest.mark.parametrize("name", ["", "2m", "60", "1h", "4h", "1D", " 60m", "1440m", "week"])
def test_a_length_that_the_venue_does_not_have_is_refused_with_those_it_has(name: str) -> None:
    with pytest.raises(ImpossibleValue, match=r"timeframe: .* must be one of 1m, 3m, 5m"):
        Timeframe.parse(name)


@pytest.mark.parametrize("minutes", [-60, 0, 2, 61, 1439])
def test_a_timeframe_of_another_length_cannot_be_built(minutes: int) -> None:
    with pytest.raises(ImpossibleValue, match="timeframe"):
        Timeframe(minutes)


def test_bars_start_on_the_grid_of_utc_and_hold_until_the_next_one() -> None:
    assert utc("2026-11-20T12:00") == HOUR.floor(utc("2026-11-20T12:00"))
    assert utc("2026-11-20T12:00") == HOUR.floor(utc("2026-11-20T13:00") - INSTANT)
    assert utc("2026-11-20T13:00") == HOUR.floor(utc("2026-11-20T13:00"))
    assert utc("2026-11-20T12:00") == Timeframe(240).floor(utc("2026-11-20T15:59:59"))
    assert utc("2026-11-20T00:00") == DAY.floor(utc("2026-11-20T23:59:59"))


def test_a_boundary_is_a_boundary_to_the_microsecond() -> None:
    edge = utc("2026-11-20T12:00")

    assert [False, True, False] == [HOUR.is_boundary(at) for at in (edge - INSTANT, edge, edge + INSTANT)]


def test_a_timeframe_floors_a_time_of_any_offset() -> None:
    assert utc("2026-11-20T12:00") == HOUR.floor(datetime(2026, 11, 20, 21, 30, tzinfo=KST))


@given(at=MOMENTS, minutes=st.sampled_from(list(LENGTHS.values())))
def test_every_moment_lies_in_exactly_one_bar(at: datetime, minutes: int) -> None:
    timeframe = Timeframe(minutes)
    opened = timeframe.floor(at)

    assert opened <= at < opened + timeframe.length
    assert timeframe.is_boundary(opened)


@pytest.mark.parametrize(
    ("at", "day", "week"),
    [
        # Friday in UTC, Saturday in Seoul from 15:00 UTC on.
        ("2026-11-20T14:59:59.999999", "2026-11-19T15:00", "2026-11-15T15:00"),
        ("2026-11-20T15:00", "2026-11-20T15:00", "2026-11-15T15:00"),
        ("2026-11-20T15:00:00.000001", "2026-11-20T15:00", "2026-11-15T15:00"),
        # Monday begins in Seoul while it is Sunday in UTC.
        ("2026-11-22T14:59:59.999999", "2026-11-21T15:00", "2026-11-15T15:00"),
        ("2026-11-22T15:00", "2026-11-22T15:00", "2026-11-22T15:00"),
        # Over the turn of a year and a leap day.
        ("2026-12-31T15:00", "2026-12-31T15:00", "2026-12-27T15:00"),
        ("2028-02-29T14:00", "2028-02-28T15:00", "2028-02-27T15:00"),
    ],
)
def test_day_and_week_turn_at_midnight_in_seoul(at: str, day: str, week: str) -> None:
    assert utc(day) == seoul_day_start(utc(at))
    assert utc(week) == seoul_week_start(utc(at))


@given(at=MOMENTS)
def test_every_moment_lies_in_one_day_and_one_week_of_seoul(at: datetime) -> None:
    day, week = seoul_day_start(at), seoul_week_start(at)

    assert day <= at < day + timedelta(days=1)
    assert week <= at < week + timedelta(days=7)
    assert "00:00:00" == f"{day.astimezone(KST):%H:%M:%S}"
    assert (0, "00:00:00") == (week.astimezone(KST).weekday(), f"{week.astimezone(KST):%H:%M:%S}")


@given(at=MOMENTS)
def test_a_day_and_a_week_end_one_instant_before_the_next_begins(at: datetime) -> None:
    next_day, next_week = seoul_day_start(at) + timedelta(days=1), seoul_week_start(at) + timedelta(days=7)

    assert [next_day - timedelta(days=1), next_day] == [seoul_day_start(next_day - INSTANT), seoul_day_start(next_day)]
    assert [next_week - timedelta(days=7), next_week] == [seoul_week_start(next_week - INSTANT), seoul_week_start(next_week)]


def test_the_offset_of_a_time_changes_nothing() -> None:
    at = utc("2026-11-20T15:00")
    elsewhere = at.astimezone(timezone(timedelta(hours=-8)))

    assert seoul_day_start(at) == seoul_day_start(elsewhere)
    assert to_epoch(at) == to_epoch(elsewhere)


@pytest.mark.parametrize("rule", [seoul_day_start, seoul_week_start, to_epoch, HOUR.floor, HOUR.is_boundary])
def test_a_time_without_an_offset_is_refused_rather_than_taken_for_local(rule: object) -> None:
    assert callable(rule)
    with pytest.raises(ImpossibleValue, match="must carry its offset from UTC"):
        rule(datetime(2026, 11, 20, 12))  # noqa: DTZ001 - the mistake that is looked for


def test_a_time_without_an_offset_is_named() -> None:
    with pytest.raises(ImpossibleValue, match="fill time: "):
        require_aware("fill time", datetime(2026, 11, 20))  # noqa: DTZ001 - the mistake that is looked for


@pytest.mark.parametrize(
    ("at", "second"), [("1970-01-01T00:00", 0), ("1970-01-01T00:00:00.999999", 0), ("1970-01-01T00:00:01", 1)]
)
def test_epoch_seconds_are_rounded_down(at: str, second: int) -> None:
    assert second == to_epoch(utc(at))


@given(second=st.integers(min_value=0, max_value=4_000_000_000))
def test_epoch_seconds_survive_the_way_there_and_back(second: int) -> None:
    assert second == to_epoch(from_epoch(second))
    assert second == to_epoch(from_epoch(second) + timedelta(microseconds=999_999))
