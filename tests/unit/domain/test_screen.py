import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.gate import Gate
from dg_bot.domain.screen import ScreenResult


def result(win_rate: float = 0.5, payoff: float | None = 2.0, gates: tuple[Gate, ...] = ()) -> ScreenResult:
    return ScreenResult(
        evaluated_at=datetime(2026, 11, 20, tzinfo=UTC),
        days=730.0,
        round_trips=20,
        total_return=0.1,
        win_rate=win_rate,
        profit_factor=1.5,
        payoff=payoff,
        sharpe=1.0,
        max_drawdown=0.1,
        gates=gates,
    )


@pytest.mark.parametrize(
    ("win_rate", "payoff", "half"),
    [
        (0.5, 2.0, "0.125"),  # 0.5 - 0.5 / 2 = 0.25
        (0.6, 1.0, "0.1"),
        (0.5, 1.0, "0"),  # no edge at all
        (0.5, 0.999, "0"),
        (0.5, 1.001, "0.00025"),
        (0.4, 1.0, "0"),  # a losing game is not played backwards
        (1.0, None, "0.5"),  # never lost
        (0.0, None, "0"),
        (0.7, 0.0, "0"),
        (0.7, -1.0, "0"),
    ],
)
def test_half_kelly_by_hand(win_rate: float, payoff: float | None, half: str) -> None:
    assert float(half) == pytest.approx(float(result(win_rate, payoff).half_kelly_fraction), abs=1e-6)


@pytest.mark.parametrize(("win_rate", "payoff"), [(math.nan, 2.0), (0.5, math.nan), (math.nan, None)])
def test_figures_that_are_no_numbers_allow_nothing(win_rate: float, payoff: float | None) -> None:
    assert Decimal(0) == result(win_rate, payoff).half_kelly_fraction


@given(win_rate=st.floats(0, 1), payoff=st.none() | st.floats(0, 1000))
def test_half_kelly_is_a_fraction_of_at_most_one_half(win_rate: float, payoff: float | None) -> None:
    assert 0 <= result(win_rate, payoff).half_kelly_fraction <= Decimal("0.5")


def test_a_screen_passes_when_every_figure_does() -> None:
    passed, failed = Gate("sharpe", 1.0, 0.8, True), Gate("win_rate", 0.3, 0.35, False)

    assert [True, False, False] == [result(gates=gates).has_passed for gates in ((passed,), (passed, failed), (failed, failed))]
