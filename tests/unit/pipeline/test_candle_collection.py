from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.errors import ExchangeUnavailable
from dg_bot.pipeline.candle_collection import CandleCollector, CollectedCandles
from tests.builders import BTC, NOON
from tests.memory_archive import MemoryCandleArchive


class Source:
    """The venue's candles of the hours that are given as offsets from noon."""

    def __init__(self, hours: Sequence[int]) -> None:
        self.candles_by_hour = {NOON + timedelta(hours=hour): _candle(hour) for hour in hours}
        self.asked: list[tuple[datetime, int]] = []
        self.fails_at: int | None = None

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        assert count <= 200
        self.asked.append((before, count))
        if self.fails_at == len(self.asked):
            raise ExchangeUnavailable("candles", "503")
        older = [candle for at, candle in sorted(self.candles_by_hour.items()) if at < before]
        return older[-count:]


def _candle(hour: int) -> Candle:
    one = Decimal(1000 + hour % 7)
    return Candle(opened_at=NOON + timedelta(hours=hour), open=one, high=one, low=one, close=one, volume=Decimal(1))


def _untold(*_progress: object) -> None: ...


def collect(source: Source, archive: MemoryCandleArchive, *, hours: int, end: int = 0) -> CollectedCandles:
    collector = CandleCollector(market_data=source, archive=archive, on_progress=_untold)  # type: ignore[arg-type]
    until = NOON + timedelta(hours=end)
    return collector.collect(BTC, HOUR, until - timedelta(hours=hours), until)


def hours_of(collected: CollectedCandles) -> list[int]:
    return [(second - int(NOON.timestamp())) // 3600 for second in collected.series.opened_at]


def test_everything_is_fetched_once() -> None:
    source, archive = Source(range(-10, 1)), MemoryCandleArchive()

    first, second = collect(source, archive, hours=10), collect(source, archive, hours=10)

    assert (list(range(-10, 0)), 10) == (hours_of(first), first.fetched)
    assert (list(range(-10, 0)), 0, 1) == (hours_of(second), second.fetched, len(source.asked))


def test_only_the_new_hour_is_fetched_an_hour_later() -> None:
    source, archive = Source(range(-10, 3)), MemoryCandleArchive()
    collect(source, archive, hours=10)

    later = collect(source, archive, hours=10, end=1)

    assert (list(range(-9, 1)), 1) == (hours_of(later), later.fetched)


@pytest.mark.parametrize("hours", [197, 198, 199, 200, 401, 730])
def test_long_histories_come_in_pages_without_a_hole(hours: int) -> None:
    source = Source(range(-hours, 2))

    collected = collect(source, MemoryCandleArchive(), hours=hours)

    assert list(range(-hours, 0)) == hours_of(collected)
    assert -(-hours // 198) == len(source.asked)


def test_the_candle_of_the_present_hour_is_neither_given_nor_stored() -> None:
    archive = MemoryCandleArchive()

    collect(Source(range(-5, 1)), archive, hours=5)

    assert 0 == len(archive.load(BTC, HOUR, NOON, NOON + timedelta(hours=1)))


@pytest.mark.parametrize(("hours", "is_final"), [([-3, -2], False), ([-3, -2, 0], True), ([-3, -2, 1], True)])
def test_a_missing_newest_hour_is_final_where_the_venue_has_a_later_one(hours: list[int], is_final: bool) -> None:
    collected = collect(Source(hours), MemoryCandleArchive(), hours=3)

    assert is_final is collected.is_final


def test_an_old_hole_is_remembered_as_empty_and_the_newest_two_hours_are_asked_for_again() -> None:
    source, archive = Source([-9, -8, -5, -4, -3]), MemoryCandleArchive()
    collect(source, archive, hours=9)

    assert [(NOON + timedelta(hours=-7), NOON + timedelta(hours=-5))] == list(archive.empty_ranges(BTC, HOUR))
    source.asked.clear()
    collect(source, archive, hours=9)
    assert 1 == len(source.asked)


def test_a_late_candle_is_taken_when_it_comes() -> None:
    source, archive = Source([-4, -3, -2]), MemoryCandleArchive()
    collect(source, archive, hours=4)
    source.candles_by_hour[NOON + timedelta(hours=-1)] = _candle(-1)

    assert [-4, -3, -2, -1] == hours_of(collect(source, archive, hours=4))


def test_pages_that_came_before_a_failure_are_kept() -> None:
    source, archive = Source(range(-500, 1)), MemoryCandleArchive()
    source.fails_at = 3
    with pytest.raises(ExchangeUnavailable):
        collect(source, archive, hours=500)
    source.fails_at = None

    collected = collect(source, archive, hours=500)

    assert (500, 100) == (len(collected.series), collected.fetched)


def test_time_before_a_market_was_listed_is_asked_for_once() -> None:
    source, archive = Source(range(-5, 1)), MemoryCandleArchive()
    collect(source, archive, hours=400)
    source.asked.clear()

    collected = collect(source, archive, hours=400)

    assert ([], 5) == (source.asked, len(collected.series))


def test_two_empty_stretches_are_both_remembered() -> None:
    source, archive = Source([-10, -9, -7, -5, -4, -3, -2, -1, 0]), MemoryCandleArchive()
    collect(source, archive, hours=10)

    again = collect(source, archive, hours=10)

    assert (1, 0) == (len(source.asked), again.fetched)
    assert [-10, -9, -7, -5, -4, -3, -2, -1] == hours_of(again)


def test_hours_that_are_known_to_be_empty_are_cut_out_of_the_middle_of_a_hole() -> None:
    source, archive = Source([*range(-10, -8), *range(-6, 1)]), MemoryCandleArchive()
    archive.remember_empty(BTC, HOUR, [(NOON - timedelta(hours=8), NOON - timedelta(hours=6))])

    collected = collect(source, archive, hours=10)

    assert [NOON - timedelta(hours=8), NOON + timedelta(hours=2)] == [before for before, _ in source.asked]
    assert [-10, -9, -6, -5, -4, -3, -2, -1] == hours_of(collected)
