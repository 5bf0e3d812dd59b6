"""Candle files of other programs are taken where they can be meant in one way only, and refused by row and column else."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.foreign_candles import read_foreign_candles
from dg_bot.domain.calendar import DAY, HOUR, KST, Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.errors import DataError

BTC = Market("KRW-BTC")
NOW = datetime(2026, 11, 21, tzinfo=UTC)


def read(
    folder: Path, text: str | bytes, *, timeframe: Timeframe = HOUR, zone: tzinfo | None = None, now: datetime = NOW
) -> list[Candle]:
    path = folder / "theirs.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_foreign_candles(path, BTC, timeframe, zone=zone, now=now)


def candle(hour: int, close: str = "105") -> Candle:
    return Candle(
        opened_at=datetime(2026, 11, 20, hour, tzinfo=UTC),
        open=Decimal(100),
        high=Decimal(110),
        low=Decimal(90),
        close=Decimal(close),
        volume=Decimal("1.50"),
    )


EXPECTED = [candle(0), candle(1, "106.5")]
FIGURES = ("100,110,90,105,1.50", "100,110,90,106.5,1.50")


def rows(first: str, second: str, header: str = "timestamp,open,high,low,close,volume") -> str:
    return f"{header}\n{first},{FIGURES[0]}\n{second},{FIGURES[1]}\n"


AS_THE_EXCHANGE_GIVES_IT = f"""candle_date_time_utc,candle_date_time_kst,timestamp,open,high,low,close,volume
2026-11-20T00:00:00,2026-11-20T09:00:00,1795136399871,{FIGURES[0]}
2026-11-20T01:00:00,2026-11-20T10:00:00,1795139999990,{FIGURES[1]}
"""
T00, T01 = "2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z"


@pytest.mark.parametrize(
    "text",
    [
        rows(T00, T01),
        f"{rows(T00, T01).splitlines()[0]}\n{T01},{FIGURES[1]}\n{T00},{FIGURES[0]}\n",
        rows(T00, T01).replace(",", ";"),
        rows(T00, T01).replace(",", "\t"),
        rows(T00, T01).replace("\n", "\r\n").encode("utf-8-sig"),
        rows(T00, T01, "Date,Open,High,Low,Close,Volume"),
        rows(T00, T01, ",open,high,low,close,volume"),
        rows(T00, T01, "candle_date_time_utc,opening_price,high_price,low_price,trade_price,candle_acc_trade_volume"),
        rows("2026-11-20T00:00:00", "2026-11-20T01:00:00", "candle_date_time_utc,open,high,low,close,volume"),
        rows("2026-11-20T09:00:00", "2026-11-20T10:00:00", "candle_date_time_kst,open,high,low,close,volume"),
        rows("2026-11-20 09:00:00+09:00", "2026-11-20 10:00:00+09:00"),
        rows("2026-11-20T00:00:00Z", "2026-11-20T10:00:00+09:00"),
        rows("2026/11/20 00:00:00+00:00", "2026/11/20 01:00+00:00"),
        rows("1795132800", "1795136400", "time,o,h,l,c,v"),
        rows("1795132800000", "1795136400000", "open_time,o,h,l,c,v"),
        rows("1795132800000000", "1795136400.0", "open_time,o,h,l,c,v"),
        rows(f'"{T00}"', f'"{T01}"').replace("105", '"105"'),
        f"volume,close,low,high,open,note,time\n1.50,105,90,110,100,x,{T00}\n\n1.50,106.5,90,110,100,,{T01}\n",
        f"market,time,open,high,low,close,volume\nKRW-BTC,{T00},{FIGURES[0]}\nKRW-ETH,{T00},1,1,1,1,1\nKRW-BTC,{T01},{FIGURES[1]}\n",
        AS_THE_EXCHANGE_GIVES_IT,
    ],
)
def test_what_can_be_meant_in_one_way_is_taken(tmp_path: Path, text: str | bytes) -> None:
    assert EXPECTED == read(tmp_path, text)


@pytest.mark.parametrize(("zone", "hours"), [(UTC, ("00", "01")), (KST, ("09", "10"))])
def test_times_without_a_zone_take_the_one_that_is_named(tmp_path: Path, zone: tzinfo, hours: tuple[str, str]) -> None:
    first, second = (f"2026-11-20 {hour}:00" for hour in hours)

    assert EXPECTED == read(tmp_path, rows(first, second, "date,open,high,low,close,volume"), zone=zone)


def test_days_may_be_dates(tmp_path: Path) -> None:
    (day,) = read(tmp_path, f"date,open,high,low,close,volume\n2026-11-19,{FIGURES[0]}\n", timeframe=DAY, zone=UTC)

    assert datetime(2026, 11, 19, tzinfo=UTC) == day.opened_at


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "row 1 is empty: there is no header"),
        ("\n\n", "row 1 is empty"),
        (rows(T00, T01).encode("utf-16"), "is not UTF-8 text: save it as UTF-8"),
        (rows(T00, T01, "when,open,high,low,close,volume"), "row 1: no column is the time among when, open"),
        (rows(T00, T01, "time,open,high,low,last,volume"), "row 1: no column is the close among .*; name one of them close"),
        (rows("x", "y", "time,open,high,low,close,volume").replace("time", "date,time"), "'date' and 'time' could each be"),
        (rows(T00, T01).replace("close", "close,trade_price"), "'close' and 'trade_price' could each be the close; leave one"),
        (rows("2026-11-20T00:00:00", T01), "row 2, column timestamp: '2026-11-20T00:00:00' does not tell its zone: say"),
        (rows(T00, "01.02.2026 01:00"), "row 3, column timestamp: '01.02.2026 01:00' is not a time: write 2026-11-20T00:00:00Z"),
        (rows(T00, "11/20/2026"), "row 3, column timestamp: '11/20/2026' is not a time"),
        (rows(T00, "1795136400500"), "row 3, column timestamp: '1795136400500' is no whole second"),
        (rows(T00, "179513640"), "row 3, column timestamp: '179513640' is not a time"),
        (rows(T00, "2026-11-20T01:30:00Z"), "row 3, column timestamp: 2026-11-20T01:30:00Z is not the start of a 60m candle"),
        (rows(T00, T00), "row 3, column timestamp: the time of another row stands there again"),
        (f"{rows(T00, T01)}2026-11-20T00:00:00Z,{FIGURES[0]}\n", "row 4, column timestamp: the rows neither rise nor fall"),
        (rows(T00, "2026-11-20T23:00:01Z").replace(":01Z", ":00Z").replace("20T23", "21T00"), "row 3.* was not over yet"),
        (rows(T00, T01, ",open,high,low,close,volume").replace(T01, "x"), "row 3, column without a name: 'x' is not a time"),
        (rows(T00, T01).replace("106.5", "1,106.5"), "row 3 has 7 fields instead of 6; numbers must have no separators"),
        (rows(T00, T01).replace("106.5", '"1,106.5"'), "row 3, column close: '1,106.5' has separators of thousands"),
        (rows(T00, T01).replace(",", ";").replace("106.5", "106,5"), "row 3, column close: '106,5' is not a number"),
        (rows(T00, T01).replace("106.5", "nan"), "row 3, column close: 'nan' is not a number"),
        (rows(T00, T01).replace("106.5", ""), "row 3, column close: '' is not a number"),
        (rows(T00, T01).replace("106.5", "1e999"), "row 3, column close: '1e999' is not a number"),
        (rows(T00, T01).replace("106.5", "111"), "row 3: open 100 high 110.*: low and high must enclose open and close"),
        (rows(T00, T01).replace(",1.50", ",-1"), "row 2: .*volume must not be negative"),
    ],
)  # fmt: skip
def test_what_can_be_meant_in_two_ways_or_in_none_is_named(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        read(tmp_path, text)

    assert str(raised.value).startswith(f"{tmp_path}/theirs.csv: ")


def test_days_of_another_zone_are_told_of(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 2, column date: 2026-11-18T15:00:00Z is not the start of a 1d candle; is the zone"):
        read(tmp_path, f"date,open,high,low,close,volume\n2026-11-19,{FIGURES[0]}\n", timeframe=DAY, zone=KST)
