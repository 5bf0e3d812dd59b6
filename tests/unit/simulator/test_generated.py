from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache

import numpy as np
import pytest

from dg_bot.analysis.filters import entry_filters
from dg_bot.analysis.market_context import market_context
from dg_bot.analysis.validator import ValidatorLimits, entry_mask
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market, tick_size
from dg_bot.errors import ImpossibleValue
from dg_bot.indicators.bars import bars_of
from dg_bot.risk.exit_rules import stop_price, target_price
from dg_bot.simulator.generated import BITCOIN, ETHER, HISTORY, GeneratedMarket, demo_instant, generated_candles, generated_tapes
from dg_bot.strategies.breakout import BreakoutParameters, VolatilityBreakout

SEED = 7
FOUR_HOURS = Timeframe(240)
START = datetime(2026, 3, 5, 7, tzinfo=UTC)
STRATEGY = VolatilityBreakout(BreakoutParameters())


@cache
def history(source: GeneratedMarket) -> CandleSeries:
    """Give the hours of a market over two years before the demo's instant and the day after it."""
    at = demo_instant(SEED)
    candles = generated_candles(source, seed=SEED, start=at - HISTORY, end=at + timedelta(days=1))
    return CandleSeries.from_candles(source.market, HOUR, candles)


@pytest.mark.parametrize("source", [BITCOIN, ETHER])
def test_windows_of_one_timeline_agree_wherever_they_are_cut(source: GeneratedMarket) -> None:
    whole = generated_candles(source, seed=SEED, start=START, end=START + timedelta(days=40))

    for first, count in ((0, 1), (100, 500), (287, 2), (700, 260)):
        part = generated_candles(source, seed=SEED, start=START + first * HOUR.length, end=START + (first + count) * HOUR.length)

        assert whole[first : first + count] == part


def test_another_seed_is_another_market() -> None:
    one, other = (generated_candles(BITCOIN, seed=seed, start=START, end=START + timedelta(days=2)) for seed in (1, 2))

    assert [candle.close for candle in one] != [candle.close for candle in other]


def test_every_hour_has_a_candle_that_opens_where_the_last_one_closed() -> None:
    candles = generated_candles(ETHER, seed=SEED, start=START, end=START + timedelta(days=30))

    assert [START + n * HOUR.length for n in range(720)] == [candle.opened_at for candle in candles]
    assert [candle.close for candle in candles[:-1]] == [candle.open for candle in candles[1:]]
    assert all(candle.volume > 0 for candle in candles)


@pytest.mark.parametrize("source", [BITCOIN, ETHER])
def test_prices_lie_on_the_tick_grid_of_their_date(source: GeneratedMarket) -> None:
    for year in (2024, 2026):
        at = datetime(year, 9, 1, tzinfo=UTC)
        for candle in generated_candles(source, seed=SEED, start=at, end=at + timedelta(days=20)):
            for price in (candle.open, candle.high, candle.low, candle.close):
                assert price % tick_size(source.market, price, candle.opened_at) == 0


def test_prices_stay_around_their_base_for_ever() -> None:
    for source in (BITCOIN, ETHER):
        base, close = float(source.base_price_krw), np.array(history(source).close)

        assert 0.9 * base < close.min()
        assert close.max() < 1.2 * base


@pytest.mark.parametrize(
    ("seed", "start", "end"),
    [
        (-1, START, START + HOUR.length),
        (1, START, START),
        (1, START + timedelta(minutes=1), START + HOUR.length),
        (1, START, START + timedelta(hours=1, seconds=1)),
    ],
)
def test_what_cannot_be_generated_is_refused(seed: int, start: datetime, end: datetime) -> None:
    with pytest.raises(ImpossibleValue):
        generated_candles(BITCOIN, seed=seed, start=start, end=end)


def test_the_tapes_reach_from_over_two_years_before_to_weeks_after() -> None:
    at = datetime(2026, 11, 20, 13, 27, 5, tzinfo=UTC)

    tapes = generated_tapes(seed=SEED, at=at)

    assert set(tapes) == {Market("KRW-BTC"), Market("KRW-ETH")}
    for tape in tapes.values():
        assert tape.opens_at < at - timedelta(days=730)
        assert tape.closes_at > at + timedelta(days=30)


@pytest.mark.parametrize("source", [BITCOIN, ETHER])
@pytest.mark.parametrize("is_checked", [False, True])
def test_the_history_before_the_demo_passes_the_unmodified_screen(source: GeneratedMarket, is_checked: bool) -> None:
    screen = QuickBacktestFilter(
        strategy=STRATEGY,
        rules=TradeRules(),
        thresholds=ScreenThresholds(),
        entry_checks=(lambda bars, hours: entry_mask(bars, ValidatorLimits(), hours)) if is_checked else None,
    )
    at = demo_instant(SEED)

    result = screen.evaluate(history(source).resampled(FOUR_HOURS), at, hourly=history(source))

    assert [] == [gate for gate in result.gates if not gate.passed]
    assert result.payoff is not None
    assert Decimal("0.1") <= result.half_kelly_fraction


def test_the_bar_that_closes_at_the_demos_instant_is_an_entry_by_every_rule() -> None:
    at = demo_instant(SEED)
    hourly = history(BITCOIN).closed_by(at)
    series = hourly.resampled(FOUR_HOURS)
    bars = bars_of(series)
    context = market_context(hourly=hourly, strategy_bars=series, reference_hourly=None)

    assert FOUR_HOURS.is_boundary(at)
    assert int(at.timestamp()) == bars.opened_at[-1] + bars.seconds
    assert [gate.at(-1).name for gate in STRATEGY.signals(bars).gates if not gate.passed[-1]] == []
    assert entry_mask(bars, ValidatorLimits(), bars_of(hourly))[-1]
    assert [gate for gate in entry_filters(context, ()) if not gate.passed] == []


def test_the_hour_after_the_demos_instant_runs_to_the_target_and_never_to_the_stop() -> None:
    at = demo_instant(SEED)
    signals = STRATEGY.signals(bars_of(history(BITCOIN).closed_by(at).resampled(FOUR_HOURS)))
    hour = history(BITCOIN).between(at, at + HOUR.length)
    cost = hour.open[0] * 1.003

    assert hour.high[0] > target_price(cost, 0.10, float(signals.target_distance[-1]))
    assert hour.low[0] > stop_price(cost, 0.05, float(signals.stop_distance[-1]))


def test_a_negative_seed_has_no_demo() -> None:
    assert demo_instant(0) == demo_instant(0)
    with pytest.raises(ImpossibleValue):
        demo_instant(-1)
