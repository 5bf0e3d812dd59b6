from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.adapters.candle_csv import read_candles
from dg_bot.domain.calendar import DAY, HOUR, Timeframe, to_epoch
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue
from tests.shared_data import shared

BTC = Market("KRW-BTC")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
INSTANT = timedelta(microseconds=1)


def candle(hour: int = 0, text: str = "100 110 90 105 2", *, minute: int = 0) -> Candle:
    """Make a candle from 'open high low close volume', `hour` hours after noon."""
    open_, high, low, close, volume = map(Decimal, text.split())
    at = NOON + timedelta(hours=hour, minutes=minute)
    return Candle(opened_at=at, open=open_, high=high, low=low, close=close, volume=volume)


def hours(*hours_after_noon: int) -> CandleSeries:
    return CandleSeries.from_candles(BTC, HOUR, [candle(hour) for hour in hours_after_noon])


def opened(series: CandleSeries) -> list[int]:
    """Give the opening times as hours after noon."""
    return [(second - to_epoch(NOON)) // 3600 for second in series.opened_at]


@pytest.mark.parametrize(
    "text", ["100 100 100 100 0", "100 110 90 105 2", "0.00000001 0.00000001 0.00000001 0.00000001 0", "90 110 90 110 1"]
)
def test_a_candle_holds_its_own_extremes(text: str) -> None:
    it = candle(text=text)

    assert text == " ".join(format(value, "f") for value in (it.open, it.high, it.low, it.close, it.volume))


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("100 110 0 105 2", "above zero"),
        ("100 110 -1 105 2", "above zero"),
        ("100 104 90 105 2", "enclose"),
        ("111 110 90 105 2", "enclose"),
        ("100 110 101 105 2", "enclose"),
        ("100 110 106 107 2", "enclose"),
        ("100 90 110 100 2", "enclose"),
        ("100 110 90 105 -0.00000001", "volume must not be negative"),
        ("NaN 110 90 105 2", "finite"),
        ("100 Infinity 90 105 2", "finite"),
        ("100 110 90 105 NaN", "finite"),
    ],
)
def test_a_candle_that_cannot_have_been_is_refused_with_its_time_and_figures(text: str, rule: str) -> None:
    with pytest.raises(ImpossibleValue, match=rf"candle at 2026-11-20T12:00:00\+00:00: .*{rule}"):
        candle(text=text)


def test_a_candle_carries_its_offset() -> None:
    with pytest.raises(ImpossibleValue, match="candle time"):
        Candle(
            opened_at=datetime(2026, 11, 20),  # noqa: DTZ001 - the mistake that is looked for
            open=Decimal(1),
            high=Decimal(1),
            low=Decimal(1),
            close=Decimal(1),
            volume=Decimal(1),
        )


def test_a_series_has_the_columns_of_its_candles() -> None:
    series = CandleSeries.from_candles(BTC, HOUR, [candle(0, "100 110 90 105 2"), candle(1, "105 120 100 110 0.5")])

    assert [100.0, 105.0] == list(series.open)
    assert [110.0, 120.0] == list(series.high)
    assert [90.0, 100.0] == list(series.low)
    assert [105.0, 110.0] == list(series.close)
    assert [2.0, 0.5] == list(series.volume)
    assert NOON + timedelta(hours=1) == series.last_opened_at


def test_an_empty_series_has_no_last_candle() -> None:
    series = hours()

    assert 0 == len(series)
    assert series.last_opened_at is None
    assert (0, 0) == (series.missing_bars(), series.longest_gap())
    assert 0 == len(series.resampled(DAY))
    assert 0 == len(series.closed_by(NOON))


@pytest.mark.parametrize(
    ("candles", "problem"),
    [
        ([candle(1), candle(0)], "is not after the one before it"),
        ([candle(0), candle(0)], "is not after the one before it"),
        ([candle(0), candle(1, minute=30)], "is off the grid"),
    ],
)
def test_a_series_refuses_candles_that_are_unsorted_repeated_or_off_the_grid(candles: Sequence[Candle], problem: str) -> None:
    with pytest.raises(DataError, match=f"KRW-BTC 60m: candle .* {problem}"):
        CandleSeries.from_candles(BTC, HOUR, candles)


def test_columns_of_different_lengths_are_no_series() -> None:
    series = hours(0, 1)

    with pytest.raises(ImpossibleValue, match="all columns must have one length"):
        CandleSeries(
            market=BTC,
            timeframe=HOUR,
            opened_at=series.opened_at,
            open=series.open[:1],
            high=series.high,
            low=series.low,
            close=series.close,
            volume=series.volume,
        )


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        (timedelta(0), timedelta(hours=3), [0, 1, 2]),
        (timedelta(0), timedelta(hours=3) + INSTANT, [0, 1, 2, 3]),
        (-INSTANT, timedelta(hours=2), [0, 1]),
        (INSTANT, timedelta(hours=2), [1]),
        (timedelta(hours=1), timedelta(hours=1), []),
        (timedelta(hours=9), timedelta(hours=10), []),
    ],
)
def test_a_stretch_of_time_is_half_open_to_the_microsecond(start: timedelta, end: timedelta, kept: list[int]) -> None:
    assert kept == opened(hours(0, 1, 2, 3).between(NOON + start, NOON + end))


@pytest.mark.parametrize(("count", "kept"), [(0, []), (1, [2]), (2, [1, 2]), (3, [0, 1, 2]), (4, [0, 1, 2])])
def test_a_tail_is_the_newest_bars(count: int, kept: list[int]) -> None:
    assert kept == opened(hours(0, 1, 2).tail(count))


@pytest.mark.parametrize(
    ("now", "closed"),
    [
        (timedelta(hours=1) - INSTANT, []),
        (timedelta(hours=1), [0]),
        (timedelta(hours=1) + INSTANT, [0]),
        (timedelta(hours=2) - INSTANT, [0]),
        (timedelta(hours=2), [0, 1]),
    ],
)
def test_a_bar_is_closed_from_the_instant_in_which_the_next_may_open(now: timedelta, closed: list[int]) -> None:
    assert closed == opened(hours(0, 1).closed_by(NOON + now))


@pytest.mark.parametrize(
    ("present", "missing", "longest"),
    [([0], 0, 0), ([0, 1, 2], 0, 0), ([0, 2], 1, 1), ([0, 2, 5], 3, 2), ([0, 5, 7], 5, 4)],
)
def test_gaps_are_counted_in_bars(present: list[int], missing: int, longest: int) -> None:
    series = hours(*present)

    assert (missing, longest) == (series.missing_bars(), series.longest_gap())
    assert NOON + timedelta(hours=present[-1]) == series.last_opened_at


@pytest.mark.parametrize(("newest", "longest"), [(1, 0), (2, 1), (3, 1), (4, 4), (9, 4)])
def test_a_gap_is_looked_for_among_the_newest_bars_only(newest: int, longest: int) -> None:
    assert longest == hours(0, 5, 6, 8).longest_gap(newest)


def test_bars_are_joined_on_the_grid_of_the_longer_timeframe() -> None:
    series = CandleSeries.from_candles(
        BTC,
        HOUR,
        [
            candle(-1, "10 12 9 11 1"),
            candle(0, "11 20 11 15 2"),
            candle(1, "15 16 5 6 3"),
            candle(3, "6 7 6 7 4"),
            candle(4, "7 8 7 8 5"),
        ],
    )

    joined = series.resampled(Timeframe(240))

    assert [-4, 0, 4] == opened(joined)
    assert [10.0, 11.0, 7.0] == list(joined.open)
    assert [12.0, 20.0, 8.0] == list(joined.high)
    assert [9.0, 5.0, 7.0] == list(joined.low)
    assert [11.0, 7.0, 8.0] == list(joined.close)
    assert [1.0, 9.0, 5.0] == list(joined.volume)


def test_a_bar_of_which_nothing_traded_stays_absent_when_joined() -> None:
    assert [0, 8] == opened(hours(0, 1, 9).resampled(Timeframe(240)))


def test_a_series_of_the_timeframe_asked_for_is_itself() -> None:
    series = hours(0, 1)

    assert series is series.resampled(HOUR)


def test_a_joined_bar_whose_end_has_not_come_is_left_out_and_no_bars_join_to_none() -> None:
    four = Timeframe(240)

    assert [0] == opened(hours(0, 1, 2, 3, 4, 5).whole(four))
    assert [] == opened(hours().whole(four))


def test_a_longer_bar_does_not_come_apart_into_shorter_ones() -> None:
    with pytest.raises(DataError, match="bars of 60m cannot be made from it"):
        hours(0, 1, 4).resampled(Timeframe(240)).resampled(HOUR)


@given(present=st.sets(st.integers(min_value=0, max_value=200), min_size=1))
def test_joining_loses_no_extreme_and_no_volume(present: set[int]) -> None:
    rows = [candle(hour, f"{100 + hour} {120 + hour} {80 + hour} {90 + hour} {1 + hour % 3}") for hour in sorted(present)]
    series = CandleSeries.from_candles(BTC, HOUR, rows)

    joined = series.resampled(DAY)

    assert (max(series.high), min(series.low)) == (max(joined.high), min(joined.low))
    assert sum(series.volume) == sum(joined.volume)
    assert (series.open[0], series.close[-1]) == (joined.open[0], joined.close[-1])
    assert {second // DAY.seconds for second in series.opened_at} == {second // DAY.seconds for second in joined.opened_at}


def test_days_made_of_recorded_hours_have_the_extremes_and_closes_of_the_recorded_days() -> None:
    hourly = read_candles(shared("candles/KRW-BTC_60m_2020-2023.csv.gz"), BTC, HOUR)
    recorded = read_candles(shared("candles/KRW-BTC_1d_201712-2022.csv.gz"), BTC, DAY)

    made = hourly.resampled(DAY)

    by_day = dict(zip(made.opened_at, zip(made.high, made.low, made.close, strict=True), strict=True))
    rows = zip(recorded.opened_at, recorded.high, recorded.low, recorded.close, strict=True)
    common = {second: (high, low, close) for second, high, low, close in rows if second in by_day}
    assert 1096 == len(common)
    assert hourly.missing_bars() == 53
    assert common == {second: by_day[second] for second in common}
