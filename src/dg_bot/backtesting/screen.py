"""QuickBacktestFilter: whether the rule strategy has earned its keep on this market over the last two years."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dg_bot.backtesting.performance import Performance, performance
from dg_bot.backtesting.replay import replay
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.gate import Gate
from dg_bot.domain.screen import ScreenResult
from dg_bot.indicators.bars import Bars, Flags, bars_of
from dg_bot.strategies.base import Strategy

HISTORY = timedelta(days=730)

EntryChecks = Callable[[Bars, Bars], Flags]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenThresholds:
    """What history must show at least, and of drawdown at most; fractions, `days` of history, `sharpe` annualised."""

    days: float = 180.0
    total_return: float = 0.03
    win_rate: float = 0.35
    profit_factor: float = 1.3
    sharpe: float = 0.8
    max_drawdown: float = 0.20
    round_trips: int = 10


class QuickBacktestFilter:
    """Replays the strategy over the newest two years and holds its figures against the thresholds."""

    def __init__(
        self,
        *,
        strategy: Strategy,
        rules: TradeRules,
        thresholds: ScreenThresholds,
        entry_checks: EntryChecks | None = None,
    ) -> None:
        """`entry_checks` are the validator's checks that need candles only: true, `(n,)`, where an entry would pass them.

        They are given the strategy's bars, `(n,)`, and the hours of the same time.
        """
        self._strategy = strategy
        self._rules = rules
        self._thresholds = thresholds
        self._entry_checks = entry_checks

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        """Run the strategy over up to two years of closed bars and hold its figures against the thresholds."""
        bars, hours = (bars_of(series.closed_by(now).between(now - HISTORY, now)) for series in (strategy_bars, hourly))
        signals = self._strategy.signals(bars)
        mask = np.ones(len(bars), dtype=np.bool_) if self._entry_checks is None else self._entry_checks(bars, hours)
        history = replay(bars, signals, self._strategy.bar_exits, self._rules, mask)
        figures = performance(history.round_trips, history.curve)
        return ScreenResult(
            evaluated_at=now,
            days=figures.days,
            round_trips=figures.round_trips,
            total_return=figures.total_return,
            win_rate=figures.win_rate,
            profit_factor=figures.profit_factor,
            payoff=figures.payoff,
            sharpe=figures.sharpe,
            max_drawdown=figures.drawdown.deepest,
            gates=screen_gates(figures, self._thresholds),
        )


def screen_gates(figures: Performance, limits: ScreenThresholds) -> tuple[Gate, ...]:
    """Hold each figure against its threshold; a limit that is just reached passes."""
    return (
        Gate("insufficient_history", figures.days, limits.days, figures.days >= limits.days),
        _at_least("round_trips", figures.round_trips, limits.round_trips),
        _at_least("total_return", figures.total_return, limits.total_return),
        _at_least("win_rate", figures.win_rate, limits.win_rate),
        _profit_factor_gate(figures, limits.profit_factor),
        _at_least("sharpe", figures.sharpe, limits.sharpe),
        Gate("max_drawdown", figures.drawdown.deepest, limits.max_drawdown, figures.drawdown.deepest <= limits.max_drawdown),
    )


def _at_least(name: str, value: float, limit: float) -> Gate:
    return Gate(name, value, limit, value >= limit)


def _profit_factor_gate(figures: Performance, limit: float) -> Gate:
    """Without a single loss there is no factor: that passes where there was a gain."""
    if figures.profit_factor is None:
        return Gate("profit_factor", "no loss" if figures.winners else None, limit, figures.winners > 0)
    return _at_least("profit_factor", figures.profit_factor, limit)
