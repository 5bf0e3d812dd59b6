"""QuickBacktestFilter: whether the rule strategy has earned its keep on this market over the last two years."""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from dg_bot.analysis.validator import ValidatorLimits, entry_mask
from dg_bot.backtesting.driftless import joined
from dg_bot.backtesting.luck import Luck, LuckQuestion
from dg_bot.backtesting.performance import Performance, RoundTrip, daily_returns, performance
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.sharpe_odds import SharpeOdds, sharpe_odds
from dg_bot.backtesting.signal_pass import signals_of
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walks import driftless_walk
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses, Honesty, ScreenHonesty, ScreenResult
from dg_bot.indicators.bars import Bars, Flags, bars_of
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.catalog import STRATEGY_NAMES

HISTORY = timedelta(days=730)

EntryChecks = Callable[[Bars, Bars], Flags]

_PROBE_SEED, _PROBE_DAYS = 1, 200
# The gate of the strict rule, which stands beside the thresholds.
_STRICT = "deflated_sharpe"


def validated_entries(bars: Bars, hours: Bars) -> Flags:
    """Give the validator's checks that need candles only, under its own limits: true where an entry would pass them."""
    return entry_mask(bars, ValidatorLimits(), hours)


def trials_of(parameter_sets: int = 0) -> int:
    """Count what a strategy was chosen from: every one on offer with its own parameters, and the sets tried besides.

    They count as independent, which they are not quite: that errs against the strategy. Timeframes are not counted for the same
    reason: they look at the same prices.
    """
    return len(STRATEGY_NAMES) + parameter_sets


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenThresholds:
    """What history must show at least, and of drawdown at most; fractions, `days` of history, `sharpe` annualised.

    `deflated_sharpe` is the probability that the true Sharpe ratio is above the best of the trials' luck; None demands nothing.
    """

    days: float = 180.0
    total_return: float = 0.03
    win_rate: float = 0.35
    profit_factor: float = 1.3
    sharpe: float = 0.8
    max_drawdown: float = 0.20
    round_trips: int = 10
    deflated_sharpe: float | None = None

    @classmethod
    def of(cls, honesty: ScreenHonesty) -> "ScreenThresholds":
        return cls(deflated_sharpe=0.95 if honesty is ScreenHonesty.STRICT else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """One run of the strategy over history, and all that is judged of it."""

    figures: Performance
    history: Replay
    odds: SharpeOdds
    gates: tuple[Gate, ...]


class QuickBacktestFilter:
    """Replays the strategy over the newest two years and holds its figures against the thresholds."""

    def __init__(
        self,
        *,
        strategy: Strategy,
        rules: TradeRules,
        thresholds: ScreenThresholds,
        entry_checks: EntryChecks | None = None,
        trials: Callable[[Market], int] = lambda _market: trials_of(),
        luck: Luck | None = None,
    ) -> None:
        """`entry_checks` are the validator's checks that need candles only: true, `(n,)`, where an entry would pass them.

        They are given the strategy's bars, `(n,)`, and the hours of the same time. `trials` counts what was tried on a market
        before the strategy was chosen; `luck` knows how often the screen passes markets without drift.
        """
        self._strategy = strategy
        self._rules = rules
        self._thresholds = thresholds
        self._entry_checks = entry_checks
        self._trials = trials
        self._luck = luck
        self._identities: dict[tuple[int, int], str] = {}

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        """Run the strategy over up to two years of closed bars and hold its figures against the thresholds."""
        bars, hours = (bars_of(series.closed_by(now).between(now - HISTORY, now)) for series in (strategy_bars, hourly))
        trials = self._trials(strategy_bars.market)
        run = self._run(bars, hours, trials)
        figures = run.figures
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
            gates=run.gates,
            honesty=honesty_of(
                run.history.round_trips,
                run.odds,
                trials=trials,
                driftless=self._driftless(strategy_bars.market, bars, hours, trials),
            ),
        )

    def passes(self, bars: Bars, hours: Bars, trials: int) -> bool:
        """Tell whether a history passes; `hours` are those of the same time as `bars`."""
        return all(gate.passed for gate in self.judged(bars, hours, trials)[1])

    def judged(self, bars: Bars, hours: Bars, trials: int) -> tuple[Performance, tuple[Gate, ...]]:
        """Give the figures of a history and what the thresholds say to them."""
        run = self._run(bars, hours, trials)
        return run.figures, run.gates

    def identity(self, bar_seconds: int, trials: int) -> str:
        """Name this screen by all that decides what it passes: what two have in common is the same screen.

        A strategy is known by what it does: its signals, and the trades made of them, on a market that is always the same.
        """
        key = (bar_seconds, trials)
        if key not in self._identities:
            self._identities[key] = self._identified(bar_seconds, trials)
        return self._identities[key]

    def _run(self, bars: Bars, hours: Bars, trials: int) -> _Run:
        signals = signals_of(self._strategy, bars)
        mask = np.ones(len(bars), dtype=np.bool_) if self._entry_checks is None else self._entry_checks(bars, hours)
        history = replay(bars, signals, self._strategy.bar_exits, self._rules, mask)
        figures = performance(history.round_trips, history.curve)
        odds = sharpe_odds(daily_returns(history.curve), trials)
        return _Run(figures=figures, history=history, odds=odds, gates=screen_gates(figures, odds, self._thresholds))

    def _driftless(self, market: Market, bars: Bars, hours: Bars, trials: int) -> DriftlessPasses | None:
        if self._luck is None:
            return None
        return self._luck.known(
            LuckQuestion(
                market=market,
                identity=self.identity(bars.seconds, trials),
                hours=hours,
                bar_seconds=bars.seconds,
                judge=lambda drawn, drawn_hours: self.passes(drawn, drawn_hours, trials),
            )
        )

    def _identified(self, bar_seconds: int, trials: int) -> str:
        hours = driftless_walk(_PROBE_SEED, _PROBE_DAYS)
        bars = joined(hours, bar_seconds)
        signals = signals_of(self._strategy, bars)
        done = self._run(bars, hours, trials).history
        seen = hashlib.sha256()
        for column in (signals.entry, signals.exit, signals.stop_distance, signals.target_distance, signals.trend_strength):
            seen.update(column.tobytes())
        terms = (
            self._strategy.name,
            self._strategy.parameters,
            self._strategy.bar_exits,
            self._rules,
            self._thresholds,
            bar_seconds,
            trials,
        )
        seen.update(repr((terms, done.round_trips)).encode())
        return seen.hexdigest()[:16]


def honesty_of(round_trips: Sequence[RoundTrip], odds: SharpeOdds, *, trials: int, driftless: DriftlessPasses | None) -> Honesty:
    """Put together what a history's figures are worth; `odds` are those of its daily returns, given the trials."""
    mean, error = _mean_trip(round_trips)
    return Honesty(
        trials=trials,
        sharpe_error=odds.error,
        mean_trip=mean,
        trip_error=error,
        probabilistic_sharpe=odds.above_zero,
        deflated_sharpe=odds.above_luck,
        driftless=driftless,
    )


def screen_gates(figures: Performance, odds: SharpeOdds, limits: ScreenThresholds) -> tuple[Gate, ...]:
    """Hold each figure against its threshold; a limit that is just reached passes."""
    demanded = limits.deflated_sharpe
    return (
        Gate("insufficient_history", figures.days, limits.days, figures.days >= limits.days),
        _at_least("round_trips", figures.round_trips, limits.round_trips),
        _at_least("total_return", figures.total_return, limits.total_return),
        _at_least("win_rate", figures.win_rate, limits.win_rate),
        _profit_factor_gate(figures, limits.profit_factor),
        _at_least("sharpe", figures.sharpe, limits.sharpe),
        Gate("max_drawdown", figures.drawdown.deepest, limits.max_drawdown, figures.drawdown.deepest <= limits.max_drawdown),
        *(() if demanded is None else (_at_least(_STRICT, odds.above_luck, demanded),)),
    )


def passes_thresholds(gates: Sequence[Gate]) -> bool:
    """Tell whether a verdict would be a pass without the strict rule."""
    return all(gate.passed for gate in gates if gate.name != _STRICT)


def _at_least(name: str, value: float, limit: float) -> Gate:
    return Gate(name, value, limit, value >= limit)


def _profit_factor_gate(figures: Performance, limit: float) -> Gate:
    """Without a single loss there is no factor: that passes where there was a gain."""
    if figures.profit_factor is None:
        return Gate("profit_factor", "no loss" if figures.winners else None, limit, figures.winners > 0)
    return _at_least("profit_factor", figures.profit_factor, limit)


def _mean_trip(round_trips: Sequence[RoundTrip]) -> tuple[float | None, float | None]:
    """Give the mean return of a round trip and its standard error, s / sqrt(n); None where there are too few for it."""
    returns = np.array([trip.pnl_fraction for trip in round_trips])
    count = len(returns)
    mean = float(returns.mean()) if count else None
    return mean, float(returns.std(ddof=1)) / math.sqrt(count) if count > 1 else None
