"""Rows are read as they stand, or the first that cannot be right is named by file, row and column."""

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.adapters import candle_csv
from dg_bot.adapters.candle_bulk import read_in_bulk
from dg_bot.adapters.candle_csv import candle_row, parse_candles, read_candles
from dg_bot.domain.calendar import DAY, HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from tests.shared_data import shared

BTC = Market("KRW-BTC")
HEADER = "timestamp,open,high,low,close,volume\n"
FIRST = "2026-11-20T00:00:00Z,100,110.5,90,105,0.12345678\n"
SECOND = "2026-11-20T01:00:00Z,105,120,101,119,2\n"
GOOD = HEADER + FIRST + SECOND


def parsed(text: str | bytes) -> CandleSeries:
    return parse_candles("x.csv", text.encode() if isinstance(text, str) else text, BTC, HOUR)


EXPECTED = parsed(GOOD)


def test_columns_hold_what_the_rows_say() -> None:
    start = int(datetime(2026, 11, 20, tzinfo=UTC).timestamp())

    assert [start, start + 3600] == list(EXPECTED.opened_at)
    assert [100.0, 105.0, 110.5, 120.0, 90.0, 101.0] == [*EXPECTED.open, *EXPECTED.high, *EXPECTED.low]
    assert [105.0, 119.0, 0.12345678, 2.0] == [*EXPECTED.close, *EXPECTED.volume]


@pytest.mark.parametrize(
    "text",
    [
        GOOD.encode("utf-8-sig"),
        GOOD.replace("\n", "\r\n"),
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        GOOD.replace("\n", ",value\n", 1).replace("5678\n", "5678,12.5\n").replace(",2\n", ",2,\n"),
        GOOD.replace("Z,", "+00:00,"),
        GOOD.replace("T0", " 0"),
        GOOD.replace("0.12345678", "12345678e-8"),
        GOOD.replace("100,", "+100.0,", 1),
    ],
)
def test_other_spellings_of_the_same_are_taken(text: str | bytes) -> None:
    assert parsed(text) == EXPECTED


def test_a_header_alone_is_an_empty_series() -> None:
    assert 0 == len(parsed(HEADER))
    assert 0 == len(parsed(HEADER.rstrip("\n")))


@pytest.mark.parametrize(
    ("alter", "problem"),
    [
        (lambda text: "", "row 1 is empty: there is no header"),
        (lambda text: text.replace("volume", "size"), "row 1: column volume is missing"),
        (lambda text: text.replace(",close", ""), "row 1: column close is missing"),
        (lambda text: text.replace("open,high", "high,open"), "row 1: the columns must be"),
        (lambda text: text.replace("volume", "volume,market"), "row 1: the columns must be"),
        (lambda text: text.replace("119,2\n", "119\n"), "row 3 has 5 fields instead of 6"),
        (lambda text: text.replace("119,2\n", "119,2,3\n"), "row 3 has 7 fields instead of 6"),
        (lambda text: text.replace("0.12345678\n", "0.12345678\n\n"), "row 3 has 1 fields instead of 6"),
        (
            lambda text: text.replace("0.12345678\n", "0.12345678,").replace("Z,105,", "Z,105,"),
            "row 2 has 12 fields instead of 6",
        ),
        (lambda text: text.replace("119", "abc"), "row 3, column close: 'abc' is not a number"),
        (lambda text: text.replace("119", ""), "row 3, column close: '' is not a number"),
        (lambda text: text.replace("119", "nan"), "row 3, column close: 'nan' is not a number"),
        (lambda text: text.replace("120", "inf"), "row 3, column high: 'inf' is not a number"),
        (lambda text: text.replace("120", "1e999"), "row 3, column high: '1e999' is larger than anything that is traded"),
        (lambda text: text.replace("119", "1_1_9"), "row 3, column close: '1_1_9' is not a number"),
        (lambda text: text.replace("119", " 119"), "row 3, column close: ' 119' is not a number"),
        (lambda text: text.replace("119", "١١٩"), "row 3, column close: '١١٩' is not a number"),
        (lambda text: text.replace("119", "1-19"), "row 3, column close: '1-19' is not a number"),
        (lambda text: text.replace("Z,105", "Z,0"), "row 3, column open: 0 is not above zero"),
        (lambda text: text.replace(",90,", ",-90,"), "row 2, column low: -90 is not above zero"),
        (lambda text: text.replace("119,2\n", "119,-2\n"), "row 3, column volume: -2 is below zero"),
        (lambda text: text.replace("120", "100"), "row 3, column high: 100 is not the highest of the row"),
        (lambda text: text.replace("120", "118"), "row 3, column high: 118 is not the highest of the row"),
        (lambda text: text.replace("101", "106"), "row 3, column low: 106 is not the lowest of the row"),
        (
            lambda text: text.replace("T01:00", "T01:30"),
            "row 3, column timestamp: '2026-11-20T01:30:00Z' is not the start of a 60m",
        ),
        (
            lambda text: text.replace("T01:00:00Z", "T01:00:00.5Z"),
            "row 3, column timestamp: '2026-11-20T01:00:00.5Z' is not the start",
        ),
        (lambda text: text.replace("T01", "T00"), "row 3, column timestamp: '2026-11-20T00:00:00Z' repeats the row above"),
        (
            lambda text: text.replace("20T01", "19T01"),
            "row 3, column timestamp: '2026-11-19T01:00:00Z' lies before the row above",
        ),
        (
            lambda text: text.replace("01:00:00Z", "01:00:00"),
            "row 3, column timestamp: '2026-11-20T01:00:00' does not say that it is UTC",
        ),
        (
            lambda text: text.replace("01:00:00Z", "01:00:00+09:00"),
            "row 3, column timestamp: '2026-11-20T01:00:00+09:00' is not in UTC",
        ),
        (
            lambda text: text.replace("2026-11-20T01", "2026-13-20T01"),
            "row 3, column timestamp: '2026-13-20T01:00:00Z' is not a time",
        ),
        (
            lambda text: text.replace("2026-11-20T01", "2026-11-31T01"),
            "row 3, column timestamp: '2026-11-31T01:00:00Z' is not a time",
        ),
        (lambda text: text.replace("T01:00:00", "T24:00:00"), "row 3, column timestamp: '2026-11-20T24:00:00Z' is not a time"),
        (lambda text: text.replace("2026-11-20T01:00:00Z", "1795132800"), "row 3, column timestamp: '1795132800'"),
        (lambda text: text.replace("2026-11-20T01:00:00Z", ""), "row 3, column timestamp: '' is not a time"),
        (
            lambda text: text.replace("volume", "volume,value").replace("8\n", "8,1\n").replace(",2\n", ",2,-1\n"),
            "row 3, column value: -1",
        ),
        (
            lambda text: text.replace("volume", "volume,value").replace("8\n", "8,1\n").replace(",2\n", ",2,x\n"),
            "row 3, column value: 'x'",
        ),
        (lambda text: text.replace("volume", "volume,value").replace("8\n", "8,1\n"), "row 3 has 6 fields instead of 7"),
        (lambda text: text.replace("119", "\ufffd"), "row 3, column close"),
    ],
)
def test_a_row_that_cannot_be_right_is_named(alter: Callable[[str], str], problem: str) -> None:
    with pytest.raises(DataError) as raised:
        parsed(alter(GOOD))

    assert str(raised.value).startswith("x.csv: ")
    assert problem in str(raised.value)


def test_bytes_that_are_not_text_are_named_too() -> None:
    with pytest.raises(DataError, match="row 3, column close"):
        parsed(GOOD.encode().replace(b"119", b"\xff\xfe"))


@pytest.mark.parametrize(("text", "is_daily"), [("2026-11-20T00:00:00Z", True), ("2026-11-20T01:00:00Z", False)])
def test_days_start_at_midnight_utc(text: str, is_daily: bool) -> None:
    data = f"{HEADER}{text},1,1,1,1,0\n".encode()

    if is_daily:
        assert 1 == len(parse_candles("x.csv", data, BTC, DAY))
    else:
        with pytest.raises(DataError, match="1d candle"):
            parse_candles("x.csv", data, BTC, DAY)


cells = st.sampled_from(["1", "2", "2.5", "0", "-1", "nan", "", "1e1", "x", "00003", "2026-11-20T02:00:00Z"])
moments = st.sampled_from(
    ["2026-11-20T02:00:00Z", "2026-11-20T03:00:00Z", "2026-11-20T03:00:01Z", "2026-11-20", "2026-11-20T3:00:000Z", "1"]
)
rows = st.lists(st.tuples(moments, st.lists(cells | st.just("1"), min_size=4, max_size=6)), min_size=1, max_size=3)


@settings(max_examples=400, deadline=None, database=None)
@given(drawn=rows)
def test_the_quick_reader_takes_nothing_that_the_careful_one_refuses(drawn: list[tuple[str, list[str]]]) -> None:
    body = "\n".join(",".join([moment, *figures]) for moment, figures in drawn).encode()

    quick = read_in_bulk(body, 6, HOUR)

    if quick is not None:
        careful = candle_csv._carefully("x.csv", body, 6, HOUR)
        assert quick.times.tolist() == careful.times.tolist()
        assert quick.figures.tolist() == careful.figures.tolist()


def test_both_readers_agree_on_real_candles() -> None:
    header, _, body = candle_csv.file_content(shared("candles/KRW-BTC_60m_2020-2023.csv.gz")).partition(b"\n")
    rows_ = b"\n".join(body.split(b"\n")[:3000])

    quick, careful = read_in_bulk(rows_, 6, HOUR), candle_csv._carefully("x.csv", rows_, 6, HOUR)

    assert b"timestamp,open,high,low,close,volume" == header
    assert quick is not None
    assert careful.times.tolist() == quick.times.tolist()
    assert careful.figures.tolist() == quick.figures.tolist()


@pytest.mark.parametrize(
    ("name", "count"),
    [("KRW-BTC_60m_2020-2023", 35_011), ("KRW-DOGE_60m_2022-2023", 17_489), ("KRW-XRP_60m_201809-2023", 46_075)],
)
def test_recorded_files_are_read_whole(name: str, count: int) -> None:
    assert count == len(read_candles(shared(f"candles/{name}.csv.gz"), BTC, HOUR))


def test_recorded_days_are_read_with_their_value_column() -> None:
    assert 1853 == len(read_candles(shared("candles/KRW-BTC_1d_201712-2022.csv.gz"), BTC, DAY))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
def test_a_packed_file_is_read_like_a_plain_one(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(GOOD.encode(), mtime=0) if name.endswith("gz") else GOOD.encode())

    assert read_candles(path, BTC, HOUR) == EXPECTED


@pytest.mark.parametrize(
    "data",
    [b"", b"plain text", gzip.compress(GOOD.encode(), mtime=0)[:-12], gzip.compress(GOOD.encode(), mtime=0)[:30] + b"x" * 40],
)
def test_a_damaged_pack_is_named(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "x.csv.gz").write_bytes(data)

    with pytest.raises(DataError, match=r"x\.csv\.gz: "):
        read_candles(tmp_path / "x.csv.gz", BTC, HOUR)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"x\.csv: cannot be read"):
        read_candles(tmp_path / "x.csv", BTC, HOUR)


@pytest.mark.parametrize(("width", "tail"), [(6, ""), (7, ",")])
def test_a_row_keeps_every_digit(width: int, tail: str) -> None:
    candle = Candle(
        opened_at=datetime(2026, 11, 20, tzinfo=UTC),
        open=Decimal("100.0"),
        high=Decimal("1E+3"),
        low=Decimal("0.00000001"),
        close=Decimal("100"),
        volume=Decimal("1E-8"),
    )

    assert f"2026-11-20T00:00:00Z,100.0,1000,0.00000001,100,0.00000001{tail}" == candle_row(candle, width)
