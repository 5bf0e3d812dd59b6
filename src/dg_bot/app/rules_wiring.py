"""From settings to the rules of a cycle: limits and analysis, for a bot and for a replay alike."""

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.app.settings import Settings
from dg_bot.execution.planner import PlannerLimits
from dg_bot.pipeline.analysis_stage import AnalysisSettings, AnalysisStage
from dg_bot.pipeline.assembly import TradingRules
from dg_bot.pipeline.data_limits import DataLimits
from dg_bot.pipeline.measurements import Measurements
from dg_bot.ports import DecisionModel, StrategyScreen
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.base import Strategy


def trading_rules(settings: Settings, limits: RiskLimits, strategy: Strategy) -> TradingRules:
    """Say what is traded, and within which limits."""
    return TradingRules(
        mode=settings.mode,
        markets=settings.markets,
        reference=settings.reference_market,
        namespace=settings.order_namespace,
        timeframe=settings.strategy_timeframe,
        bar_exits=strategy.bar_exits,
        limits=limits,
        data=DataLimits(max_gap_hours=settings.data_max_gap_hours),
        allow_warned_markets=settings.data_allow_warned_markets,
        planner=PlannerLimits(),
        challenger_seconds=settings.challenger_seconds,
    )


def analysis_stage(
    settings: Settings,
    strategy: Strategy,
    limits: RiskLimits,
    screen: StrategyScreen,
    model: DecisionModel,
    measurements: Measurements | None = None,
) -> AnalysisStage:
    """Build stage 3; without `measurements` it makes them itself."""
    return AnalysisStage(
        strategy=strategy,
        screen=screen,
        model=model,
        limits=limits,
        settings=AnalysisSettings(
            screen_mode=settings.screen_mode,
            minimum_confidence=settings.min_confidence,
            validator=ValidatorLimits(),
            news_block_score=settings.news_block_score,
        ),
        measurements=measurements,
    )
