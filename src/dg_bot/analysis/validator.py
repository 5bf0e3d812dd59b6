"""Trust, but verify: every check that a decision must pass before it may become an order."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from dg_bot.analysis.market_context import MarketContext, crash_drop, rsi_divergence
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.decision import Action, Decision
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.indicators.momentum import rsi
from dg_bot.indicators.trend import directional_movement, sma
from dg_bot.indicators.volatility import atr
from dg_bot.indicators.volume import volume_ratio
from dg_bot.strategies.base import Condition, GateSeries

_ATR_MEAN_BARS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidatorLimits:
    """Limits of the checks; ratios and fractions, RSI and ADX in points. A BUY at a limit passes, but for `crash_fraction`."""

    maximum_buy_rsi: float = 70.0
    minimum_sell_rsi: float = 30.0
    maximum_atr_fraction: float = 0.06
    maximum_atr_ratio: float = 2.0
    minimum_adx: float = 20.0
    minimum_volume_ratio: float = 1.3
    reference_fall: float = -0.01
    maximum_beta: float = 1.2
    minimum_alpha: float = 0.0
    maximum_correlation_shift: float = 0.5
    crash_fraction: float = 0.05


def validate(
    decision: Decision, bars: Bars, context: MarketContext, limits: ValidatorLimits, minimum_confidence: float
) -> tuple[Gate, ...]:
    """Check a decision at the newest of the strategy's closed bars; a HOLD has nothing to be checked.

    What cannot be measured fails a BUY. A SELL is held back by an oversold RSI and by low confidence alone.
    """
    match decision.action:
        case Action.BUY:
            return (
                *(_newest(series) for series in bar_checks(bars, limits)),
                reference_fall(context, limits),
                correlation_shift(context, limits),
                _newest(flash_crash(_single(context.crash_drop), limits)),
                _newest(bearish_divergence(_single(context.rsi_divergence))),
                confidence(decision, minimum_confidence),
            )
        case Action.SELL:
            return (oversold(rsi(bars.close), limits), confidence(decision, minimum_confidence))
        case Action.HOLD:
            return ()


def verdict(decision: Decision, gates: Sequence[Gate]) -> Decision:
    """Turn a BUY or SELL into HOLD where a gate did not pass; the reason then names the first of them."""
    failed = first_failure(tuple(gates))
    if failed is None or decision.action is Action.HOLD:
        return decision
    reason = f"{failed.words} ({decision.action}: {decision.reason})"
    return replace(decision, action=Action.HOLD, reason=reason)


def entry_mask(bars: Bars, limits: ValidatorLimits, hours: Bars | None = None) -> Flags:
    """Tell for each of the strategy's bars `(n,)` whether the checks that need candles only let a BUY pass.

    These are the checks of `validate` but for the reference market and confidence, with the same outcome at each bar. The flash
    crash is defined on hours: it is checked where `hours` are given or the bars are hourly, and left out where longer bars come
    alone, since their highs reach further back than three hours.
    """
    hourly = bars if hours is None and bars.seconds == HOUR.seconds else hours
    checks = [*bar_checks(bars, limits), bearish_divergence(rsi_divergence(bars.close, rsi(bars.close)))]
    if hourly is not None:
        checks.append(flash_crash(_at_close_of(bars, hourly, crash_drop(hourly)), limits))
    passed: Flags = np.logical_and.reduce([check.passed for check in checks])
    return passed


def bar_checks(bars: Bars, limits: ValidatorLimits) -> tuple[GateSeries, ...]:
    """Give the BUY checks on the strategy's own bars: RSI, volatility by level and by jump, fake-out."""
    average_range = atr(bars.high, bars.low, bars.close)
    usual_range = sma(average_range, _ATR_MEAN_BARS)
    jump = np.divide(average_range, usual_range, out=np.full(len(bars), np.nan), where=usual_range > 0.0)
    return (
        overbought(rsi(bars.close), limits),
        high_volatility(average_range / bars.close, limits),
        rising_volatility(jump, limits),
        fake_out(directional_movement(bars.high, bars.low, bars.close).adx, volume_ratio(bars.volume), limits),
    )


def overbought(strength: Floats, limits: ValidatorLimits) -> GateSeries:
    """Contradict a BUY at an RSI above the limit."""
    return _at_most("rsi_contradiction", "rsi", strength, limits.maximum_buy_rsi)


def oversold(strength: Floats, limits: ValidatorLimits) -> Gate:
    """Contradict a SELL at an RSI below the limit on the newest bar; an RSI that cannot be measured holds no SELL back."""
    value = strength[-1] if len(strength) else np.nan
    if np.isnan(value):
        return Gate("rsi_contradiction", None, None, passed=True)
    return Gate("rsi_contradiction", float(value), limits.minimum_sell_rsi, bool(value >= limits.minimum_sell_rsi))


def high_volatility(atr_fraction: Floats, limits: ValidatorLimits) -> GateSeries:
    """Refuse where the average true range is too large a part of the close."""
    return _at_most("volatility_level", "atr over close", atr_fraction, limits.maximum_atr_fraction)


def rising_volatility(atr_ratio: Floats, limits: ValidatorLimits) -> GateSeries:
    """Refuse where the average true range has jumped over its own 20-bar mean."""
    return _at_most("volatility_jump", "atr over its mean", atr_ratio, limits.maximum_atr_ratio)


def fake_out(adx: Floats, ratio: Floats, limits: ValidatorLimits) -> GateSeries:
    """Refuse a move with neither trend nor volume behind it; both have to be measurable."""
    known = np.isfinite(adx) & np.isfinite(ratio)
    return GateSeries(
        name="fake_out",
        conditions=(
            _condition("adx", adx, ">=", limits.minimum_adx, (adx >= limits.minimum_adx) & known),
            _condition("volume ratio", ratio, ">=", limits.minimum_volume_ratio, (ratio >= limits.minimum_volume_ratio) & known),
        ),
    )


def flash_crash(drops: Floats, limits: ValidatorLimits) -> GateSeries:
    """Refuse where the close lies that far below the highest high of the last three hours."""
    condition = _condition("drop", drops, "<", limits.crash_fraction, drops < limits.crash_fraction)
    return GateSeries(name="flash_crash", conditions=(condition,))


def bearish_divergence(divergence: Floats) -> GateSeries:
    """Refuse a 14-bar high that the RSI does not confirm."""
    condition = _condition("rsi change at high", divergence, ">=", 0.0, divergence >= 0.0)
    return GateSeries(name="rsi_divergence", conditions=(condition,))


def reference_fall(context: MarketContext, limits: ValidatorLimits) -> Gate:
    """Refuse while the reference market falls, this market follows it strongly, and does even worse than that explains."""
    name, reference = "reference_fall", context.reference
    if reference is None:
        return Gate(name, None, None, passed=True)
    limit = f"24 h return >= {limits.reference_fall:g} or beta <= {limits.maximum_beta:g} or alpha >= {limits.minimum_alpha:g}"
    if reference.return_24h is None or reference.beta is None or reference.alpha_24h is None:
        return Gate(name, None, limit, passed=False)
    is_dragged = (
        reference.return_24h < limits.reference_fall
        and reference.beta > limits.maximum_beta
        and reference.alpha_24h < limits.minimum_alpha
    )
    value = f"24 h return {reference.return_24h:.6g}, beta {reference.beta:.6g}, alpha {reference.alpha_24h:.6g}"
    return Gate(name, value, limit, not is_dragged)


def correlation_shift(context: MarketContext, limits: ValidatorLimits) -> Gate:
    """Refuse while the day's correlation with the reference market is far from the month's."""
    name, reference = "correlation_shift", context.reference
    if reference is None:
        return Gate(name, None, None, passed=True)
    if reference.correlation_24 is None or reference.correlation_720 is None:
        return Gate(name, None, limits.maximum_correlation_shift, passed=False)
    shift = abs(reference.correlation_24 - reference.correlation_720)
    return Gate(name, shift, limits.maximum_correlation_shift, shift <= limits.maximum_correlation_shift)


def confidence(decision: Decision, minimum: float) -> Gate:
    """Refuse a decision whose model is less sure than is asked for."""
    return Gate("confidence", decision.confidence, minimum, decision.confidence >= minimum)


def _at_most(name: str, measure: str, values: Floats, limit: float) -> GateSeries:
    return GateSeries(name=name, conditions=(_condition(measure, values, "<=", limit, values <= limit),))


def _condition(measure: str, values: Floats, comparison: str, limit: float, passed: Flags) -> Condition:
    limits = np.full(len(values), limit)
    return Condition(measure=measure, values=values, comparison=comparison, limits=limits, passed=passed)


def _newest(series: GateSeries) -> Gate:
    """Give the outcome on the newest bar; without a bar, or with NaN, nothing was measured and nothing passes."""
    if not len(series.passed):
        return Gate(series.name, None, "at least one bar", passed=False)
    gate = series.at(-1)
    return replace(gate, value=None) if isinstance(gate.value, float) and np.isnan(gate.value) else gate


def _single(value: float | None) -> Floats:
    return np.array([np.nan if value is None else value])


def _at_close_of(bars: Bars, hourly: Bars, values: Floats) -> Floats:
    """Give for each bar the value of the newest hour that has closed with it; NaN where there is none."""
    index = np.searchsorted(hourly.opened_at, bars.opened_at + (bars.seconds - hourly.seconds), side="right") - 1
    return np.where(index >= 0, np.concatenate([values, [np.nan]])[index], np.nan)
