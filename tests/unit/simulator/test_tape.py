import gzip
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.errors import DataError
from dg_bot.simulator.tape import Tape, TapeCandle
from tests.shared_data import shared

BTC = Market("KRW-BTC")
START = datetime(2023, 6, 1, tzinfo=UTC)
MINUTE = Timeframe(1)
FAR = START + timedelta(days=3650)


def tape_of(*bars: str, timeframe: Timeframe = HOUR, start: datetime = START) -> Tape:
    """Read bars 'open high low close volume', one after another; '-' is a bar in which nothing traded."""
    candles = []
    for place, bar in enumerate(bars):
        if bar == "-":
            continue
        open_, high, low, close, volume = (Decimal(word) for word in bar.split())
        at = start + place * timeframe.length
        candles.append(Candle(opened_at=at, open=open_, high=high, low=low, close=close, volume=volume))
    return Tape.of(BTC, timeframe, candles)


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


RISING = "30000000 30600000 29400000 30300000 7.2"
FALLING = "30300000 30600000 29400000 30000000 3.6"


@pytest.mark.parametrize(
    ("bar", "minutes", "price"),
    [
        (RISING, 0, 30_000_000),
        (RISING, 10, 29_700_000),
        (RISING, 20, 29_400_000),
        (RISING, 30, 30_000_000),
        (RISING, 40, 30_600_000),
        (RISING, 50, 30_450_000),
        (RISING, 59.99, 30_300_000),
        (RISING, 60, 30_300_000),
        (FALLING, 0, 30_300_000),
        (FALLING, 20, 30_600_000),
        (FALLING, 40, 29_400_000),
        (FALLING, 50, 29_700_000),
        (FALLING, 60, 30_000_000),
        ("30000000 30600000 29400000 30000000 1", 20, 29_400_000),
    ],
)
def test_the_price_walks_through_the_corners_of_its_candle(bar: str, minutes: float, price: int) -> None:
    assert Decimal(price) == tape_of(bar).price_at(after(minutes))


def test_between_the_corners_the_price_is_on_the_tick_and_at_them_as_recorded() -> None:
    tape = tape_of("30000500 30600000 29999500 30300000 1")

    assert Decimal(30_000_500) == tape.price_at(after(0))
    assert Decimal(30_000_000) == tape.price_at(after(10))
    assert Decimal(29_999_500) == tape.price_at(after(20))
    assert all(tape.price_at(after(minute)) % 1000 == 0 for minute in range(21, 60))


def test_in_a_gap_the_price_is_the_close_before_it() -> None:
    tape = tape_of(RISING, "-", "-", "31000000 31000000 31000000 31000000 1")

    assert [Decimal(30_300_000)] * 3 == [tape.price_at(after(minutes)) for minutes in (60, 120, 179.99)]
    assert Decimal(31_000_000) == tape.price_at(after(180))
    assert Decimal(31_000_000) == tape.price_at(FAR)


def test_before_the_first_candle_there_is_no_price() -> None:
    with pytest.raises(DataError, match="it begins at"):
        tape_of(RISING).price_at(after(-0.01))


def opened(candles: list[TapeCandle]) -> list[datetime]:
    return [candle.opened_at for candle in candles]


def test_candles_come_newest_first_and_before_is_exclusive() -> None:
    tape = tape_of(RISING, FALLING, RISING)

    assert [after(60), after(0)] == opened(tape.candles(HOUR, after(120), 10, FAR))
    assert [after(120), after(60)] == opened(tape.candles(HOUR, after(120) + timedelta(microseconds=1), 2, FAR))
    assert tape.candles(HOUR, after(0), 10, FAR) == []
    assert tape.candles(HOUR, FAR, 0, FAR) == []


def test_a_finished_candle_is_as_recorded() -> None:
    (candle,) = tape_of(RISING).candles(HOUR, FAR, 1, after(60))

    assert [Decimal(word) for word in RISING.split()] == [candle.open, candle.high, candle.low, candle.close, candle.volume]
    assert after(60) - timedelta(seconds=1) == candle.last_trade_at


def test_an_hour_in_which_nothing_traded_has_no_candle() -> None:
    tape = tape_of(RISING, "-", "-", FALLING)

    assert [after(180), after(0)] == opened(tape.candles(HOUR, FAR, 10, FAR))
    assert [after(0)] == opened(tape.candles(HOUR, FAR, 10, after(179)))
    assert [after(180), after(0)] == opened(tape.candles(Timeframe(30), FAR, 10, FAR))[1::2]


def test_the_newest_candle_holds_what_traded_until_now() -> None:
    tape = tape_of(RISING)

    (at_once,) = tape.candles(HOUR, FAR, 1, after(0))
    (early,) = tape.candles(HOUR, FAR, 1, after(30))

    assert at_once.open == at_once.high == at_once.low == at_once.close == Decimal(30_000_000)
    assert Decimal("0.002") == at_once.volume
    assert [Decimal(price) for price in (30_000_000, 30_000_000, 29_400_000, 30_000_000)] == [
        early.open,
        early.high,
        early.low,
        early.close,
    ]
    assert Decimal("3.602") == early.volume
    assert after(30) == early.last_trade_at
    assert tape.candles(HOUR, FAR, 1, after(-0.01)) == []


def test_the_last_second_of_a_candle_shows_it_whole() -> None:
    tape = tape_of(RISING)

    assert tape.candles(HOUR, FAR, 1, FAR) == tape.candles(HOUR, FAR, 1, after(60) - timedelta(seconds=1))


def test_longer_candles_are_joined_on_the_utc_grid() -> None:
    bars = ["-"] * 2 + ["10000 12000 9000 11000 1", "-", "11000 13000 10500 12500 2", "12500 12500 8000 9500 3", "-", "-"]
    four_hours, first = tape_of(*bars).candles(Timeframe(240), FAR, 10, FAR)

    assert [after(240), after(0)] == [four_hours.opened_at, first.opened_at]
    assert [Decimal(price) for price in (11000, 13000, 8000, 9500, 5)] == [
        four_hours.open,
        four_hours.high,
        four_hours.low,
        four_hours.close,
        four_hours.volume,
    ]


def test_shorter_candles_are_cut_from_the_path_and_their_volume_adds_up() -> None:
    minutes = tape_of("30000000 30600000 29400000 30300000 7.12345678").candles(MINUTE, FAR, 200, FAR)[::-1]

    assert len(minutes) == 60
    assert Decimal(30_000_000) == minutes[0].open
    assert Decimal(29_400_000) == min(minute.low for minute in minutes)
    assert Decimal(30_600_000) == max(minute.high for minute in minutes)
    assert Decimal(30_300_000) == minutes[-1].close
    assert Decimal("7.12345678") == sum((minute.volume for minute in minutes), ZERO)
    assert {8} == {-int(minute.volume.as_tuple().exponent) for minute in minutes}


def test_a_recorded_value_is_kept_and_a_missing_one_lies_between_low_and_high(tmp_path: Path) -> None:
    rows = "2023-06-01T00:00:00Z,100,110,90,105,10,1001\n2023-06-01T01:00:00Z,100,110,90,105,10,1002\n"
    with_value = Tape.from_csv(written(tmp_path, "timestamp,open,high,low,close,volume,value\n" + rows), BTC)

    assert [Decimal(1002), Decimal(1001)] == [candle.value for candle in with_value.candles(HOUR, FAR, 2, FAR)]
    assert [Decimal(2003)] == [candle.value for candle in with_value.candles(Timeframe(240), FAR, 1, FAR)]
    assert [Decimal("1012.5")] == [candle.value for candle in tape_of("100 110 90 105 10").candles(HOUR, FAR, 1, FAR)]


_prices = st.integers(min_value=1000, max_value=200_000).map(lambda half_ticks: Decimal(half_ticks * 500))
_bars = st.builds(
    lambda prices, first, last, steps: (sorted(prices), first, last, Decimal(steps).scaleb(-8)),
    st.lists(_prices, min_size=4, max_size=4),
    st.sampled_from([0, 1, 2, 3]),
    st.sampled_from([0, 1, 2, 3]),
    st.integers(min_value=1, max_value=10**14),
)


def drawn_tape(bars: list[tuple[list[Decimal], int, int, Decimal] | None], timeframe: Timeframe) -> Tape | None:
    candles = [
        Candle(
            opened_at=START + place * timeframe.length,
            open=prices[first],
            high=prices[-1],
            low=prices[0],
            close=prices[last],
            volume=volume,
        )
        for place, bar in enumerate(bars)
        if bar is not None
        for prices, first, last, volume in [bar]
    ]
    return Tape.of(BTC, timeframe, candles) if candles else None


@settings(max_examples=60, deadline=None)
@given(bars=st.lists(st.none() | _bars, min_size=1, max_size=6), offset=st.integers(min_value=0, max_value=6 * 3600))
def test_every_moment_of_a_candle_lies_inside_the_finished_one_and_agrees_with_the_price(
    bars: list[tuple[list[Decimal], int, int, Decimal] | None], offset: int
) -> None:
    tape = drawn_tape(bars, HOUR)
    now = START + timedelta(seconds=offset)
    if tape is None or now < tape.opens_at:
        return
    for timeframe in (HOUR, Timeframe(240), DAY, Timeframe(10), MINUTE):
        (early,) = tape.candles(timeframe, FAR, 1, now)
        (finished,) = tape.candles(timeframe, early.opened_at + timeframe.length, 1, FAR)

        assert finished.opened_at == early.opened_at
        assert finished.open == early.open
        assert finished.low <= early.low <= early.high <= finished.high
        assert ZERO <= early.volume <= finished.volume
        assert early.close == tape.price_at(now)
        assert early.last_trade_at <= now


@settings(max_examples=30, deadline=None)
@given(bars=st.lists(st.none() | _bars, min_size=1, max_size=4), shorter=st.sampled_from([1, 3, 5, 10, 15, 30]))
def test_short_candles_make_the_long_ones_again(bars: list[tuple[list[Decimal], int, int, Decimal] | None], shorter: int) -> None:
    tape = drawn_tape(bars, HOUR)
    if tape is None:
        return
    pieces = tape.candles(Timeframe(shorter), FAR, 1000, FAR)[::-1]
    for hour in tape.candles(HOUR, FAR, 10, FAR):
        inside = [piece for piece in pieces if hour.opened_at <= piece.opened_at < hour.opened_at + HOUR.length]

        assert 60 // shorter == len(inside)
        assert (hour.open, hour.close) == (inside[0].open, inside[-1].close)
        assert (hour.high, hour.low) == (max(piece.high for piece in inside), min(piece.low for piece in inside))
        assert hour.volume == sum((piece.volume for piece in inside), ZERO)


def test_trades_come_newest_first_with_ids_of_their_own_and_make_the_candle() -> None:
    tape = tape_of(RISING, "-", FALLING)

    trades = tape.trades(FAR, 7200, FAR)

    assert len(trades) == 7200
    assert all(newer.trade_id > older.trade_id and newer.at > older.at for newer, older in pairwise(trades))
    assert Decimal("10.8") == sum((trade.volume for trade in trades), ZERO)
    assert {Side.BUY, Side.SELL} == {trade.side for trade in trades}
    assert all(trade.price == tape.price_at(trade.at) for trade in trades[::97])


def test_trades_stop_at_now_and_before_is_exclusive() -> None:
    tape = tape_of(RISING)

    assert after(10) == tape.trades(FAR, 1, after(10) + timedelta(milliseconds=300))[0].at
    assert after(10) - timedelta(seconds=1) == tape.trades(after(10), 1, FAR)[0].at
    assert len(tape.trades(FAR, 500, after(1) - timedelta(seconds=1))) == 60
    assert tape.trades(after(0), 10, FAR) == []


def test_a_volume_too_small_for_every_second_trades_in_some_of_them() -> None:
    trades = tape_of("30000000 30600000 29400000 30300000 0.00000007").trades(FAR, 100, FAR)

    assert [Decimal("0.00000001")] * 7 == [trade.volume for trade in trades]


def test_the_same_tape_gives_the_same_trades() -> None:
    assert tape_of(RISING).trades(FAR, 50, after(33)) == tape_of(RISING).trades(FAR, 50, after(33))


def test_the_figures_of_the_day_start_at_utc_midnight() -> None:
    start = START - timedelta(hours=2)
    tape = tape_of(
        "30000000 33000000 29000000 31000000 1",
        "31000000 31000000 30500000 30500000 2",
        "30500000 32000000 30000000 31500000 4",
        start=start,
    )

    day = tape.day_stats(START + timedelta(hours=1, minutes=30))

    assert (START, Decimal(30_500_000), Decimal(32_000_000), Decimal(30_000_000)) == (
        day.opened_at,
        day.open,
        day.high,
        day.low,
    )
    assert Decimal(30_500_000) == day.previous_close
    assert (Decimal(4), Decimal(7)) == (day.volume, day.volume_24h)
    assert (Decimal(33_000_000), date(2023, 5, 31)) == (day.highest_52_week, day.highest_52_week_on)
    assert (Decimal(29_000_000), date(2023, 5, 31)) == (day.lowest_52_week, day.lowest_52_week_on)


def test_a_day_without_a_trade_stands_at_the_last_price() -> None:
    day = tape_of(RISING).day_stats(START + timedelta(days=2, hours=3))

    assert [Decimal(30_300_000)] * 4 == [day.open, day.high, day.low, day.previous_close]
    assert [day.volume, day.value, day.volume_24h, day.value_24h] == [ZERO] * 4


def test_the_year_ends_after_364_days() -> None:
    bars = ["40000000 40000000 40000000 40000000 1"] + ["30000000 30000000 30000000 30000000 1"] * 365
    tape = tape_of(*bars, timeframe=DAY)

    assert Decimal(40_000_000) == tape.day_stats(START + timedelta(days=364)).highest_52_week
    assert Decimal(30_000_000) == tape.day_stats(START + timedelta(days=365)).highest_52_week


def test_24_hours_cut_the_candle_they_begin_in() -> None:
    day = tape_of("100 100 100 100 2400", "100 100 100 100 4800", timeframe=DAY).day_stats(START + timedelta(hours=36))

    assert Decimal(1200) + Decimal(2400) == day.volume_24h.quantize(Decimal(1))


def written(folder: Path, text: str, name: str = "tape.csv") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


HEADER = "timestamp,open,high,low,close,volume\n"
GOOD = "2023-06-01T00:00:00Z,100,110,90,105,10\n2023-06-01T01:00:00+00:00,105,105.1,105,105,0.00000001\n"


@pytest.mark.parametrize("name", ["tape.csv", "tape.csv.gz"])
def test_a_file_is_read_exactly(tmp_path: Path, name: str) -> None:
    tape = Tape.from_csv(written(tmp_path, HEADER + GOOD, name), BTC)

    assert (HOUR, 2, START, START + timedelta(hours=2)) == (tape.timeframe, len(tape), tape.opens_at, tape.closes_at)
    assert Decimal("0.00000001") == tape.candles(HOUR, FAR, 1, FAR)[0].volume


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "row 1 must be the header"),
        ("time,open,high,low,close,volume\n" + GOOD, "row 1 must be the header"),
        (HEADER, "it has 0 candles"),
        (HEADER + GOOD.splitlines()[0], "it has 1 candles"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,1,2,3\n", "row 4 has 4 columns, not 6"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,1,x,1,1,1\n", "row 4, column high: high: 'x' is impossible"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,1,1,1,1,-1\n", "row 4, column volume"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,1,1,1,NaN,1\n", "row 4, column close"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,1,1,1,,1\n", "row 4, column close"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,5,4,3,4,1\n", "row 4, columns open to volume"),
        (HEADER + GOOD + "2023-06-01T02:00:00Z,0,4,0,4,1\n", "row 4, columns open to volume"),
        (HEADER + GOOD + "yesterday,1,1,1,1,1\n", "row 4, column timestamp: 'yesterday'"),
        (HEADER + GOOD + "2023-06-01T02:00:00,1,1,1,1,1\n", "row 4, column timestamp: .* offset"),
        (HEADER + GOOD + "2023-06-01T01:00:00Z,1,1,1,1,1\n", "row 4, column timestamp: it is not after"),
        (HEADER + GOOD + "2023-06-01T03:30:00Z,1,1,1,1,1\n", "row 4, column timestamp: .* is off the grid of 60m"),
        (HEADER + GOOD + "2023-06-01T01:00:30Z,1,1,1,1,1\n", "smallest step is 30 s"),
        (HEADER + GOOD + "2023-06-01T01:07:00Z,1,1,1,1,1\n", "smallest step is 420 s"),
        (HEADER + GOOD + "2023-06-01T01:01:30Z,1,1,1,1,1\n", "row 4, column timestamp: .* is off the grid of 1m"),
    ],
)
def test_a_bad_file_names_itself_and_the_place(tmp_path: Path, text: str, problem: str) -> None:
    path = written(tmp_path, text)

    with pytest.raises(DataError, match=problem) as caught:
        Tape.from_csv(path, BTC)

    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("name", ["absent.csv", "plain.csv.gz", "cut.csv.gz", "latin.csv"])
def test_a_file_that_cannot_be_read_is_a_data_error(tmp_path: Path, name: str) -> None:
    if name == "plain.csv.gz":
        (tmp_path / name).write_text(HEADER + GOOD)
    if name == "cut.csv.gz":
        (tmp_path / name).write_bytes(gzip.compress((HEADER + GOOD).encode())[:-12])
    if name == "latin.csv":
        (tmp_path / name).write_bytes(b"timestamp,open\xe9")

    with pytest.raises(DataError, match="it cannot be read"):
        Tape.from_csv(tmp_path / name, BTC)


def test_candles_at_hand_must_be_in_order_and_on_the_grid() -> None:
    good = Candle(opened_at=START, open=Decimal(1), high=Decimal(1), low=Decimal(1), close=Decimal(1), volume=Decimal(1))

    with pytest.raises(DataError, match="it has no candles"):
        Tape.of(BTC, HOUR, [])
    with pytest.raises(DataError, match="is not after"):
        Tape.of(BTC, HOUR, [good, good])
    with pytest.raises(DataError, match="off the grid of 1d"):
        Tape.of(BTC, DAY, [Candle(**{**as_fields(good), "opened_at": after(60)})])  # type: ignore[arg-type]


def as_fields(candle: Candle) -> dict[str, object]:
    return {name: getattr(candle, name) for name in ("opened_at", "open", "high", "low", "close", "volume")}


@pytest.mark.parametrize("base", ["XRP", "DOGE"])
def test_recorded_minutes_make_the_recorded_hours(base: str) -> None:
    market = Market(f"KRW-{base}")
    minutes = Tape.from_csv(shared(f"candles/KRW-{base}_1m_202509.csv.gz"), market)
    hours = Tape.from_csv(shared(f"candles/KRW-{base}_60m_202509.csv.gz"), market)
    assert (minutes.timeframe, hours.timeframe) == (MINUTE, HOUR)
    end = hours.closes_at

    made = minutes.candles(HOUR, end, 1000, FAR)
    recorded = hours.candles(HOUR, end, 1000, FAR)

    assert len(made) == 696
    assert [prices(candle) for candle in recorded] == [prices(candle) for candle in made]
    # The recorded volumes went through floats: 16 hours of DOGE are off in their last digit.
    assert max(abs(one.volume - other.volume) for one, other in zip(recorded, made, strict=True)) <= Decimal("0.00000002")


def prices(candle: TapeCandle) -> tuple[object, ...]:
    return (candle.opened_at, candle.open, candle.high, candle.low, candle.close)


def test_the_recorded_maintenance_gaps_have_no_candles() -> None:
    tape = Tape.from_csv(shared("candles/KRW-ETH_60m_2022-2023.csv.gz"), Market("KRW-ETH"))

    for end in (datetime(2022, 12, 31, tzinfo=UTC), datetime(2023, 12, 31, tzinfo=UTC)):
        candles = tape.candles(HOUR, end, 8760, end)

        assert all(newer.opened_at - older.opened_at >= HOUR.length for newer, older in pairwise(candles))
        assert any(newer.opened_at - older.opened_at > HOUR.length for newer, older in pairwise(candles))
