"""Candle series for tests of analysis: drawn closes, random walks, and a context in which every check passes."""

from array import array
from collections.abc import Sequence

import numpy as np

from dg_bot.analysis.market_context import MarketContext, ReferenceContext, Regime
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.indicators.bars import Floats

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
START = 1_767_225_600

REFERENCE = ReferenceContext(market=BTC, correlation_24=0.7, correlation_720=0.8, beta=1.0, return_24h=0.01, alpha_24h=0.01)
CALM = MarketContext(
    reference=REFERENCE,
    return_24h=0.02,
    crash_drop=0.01,
    rsi_divergence=0.0,
    regime=Regime.BULL,
    volatility_24h=0.01,
    volatility_limit=0.02,
)


def series(
    closes: Sequence[float] | Floats,
    *,
    market: Market = ETH,
    minutes: int = 60,
    highs: Sequence[float] | None = None,
    absent: Sequence[int] = (),
) -> CandleSeries:
    """Make bars whose open is their close and whose high is given or the close; `absent` bars leave a gap."""
    kept = [index for index in range(len(closes)) if index not in set(absent)]
    values = [float(closes[index]) for index in kept]
    return CandleSeries(
        market=market,
        timeframe=Timeframe(minutes),
        opened_at=array("q", [START + index * minutes * 60 for index in kept]),
        open=array("d", values),
        high=array("d", values if highs is None else [highs[index] for index in kept]),
        low=array("d", values),
        close=array("d", values),
        volume=array("d", [1.0] * len(values)),
    )


def walk(seed: int, count: int, *, minutes: int = 60, market: Market = ETH, step: float = 0.01) -> CandleSeries:
    """Make a random walk with true opens, highs, lows and volumes."""
    generator = np.random.default_rng(seed)
    close = 50_000.0 * np.exp(np.cumsum(generator.normal(0.0, step, count)))
    opening = np.concatenate([[50_000.0], close[:-1]])[:count]
    reach = np.abs(generator.normal(0.0, step / 2, (2, count)))
    return CandleSeries(
        market=market,
        timeframe=Timeframe(minutes),
        opened_at=array("q", [START + index * minutes * 60 for index in range(count)]),
        open=array("d", opening),
        high=array("d", np.maximum(opening, close) * (1.0 + reach[0])),
        low=array("d", np.minimum(opening, close) * (1.0 - reach[1])),
        close=array("d", close),
        volume=array("d", generator.lognormal(3.0, 0.7, count)),
    )


def closes_of(returns: Floats) -> Floats:
    """Turn log returns `(n,)` into closes `(n + 1,)` from 1000."""
    closes: Floats = 1000.0 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return closes
