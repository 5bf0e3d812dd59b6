"""What every candle archive promises, held against each of them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.domain.calendar import DAY, HOUR, Timeframe, from_epoch
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.ports import CandleArchive
from tests.memory_archive import MemoryCandleArchive

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
START = datetime(2026, 11, 20, tzinfo=UTC)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def candle(number: int, close: str = "100") -> Candle:
    price = Decimal(close)
    return Candle(opened_at=hour(number), open=price, high=price, low=price, close=price, volume=Decimal("0.5"))


@pytest.fixture(params=["files", "memory"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> CandleArchive:
    return MemoryCandleArchive() if request.param == "memory" else CandleFiles(tmp_path / "candles")


def closes(archive: CandleArchive, start: datetime = ALWAYS[0], end: datetime = ALWAYS[1]) -> list[tuple[int, float]]:
    """Give (hours after START, close) of the stored hourly candles of BTC."""
    series = archive.load(BTC, HOUR, start, end)
    return [
        ((second - int(START.timestamp())) // 3600, close) for second, close in zip(series.opened_at, series.close, strict=True)
    ]


def test_an_archive_starts_empty(archive: CandleArchive) -> None:
    series = archive.load(BTC, HOUR, *ALWAYS)

    assert (BTC, HOUR, 0) == (series.market, series.timeframe, len(series))


def test_what_was_added_is_loaded_in_order(archive: CandleArchive) -> None:
    archive.add(BTC, HOUR, [candle(2, "102"), candle(0, "100"), candle(1, "101")])

    assert [(0, 100.0), (1, 101.0), (2, 102.0)] == closes(archive)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 3, [0, 1, 2]), (1, 3, [1, 2]), (0, 2, [0, 1]), (1, 2, [1]), (2, 2, []), (3, 9, []), (-5, 0, [])],
)
def test_a_range_holds_its_start_and_not_its_end(archive: CandleArchive, start: int, end: int, expected: list[int]) -> None:
    archive.add(BTC, HOUR, [candle(0), candle(1), candle(2)])

    assert expected == [number for number, _ in closes(archive, hour(start), hour(end))]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_candles_may_come_in_any_order(archive: CandleArchive, order: tuple[int, ...]) -> None:
    for number in order:
        archive.add(BTC, HOUR, [candle(number, str(100 + number))])

    assert [(0, 100.0), (1, 101.0), (2, 102.0)] == closes(archive)


def test_a_closed_candle_never_changes(archive: CandleArchive) -> None:
    archive.add(BTC, HOUR, [candle(1, "100")])
    archive.add(BTC, HOUR, [candle(0, "90"), candle(1, "999"), candle(2, "110")])

    assert [(0, 90.0), (1, 100.0), (2, 110.0)] == closes(archive)


def test_of_two_candles_at_one_time_the_first_stays(archive: CandleArchive) -> None:
    archive.add(BTC, HOUR, [candle(1, "100"), candle(1, "200")])

    assert [(1, 100.0)] == closes(archive)


def test_adding_nothing_changes_nothing(archive: CandleArchive) -> None:
    archive.add(BTC, HOUR, [])

    assert [] == closes(archive)


def test_markets_and_timeframes_are_kept_apart(archive: CandleArchive) -> None:
    archive.add(BTC, HOUR, [candle(0, "1")])
    archive.add(BTC, DAY, [candle(0, "2")])
    archive.add(BTC, Timeframe(1), [candle(0, "3")])
    archive.add(BTC, Timeframe(240), [candle(0, "4")])
    archive.add(ETH, HOUR, [candle(0, "5")])

    keys = [(BTC, HOUR), (BTC, DAY), (BTC, Timeframe(1)), (BTC, Timeframe(240)), (ETH, HOUR)]
    assert [[1.0], [2.0], [3.0], [4.0], [5.0]] == [list(archive.load(*key, *ALWAYS).close) for key in keys]


@pytest.mark.parametrize("off", [timedelta(minutes=1), timedelta(microseconds=1)])
def test_a_candle_off_the_grid_is_refused_and_none_of_its_company_kept(archive: CandleArchive, off: timedelta) -> None:
    price = Decimal(1)
    bad = Candle(opened_at=START + off, open=price, high=price, low=price, close=price, volume=price)

    with pytest.raises(DataError, match="off the grid"):
        archive.add(BTC, HOUR, [candle(3), bad])
    assert [] == closes(archive)


def test_empty_ranges_are_joined(archive: CandleArchive) -> None:
    for start, end in [(5, 6), (0, 1), (1, 2), (8, 10), (9, 12), (5, 6)]:
        archive.remember_empty(BTC, HOUR, [(hour(start), hour(end))])

    assert [(hour(0), hour(2)), (hour(5), hour(6)), (hour(8), hour(12))] == list(archive.empty_ranges(BTC, HOUR))
    assert [] == list(archive.empty_ranges(BTC, DAY))


def test_a_range_that_spans_others_takes_them_in(archive: CandleArchive) -> None:
    archive.remember_empty(BTC, HOUR, [(hour(2), hour(3))])
    archive.remember_empty(BTC, HOUR, [(hour(0), hour(9))])

    assert [(hour(0), hour(9))] == list(archive.empty_ranges(BTC, HOUR))


@pytest.mark.parametrize("end", [0, -1])
def test_a_range_without_length_is_refused(archive: CandleArchive, end: int) -> None:
    with pytest.raises(ImpossibleValue, match="empty range"):
        archive.remember_empty(BTC, HOUR, [(hour(0), hour(end))])


def test_times_may_carry_any_offset(archive: CandleArchive) -> None:
    seoul = from_epoch(int(START.timestamp())).astimezone()
    archive.add(BTC, HOUR, [candle(0)])

    assert [(0, 100.0)] == closes(archive, seoul, hour(1))
