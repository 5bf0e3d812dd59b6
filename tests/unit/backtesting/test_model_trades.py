"""What a trained model would have made of its predictions, worked out by hand."""

import numpy as np
import pytest

from dg_bot.backtesting.model_trades import Thresholds, figures_of, held, traded
from dg_bot.models.dataset import Dataset, Label
from dg_bot.models.judging import OutOfSample

BOTH = Thresholds(buy_at=0.005, sell_at=-0.005)


def predicted(expected: str, moves: str, *, chance: float = 0.6, horizon: int = 2, cost: float = 0.0) -> OutOfSample:
    """Give predictions in percent and the moves of the hours that follow them, in percent as well."""
    returns, after = (np.array([float(word) / 100 for word in text.split()]) for text in (expected, moves))
    count = len(returns)
    rows = Dataset(
        label=Label(horizon_hours=horizon, cost_fraction=cost),
        markets=("KRW-ETH", "KRW-BTC"),
        known_at=3600 * np.arange(count, dtype=np.int64),
        market=np.ones(count, dtype=np.int64),
        features=np.zeros((count, 1)),
        net=np.zeros(count),
        next_move=after,
    )
    flat = np.full(count, 0.5)
    return OutOfSample(rows=rows, expected=returns, chance=np.full(count, chance), usual_net=flat, usual_chance=flat)


def growth(*moves: float) -> float:
    return float(np.prod([1 + move for move in moves])) - 1


def test_a_buy_is_held_for_as_long_as_the_label_looks_ahead() -> None:
    result = traded(predicted("0 1 0 0 0", "1 2 4 8 16"), "KRW-BTC", BOTH)

    assert growth(0.02, 0.04) == pytest.approx(result.performance.total_return)
    assert (1, 0, 0.4, 1) == (result.buys, result.sells, result.invested, result.performance.round_trips)


def test_another_buy_holds_on_and_a_sell_ends_it() -> None:
    on = traded(predicted("1 1 1 0 0 0", "1 2 4 8 16 32"), "KRW-BTC", BOTH)
    sold = traded(predicted("1 1 -1 0 0 0", "1 2 4 8 16 32"), "KRW-BTC", BOTH)

    assert growth(0.01, 0.02, 0.04, 0.08) == pytest.approx(on.performance.total_return)
    assert growth(0.01, 0.02) == pytest.approx(sold.performance.total_return)
    assert (2, 1) == (sold.buys, sold.sells)


def test_each_change_costs_half_a_round_trip() -> None:
    result = traded(predicted("1 -1 0 1", "10 10 10 10", cost=0.02), "KRW-BTC", BOTH)

    assert (1.1 * 0.99) * 0.99 * (1.1 * 0.99 * 0.99) - 1 == pytest.approx(result.performance.total_return)
    assert (2, 2, 0) == (result.performance.round_trips, result.performance.winners, result.performance.losers)


@pytest.mark.parametrize(("chance", "buys", "sells"), [(0.7, 1, 0), (0.69, 0, 0), (0.3, 0, 1)])
def test_a_confidence_may_be_asked_of_either(chance: float, buys: int, sells: int) -> None:
    sure = Thresholds(buy_at=0.005, sell_at=-0.005, confidence=0.7)

    result = traded(predicted("1 -1", "0 0", chance=chance), "KRW-BTC", sure)

    assert (buys, sells) == (result.buys, result.sells)


@pytest.mark.parametrize(("expected", "buys", "sells"), [("0.5 -0.5", 1, 1), ("0.49 -0.49", 0, 0)])
def test_the_thresholds_are_met_at_their_value(expected: str, buys: int, sells: int) -> None:
    result = traded(predicted(expected, "0 0"), "KRW-BTC", BOTH)

    assert (buys, sells) == (result.buys, result.sells)


def test_who_never_buys_has_earned_nothing() -> None:
    result = traded(predicted("0 0 0", "1 2 3"), "KRW-BTC", BOTH)

    assert (0.0, 0, 0.0) == (result.performance.total_return, result.performance.round_trips, result.invested)


def test_holding_pays_for_one_round_trip() -> None:
    result = held(predicted("0 0 0", "10 10 -10", cost=0.02), "KRW-BTC")

    assert growth(0.1, 0.1, -0.1, -0.01, -0.01) == pytest.approx(result.performance.total_return)
    assert {"held_return": result.performance.total_return, "held_invested": 1.0}.items() <= dict(
        figures_of("held", result)
    ).items()
