import math
from collections.abc import Sequence

import numpy as np
import pytest

from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.performance import (
    EquityCurve,
    RoundTrip,
    cagr,
    daily_returns,
    drawdown,
    monthly_returns,
    performance,
    sharpe,
    sortino,
    trade_figures,
)
from dg_bot.risk.exit_rules import ExitReason


def trip(pnl: float) -> RoundTrip:
    return RoundTrip(
        entered_at=0,
        exited_at=DAY_S,
        entry_price=100.0,
        exit_price=100.0 + pnl,
        quantity=1.0,
        pnl=pnl,
        pnl_fraction=pnl / 100.0,
        bars_held=1,
        reason=ExitReason.TAKE_PROFIT,
    )


def curve(*equity: float, opening: float = 1.0, bar_s: int = DAY_S) -> EquityCurve:
    """Make a curve of equally long bars from 1970-01-01 on."""
    return ending_at([bar_s * (n + 1) for n in range(len(equity))], equity, opening=opening)


def ending_at(closed_at: Sequence[int], equity: Sequence[float], *, opening: float = 1.0, opened_at: int = 0) -> EquityCurve:
    return EquityCurve(
        opening=opening, opened_at=opened_at, closed_at=np.array(closed_at, dtype=np.int64), equity=np.array(equity, dtype=float)
    )


def test_figures_of_round_trips_by_hand() -> None:
    figures = performance([trip(3.0), trip(-1.0), trip(1.0), trip(-1.5), trip(0.0)], curve(1.0, 1.05))

    assert (5, 2, 2) == (figures.round_trips, figures.winners, figures.losers)
    assert figures.win_rate == pytest.approx(0.4)
    assert figures.profit_factor == pytest.approx(4.0 / 2.5)
    assert figures.payoff == pytest.approx(2.0 / 1.25)
    assert figures.expectancy == pytest.approx(1.5 / 5)
    assert figures.total_return == pytest.approx(0.05)


def test_what_would_divide_by_nothing_is_absent() -> None:
    idle, winning, losing = (
        performance([], curve(1.0)),
        performance([trip(1.0)], curve(1.1)),
        performance([trip(-1.0)], curve(0.9)),
    )

    assert (idle.win_rate, idle.profit_factor, idle.payoff, idle.expectancy, idle.calmar) == (0.0, None, None, None, None)
    assert (winning.win_rate, winning.profit_factor, winning.payoff, winning.calmar) == (1.0, None, None, None)
    assert (losing.win_rate, losing.profit_factor, losing.payoff) == (0.0, 0.0, 0.0)


def test_an_empty_curve_measures_nothing() -> None:
    figures = performance([], curve())

    assert (0.0, 0.0, 0.0, 0.0, 0.0) == (
        figures.days,
        figures.total_return,
        figures.cagr,
        figures.sharpe,
        figures.drawdown.deepest,
    )


def test_growth_is_compounded_to_a_year() -> None:
    assert cagr(0.21, 730.0) == pytest.approx(0.10)
    assert cagr(0.10, 365.0) == pytest.approx(0.10)
    assert cagr(-1.0, 365.0) == -1.0
    assert cagr(0.5, 0.0) == 0.0
    assert math.isfinite(cagr(10.0, 0.01))


def test_daily_returns_take_the_last_equity_of_each_utc_day() -> None:
    half_days = curve(1.05, 1.10, 1.00, 1.21, bar_s=DAY_S // 2)

    np.testing.assert_allclose(daily_returns(half_days), [0.10, 0.10])


def test_a_bar_that_ends_at_midnight_belongs_to_the_day_before() -> None:
    ends = ending_at([DAY_S, DAY_S + 3600], [1.1, 1.21], opened_at=DAY_S - 3600)

    np.testing.assert_allclose(daily_returns(ends), [0.10, 0.10])


def test_a_day_without_bars_has_no_return() -> None:
    gap = ending_at([DAY_S, 4 * DAY_S], [1.1, 1.21])

    np.testing.assert_allclose(daily_returns(gap), [0.10, 0.0, 0.0, 0.10])


def test_sharpe_and_sortino_by_hand() -> None:
    daily = np.array([0.01, -0.01, 0.02, 0.02])

    assert sharpe(daily) == pytest.approx(0.01 / math.sqrt(0.0006 / 3) * math.sqrt(365))
    assert sortino(daily) == pytest.approx(0.01 / math.sqrt(0.0001 / 4) * math.sqrt(365))


@pytest.mark.parametrize("daily", [np.array([]), np.array([0.01]), np.zeros(5)])
def test_too_few_or_unvaried_days_have_no_sharpe(daily: np.ndarray) -> None:
    assert (sharpe(daily), sortino(daily)) == (0.0, 0.0)


def test_the_deepest_fall_is_measured_from_the_running_peak() -> None:
    assert drawdown(curve(1.2, 0.9, 1.3, 1.17)).deepest == pytest.approx(0.25)
    assert drawdown(curve(0.8, 0.9)).deepest == pytest.approx(0.2)
    assert drawdown(curve(1.0, 1.1)).deepest == 0.0


def test_a_fall_lasts_from_its_peak_until_that_is_reached_again_or_the_end() -> None:
    assert drawdown(curve(1.2, 0.9, 1.0, 1.2, 1.1)).longest_days == 3.0
    assert drawdown(curve(1.2, 0.9, 1.3, 1.2, 1.2, 1.2)).longest_days == 3.0
    assert drawdown(curve(1.1, 1.1, 1.1)).longest_days == 0.0


def test_calmar_is_growth_over_the_deepest_fall() -> None:
    figures = performance([], curve(*([1.0] * 182), 0.95, *([1.1] * 182)))

    assert figures.days == 365.0
    assert figures.calmar == pytest.approx(0.10 / 0.05)


def test_trade_figures_by_hand() -> None:
    figures = trade_figures([trip(3.0), trip(1.0), trip(-1.0), trip(-2.0), trip(0.0)])

    assert figures.average_win == pytest.approx(0.02)
    assert figures.average_loss == pytest.approx(-0.015)
    assert (figures.largest_win, figures.largest_loss, figures.average_hold_s) == (0.03, -0.02, DAY_S)


def test_without_round_trips_there_is_nothing_to_average() -> None:
    figures = trade_figures([])

    assert (figures.average_win, figures.largest_loss, figures.average_hold_s) == (None, None, None)


def test_a_month_is_measured_from_the_end_of_the_one_before() -> None:
    # 31 days of January 1970, then two of February; the bar that ends at midnight belongs to the day before.
    january, february = monthly_returns(curve(*[1.0] * 30, 1.1, 1.0, 1.21))

    assert ((1970, 1), (1970, 2)) == ((january.year, january.month), (february.year, february.month))
    assert (january.fraction, february.fraction) == pytest.approx((0.10, 0.10))


def test_no_bars_have_no_months() -> None:
    assert monthly_returns(curve()) == ()
