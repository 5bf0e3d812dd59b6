"""How one parameter set did: the strategy's signals once, replayed over each stretch."""

from dataclasses import dataclass, replace

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.performance import EquityCurve
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.signal_pass import signals_of
from dg_bot.backtesting.tradable import in_time
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.market import Market
from dg_bot.domain.trials import Stretch, TrialFigures
from dg_bot.indicators.bars import Bars, Flags
from dg_bot.strategies.base import Signals, Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What every set of a study is judged on; `entry_mask`, `(n,)`, tells where an entry may pass.

    Where `hours` are given, those that the bars are made of, exits pass as a bot lets them; where a market is, fills lie on its
    price steps.
    """

    bars: Bars
    entry_mask: Flags
    rules: TradeRules
    stretches: tuple[Stretch, ...]
    hours: Bars | None = None
    market: Market | None = None


def judged(strategy: Strategy, ground: Ground) -> tuple[TrialFigures, ...]:
    """Give the figures of each stretch. Signals look at all bars before them, those of earlier stretches among them."""
    signals = signals_on(ground, strategy)
    return tuple(figures_of(replayed(strategy, signals, ground, stretch)) for stretch in ground.stretches)


def signals_on(ground: Ground, strategy: Strategy) -> Signals:
    """Give the strategy's signals, where hours are given those that a bot could have acted on."""
    signals = signals_of(strategy, ground.bars)
    return signals if ground.hours is None else in_time(signals, ground.bars, ground.hours, ValidatorLimits())


def replayed(strategy: Strategy, signals: Signals, ground: Ground, stretch: Stretch) -> Replay:
    """Trade one stretch: nothing is entered before it, and of the bars after it nothing is known."""
    may_enter = ground.entry_mask[: stretch.stop].copy()
    may_enter[: stretch.start] = False
    bars, known = ground.bars.until(stretch.stop), signals.until(stretch.stop)
    history = replay(bars, known, strategy.bar_exits, ground.rules, may_enter, market=ground.market)
    return replace(history, curve=_from(history.curve, stretch.start, ground.bars.seconds))


def figures_of(history: Replay) -> TrialFigures:
    """Measure what a sweep compares."""
    figures = history.performance
    return TrialFigures(
        round_trips=figures.round_trips,
        total_return=figures.total_return,
        sharpe=figures.sharpe,
        calmar=figures.calmar,
        max_drawdown=figures.drawdown.deepest,
    )


def _from(curve: EquityCurve, start: int, bar_seconds: int) -> EquityCurve:
    opened_at = int(curve.closed_at[start]) - bar_seconds
    return replace(curve, opened_at=opened_at, closed_at=curve.closed_at[start:], equity=curve.equity[start:])
