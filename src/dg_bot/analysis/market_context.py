"""What surrounds a decision: the market against its reference, and what its own bars say of danger and regime."""

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars, Floats, bars_of
from dg_bot.indicators.momentum import rsi
from dg_bot.indicators.trend import sma
from dg_bot.indicators.windows import absent, window_max

SHORT_BARS = 24
LONG_BARS = 720
CRASH_HOURS = 3
HIGH_BARS = 14
FAST_TREND_BARS = 50
SLOW_TREND_BARS = 200
VOLATILITY_PERCENTILE = 95.0
_DAY_S = 24 * HOUR.seconds
# Returns that differ by less than this are the rounding of equal ones.
_STILL = 1e-12


class Regime(StrEnum):
    """Close and SMA 50 both above SMA 200, both below it, or anything else."""

    BULL = "bull"
    BEAR = "bear"
    SIDEWAYS = "sideways"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceContext:
    """A market against the reference market, over those hourly bars that both have; fractions, None where not measurable.

    Correlations are of hourly log returns over 24 and 720 bars, `beta` is over 720. `return_24h` is the reference's own,
    `alpha_24h` the market's return less `beta` times the reference's.
    """

    market: Market
    correlation_24: float | None
    correlation_720: float | None
    beta: float | None
    return_24h: float | None
    alpha_24h: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketContext:
    """Surroundings of one market at its newest closed bar; fractions, None where there are too few bars to measure.

    `reference` is None where nothing is to be compared: the market is the reference itself, or the venue does not list one.
    `crash_drop` is the fall from the highest high of the last three hours to the close. `rsi_divergence` is as in
    `rsi_divergence`, on the strategy's bars, as is `regime`. `volatility_24h` is the deviation of 24 hourly log returns, and
    `volatility_limit` the 95th percentile of its values over the last 720 bars.
    """

    reference: ReferenceContext | None
    return_24h: float | None
    crash_drop: float | None
    rsi_divergence: float | None
    regime: Regime | None
    volatility_24h: float | None
    volatility_limit: float | None


def market_context(*, hourly: CandleSeries, strategy_bars: CandleSeries, reference_hourly: CandleSeries | None) -> MarketContext:
    """Measure the surroundings at the newest bar; all series hold closed candles only.

    A reference whose newest bar is not the market's newest bar is stale: then none of its figures is measurable.
    """
    hours, bars = bars_of(hourly), bars_of(strategy_bars)
    is_compared = reference_hourly is not None and reference_hourly.market != hourly.market
    volatility, limit = volatility_24h(hours.close[-(LONG_BARS + SHORT_BARS) :])
    return MarketContext(
        reference=_reference_context(hours, reference_hourly) if reference_hourly is not None and is_compared else None,
        return_24h=_return_24h(hours.opened_at, hours.close),
        crash_drop=_last(crash_drop(hours)),
        rsi_divergence=_last(rsi_divergence(bars.close, rsi(bars.close))),
        regime=regime(bars.close),
        volatility_24h=_last(volatility),
        volatility_limit=_last(limit),
    )


class ContextHistory:
    """The surroundings at each close of a whole history, as `market_context` measures them without a reference market."""

    def __init__(self, hours: Bars, bars: Bars) -> None:
        """Measure everything once; both hold closed candles of one market."""
        self._returns = _known(_returns_24h(hours))
        self._drops = _known(crash_drop(hours))
        volatility, limits = volatility_24h(hours.close)
        self._volatility, self._volatility_limits = _known(volatility), _known(limits)
        self._divergence = _known(rsi_divergence(bars.close, rsi(bars.close)))
        averages = sma(bars.close, FAST_TREND_BARS), sma(bars.close, SLOW_TREND_BARS)
        figures = zip(bars.close.tolist(), *(average.tolist() for average in averages), strict=True)
        self._regimes = [_regime(*three) if place >= SLOW_TREND_BARS - 1 else None for place, three in enumerate(figures)]

    def at(self, hour: int, bar: int) -> MarketContext:
        """Give what was known when hour number `hour` and bar number `bar` were the newest; -1 where there was no bar yet."""
        return MarketContext(
            reference=None,
            return_24h=self._returns[hour] if hour >= 0 else None,
            crash_drop=self._drops[hour] if hour >= 0 else None,
            rsi_divergence=self._divergence[bar] if bar >= 0 else None,
            regime=self._regimes[bar] if bar >= 0 else None,
            volatility_24h=self._volatility[hour] if hour >= 0 else None,
            volatility_limit=self._volatility_limits[hour] if hour >= 0 else None,
        )


def crash_drop(hours: Bars) -> Floats:
    """Give the fall of each close from the highest high of the three hours that end with it, a fraction; `(n,)`.

    By time: an hour without a bar counts, as an hour in which nothing traded. Raises DataError for bars that are not hourly.
    """
    if hours.seconds != HOUR.seconds:
        raise DataError("flash crash input", f"bars of {hours.seconds} s, hourly ones are needed")
    highest = hours.high.copy()
    for back in range(1, CRASH_HOURS):
        within = hours.opened_at[back:] - hours.opened_at[:-back] < CRASH_HOURS * HOUR.seconds
        earlier = np.where(within, hours.high[:-back], 0.0)
        highest[back:] = np.maximum(highest[back:], earlier)
    return 1.0 - hours.close / highest


def rsi_divergence(close: Floats, strength: Floats) -> Floats:
    """Give RSI at each new 14-bar high less RSI at the 14-bar high before it, in points; `(n,)`, below zero is bearish.

    A close makes a 14-bar high when it is above the 13 closes before it. Zero where a bar makes none, or none came before it
    since the RSI (`strength`) warmed up; NaN during that warm-up and for the first 13 bars.
    """
    measurable = np.isfinite(strength)
    measurable[: HIGH_BARS - 1] = False
    earlier = absent(len(close))
    earlier[1:] = window_max(close, HIGH_BARS - 1)[:-1]
    highs = np.flatnonzero(measurable & (close > earlier))
    result = np.where(measurable, 0.0, np.nan)
    result[highs[1:]] = strength[highs[1:]] - strength[highs[:-1]]
    return result


def regime(close: Floats) -> Regime | None:
    """Name the regime at the newest bar; None with fewer bars than the slow average needs."""
    if len(close) < SLOW_TREND_BARS:
        return None
    return _regime(close[-1], sma(close, FAST_TREND_BARS)[-1], sma(close, SLOW_TREND_BARS)[-1])


def _regime(close: float, fast: float, slow: float) -> Regime:
    if close > slow and fast > slow:
        return Regime.BULL
    return Regime.BEAR if close < slow and fast < slow else Regime.SIDEWAYS


def _reference_context(hours: Bars, reference: CandleSeries) -> ReferenceContext:
    others = bars_of(reference)
    times, mine, theirs = np.intersect1d(hours.opened_at, others.opened_at, assume_unique=True, return_indices=True)
    if not len(times) or times[-1] != hours.opened_at[-1]:
        return ReferenceContext(
            market=reference.market, correlation_24=None, correlation_720=None, beta=None, return_24h=None, alpha_24h=None
        )
    own_close, reference_close = hours.close[mine], others.close[theirs]
    own, market = np.diff(np.log(own_close)), np.diff(np.log(reference_close))
    beta = _beta(own, market)
    own_day, reference_day = _return_24h(times, own_close), _return_24h(times, reference_close)
    return ReferenceContext(
        market=reference.market,
        correlation_24=_correlation(own, market, SHORT_BARS),
        correlation_720=_correlation(own, market, LONG_BARS),
        beta=beta,
        return_24h=reference_day,
        alpha_24h=None if beta is None or own_day is None or reference_day is None else own_day - beta * reference_day,
    )


def _correlation(first: Floats, second: Floats, count: int) -> float | None:
    """Correlate the last `count` returns; None with fewer, or where one side did not vary."""
    if len(first) < count:
        return None
    one, other = _deviations(first[-count:]), _deviations(second[-count:])
    if one is None or other is None:
        return None
    return float(one @ other / np.sqrt((one @ one) * (other @ other)))


def _beta(returns: Floats, reference: Floats) -> float | None:
    """Give the slope of `returns` on `reference` over the last 720; None with fewer, or where the reference did not vary."""
    if len(reference) < LONG_BARS:
        return None
    deviations = _deviations(reference[-LONG_BARS:])
    if deviations is None:
        return None
    return float(deviations @ (returns[-LONG_BARS:] - returns[-LONG_BARS:].mean()) / (deviations @ deviations))


def _deviations(values: Floats) -> Floats | None:
    deviations: Floats = values - values.mean()
    return deviations if np.abs(deviations).max() > _STILL else None


def _return_24h(opened_at: NDArray[np.int64], close: Floats) -> float | None:
    """Compare the newest close with the one that held 24 hours before it: that of the newest bar at or before that time."""
    if not len(close):
        return None
    index = int(np.searchsorted(opened_at, opened_at[-1] - _DAY_S, side="right")) - 1
    return None if index < 0 else float(close[-1] / close[index] - 1.0)


def volatility_24h(close: Floats) -> tuple[Floats, Floats]:
    """Give the sample deviation of 24 hourly log returns at each close, and the 95th percentile of its last 720 values.

    Both `(n,)`, NaN where there are too few hours.
    """
    deviations, limits = absent(len(close)), absent(len(close))
    if len(close) > SHORT_BARS:
        deviations[SHORT_BARS:] = sliding_window_view(np.diff(np.log(close)), SHORT_BARS).std(axis=1, ddof=1)
    if len(close) >= SHORT_BARS + LONG_BARS:
        windows = sliding_window_view(deviations[SHORT_BARS:], LONG_BARS)
        # A thousand windows at a time: all at once would take 720 times the memory of the column.
        for start in range(0, len(windows), 1000):
            found = np.percentile(windows[start : start + 1000], VOLATILITY_PERCENTILE, axis=1)
            limits[SHORT_BARS + LONG_BARS - 1 + start :][: len(found)] = found
    return deviations, limits


def _returns_24h(hours: Bars) -> Floats:
    """Compare each close with the one that held 24 hours before it, `(n,)`; NaN where there is none."""
    index = np.searchsorted(hours.opened_at, hours.opened_at - _DAY_S, side="right") - 1
    return np.where(index >= 0, hours.close / hours.close[index] - 1.0, np.nan)


def _known(values: Floats) -> list[float | None]:
    """Give a column's values, with None for what could not be measured."""
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _last(values: Floats) -> float | None:
    return float(values[-1]) if len(values) and np.isfinite(values[-1]) else None
