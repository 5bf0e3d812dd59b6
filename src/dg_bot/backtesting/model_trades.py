"""What a trained model would have made of its predictions out of sample, if it had decided alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from dg_bot.backtesting.performance import EquityCurve, Performance, measured
from dg_bot.domain.calendar import HOUR
from dg_bot.indicators.bars import Flags, Floats, Seconds
from dg_bot.models.judging import OutOfSample


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """From which expected return on a model buys, from which on down it sells, and the confidence that either needs."""

    buy_at: float
    sell_at: float
    confidence: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """One way to trade a market over the tests: how often it said BUY and SELL, the share of time invested, and the result."""

    buys: int
    sells: int
    invested: float
    performance: Performance


def traded(predictions: OutOfSample, market: str, thresholds: Thresholds) -> Traded:
    """Hold from a BUY on until a SELL, or until no BUY came for as long as the label looks ahead; all of the equity each time.

    Half of a round trip's costs is paid at each change. Neither gates nor risk have a say.
    """
    own = predictions.rows.market == predictions.rows.markets.index(market)
    expected, chance = predictions.expected[own], predictions.chance[own]
    buys = (expected >= thresholds.buy_at) & (chance >= thresholds.confidence)
    sells = (expected <= thresholds.sell_at) & (1.0 - chance >= thresholds.confidence)
    return _traded(predictions, own, _invested(buys, sells, predictions.rows.label.horizon_hours), buys=buys, sells=sells)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketResult:
    """One market over the tests: the model alone, the model where it is confident enough to act, and holding."""

    market: str
    model: Traded
    confident: Traded
    held: Traded


def held(predictions: OutOfSample, market: str) -> Traded:
    """Buy at the beginning of the first test and hold to the end of the last one."""
    own = predictions.rows.market == predictions.rows.markets.index(market)
    always = np.ones(int(own.sum()), dtype=np.bool_)
    return _traded(predictions, own, always, buys=always[:1], sells=always[:0])


def figures_of(name: str, result: Traded) -> Mapping[str, float | None]:
    """Give the figures of one way to trade by name, for a manifest."""
    performance = result.performance
    return {
        f"{name}_return": performance.total_return,
        f"{name}_sharpe": performance.sharpe,
        f"{name}_max_drawdown": performance.drawdown.deepest,
        f"{name}_round_trips": float(performance.round_trips),
        f"{name}_invested": result.invested,
    }


def _invested(buys: Flags, sells: Flags, horizon: int) -> Flags:
    """Tell for each hour whether the market is held in the one after it."""
    hours = np.arange(len(buys))
    last_buy = np.maximum.accumulate(np.where(buys, hours, -horizon))
    last_sell = np.maximum.accumulate(np.where(sells, hours, -horizon))
    result: Flags = (hours - last_buy < horizon) & (last_buy > last_sell)
    return result


def _traded(predictions: OutOfSample, own: Flags, invested: Flags, *, buys: Flags, sells: Flags) -> Traded:
    rows = predictions.rows
    half_cost = rows.label.cost_fraction / 2.0
    changes = np.abs(np.diff(invested.astype(np.int64), prepend=0, append=0))
    growth = np.where(invested, 1.0 + rows.next_move[own], 1.0) * (1.0 - half_cost * changes[:-1])
    growth[-1] *= 1.0 - half_cost * changes[-1]
    known_at, equity = rows.known_at[own], np.cumprod(growth).astype(np.float64)
    curve = EquityCurve(opening=1.0, opened_at=int(known_at[0]), closed_at=known_at + HOUR.seconds, equity=equity)
    return Traded(
        buys=int(buys.sum()),
        sells=int(sells.sum()),
        invested=float(invested.mean()),
        performance=measured(_gains(equity, changes), curve),
    )


def _gains(equity: Floats, changes: Seconds) -> Floats:
    """Give what each round trip gained."""
    edges = np.flatnonzero(changes)
    before = np.concatenate([[1.0], equity])
    entries, exits = edges[::2], edges[1::2]
    # The costs of a sale are in the hour in which it is noticed; the last one's are in the last hour.
    gains: Floats = before[np.minimum(exits + 1, len(equity))] - before[entries]
    return gains
