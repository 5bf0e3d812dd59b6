"""The check that a user's strategy has to pass finds every kind of look-ahead, and nothing in the bot's own."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dg_bot.backtesting.strategy_checks import made_up_bars, strategy_problem
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.catalog import STRATEGY_NAMES, make_strategy
from dg_bot.strategies.template import OwnParameters, OwnStrategy

Change = Callable[[Bars, Signals], Signals]


class Altered(OwnStrategy):
    """The template with its signals changed, and how often it was asked."""

    def __init__(self, change: Change, warm_up: int = 21) -> None:
        super().__init__(OwnParameters())
        self._change = change
        self._warm_up = warm_up
        self.asked = 0

    @property
    def warm_up(self) -> int:
        return self._warm_up

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        self.asked += 1
        return self._change(bars, super().signals(bars))


@pytest.mark.parametrize("name", STRATEGY_NAMES)
def test_every_strategy_of_the_catalog_passes(name: str) -> None:
    assert strategy_problem(make_strategy(name)) is None


def shifted(values: np.ndarray, bars: int) -> np.ndarray:
    return np.concatenate([values[bars:], np.full(min(bars, len(values)), False)])


def tomorrow(_: Bars, signals: Signals) -> Signals:
    return replace(signals, exit=shifted(signals.exit, 1) & ~signals.entry)


def above_the_mean_of_all(bars: Bars, signals: Signals) -> Signals:
    return replace(signals, exit=(bars.close > np.mean(bars.close) if len(bars) else signals.exit) & ~signals.entry)


def scaled_by_the_highest(bars: Bars, signals: Signals) -> Signals:
    return replace(signals, stop_distance=np.full(len(bars), float(bars.high.max()) if len(bars) > 2 else 0.0))


def far_ahead(_: Bars, signals: Signals) -> Signals:
    return replace(signals, exit=shifted(signals.exit, 40) & ~signals.entry)


@pytest.mark.parametrize("change", [tomorrow, above_the_mean_of_all, scaled_by_the_highest, far_ahead])
def test_look_ahead_is_found_and_placed(change: Change) -> None:
    problem = strategy_problem(Altered(change))

    assert problem is not None
    assert "look-ahead: " in problem or "there is a signal among the first" in problem


def test_a_mood_is_found() -> None:
    generator = np.random.default_rng(5)

    problem = strategy_problem(Altered(lambda bars, signals: replace(signals, confidence=generator.random(len(bars)))))

    assert problem is not None
    assert "the same bars give other signals the second time: confidence of bar 0" in problem


def always(bars: Bars, signals: Signals) -> Signals:
    return replace(signals, entry=np.ones(len(bars), np.bool_), exit=np.zeros(len(bars), np.bool_))


def after_the_second(bars: Bars, signals: Signals) -> Signals:
    return replace(signals, entry=np.arange(len(bars)) >= 2, exit=np.zeros(len(bars), np.bool_))


@pytest.mark.parametrize(
    ("change", "warm_up", "said"),
    [
        (always, 21, "there is a signal among the first 1 bars of a market"),
        (after_the_second, 21, "bar 2 is an entry though the warm-up of 21 bars is not over"),
        (tomorrow, -1, "warm_up is -1 instead of a number of bars from 0 to 10000"),
    ],
)
def test_signals_before_their_time_are_found(change: Change, warm_up: int, said: str) -> None:
    assert said == strategy_problem(Altered(change, warm_up))


def test_made_up_bars_cannot_be_written_to() -> None:
    bars = made_up_bars(np.random.default_rng(1), 50)

    with pytest.raises(ValueError, match="read-only"):
        bars.close[0] = 1.0
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (np.diff(bars.opened_at) > 0).all()
