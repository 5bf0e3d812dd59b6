import numpy as np
import pytest

from dg_bot.domain.decision import Action, Decision
from dg_bot.errors import ImpossibleValue
from dg_bot.models.rules import RulesModel
from dg_bot.ports import DecisionModel
from dg_bot.strategies.base import Condition, GateSeries, Signals
from tests.situations import situation


def _gate(name: str, value: float, limit: float) -> GateSeries:
    values, limits = np.array([0.0, value]), np.array([0.0, limit])
    condition = Condition(measure=name, values=values, comparison=">=", limits=limits, passed=values >= limits)
    return GateSeries(name=name, conditions=(condition,))


def _signals(*, entry: bool = False, exit_: bool = False, sure: float = 0.8, adx: float = 25.0, bars: int = 2) -> Signals:
    """Make two bars of which only the last carries the given signals; the first says the opposite."""
    column = np.zeros(bars)
    return Signals(
        entry=np.array([not entry, entry])[:bars],
        exit=np.array([not exit_, exit_])[:bars],
        confidence=np.array([0.1, sure])[:bars],
        gates=(_gate("trend", 2.0, 1.0), _gate("adx", adx, 20.0)),
        stop_distance=column,
        target_distance=column,
        trend_strength=column,
    )


def _decided(signals: Signals | None) -> Decision:
    model: DecisionModel = RulesModel()
    return model.decide(situation(signals=signals)).decision


def test_an_entry_on_the_last_bar_is_a_buy_with_the_confidence_of_the_signals() -> None:
    expected = Decision(action=Action.BUY, confidence=0.8, source="rules", reason="gates passed: trend, adx")

    assert expected == _decided(_signals(entry=True))


def test_an_exit_on_the_last_bar_is_a_sell() -> None:
    decision = _decided(_signals(exit_=True))

    assert (Action.SELL, 0.8, "the strategy's exit signal") == (decision.action, decision.confidence, decision.reason)


@pytest.mark.parametrize(("adx", "reason"), [(19.9, "adx: 19.9, limit 20"), (20.0, "no entry signal on the last bar")])
def test_otherwise_it_holds_and_names_the_first_gate_that_did_not_pass(adx: float, reason: str) -> None:
    expected = Decision(action=Action.HOLD, confidence=0.8, source="rules", reason=reason)

    assert expected == _decided(_signals(adx=adx))


def test_without_a_bar_that_just_closed_it_holds() -> None:
    expected = Decision(action=Action.HOLD, confidence=0.0, source="rules", reason="no strategy bar of KRW-BTC closed")

    assert expected == _decided(None)


def test_without_any_bar_it_holds() -> None:
    assert Action.HOLD is _decided(_signals(bars=0)).action


def test_a_signal_of_a_strategy_in_warm_up_carries_no_confidence() -> None:
    decision = _decided(_signals(entry=True, sure=float("nan")))

    assert (Action.BUY, 0.0) == (decision.action, decision.confidence)


def test_a_confidence_that_is_no_fraction_is_refused() -> None:
    with pytest.raises(ImpossibleValue, match="confidence"):
        _decided(_signals(entry=True, sure=1.01))
