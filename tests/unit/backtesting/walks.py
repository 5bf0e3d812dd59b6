"""Candles of a random walk, and backtests over them to report on."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import numpy as np

from dg_bot.backtesting.backtest import Backtest, run_backtest
from dg_bot.backtesting.report import Provenance, Report
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.worth import worth
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.strategies.catalog import make_strategy

BTC = Market("KRW-BTC")
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)
FOUR_HOURS = Timeframe(240)
MADE = Provenance(source="somewhere", version="1.2", command="python run_backtest.py")


def hourly(count: int, *, seed: int = 5, left_out: frozenset[int] = frozenset()) -> CandleSeries:
    """Make hours of a random walk around 50 million won."""
    steps = np.random.default_rng(seed).normal(0.0, 0.01, count)
    closes = [Decimal(str(round(50_000_000 * level))) for level in np.exp(np.cumsum(steps))]
    opens = [closes[0], *closes[:-1]]
    candles = [
        Candle(
            opened_at=MONDAY + timedelta(hours=number),
            open=opens[number],
            high=max(opens[number], closes[number]) + 100_000,
            low=min(opens[number], closes[number]) - 100_000,
            close=closes[number],
            volume=Decimal(10),
        )
        for number in range(count)
        if number not in left_out
    ]
    return CandleSeries.from_candles(BTC, HOUR, candles)


def grid_test(count: int = 2000, *, timeframe: Timeframe = HOUR) -> Backtest:
    return run_backtest(hourly(count), timeframe, make_strategy("grid"), TradeRules())


def reported(backtest: Backtest, made: Provenance = MADE) -> Report:
    return Report(backtest=backtest, worth=worth(backtest, trials=9), provenance=made)


def idle_test() -> Backtest:
    """Make a backtest in which nothing is ever bought."""
    return run_backtest(hourly(300), HOUR, make_strategy("grid", {"range_fraction": "0.9", "lines": "2"}), TradeRules())
