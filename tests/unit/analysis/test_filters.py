from dataclasses import replace

import pytest

from dg_bot.analysis.filters import entry_filters, news_filter, regime_filter, volatility_filter
from dg_bot.analysis.market_context import Regime
from dg_bot.domain.gate import Gate
from tests.unit.analysis.market_series import CALM


@pytest.mark.parametrize(
    ("regime", "passed"), [(Regime.BULL, True), (Regime.SIDEWAYS, True), (Regime.BEAR, False), (None, False)]
)
def test_no_entry_in_a_bear_regime_or_an_unknown_one(regime: Regime | None, passed: bool) -> None:
    assert Gate("regime", regime, "bull or sideways", passed) == regime_filter(replace(CALM, regime=regime))


@pytest.mark.parametrize(
    ("now", "limit", "passed"),
    [(0.0199, 0.02, True), (0.02, 0.02, True), (0.0201, 0.02, False), (None, 0.02, False), (0.01, None, False)],
)
def test_no_entry_above_the_usual_volatility(now: float | None, limit: float | None, passed: bool) -> None:
    context = replace(CALM, volatility_24h=now, volatility_limit=limit)

    assert Gate("volatility_24h", now, limit, passed) == volatility_filter(context)


@pytest.mark.parametrize(
    ("scores", "mean", "passed"),
    [
        ([-0.49], -0.49, True),
        ([-0.5], -0.5, False),
        ([-1.0, 0.0], -0.5, False),
        ([-0.51], -0.51, False),
        ([-1.0, 1.0, 0.3], 0.1, True),
    ],
)
def test_no_entry_on_bad_news(scores: list[float], mean: float, passed: bool) -> None:
    gate = news_filter(scores)

    assert mean == pytest.approx(gate.value)
    assert ("news", -0.5, passed) == (gate.name, gate.limit, gate.passed)


def test_the_score_that_blocks_is_a_setting() -> None:
    blocked = [news_filter([-0.3], limit).passed for limit in (-0.5, -0.3, -0.2)]

    assert [True, False, False] == blocked


def test_no_news_is_no_objection() -> None:
    assert Gate("news", "no opinion: no scored news", None, True) == news_filter([])


def test_a_score_that_is_not_a_number_blocks() -> None:
    assert not news_filter([float("nan"), 1.0]).passed


def test_the_chain_runs_every_filter() -> None:
    gates = entry_filters(CALM, [0.2])

    assert [("regime", True), ("volatility_24h", True), ("news", True)] == [(gate.name, gate.passed) for gate in gates]
