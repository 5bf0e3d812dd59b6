"""What a trained model is shown of a market: one function over closed hours, for training and for serving alike.

Each value depends on the newest `WINDOW_BARS` bars alone and is made of sums, differences, ratios and square roots, which every
machine rounds in the same way. So the last bar of a history has the same features, to the last bit, wherever the history begins.
"""

import json
from dataclasses import dataclass
from hashlib import sha256

import numpy as np

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars, Floats, bars_of
from dg_bot.indicators.windows import (
    absent,
    before,
    require_columns,
    window_deviation,
    window_max,
    window_mean,
    window_min,
    window_sum,
)

_MOVES = (1, 3, 6, 12, 24, 72, 168)
_DAY, _WEEK = 24, 168
_RISES = 14
# Bars that the newest value of every feature is made of: a move over a week has two ends.
WINDOW_BARS = _WEEK + 1
# Raised with every change of a formula: a model is shown what it was trained on, or nothing.
FORMULAS = 1
NAMES: tuple[str, ...] = (
    *(f"move_{bars}" for bars in _MOVES),
    "volatility_24",
    "volatility_168",
    "range_24",
    "place_24",
    "place_168",
    "above_mean_24",
    "above_mean_168",
    "volume_ratio_24",
    "volume_trend",
    "pressure_24",
    "rise_share_14",
    "close_place",
    "hour",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSchema:
    """Names in their order, the window in bars, the length of a bar in minutes, and the edition of the formulas."""

    names: tuple[str, ...] = NAMES
    window_bars: int = WINDOW_BARS
    bar_minutes: int = HOUR.minutes
    formulas: int = FORMULAS

    @property
    def sha256(self) -> str:
        """Give the SHA-256 of all of it, as canonical JSON."""
        parts = [list(self.names), self.window_bars, self.bar_minutes, self.formulas]
        return sha256(json.dumps(parts, separators=(",", ":")).encode()).hexdigest()


SCHEMA = FeatureSchema()


def features(hours: Bars) -> Floats:
    """Give every feature at the close of each hour, `(n, len(NAMES))`; NaN in a warm-up and where it cannot be measured.

    `move_K` is the return over K bars; `volatility_K` the deviation of the last K one-bar returns; `range_24` the mean of high
    less low over close; `place_K` where the close stands between the lowest low (0) and the highest high (1) of K bars;
    `above_mean_K` how far it is above their mean close; `volume_ratio_24` the volume over its mean; `volume_trend` a day's mean
    volume over a week's; `pressure_24` the volume of rising less that of falling bars over all; `rise_share_14` the rises of 14
    bars over all moves; `close_place` as `place` in the bar itself; `hour` the hour of the day in UTC in which the bar opened.

    Raises DataError for bars that are not hours, or not finite.
    """
    if hours.seconds != HOUR.seconds:
        raise DataError("features", f"bars of {hours.seconds} s, hourly ones are needed")
    close, volume = hours.close, hours.volume
    require_columns("features", hours.high, hours.low, close, volume)
    move = _ratio(close, before(close)) - 1.0
    day_volume = window_mean(volume, _DAY)
    columns = (
        *(_ratio(close, before(close, bars)) - 1.0 for bars in _MOVES),
        window_deviation(move, _DAY),
        window_deviation(move, _WEEK),
        window_mean((hours.high - hours.low) / close, _DAY),
        _place(close, window_min(hours.low, _DAY), window_max(hours.high, _DAY)),
        _place(close, window_min(hours.low, _WEEK), window_max(hours.high, _WEEK)),
        _ratio(close, window_mean(close, _DAY)) - 1.0,
        _ratio(close, window_mean(close, _WEEK)) - 1.0,
        _ratio(volume, day_volume),
        _ratio(day_volume, window_mean(volume, _WEEK)),
        _ratio(window_sum(np.sign(move) * volume, _DAY), window_sum(volume, _DAY)),
        _place(window_sum(np.maximum(move, 0.0), _RISES), np.zeros(len(hours)), window_sum(np.abs(move), _RISES)),
        _place(close, hours.low, hours.high),
        (hours.opened_at // HOUR.seconds % 24).astype(np.float64),
    )
    return np.column_stack(columns)


def latest_features(hourly: CandleSeries, rows: int) -> Floats:
    """Give the newest `rows` rows of `features`, fewer where the series is shorter, out of no more bars than they need."""
    return features(bars_of(hourly.tail(WINDOW_BARS + rows - 1)))[-rows:]


def _ratio(values: Floats, base: Floats) -> Floats:
    """Divide where the base is above zero; NaN elsewhere."""
    return np.divide(values, base, out=absent(len(values)), where=base > 0.0)


def _place(values: Floats, low: Floats, high: Floats) -> Floats:
    """Say where values stand between low (0) and high (1): in the middle where these are one; NaN in a warm-up."""
    width = high - low
    return np.divide(values - low, width, out=np.where(np.isnan(width), np.nan, 0.5), where=width > 0.0)
