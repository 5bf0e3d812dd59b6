"""Kernel and pipeline are held together on recorded markets; `make equality` does so on every bar of every file."""

import pytest

from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.equality.both_ways import both_ways, difference
from tests.equality.recorded import FILES, TWO_YEARS, recorded_candles, two_years

OTHERS = sorted(FILES.keys() - set(TWO_YEARS))
every_strategy = pytest.mark.parametrize("strategy", STRATEGY_NAMES)


@every_strategy
@pytest.mark.parametrize("name", TWO_YEARS)
def test_two_years_of_four_hours_make_the_same_round_trips(name: str, strategy: str) -> None:
    candles = two_years(name)

    both = both_ways(candles, Timeframe(240), strategy)

    assert difference(both, candles.market) is None
    assert both.kernel.round_trips


@every_strategy
@pytest.mark.parametrize("name", OTHERS)
def test_the_newest_bars_of_the_other_files_make_the_same_round_trips_by_the_hour(name: str, strategy: str) -> None:
    candles = recorded_candles(name).tail(20_000)

    both = both_ways(candles, HOUR, strategy)

    assert difference(both, candles.market) is None


@every_strategy
def test_day_bars_made_of_hours_make_the_same_round_trips(strategy: str) -> None:
    """The files of days cannot be held so: the pipeline runs by the hour, and asks for hours."""
    candles = recorded_candles("KRW-BTC_60m_2020-2023")

    both = both_ways(candles, DAY, strategy)

    assert difference(both, candles.market) is None
