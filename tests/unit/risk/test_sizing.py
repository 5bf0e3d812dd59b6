from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.gate import Gate
from dg_bot.domain.screen import ScreenResult
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.sizing import EntrySize, entry_size

PLENTY = Decimal(10**12)


def screen(half_kelly: str = "0.06", *, passes: bool = True) -> ScreenResult:
    """Make a screen of this half Kelly fraction: without a loss it is half the win rate."""
    return ScreenResult(
        evaluated_at=datetime(2026, 11, 20, tzinfo=UTC),
        days=730.0,
        round_trips=20,
        total_return=0.1,
        win_rate=float(half_kelly) * 2,
        profit_factor=None,
        payoff=None,
        sharpe=1.0,
        max_drawdown=0.1,
        gates=(Gate("sharpe", 1.0, 0.8, passes),),
    )


def size(
    result: ScreenResult | None = None,
    *,
    equity: str = "1000000",
    headroom: Decimal = PLENTY,
    stop: str = "0.05",
    is_screen_advisory: bool = False,
    **limits: str,
) -> EntrySize:
    fractions: dict[str, Any] = {name: Decimal(value) for name, value in limits.items()}
    return entry_size(
        equity_krw=Decimal(equity),
        headroom_krw=headroom,
        screen=result,
        is_screen_advisory=is_screen_advisory,
        stop_fraction=Decimal(stop),
        limits=RiskLimits(**fractions),
    )


@pytest.mark.parametrize(("half_kelly", "notional"), [("0.0999", 99_900), ("0.1", 100_000), ("0.1001", 100_000)])
def test_half_kelly_holds_up_to_the_cap_of_one_position(half_kelly: str, notional: int) -> None:
    assert notional == size(screen(half_kelly)).notional_krw


def test_without_a_screen_the_cap_decides() -> None:
    assert Decimal(100_000) == size().notional_krw


@pytest.mark.parametrize("passes", [True, False])
def test_a_screen_that_only_warns_leaves_a_fixed_two_percent_whatever_it_found(passes: bool) -> None:
    assert Decimal(20_000) == size(screen("0.06", passes=passes), is_screen_advisory=True).notional_krw


def test_a_warning_never_makes_a_position_larger_than_the_cap() -> None:
    assert Decimal(10_000) == size(screen(passes=False), is_screen_advisory=True, max_position_fraction="0.01").notional_krw


def test_a_strategy_without_an_edge_buys_nothing_and_says_so() -> None:
    it = size(screen("0"))

    assert Decimal(0) == it.notional_krw
    assert (Gate("size_fraction", Decimal("0.0"), "up to 0.10", False),) == it.gates


@pytest.mark.parametrize(("stop", "notional"), [("0.0199", 100_000), ("0.02", 100_000), ("0.04", 50_000), ("0.05", 40_000)])
def test_volatility_sizing_risks_its_target_over_the_distance_of_the_stop(stop: str, notional: int) -> None:
    it = size(stop=stop, volatility_target_fraction="0.002")

    assert notional == it.notional_krw
    assert ("size_fraction", "volatility_size_fraction") == tuple(gate.name for gate in it.gates)


@pytest.mark.parametrize(("capital", "notional"), [("999999", 99_999), ("1000000", 100_000), ("1000001", 100_000)])
def test_sizes_are_of_the_capital_where_that_is_smaller_than_equity(capital: str, notional: int) -> None:
    it = size(capital_krw=capital)

    assert [notional, notional] == [it.notional_krw, it.ceiling_krw]


def test_the_buy_fraction_makes_an_entry_smaller_and_leaves_its_ceiling() -> None:
    it = size(buy_fraction="0.5")

    assert (Decimal(50_000), Decimal(100_000)) == (it.notional_krw, it.ceiling_krw)


@pytest.mark.parametrize(("headroom", "notional"), [(99_999, 99_999), (100_000, 100_000), (100_001, 100_000), (0, 0)])
def test_an_entry_stays_within_what_stage_one_left_open(headroom: int, notional: int) -> None:
    it = size(headroom=Decimal(headroom))

    assert [notional, notional] == [it.notional_krw, it.ceiling_krw]


def test_an_entry_is_in_whole_won_rounded_down() -> None:
    assert Decimal(99) == size(equity="999.99").notional_krw


@pytest.mark.parametrize("equity", ["0", "-1000"])
def test_nothing_is_bought_with_nothing(equity: str) -> None:
    it = size(equity=equity)

    assert (Decimal(0), Decimal(0)) == (it.notional_krw, it.ceiling_krw)


@given(
    equity=st.decimals(0, 10**12, places=4),
    headroom=st.decimals(0, 10**12, places=4),
    half_kelly=st.floats(0, 0.5),
    cap=st.decimals("0.0001", 1, places=4),
    stop=st.decimals("0.0001", "0.9", places=4),
    is_passed=st.booleans(),
)
def test_an_entry_is_never_larger_than_any_of_its_limits(
    equity: Decimal, headroom: Decimal, half_kelly: float, cap: Decimal, stop: Decimal, is_passed: bool
) -> None:
    limits = RiskLimits(
        max_position_fraction=cap, volatility_target_fraction=Decimal("0.002"), daily_loss_fraction=Decimal("0.15")
    )
    it = entry_size(
        equity_krw=equity,
        headroom_krw=headroom,
        screen=screen(repr(half_kelly), passes=is_passed),
        is_screen_advisory=not is_passed,
        stop_fraction=stop,
        limits=limits,
    )

    assert 0 <= it.notional_krw <= it.ceiling_krw <= min(headroom, equity * cap)
    assert it.notional_krw == it.notional_krw.to_integral_value()


def test_the_target_of_volatility_is_told_in_six_decimals_beside_the_cap() -> None:
    it = size(screen(), stop="0.03", volatility_target_fraction="0.002")

    assert Gate("volatility_size_fraction", Decimal("0.066667"), "up to 0.10", True) == it.gates[1]
