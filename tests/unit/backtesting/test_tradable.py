"""What a backtest takes from the checks of a bot: nothing of it looks ahead, and each check is the pipeline's."""

from dataclasses import replace

import numpy as np
import pytest

from dg_bot.analysis.market_context import volatility_24h
from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.backtest import hours_of, tradable_bars
from dg_bot.backtesting.tradable import entries_allowed, in_time
from dg_bot.domain.calendar import HOUR, Timeframe, from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.indicators.bars import bars_of
from dg_bot.indicators.latest import columns
from dg_bot.indicators.momentum import rsi
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.strategies.catalog import make_strategy
from tests.equality.both_ways import made_hours
from tests.unit.backtesting.bars import signals_at

H4 = Timeframe(240)
LIMITS = ValidatorLimits()
GAPS = (300, 301, 302, 850, 1100, 1101, 1102, 1103, 1104, 1203)


def cuts(candles: CandleSeries) -> list[CandleSeries]:
    """Cut the candles at a dozen places, wherever those fall inside a bar."""
    ends = np.random.default_rng(12).integers(200, len(candles), 12)
    return [candles.between(from_epoch(0), from_epoch(candles.opened_at[int(end)])) for end in ends]


@pytest.mark.parametrize("timeframe", [HOUR, H4], ids=str)
def test_j12_no_later_candle_changes_whether_an_entry_was_allowed(timeframe: Timeframe) -> None:
    candles = made_hours(31, 1500, absent=GAPS)
    series, whole = tradable_bars(candles, timeframe)

    assert whole.any()
    for part in cuts(candles):
        fewer, allowed = tradable_bars(part, timeframe)
        assert list(series.opened_at[: len(fewer)]) == list(fewer.opened_at)
        np.testing.assert_array_equal(whole[: len(fewer)], allowed)


@pytest.mark.parametrize("timeframe", [HOUR, H4], ids=str)
def test_j12_no_later_candle_changes_which_exits_were_in_time(timeframe: Timeframe) -> None:
    candles = made_hours(31, 1500, absent=GAPS)
    strategy = make_strategy("vwap_return")

    def seen(known: CandleSeries) -> tuple[np.ndarray, np.ndarray]:
        bars = bars_of(known.whole(timeframe))
        signals = in_time(strategy.signals(bars), bars, hours_of(known), LIMITS)
        return signals.exit, signals.trend_strength

    exits, strength = seen(candles)
    assert exits.any()
    for part in cuts(candles):
        fewer, weaker = seen(part)
        np.testing.assert_array_equal(exits[: len(fewer)], fewer)
        np.testing.assert_array_equal(strength[: len(weaker)], weaker)


def test_j12_no_later_candle_changes_what_is_measured_at_a_close() -> None:
    candles = made_hours(31, 1500, absent=GAPS)
    bars = bars_of(candles)
    whole, volatility = columns(bars), volatility_24h(bars.close)
    for part in cuts(candles):
        fewer = bars_of(part)
        for name, values in columns(fewer).items():
            np.testing.assert_array_equal(whole[name][: len(fewer)], values)
        for one, other in zip(volatility, volatility_24h(fewer.close), strict=True):
            np.testing.assert_array_equal(one[: len(fewer)], other)


def test_two_missing_hours_keep_entries_out_until_fifty_candles_have_come() -> None:
    quiet = entries_allowed(bars_of(made_hours(31, 1500)), bars_of(made_hours(31, 1500)), LIMITS, DataLimits(max_gap_hours=9))
    candles = made_hours(31, 1500, absent=[1000, 1001])
    bars = bars_of(candles)
    strict = entries_allowed(bars, bars, LIMITS, DataLimits())
    easy = entries_allowed(bars, bars, LIMITS, DataLimits(max_gap_hours=2))

    assert quiet.any()
    assert not strict[1000:1049].any()
    assert easy[1000:1049].any()
    np.testing.assert_array_equal(easy[:1000], strict[:1000])
    np.testing.assert_array_equal(easy[1049:], strict[1049:])


def test_a_bar_without_its_last_hour_is_seen_by_nobody() -> None:
    candles = made_hours(31, 1500, absent=[1003])
    bars = bars_of(candles.whole(H4))
    signals = replace(signals_at(bars, sells=(249, 250, 251)), trend_strength=np.full(len(bars), 25.0))
    seen = in_time(signals, bars, hours_of(candles), LIMITS)

    assert rsi(bars.close)[[249, 250, 251]].min() > LIMITS.minimum_sell_rsi
    assert [True, False, True] == seen.exit[[249, 250, 251]].tolist()
    assert np.isnan(seen.trend_strength[250])


def test_an_oversold_market_is_not_sold_into() -> None:
    bars = bars_of(made_hours(31, 1500))
    strength = rsi(bars.close)
    oversold = np.flatnonzero(strength < LIMITS.minimum_sell_rsi)
    seen = in_time(signals_at(bars, sells=tuple(range(len(bars)))), bars, bars, LIMITS)

    assert len(oversold) > 5
    np.testing.assert_array_equal(np.flatnonzero(~seen.exit), oversold)
