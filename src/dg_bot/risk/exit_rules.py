"""Exit rules as scalar float functions: live, guard, screen and backtest call these same ones.

Prices are KRW, fractions are fractions, distances are KRW with 0.0 for "not set". Comparisons include the limit: a price at the
stop is stopped.
"""

from enum import IntEnum

from dg_bot.domain.order import ExitCause


class ExitReason(IntEnum):
    """Why risk sells; the names appear in reports, rows and messages."""

    NONE = 0
    STOP_LOSS = 1
    TRAILING_STOP = 2
    TAKE_PROFIT = 3
    STAGED_PROFIT = 4
    FAKE_OUT = 5
    TIME_OUT = 6
    TREND_WEAKENING = 7

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def cause(self) -> ExitCause | None:
        """The same for an intent to remember; None where nothing is due."""
        return None if self is ExitReason.NONE else ExitCause(self.word)


def stop_price(cost: float, stop_fraction: float, stop_distance: float) -> float:
    """Give the tighter (higher) of the fractional stop and the one at a distance."""
    by_fraction = cost * (1.0 - stop_fraction)
    if stop_distance <= 0.0:
        return by_fraction
    return max(by_fraction, cost - stop_distance)


def target_price(cost: float, target_fraction: float, target_distance: float) -> float:
    """Give the tighter (lower) of the fractional target and the one at a distance."""
    by_fraction = cost * (1.0 + target_fraction)
    if target_distance <= 0.0:
        return by_fraction
    return min(by_fraction, cost + target_distance)


def price_exit(price: float, stop: float, highest: float, trailing_distance: float, target: float, stage: float) -> ExitReason:
    """Tell which level `price` has reached, stops before gains; `stage` is 0.0 when not set or already taken."""
    if price <= stop:
        return ExitReason.STOP_LOSS
    if trailing_distance > 0.0 and price <= highest - trailing_distance:
        return ExitReason.TRAILING_STOP
    if price >= target:
        return ExitReason.TAKE_PROFIT
    if stage > 0.0 and price >= stage:
        return ExitReason.STAGED_PROFIT
    return ExitReason.NONE


def fake_out_exit(price: float, cost: float, bars_held: int, fake_out_fraction: float, fake_out_bars: int) -> ExitReason:
    """Exit a breakout that fell back by `fake_out_fraction` within its first `fake_out_bars` bars."""
    if 0 < bars_held <= fake_out_bars and price <= cost * (1.0 - fake_out_fraction):
        return ExitReason.FAKE_OUT
    return ExitReason.NONE


def time_out_exit(price: float, cost: float, bars_held: int, time_out_bars: int, time_out_fraction: float) -> ExitReason:
    """Exit a position that after `time_out_bars` bars has gained less than `time_out_fraction`."""
    if 0 < time_out_bars <= bars_held and price < cost * (1.0 + time_out_fraction):
        return ExitReason.TIME_OUT
    return ExitReason.NONE


def trend_exit(adx: float, adx_at_entry: float, trend_ratio: float, trend_floor: float) -> ExitReason:
    """Exit when the trend's strength fell below `trend_ratio` of its value at entry and below `trend_floor`; NaN never exits."""
    if adx < trend_ratio * adx_at_entry and adx < trend_floor:
        return ExitReason.TREND_WEAKENING
    return ExitReason.NONE
