"""Columns for indicator tests: seeded random bars, recorded reference files, and every indicator by name."""

import csv
from collections.abc import Callable, Mapping

import numpy as np

from dg_bot.indicators import momentum, trend, volatility, volume
from dg_bot.indicators.bars import Bars, Floats
from tests.shared_data import shared


def random_bars(seed: int, count: int, seconds: int = 14400, start: int = 1_640_995_200) -> Bars:
    """Make a positive random walk with true highs and lows."""
    generator = np.random.default_rng(seed)
    close = 50_000.0 * np.exp(np.cumsum(generator.normal(0.0, 0.01, count)))
    open_ = np.concatenate([[50_000.0], close[:-1]])[:count]
    reach = np.abs(generator.normal(0.0, 0.004, (2, count)))
    return Bars(
        opened_at=start + seconds * np.arange(count, dtype=np.int64),
        open=open_,
        high=np.maximum(open_, close) * (1.0 + reach[0]),
        low=np.minimum(open_, close) * (1.0 - reach[1]),
        close=close,
        volume=generator.lognormal(3.0, 0.7, count),
        seconds=seconds,
    )


def cut(bars: Bars, end: int) -> Bars:
    """Keep the first `end` bars."""
    return Bars(
        opened_at=bars.opened_at[:end],
        open=bars.open[:end],
        high=bars.high[:end],
        low=bars.low[:end],
        close=bars.close[:end],
        volume=bars.volume[:end],
        seconds=bars.seconds,
    )


def recorded(path: str) -> dict[str, Floats]:
    """Read the number columns of a recorded reference file; an empty field is NaN."""
    with shared(f"indicators/{path}").open() as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name not in ("timestamp", "date")]
    return {name: np.array([float(row[name] or "nan") for row in rows]) for name in names}


INDICATORS: Mapping[str, Callable[[Bars], Floats]] = {
    "sma": lambda b: trend.sma(b.close, 20),
    "ema": lambda b: trend.ema(b.close, 20),
    "macd line": lambda b: trend.macd(b.close).line,
    "macd signal": lambda b: trend.macd(b.close).signal,
    "macd histogram": lambda b: trend.macd(b.close).histogram,
    "adx": lambda b: trend.directional_movement(b.high, b.low, b.close).adx,
    "plus di": lambda b: trend.directional_movement(b.high, b.low, b.close).plus,
    "minus di": lambda b: trend.directional_movement(b.high, b.low, b.close).minus,
    "donchian": lambda b: trend.donchian_high(b.high),
    "true range": lambda b: volatility.true_range(b.high, b.low, b.close),
    "atr": lambda b: volatility.atr(b.high, b.low, b.close),
    "bollinger upper": lambda b: volatility.bollinger(b.close).upper,
    "bollinger middle": lambda b: volatility.bollinger(b.close).middle,
    "bollinger lower": lambda b: volatility.bollinger(b.close).lower,
    "bandwidth": lambda b: volatility.bollinger(b.close).bandwidth,
    "rsi": lambda b: momentum.rsi(b.close),
    "stochastic k": lambda b: momentum.stochastic(b.high, b.low, b.close).k,
    "stochastic d": lambda b: momentum.stochastic(b.high, b.low, b.close).d,
    "williams r": lambda b: momentum.williams_r(b.high, b.low, b.close),
    "cci": lambda b: momentum.cci(b.high, b.low, b.close),
    "mfi": lambda b: momentum.mfi(b.high, b.low, b.close, b.volume),
    "volume ratio": lambda b: volume.volume_ratio(b.volume),
    "obv": lambda b: volume.obv(b.close, b.volume),
    "obv mean": lambda b: volume.obv_mean(b.close, b.volume, 5),
    "obv slope": lambda b: volume.obv_slope(b.close, b.volume),
}

# Bars before the first value of each.
WARM_UP = {
    "sma": 19, "ema": 19, "macd line": 25, "macd signal": 33, "macd histogram": 33, "adx": 27, "plus di": 14, "minus di": 14,
    "donchian": 20, "true range": 1, "atr": 14, "bollinger upper": 19, "bollinger middle": 19, "bollinger lower": 19,
    "bandwidth": 19, "rsi": 14, "stochastic k": 13, "stochastic d": 15, "williams r": 13, "cci": 19, "mfi": 14,
    "volume ratio": 19, "obv": 0, "obv mean": 4, "obv slope": 13,
}  # fmt: skip
