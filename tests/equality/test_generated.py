"""Kernel and pipeline are held together on generated candles: one set of rules, two speeds."""

from decimal import Decimal

import pytest

from dg_bot.backtesting.screen import ScreenThresholds
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import STRATEGY_NAMES
from tests.equality.both_ways import both_ways, difference, made_hours


@pytest.mark.parametrize("strategy", STRATEGY_NAMES)
def test_kernel_and_pipeline_make_the_same_round_trips(strategy: str) -> None:
    candles = made_hours(STRATEGY_NAMES.index(strategy), 2400)

    both = both_ways(candles, Timeframe(240), strategy)

    assert difference(both, candles.market) is None


@pytest.mark.parametrize(("strategy", "kept"), [("sma_cross", 4), ("vwap_return", 12)])
def test_a_screen_made_once_a_day_blocks_the_same_entries(strategy: str, kept: int) -> None:
    candles = made_hours(3, 2400)
    lenient = ScreenThresholds(days=40.0, round_trips=3, total_return=0.0, win_rate=0.3, profit_factor=1.0, sharpe=0.0)

    both = both_ways(candles, HOUR, strategy, thresholds=lenient)

    assert kept == len(both.kernel.round_trips) < len(both_ways(candles, HOUR, strategy).kernel.round_trips)
    assert difference(both, candles.market) is None


@pytest.mark.parametrize(
    "limits",
    [
        RiskLimits(atr_stop_multiple=Decimal("1.5"), atr_target_multiple=Decimal("2.5")),
        RiskLimits(trailing_atr_multiple=Decimal(2)),
        RiskLimits(stage_fraction=Decimal("0.02")),
        RiskLimits(trailing_atr_multiple=Decimal(3), stage_fraction=Decimal("0.03"), take_profit_fraction=Decimal("0.05")),
    ],
    ids=["by range", "trailing", "staged", "both"],
)
def test_they_do_so_under_the_optional_exits(limits: RiskLimits) -> None:
    candles = made_hours(31, 1500)

    both = both_ways(candles, HOUR, "vwap_return", limits)

    assert len(both.kernel.round_trips) > 10
    assert difference(both, candles.market) is None


def test_they_count_the_bars_of_a_gap_alike() -> None:
    candles = made_hours(7, 2000, absent=range(1320, 1332))

    both = both_ways(candles, Timeframe(240), "volatility_breakout")

    assert ExitReason.TIME_OUT is both.kernel.round_trips[0].reason
    assert difference(both, candles.market) is None
