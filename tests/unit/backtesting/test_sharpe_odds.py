import math
from statistics import NormalDist

import numpy as np
import pytest

from dg_bot.backtesting.sharpe_odds import best_without_skill, ratio_error, sharpe_odds
from dg_bot.errors import ImpossibleValue
from dg_bot.indicators.bars import Floats

# Mean 0.005; squared deviations 25, 25, 625, 225 (in 1e-6); third powers sum -12,000 (in 1e-9), fourth 442,500 (in 1e-12).
WORKED = np.array([0.01, 0.0, -0.02, 0.03])


def test_the_error_of_a_worked_example() -> None:
    """Deviations 5, -5, -25, 25 thousandths: m2 = 325, m3 = 0, m4 = 195,625, so skewness 0 and kurtosis 195,625 / 325^2."""
    kurtosis = 195_625 / 325**2
    ratio = 0.005 / math.sqrt(0.0013 / 3)

    assert ratio == pytest.approx(0.240192)
    assert ratio_error(WORKED, ratio) == pytest.approx(math.sqrt((1.0 + (kurtosis - 1.0) / 4.0 * ratio**2) / 3))


def test_skewness_to_the_loss_side_makes_the_error_larger() -> None:
    """Nineteen gains of 1 and a loss of 9, in percent: the mean is 0.5, the deviations are 0.5 and -9.5."""
    returns = np.array([0.01] * 19 + [-0.09])
    m2 = (19 * 0.5**2 + 9.5**2) / 20
    skewness = (19 * 0.5**3 - 9.5**3) / 20 / m2**1.5
    kurtosis = (19 * 0.5**4 + 9.5**4) / 20 / m2**2
    ratio = 0.2

    assert ratio_error(returns, ratio) == pytest.approx(math.sqrt((1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2) / 19))
    assert ratio_error(-returns, ratio) < ratio_error(returns, ratio)


def test_a_normal_year_of_sharpe_two_is_above_zero_by_97_percent() -> None:
    """One year of 365 days: ratio 2 / sqrt(365) a day, error sqrt((1 + r^2 / 2) / 364) for normal returns; z = 1.992."""
    quantiles = np.array([NormalDist().inv_cdf((number + 0.5) / 365) for number in range(365)])
    daily = 0.01 * quantiles / quantiles.std(ddof=1) + 0.01 * 2.0 / math.sqrt(365)

    odds = sharpe_odds(daily, 1)

    assert odds.error == pytest.approx(1.0041, abs=1e-3)
    assert odds.above_zero == pytest.approx(0.9768, abs=1e-3)
    assert odds.above_zero == odds.above_luck


def test_the_best_of_ten_without_skill_as_worked_by_hand() -> None:
    """z(0.9) = 1.281552, z(1 - 1 / (10 e)) = 1.789278: 0.422784 x 1.281552 + 0.577216 x 1.789278 = 1.574615, over sqrt(99)."""
    assert best_without_skill(10, 100) == pytest.approx(1.5746 / math.sqrt(99), abs=1e-4)


def test_one_trial_is_no_choice() -> None:
    assert best_without_skill(1, 100) == 0.0


def test_less_than_one_trial_is_refused() -> None:
    with pytest.raises(ImpossibleValue, match="trials"):
        sharpe_odds(WORKED, 0)


@pytest.mark.parametrize(
    "daily", [np.empty(0), np.array([0.01]), np.zeros(400), np.full(400, 0.001)], ids=["none", "one", "idle", "even"]
)
def test_returns_that_never_vary_show_nothing(daily: Floats) -> None:
    odds = sharpe_odds(daily, 9)

    assert (0.0, 0.0, 0.0) == (odds.error, odds.above_zero, odds.above_luck)


def test_more_trials_ask_for_more() -> None:
    daily = np.random.default_rng(3).normal(0.001, 0.01, 730)

    values = [sharpe_odds(daily, trials).above_luck for trials in (1, 2, 9, 100)]

    assert values == sorted(values, reverse=True)
    assert values[0] > values[-1]


def test_the_best_of_nine_is_what_chance_makes_it() -> None:
    """Simulated: the mean of the best ratio of nine histories without skill is the formula's within its known error."""
    histories = np.random.default_rng(5).normal(0.0, 0.01, (1500, 9, 250))
    ratios = histories.mean(axis=2) / histories.std(axis=2, ddof=1)

    assert ratios.max(axis=1).mean() == pytest.approx(best_without_skill(9, 250), rel=0.04)


@pytest.mark.parametrize("tail", ["normal", "skewed", "rare"])
def test_without_skill_one_history_in_twenty_is_above_zero_by_95_percent(tail: str) -> None:
    """Whatever the returns look like: of 1,500 histories 75 are expected, within four standard deviations."""
    random = np.random.default_rng(7)
    shapes = {
        "normal": lambda: random.normal(0.0, 1.0, (1500, 730)),
        "skewed": lambda: random.exponential(1.0, (1500, 730)) - 1.0,
        "rare": lambda: random.normal(0.0, 1.0, (1500, 730)) * (random.random((1500, 730)) < 0.1),
    }

    sure = sum(sharpe_odds(daily, 1).above_zero >= 0.95 for daily in shapes[tail]())

    assert 75 == pytest.approx(sure, abs=34)


def test_the_best_of_nine_without_skill_is_seldom_sure_to_be_more_than_luck() -> None:
    """Chosen as the best of nine: deflated for nine trials at most one in twenty is 95 % sure, undeflated more than a third."""
    random = np.random.default_rng(11)
    chosen = []
    for _ in range(400):
        histories = random.normal(0.0, 0.01, (9, 400))
        chosen.append(histories[np.argmax(histories.mean(axis=1) / histories.std(axis=1))])

    deflated = sum(sharpe_odds(daily, 9).above_luck >= 0.95 for daily in chosen)
    undeflated = sum(sharpe_odds(daily, 1).above_luck >= 0.95 for daily in chosen)

    assert deflated <= 20
    assert undeflated > 100
