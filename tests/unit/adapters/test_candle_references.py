"""Candles that a cycle used are found again by their content, and nothing else is taken for them."""

from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.adapters.candle_references import CandleReference, content_hash, reference_to, referred
from dg_bot.adapters.typed_json import codec_of
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.errors import DataError
from tests.builders import BTC, ETH, NOON
from tests.memory_archive import MemoryCandleArchive

_HOURS = 120


def candle(hour: int, close: str = "100") -> Candle:
    price = Decimal(close)
    return Candle(opened_at=NOON + timedelta(hours=hour), open=price, high=price, low=price, close=price, volume=Decimal("0.1"))


def archive(*hours: int, **closes: str) -> MemoryCandleArchive:
    """Keep the candles of some hours; `h7="101"` says what the seventh closes at."""
    kept = MemoryCandleArchive()
    kept.add(BTC, HOUR, [candle(hour, closes.get(f"h{hour}", "100")) for hour in hours])
    return kept


def used(*hours: int) -> CandleSeries:
    return CandleSeries.from_candles(BTC, HOUR, [candle(hour) for hour in hours])


def test_the_same_candles_come_back_after_the_archive_has_grown() -> None:
    series = used(*range(_HOURS))

    found = referred(reference_to(series), archive(*range(-50, _HOURS + 50)))

    assert series == found


def test_a_candle_that_came_later_into_an_empty_hour_is_left_out() -> None:
    series = used(*(hour for hour in range(_HOURS) if hour not in (5, 6, 30)))

    assert series == referred(reference_to(series), archive(*range(_HOURS)))


def test_the_newest_candles_need_no_archive() -> None:
    series = used(*range(20))

    assert series == referred(reference_to(series), MemoryCandleArchive())


@pytest.mark.parametrize(
    "changed",
    [archive(*range(_HOURS), h3="101"), archive(*range(1, _HOURS)), MemoryCandleArchive()],
    ids=["another price", "one is missing", "all are missing"],
)
def test_other_candles_are_refused_by_name(changed: MemoryCandleArchive) -> None:
    with pytest.raises(DataError, match=r"candles of KRW-BTC in \[2026-11-20T12, 2026-11-25T12\): are not those that were used"):
        referred(reference_to(used(*range(_HOURS))), changed)


def test_a_reference_survives_its_way_through_json() -> None:
    reference = reference_to(used(1, 2, 9))
    codec = codec_of(CandleReference)

    assert reference == codec.read(codec.write(reference))


def test_the_hash_tells_markets_and_every_column_apart() -> None:
    one = candle(0)
    others = [
        CandleSeries.from_candles(ETH, HOUR, [one]),
        CandleSeries.from_candles(BTC, HOUR, [candle(1)]),
        CandleSeries.from_candles(BTC, HOUR, [candle(0, "101")]),
        CandleSeries.from_candles(
            BTC, HOUR, [Candle(opened_at=one.opened_at, open=one.open, high=one.high, low=one.low, close=one.close,
                               volume=Decimal("0.2"))]
        ),
    ]  # fmt: skip

    assert len(others) + 1 == len({content_hash(series) for series in (used(0), *others)})


def test_no_candles_at_all_can_be_referred_to() -> None:
    series = used()

    assert series == referred(reference_to(series), archive(*range(3)))
