"""From settings to the screen, for a bot, a replay and a backtest alike."""

from collections.abc import Callable

from dg_bot.app.settings import Settings
from dg_bot.backtesting.luck import Luck
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, validated_entries
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.market import Market
from dg_bot.risk.limits import RiskLimits
from dg_bot.strategies.base import Strategy


def rule_screen(
    settings: Settings, strategy: Strategy, limits: RiskLimits, luck: Luck | None, trials: Callable[[Market], int]
) -> QuickBacktestFilter:
    """Build the screen of the rule strategy under these limits; `trials` counts what was tried on a market."""
    return QuickBacktestFilter(
        strategy=strategy,
        rules=TradeRules.of(limits),
        thresholds=ScreenThresholds.of(settings.screen_honesty),
        entry_checks=validated_entries,
        trials=trials,
        luck=luck,
    )
