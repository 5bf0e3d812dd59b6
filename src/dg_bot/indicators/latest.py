"""The standard indicators on the newest bar as plain floats, and what they say together."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum

from dg_bot.indicators.bars import Bars, Floats
from dg_bot.indicators.momentum import cci, mfi, rsi, stochastic, williams_r
from dg_bot.indicators.trend import directional_movement, macd, sma
from dg_bot.indicators.volatility import atr, bollinger
from dg_bot.indicators.volume import obv_slope, volume_ratio

OVERSOLD_RSI = 30.0
OVERBOUGHT_RSI = 70.0
TRENDING_ADX = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class IndicatorSnapshot:
    """Values on the last bar; NaN where an indicator has not warmed up or has nothing to say.

    `close`, `sma_*`, `macd*`, `bollinger_upper|middle|lower` and `atr` are KRW, `bollinger_bandwidth` and `volume_ratio` ratios.
    """

    close: float
    sma_50: float
    sma_200: float
    rsi: float
    macd: float
    macd_signal: float
    macd_histogram: float
    bollinger_upper: float
    bollinger_middle: float
    bollinger_lower: float
    bollinger_bandwidth: float
    adx: float
    plus_di: float
    minus_di: float
    atr: float
    volume_ratio: float
    stochastic_k: float
    stochastic_d: float
    cci: float
    mfi: float
    williams_r: float
    obv_slope: float

    def as_mapping(self) -> dict[str, float]:
        """Give the finite values by name."""
        values = {field.name: float(getattr(self, field.name)) for field in fields(self)}
        return {name: value for name, value in values.items() if math.isfinite(value)}


def snapshot(bars: Bars) -> IndicatorSnapshot:
    """Calculate the standard set over `bars` and keep the last value of each; all NaN where there is no bar."""
    return IndicatorSnapshot(**{name: _last(values) for name, values in columns(bars).items()})


def columns(bars: Bars) -> Mapping[str, Floats]:
    """Calculate the standard set on every bar: columns `(n,)` by their names in `IndicatorSnapshot`."""
    momentum = macd(bars.close)
    bands = bollinger(bars.close)
    direction = directional_movement(bars.high, bars.low, bars.close)
    oscillator = stochastic(bars.high, bars.low, bars.close)
    return {
        "close": bars.close,
        "sma_50": sma(bars.close, 50),
        "sma_200": sma(bars.close, 200),
        "rsi": rsi(bars.close),
        "macd": momentum.line,
        "macd_signal": momentum.signal,
        "macd_histogram": momentum.histogram,
        "bollinger_upper": bands.upper,
        "bollinger_middle": bands.middle,
        "bollinger_lower": bands.lower,
        "bollinger_bandwidth": bands.bandwidth,
        "adx": direction.adx,
        "plus_di": direction.plus,
        "minus_di": direction.minus,
        "atr": atr(bars.high, bars.low, bars.close),
        "volume_ratio": volume_ratio(bars.volume),
        "stochastic_k": oscillator.k,
        "stochastic_d": oscillator.d,
        "cci": cci(bars.high, bars.low, bars.close),
        "mfi": mfi(bars.high, bars.low, bars.close, bars.volume),
        "williams_r": williams_r(bars.high, bars.low, bars.close),
        "obv_slope": obv_slope(bars.close, bars.volume),
    }


class Stance(IntEnum):
    """What one indicator, or all together, lean to."""

    BEARISH = -1
    NEUTRAL = 0
    BULLISH = 1

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Vote:
    """One indicator's stance and the comparison that led to it."""

    indicator: str
    stance: Stance
    reason: str


@dataclass(frozen=True, slots=True)
class SignalSummary:
    """All votes; an indicator without a value has none."""

    votes: tuple[Vote, ...]

    @property
    def score(self) -> int:
        """Bullish minus bearish votes."""
        return sum(vote.stance for vote in self.votes)

    @property
    def stance(self) -> Stance:
        """Lean to a side that leads by two votes or more."""
        if abs(self.score) < 2:
            return Stance.NEUTRAL
        return Stance.BULLISH if self.score > 0 else Stance.BEARISH


def signal_summary(latest: IndicatorSnapshot) -> SignalSummary:
    """Let RSI, MACD, Bollinger bands, ADX and the long average vote; it informs and decides nothing."""
    votes = (_rsi_vote(latest), _macd_vote(latest), _bollinger_vote(latest), _trend_vote(latest), _average_vote(latest))
    return SignalSummary(tuple(vote for vote in votes if vote is not None))


def _rsi_vote(latest: IndicatorSnapshot) -> Vote | None:
    return _outside_vote("rsi", latest.rsi, OVERSOLD_RSI, OVERBOUGHT_RSI)


def _macd_vote(latest: IndicatorSnapshot) -> Vote | None:
    return _above_vote("macd", latest.macd, "signal", latest.macd_signal)


def _bollinger_vote(latest: IndicatorSnapshot) -> Vote | None:
    return _outside_vote("bollinger", latest.close, latest.bollinger_lower, latest.bollinger_upper)


def _trend_vote(latest: IndicatorSnapshot) -> Vote | None:
    if math.isnan(latest.adx):
        return None
    if latest.adx < TRENDING_ADX:
        return Vote("adx", Stance.NEUTRAL, f"{latest.adx:.6g} below {TRENDING_ADX:.6g}")
    return _above_vote("adx", latest.plus_di, "minus_di", latest.minus_di)


def _average_vote(latest: IndicatorSnapshot) -> Vote | None:
    return _above_vote("sma_50", latest.close, "sma_50", latest.sma_50)


def _outside_vote(indicator: str, value: float, low: float, high: float) -> Vote | None:
    """Vote for a return from an extreme: bullish below `low`, bearish above `high`."""
    if math.isnan(value) or math.isnan(low) or math.isnan(high):
        return None
    if value < low:
        return Vote(indicator, Stance.BULLISH, f"{value:.6g} below {low:.6g}")
    if value > high:
        return Vote(indicator, Stance.BEARISH, f"{value:.6g} above {high:.6g}")
    return Vote(indicator, Stance.NEUTRAL, f"{value:.6g} within {low:.6g} to {high:.6g}")


def _above_vote(indicator: str, value: float, other: str, limit: float) -> Vote | None:
    """Vote with the side on which `value` lies of `limit`."""
    if math.isnan(value) or math.isnan(limit):
        return None
    if value == limit:
        return Vote(indicator, Stance.NEUTRAL, f"{value:.6g} at {other} {limit:.6g}")
    word, stance = ("above", Stance.BULLISH) if value > limit else ("below", Stance.BEARISH)
    return Vote(indicator, stance, f"{value:.6g} {word} {other} {limit:.6g}")


def _last(values: Floats) -> float:
    return float(values[-1]) if len(values) else math.nan
