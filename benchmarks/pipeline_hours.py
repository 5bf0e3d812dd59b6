"""The pipeline itself over two years of hours: every stage of every cycle, and every gate kept."""

from array import array

from dg_bot.backtesting.engine import PipelineRun, run_pipeline
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.indicators.bars import Bars
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.catalog import make_strategy


def pipeline_over(bars: Bars) -> PipelineRun:
    """Drive the default strategy on four-hour bars through hourly ones, a cycle each."""
    candles = CandleSeries(
        market=Market("KRW-BTC"),
        timeframe=HOUR,
        opened_at=array("q", bars.opened_at.tolist()),
        **{name: array("d", getattr(bars, name).tolist()) for name in ("open", "high", "low", "close", "volume")},
    )
    limits = RiskLimits()
    strategy = make_strategy("volatility_breakout")
    return run_pipeline(candles, Timeframe(240), strategy, rules=TradeRules.of(limits), limits=limits)
