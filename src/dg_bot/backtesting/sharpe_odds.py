"""How far a measured Sharpe ratio can be believed, against chance and against having chosen the best of many.

Sources: D. H. Bailey, M. Lopez de Prado, "The Sharpe Ratio Efficient Frontier", Journal of Risk 15(2), 2012 (standard error with
skewness and kurtosis, probabilistic ratio); the same, "The Deflated Sharpe Ratio", Journal of Portfolio Management 40(5), 2014
(the ratio that the best of many trials without skill is expected to show).
"""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from dg_bot.backtesting.performance import DAYS_PER_YEAR
from dg_bot.errors import ImpossibleValue
from dg_bot.indicators.bars import Floats

_EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class SharpeOdds:
    """What a Sharpe ratio is worth: `error` is its standard error, annualised with sqrt(365); the others are probabilities.

    `above_zero` (probabilistic Sharpe ratio) is the one that the true ratio is above zero, `above_luck` (deflated Sharpe ratio)
    that it is above what the best of the trials would show without any skill. All are 0.0 where the returns never vary: nothing
    was shown then.
    """

    error: float
    above_zero: float
    above_luck: float


def sharpe_odds(daily: Floats, trials: int) -> SharpeOdds:
    """Judge daily returns `(days,)` that are the chosen ones of `trials`; raises ImpossibleValue for less than one trial."""
    if trials < 1:
        raise ImpossibleValue("trials", trials, "what is judged was tried once at least")
    if len(daily) < 2 or not float(np.ptp(daily)) > 0.0:
        return SharpeOdds(error=0.0, above_zero=0.0, above_luck=0.0)
    ratio = float(daily.mean() / daily.std(ddof=1))
    error = ratio_error(daily, ratio)
    return SharpeOdds(
        error=error * math.sqrt(DAYS_PER_YEAR),
        above_zero=_NORMAL.cdf(ratio / error),
        above_luck=_NORMAL.cdf((ratio - best_without_skill(trials, len(daily))) / error),
    )


def ratio_error(daily: Floats, ratio: float) -> float:
    """Give the standard error of a ratio r per day: sqrt((1 - skewness r + (kurtosis - 1) / 4 r^2) / (n - 1)).

    Normal returns have kurtosis 3; the moments are those of the population.
    """
    centred = (daily - daily.mean()) / daily.std()
    skewness, kurtosis = float(np.mean(centred**3)), float(np.mean(centred**4))
    # Not below zero for any returns, since kurtosis >= 1 + skewness^2; just zero only for those of two values.
    spread = max(1.0 - skewness * ratio + (kurtosis - 1.0) / 4.0 * ratio**2, np.finfo(np.float64).eps)
    return math.sqrt(spread / (len(daily) - 1))


def best_without_skill(trials: int, days: int) -> float:
    """Give the ratio per day that the best of `trials` shows on average where none has skill.

    sqrt(V) ((1 - g) z(1 - 1 / N) + g z(1 - 1 / (N e))), g Euler's constant, z the normal quantile. V, the variance of the ratio
    over the trials, is 1 / (days - 1): that of an estimate whose true value is zero. One trial is no choice: zero.
    """
    if trials == 1:
        return 0.0
    usual, rare = _NORMAL.inv_cdf(1.0 - 1.0 / trials), _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return ((1.0 - _EULER_MASCHERONI) * usual + _EULER_MASCHERONI * rare) / math.sqrt(days - 1)
