import numpy as np
import pytest

from dg_bot.analysis.market_context import (
    MarketContext,
    ReferenceContext,
    Regime,
    crash_drop,
    market_context,
    regime,
    rsi_divergence,
)
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Floats, bars_of
from dg_bot.indicators.momentum import rsi
from tests.unit.analysis.market_series import BTC, ETH, closes_of, series, walk


def _returns(seed: int, count: int) -> Floats:
    generator = np.random.default_rng(seed)
    return generator.normal(0.0, 0.01, count)


def _context(hourly: CandleSeries, reference: CandleSeries | None = None) -> MarketContext:
    return market_context(hourly=hourly, strategy_bars=hourly, reference_hourly=reference)


def _reference(hourly: CandleSeries, reference: CandleSeries) -> ReferenceContext:
    measured = _context(hourly, reference).reference
    assert measured is not None
    return measured


def test_correlation_and_beta_are_those_of_the_textbook() -> None:
    reference = _returns(1, 800)
    own = 1.5 * reference + _returns(2, 800)

    measured = _reference(series(closes_of(own)), series(closes_of(reference), market=BTC))

    covariance = np.cov(own[-720:], reference[-720:])
    assert measured.correlation_24 == pytest.approx(np.corrcoef(own[-24:], reference[-24:])[0, 1], rel=1e-9)
    assert measured.correlation_720 == pytest.approx(np.corrcoef(own[-720:], reference[-720:])[0, 1], rel=1e-9)
    assert measured.beta == pytest.approx(covariance[0, 1] / covariance[1, 1], rel=1e-9)


def test_alpha_is_the_return_that_beta_does_not_explain() -> None:
    reference = _returns(3, 720)
    own = closes_of(2.0 * reference)

    measured = _reference(series(own), series(closes_of(reference), market=BTC))

    expected = own[-1] / own[-25] - 1.0 - 2.0 * (np.exp(reference[-24:].sum()) - 1.0)
    assert measured.beta == pytest.approx(2.0)
    assert measured.alpha_24h == pytest.approx(expected)


@pytest.mark.parametrize(
    ("bars", "short", "long"), [(24, False, False), (25, True, False), (720, True, False), (721, True, True)]
)
def test_a_window_that_is_not_full_is_not_measured(bars: int, short: bool, long: bool) -> None:
    own, reference = closes_of(_returns(4, bars - 1)), closes_of(_returns(5, bars - 1))

    measured = _reference(series(own), series(reference, market=BTC))

    assert (short, long, long) == (
        measured.correlation_24 is not None,
        measured.correlation_720 is not None,
        measured.beta is not None,
    )
    assert long is (measured.alpha_24h is not None)


def test_only_bars_that_both_markets_have_are_compared() -> None:
    reference = _returns(6, 800)
    full = series(closes_of(reference), market=BTC)
    gapped = series(closes_of(2.0 * reference), absent=[700, 701, 790])

    measured = _reference(gapped, full)

    assert measured.correlation_720 == pytest.approx(1.0)
    assert measured.beta == pytest.approx(2.0)


def test_a_stale_reference_is_not_measurable() -> None:
    reference = _returns(7, 800)

    measured = _reference(series(closes_of(reference)), series(closes_of(reference), market=BTC, absent=[800]))

    assert (
        ReferenceContext(market=BTC, correlation_24=None, correlation_720=None, beta=None, return_24h=None, alpha_24h=None)
        == measured
    )


@pytest.mark.parametrize("returns", [np.zeros(800), np.full(800, 0.001)], ids=["flat", "steady"])
def test_a_market_that_does_not_vary_has_no_correlation(returns: Floats) -> None:
    measured = _reference(series(closes_of(_returns(8, 800))), series(closes_of(returns), market=BTC))

    assert (None, None, None) == (measured.correlation_24, measured.correlation_720, measured.beta)


def test_there_is_nothing_to_compare_for_the_reference_itself_or_without_one() -> None:
    closes = closes_of(_returns(9, 800))

    assert _context(series(closes, market=BTC), series(closes, market=BTC)).reference is None
    assert _context(series(closes, market=ETH)).reference is None


def test_the_return_over_a_day_starts_from_the_close_that_held_then() -> None:
    closes = [float(price) for price in range(100, 126)]

    assert 125.0 / 101.0 - 1.0 == pytest.approx(_context(series(closes)).return_24h)
    assert 125.0 / 100.0 - 1.0 == pytest.approx(_context(series(closes, absent=[1])).return_24h)
    assert _context(series(closes[:24])).return_24h is None


@pytest.mark.parametrize(("close", "drop"), [(96.0, 0.04), (95.0, 0.05), (94.0, 0.06)])
def test_the_crash_is_measured_from_the_highest_high_of_three_hours(close: float, drop: float) -> None:
    bars = bars_of(series([90.0, 95.0, 95.0, close], highs=[200.0, 100.0, 96.0, 97.0]))

    assert drop == pytest.approx(crash_drop(bars)[-1])


def test_a_high_of_three_hours_ago_is_over_and_a_gap_counts_as_time() -> None:
    closes, highs = [90.0, 90.0, 90.0, 90.0, 90.0], [90.0, 100.0, 90.0, 90.0, 90.0]

    assert [0.0, 0.1, 0.1, 0.1, 0.0] == pytest.approx(list(crash_drop(bars_of(series(closes, highs=highs)))))
    assert [0.0, 0.1, 0.1, 0.0] == pytest.approx(list(crash_drop(bars_of(series(closes, highs=highs, absent=[2])))))


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_hours_make_no_error(count: int) -> None:
    assert [0.0] * count == list(crash_drop(bars_of(series([90.0] * count))))


def test_the_crash_is_defined_on_hours_only() -> None:
    with pytest.raises(DataError, match="14400 s"):
        crash_drop(bars_of(series([90.0], minutes=240)))


def _two_highs(strength_before: float, strength_now: float) -> float:
    """Measure a bar that makes a 14-bar high, nine bars after the one before it."""
    close = np.full(30, 100.0)
    close[20], close[21:29], close[29] = 110.0, 105.0, 111.0
    strength = np.full(30, 50.0)
    strength[20], strength[29] = strength_before, strength_now
    return float(rsi_divergence(close, strength)[-1])


@pytest.mark.parametrize(("now", "change"), [(70.1, 0.1), (70.0, 0.0), (69.9, -0.1)])
def test_a_high_is_compared_with_the_rsi_at_the_high_before_it(now: float, change: float) -> None:
    assert change == pytest.approx(_two_highs(70.0, now))


@pytest.mark.parametrize(("last", "change"), [(110.0, 0.0), (110.1, -20.0)])
def test_only_a_close_above_the_thirteen_before_it_makes_a_high(last: float, change: float) -> None:
    close = np.full(40, 100.0)
    close[20], close[33] = 105.0, last
    close[25:33] = 110.0
    strength = np.full(40, 60.0)
    strength[33] = 40.0

    assert change == rsi_divergence(close, strength)[33]


def test_the_first_high_has_nothing_to_diverge_from() -> None:
    close = np.full(30, 100.0)
    close[29] = 101.0

    assert 0.0 == rsi_divergence(close, np.full(30, 50.0))[29]


def test_divergence_is_not_measurable_during_warm_up() -> None:
    close = bars_of(walk(1, 40)).close

    measured = rsi_divergence(close, rsi(close))

    assert [True] * 14 + [False] * 26 == list(np.isnan(measured))
    assert [] == list(rsi_divergence(np.empty(0), np.empty(0)))


def test_divergence_does_not_look_ahead() -> None:
    close = bars_of(walk(2, 300)).close
    whole = rsi_divergence(close, rsi(close))

    for end in (1, 14, 15, 90, 299):
        np.testing.assert_array_equal(rsi_divergence(close[:end], rsi(close[:end])), whole[:end])


@pytest.mark.parametrize(
    ("trend", "last", "expected"),
    [
        (0.001, None, Regime.BULL),
        (-0.001, None, Regime.BEAR),
        (0.001, 0.5, Regime.SIDEWAYS),
        (-0.001, 2.0, Regime.SIDEWAYS),
        (0.0, None, Regime.SIDEWAYS),
    ],
)
def test_the_regime_needs_close_and_fast_average_on_one_side(trend: float, last: float | None, expected: Regime) -> None:
    close = 1000.0 * np.exp(trend * np.arange(200.0))
    close[-1] *= 1.0 if last is None else last

    assert expected is regime(close)
    assert regime(close[1:]) is None


def test_volatility_is_the_deviation_of_a_day_and_its_limit_a_percentile_of_a_month() -> None:
    returns = _returns(10, 743)

    measured = _context(series(closes_of(returns)))

    days = [returns[start : start + 24].std(ddof=1) for start in range(720)]
    assert measured.volatility_24h == pytest.approx(days[-1])
    assert measured.volatility_limit == pytest.approx(np.percentile(days, 95))


@pytest.mark.parametrize(("bars", "now", "limit"), [(24, False, False), (25, True, False), (743, True, False), (744, True, True)])
def test_volatility_needs_a_day_and_its_limit_a_month_of_days(bars: int, now: bool, limit: bool) -> None:
    measured = _context(series(closes_of(_returns(11, bars - 1))))

    assert (now, limit) == (measured.volatility_24h is not None, measured.volatility_limit is not None)


def test_an_empty_market_has_no_context() -> None:
    empty = series([])

    assert MarketContext(
        reference=ReferenceContext(
            market=BTC, correlation_24=None, correlation_720=None, beta=None, return_24h=None, alpha_24h=None
        ),
        return_24h=None,
        crash_drop=None,
        rsi_divergence=None,
        regime=None,
        volatility_24h=None,
        volatility_limit=None,
    ) == market_context(hourly=empty, strategy_bars=empty, reference_hourly=series([1.0], market=BTC))


def test_the_divergence_and_regime_are_those_of_the_strategy_bars() -> None:
    hourly, bars = walk(3, 1000), walk(4, 300, minutes=240)

    measured = market_context(hourly=hourly, strategy_bars=bars, reference_hourly=None)

    close = bars_of(bars).close
    assert (float(rsi_divergence(close, rsi(close))[-1]), regime(close)) == (measured.rsi_divergence, measured.regime)
