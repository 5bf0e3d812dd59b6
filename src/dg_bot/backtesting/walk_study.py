"""How often the screen passes markets whose edge is known: none at all, or one that was planted."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from statistics import NormalDist, median

from dg_bot.backtesting.driftless import joined
from dg_bot.backtesting.screen import QuickBacktestFilter, ScreenThresholds, passes_thresholds, trials_of, validated_entries
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walks import WALK_DAYS, driftless_walk, trending_walk
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.screen import ScreenHonesty
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy

TIMEFRAME = Timeframe(240)
# Of an hour's deviation; the planted edge is the one that the screen must find, the others show from where on it does.
STRENGTHS = (0.10, 0.15, 0.20, 0.25)
PLANTED = 0.25
ANY = "any of them"
DEFAULT_STRATEGY = "volatility_breakout"
FEW = (DEFAULT_STRATEGY, "sma_cross")
MOST_CHANCE, LEAST_EDGE = 0.05, 0.80

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


def names_for(strength: float, seed: int, every: int) -> Sequence[str]:
    """Choose what is tried on a walk: all strategies on the first `every` without drift, else the default and a plain trend."""
    return STRATEGY_NAMES if not strength and seed < every else FEW


def pass_rates(walks: Sequence[Verdicts]) -> Mapping[str, PassRate]:
    """Count the passes of each strategy over the walks that it was tried on.

    A walk on which all strategies were tried counts as one that any of them passes, too: the best is what a person would choose.
    """
    names = dict.fromkeys(name for walk in walks for name in walk)
    rates = {name: _rate([walk[name] for walk in walks if name in walk]) for name in names}
    best = [
        Verdict(
            passed=any(verdict.passed for verdict in walk.values()),
            strict=any(verdict.strict for verdict in walk.values()),
            sharpe=max(verdict.sharpe for verdict in walk.values()),
        )
        for walk in walks
        if len(walk) == len(STRATEGY_NAMES)
    ]
    return {**rates, ANY: _rate(best)} if best else rates


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
        passed=passes_thresholds(gates),
        strict=all(gate.passed for gate in gates),
        sharpe=figures.sharpe,
    )


@cache
def _strict_screen(name: str) -> QuickBacktestFilter:
    return QuickBacktestFilter(
        strategy=make_strategy(name),
        rules=TradeRules(),
        thresholds=ScreenThresholds.of(ScreenHonesty.STRICT),
        entry_checks=validated_entries,
    )


Rates = Mapping[float, Mapping[str, PassRate]]


def shortfalls(rates: Rates) -> list[str]:
    """Say where the strict screen may let through too many walks without drift, or too few with the planted edge."""
    chance, edge = rates[0.0][DEFAULT_STRATEGY], rates[PLANTED][DEFAULT_STRATEGY]
    missed = []
    if at_most(chance.strict, chance.walks) > MOST_CHANCE:
        missed.append(
            f"{chance.strict} of {chance.walks} walks without drift pass: more than {MOST_CHANCE:.0%} cannot be ruled out"
        )
    if at_least(edge.strict, edge.walks) < LEAST_EDGE:
        missed.append(f"{edge.strict} of {edge.walks} walks with the edge pass: less than {LEAST_EDGE:.0%} cannot be ruled out")
    return missed


def walks_json(rates: Rates) -> str:
    """Write everything as one JSON object; the walks of each strength are those of the seeds from 0 on."""
    content = {
        "schema_version": 1,
        "timeframe": str(TIMEFRAME),
        "days": WALK_DAYS,
        "trials": trials_of(),
        "planted": PLANTED,
        "strengths": {
            f"{strength:g}": {
                name: {**asdict(rate), "strict_at_most": at_most(rate.strict, rate.walks)} for name, rate in of.items()
            }
            for strength, of in rates.items()
        },
    }
    return json.dumps(content, indent=1, allow_nan=False) + "\n"
