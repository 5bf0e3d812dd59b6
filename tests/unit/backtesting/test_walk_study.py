"""The strict screen lets chance through seldom and a planted edge nearly always; the whole study is `make study-walks`."""

import numpy as np
import pytest

from dg_bot.backtesting.walk_study import ANY, PLANTED, Verdict, at_least, at_most, judged_walk, names_for, pass_rates
from dg_bot.backtesting.walks import driftless_walk, trending_walk
from dg_bot.strategies.catalog import STRATEGY_NAMES

DEFAULT = ("volatility_breakout",)


def test_of_sixty_walks_without_drift_no_more_pass_than_one_in_twenty_allows() -> None:
    """Were the true share 5 % or more, that none of 60 passes would happen in less than one study of twenty (binomial)."""
    rate = pass_rates([judged_walk(0.0, seed, DEFAULT) for seed in range(60)])[DEFAULT[0]]

    assert (1.0 - 0.05) ** 60 < 0.05
    assert 0 == rate.strict < rate.passed


def test_of_thirty_walks_with_the_planted_edge_four_in_five_pass() -> None:
    """Were the true share below 80 %, all of 30 would pass in less than one study of five hundred (binomial)."""
    rate = pass_rates([judged_walk(PLANTED, seed, DEFAULT) for seed in range(30)])[DEFAULT[0]]

    assert rate.strict >= 28
    assert at_least(rate.strict, rate.walks) > 0.8


def test_a_walk_without_drift_leads_nowhere_on_average() -> None:
    ends = np.array([driftless_walk(seed, days=20).close[-1] / 50_000_000.0 for seed in range(200)])

    assert abs(ends.mean() - 1.0) < 4.0 * ends.std() / np.sqrt(200)


def test_a_planted_edge_is_of_no_use_to_who_only_holds() -> None:
    ends = np.array([np.log(trending_walk(seed, days=100, strength=PLANTED).close[-1] / 50_000_000.0) for seed in range(200)])

    assert abs(ends.mean()) < 4.0 * ends.std() / np.sqrt(200)


def test_walks_have_true_highs_and_lows_and_are_the_same_for_the_same_seed() -> None:
    one, again, other = trending_walk(1, 5, strength=0.2), trending_walk(1, 5, strength=0.2), trending_walk(2, 5, strength=0.2)

    assert (one.high >= np.maximum(one.open, one.close)).all()
    assert (one.low <= np.minimum(one.open, one.close)).all()
    assert (one.close == again.close).all()
    assert (one.close != other.close).any()


def test_a_walk_counts_for_any_where_one_strategy_passes_it() -> None:
    yes, half, no = (
        Verdict(passed=p, strict=s, sharpe=x) for p, s, x in ((True, True, 3.0), (True, False, 1.0), (False, False, 0))
    )

    others = dict.fromkeys(STRATEGY_NAMES[1:], no)
    first, last = STRATEGY_NAMES[0], STRATEGY_NAMES[-1]
    walks = [{**others, first: yes}, {**others, first: no, last: half}, {**others, first: no}, {first: yes}]
    rates = pass_rates(walks)

    assert [(2, 2), (1, 0), (2, 1)] == [(rates[name].passed, rates[name].strict) for name in (first, last, ANY)]
    assert [4, 3, 3] == [rates[name].walks for name in (first, last, ANY)]
    assert [1.5, 0, 1.0] == [rates[name].median_sharpe for name in (first, last, ANY)]
    assert ANY not in pass_rates(walks[3:])


def test_all_strategies_are_tried_on_the_first_walks_without_drift() -> None:
    assert [9, 2, 2] == [len(names_for(0.0, 9, 10)), len(names_for(0.0, 10, 10)), len(names_for(0.2, 0, 10))]


def test_bounds_are_wilsons() -> None:
    """None of 100: the bound is z^2 / (n + z^2) with z = 1.6449; all of 100 mirrors it."""
    z2 = 1.6448536**2

    assert at_most(0, 100) == pytest.approx(z2 / (100 + z2))
    assert at_least(100, 100) == pytest.approx(1 - z2 / (100 + z2))
    assert at_least(50, 100) < 0.5 < at_most(50, 100)
