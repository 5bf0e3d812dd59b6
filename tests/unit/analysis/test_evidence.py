"""Equal models seldom look unequal, however often one looks; a better one is found."""

import numpy as np
import pytest

from dg_bot.analysis.evidence import wealth
from dg_bot.errors import ImpossibleValue

NEEDED = 20.0
RUNS = 2_000


def share_that_ever_reaches(differences: np.ndarray) -> float:
    """Give the share of runs, one a row, whose wealth reaches what is needed at any time: whoever looks daily stops there."""
    return float(np.mean([np.max(wealth(run)) >= NEEDED for run in differences]))


def equal_coins(generator: np.random.Generator, days: int) -> np.ndarray:
    return generator.choice([-0.5, 0.5], (RUNS, days))


def equal_fat_tails(generator: np.random.Generator, days: int) -> np.ndarray:
    """One of two buys by lot what earns nothing on average, in a market with fat tails."""
    moves = np.clip(0.2 * generator.standard_t(3, (RUNS, days)), -1.0, 1.0)
    return np.asarray(moves * generator.choice([-1.0, 1.0], (RUNS, days)))


def equal_and_skewed(generator: np.random.Generator, days: int) -> np.ndarray:
    """Rare large gains pay for frequent small losses, and no more."""
    return np.where(generator.random((RUNS, days)) < 0.1, 0.9, -0.1)


def equal_in_changing_weather(generator: np.random.Generator, days: int) -> np.ndarray:
    """How much is at stake follows from what came before; which way it goes does not."""
    lots = generator.choice([-1.0, 1.0], (RUNS, days))
    won_before = np.concatenate([np.zeros((RUNS, 1)), np.cumsum(lots, axis=1)[:, :-1]], axis=1) > 0
    return lots * np.where(won_before, 0.8, 0.1)


@pytest.mark.parametrize("equal", [equal_coins, equal_fat_tails, equal_and_skewed, equal_in_changing_weather])
def test_equal_models_pass_at_most_five_times_in_a_hundred_at_any_time(equal) -> None:  # type: ignore[no-untyped-def]
    share = share_that_ever_reaches(equal(np.random.default_rng(11), 1_000))

    assert share <= 0.05


def test_the_look_of_every_day_would_betray_an_ordinary_test() -> None:
    """The same runs, under the t statistic that a single look allows, pass several times as often."""
    runs = equal_coins(np.random.default_rng(11), 1_000)
    days = np.arange(1, 1_001)
    mean, square = np.cumsum(runs, axis=1) / days, np.cumsum(runs**2, axis=1) / days
    statistic = mean[:, 20:] / np.sqrt((square[:, 20:] - mean[:, 20:] ** 2) / days[20:])

    assert np.mean(np.max(statistic, axis=1) >= 1.645) > 0.2


@pytest.mark.parametrize(("right", "days", "least"), [(0.6, 365, 0.9), (0.55, 730, 0.5)])
def test_a_better_model_is_found(right: float, days: int, least: float) -> None:
    generator = np.random.default_rng(12)
    differences = np.where(generator.random((RUNS, days)) < right, 0.4, -0.4)

    assert share_that_ever_reaches(differences) >= least


def test_a_worse_one_never_is() -> None:
    generator = np.random.default_rng(13)

    assert share_that_ever_reaches(np.where(generator.random((RUNS, 1_000)) < 0.45, 0.4, -0.4)) <= 0.01


def test_the_wealth_is_the_mean_of_all_bets() -> None:
    stakes = [0.05 * number for number in range(1, 20)]

    made = wealth(np.array([1.0, -1.0]))

    assert made.tolist() == pytest.approx([1.0 + sum(stakes) / 19, sum(1 - stake**2 for stake in stakes) / 19])


@pytest.mark.parametrize("beyond", [1.01, -1.01, float("nan")])
def test_a_difference_beyond_what_was_agreed_is_refused(beyond: float) -> None:
    with pytest.raises(ImpossibleValue, match="score difference"):
        wealth(np.array([0.5, beyond]))
