"""How often the screen passes markets whose edge is known: none at all, or one that was planted."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist, median

from dg_bot.backtesting.driftless import joined
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, candle_checks, trials_of
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walks import driftless_walk, trending_walk
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy

TIMEFRAME = Timeframe(240)
# Of an hour's deviation; the planted edge is the one that the screen must find, the others show from where on it does.
STRENGTHS = (0.05, 0.10, 0.15, 0.20, 0.25)
PLANTED = 0.25
ANY = "any of them"

_STRICT_ALONE = "deflated_sharpe"
_ONE_SIDED = NormalDist().inv_cdf(0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a walk passed the thresholds, whether the strict rule too, and the Sharpe ratio that it showed."""

    passed: bool
    strict: bool
    sharpe: float


Verdicts = Mapping[str, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRate:
    """How many of `walks` passed the thresholds and how many the strict rule, and the median Sharpe ratio that they showed."""

    walks: int
    passed: int
    strict: int
    median_sharpe: float


def judged_walk(strength: float, seed: int, names: Sequence[str] = STRATEGY_NAMES) -> Verdicts:
    """Judge one walk by the screen of each strategy, by name; without strength it has no drift."""
    hours = trending_walk(seed, strength=strength) if strength else driftless_walk(seed)
    bars = joined(hours, TIMEFRAME.seconds)
    return {name: _verdict(_strict_screen(name), bars, hours) for name in names}


def pass_rates(walks: Sequence[Verdicts]) -> Mapping[str, PassRate]:
    """Count the passes of each strategy, and the walks that any of them passes: the best of all is what a person would choose."""
    rates = {name: _rate([walk[name] for walk in walks]) for name in walks[0]}
    best = [
        Verdict(
            passed=any(verdict.passed for verdict in walk.values()),
            strict=any(verdict.strict for verdict in walk.values()),
            sharpe=max(verdict.sharpe for verdict in walk.values()),
        )
        for walk in walks
    ]
    return {**rates, ANY: _rate(best)}


def at_most(passed: int, walks: int) -> float:
    """Give the share of passes that lies above the true one in 95 of 100 studies (Wilson's bound)."""
    share, z = passed / walks, _ONE_SIDED
    spread = z * math.sqrt(share * (1.0 - share) / walks + z**2 / (4.0 * walks**2))
    return (share + z**2 / (2.0 * walks) + spread) / (1.0 + z**2 / walks)


def at_least(passed: int, walks: int) -> float:
    """Give the share of passes that lies below the true one in 95 of 100 studies (Wilson's bound)."""
    return 1.0 - at_most(walks - passed, walks)


def _rate(verdicts: Sequence[Verdict]) -> PassRate:
    return PassRate(
        walks=len(verdicts),
        passed=sum(verdict.passed for verdict in verdicts),
        strict=sum(verdict.strict for verdict in verdicts),
        median_sharpe=median(verdict.sharpe for verdict in verdicts),
    )


def _verdict(screen: QuickBacktestFilter, bars: Bars, hours: Bars) -> Verdict:
    figures, gates = screen.judged(bars, hours, trials_of())
    return Verdict(
        passed=all(gate.passed for gate in gates if gate.name != _STRICT_ALONE),
        strict=all(gate.passed for gate in gates),
        sharpe=figures.sharpe,
    )


@cache
def _strict_screen(name: str) -> QuickBacktestFilter:
    return QuickBacktestFilter(
        strategy=make_strategy(name),
        rules=TradeRules(),
        thresholds=ScreenThresholds.of(ScreenHonesty.STRICT),
        entry_checks=candle_checks,
    )
