import json

import pytest

from dg_bot.backtesting.performance import daily_returns
from dg_bot.backtesting.report import json_report
from dg_bot.backtesting.sharpe_odds import sharpe_odds
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.worth import driftless_passes, worth
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.errors import DataError
from dg_bot.strategies.catalog import make_strategy
from tests.unit.backtesting.walks import grid_test, hourly, reported


def drawn(days: int, walks: int = 3) -> tuple[DriftlessPasses, list[tuple[int, int]]]:
    told: list[tuple[int, int]] = []
    passes = driftless_passes(
        hourly((days + 1) * 24),
        Timeframe(240),
        make_strategy("sma_cross"),
        TradeRules(),
        trials=9,
        walks=walks,
        on_progress=lambda done, of: told.append((done, of)),
    )
    return passes, told


def test_a_backtest_is_judged_by_the_returns_of_its_days() -> None:
    backtest = grid_test()
    odds = sharpe_odds(daily_returns(backtest.curve), 9)

    honesty = worth(backtest, trials=9).honesty

    assert (odds.error, odds.above_zero, odds.above_luck) == (
        honesty.sharpe_error,
        honesty.probabilistic_sharpe,
        honesty.deflated_sharpe,
    )
    assert honesty.driftless is None


def test_the_more_was_tried_the_less_it_is_worth() -> None:
    backtest = grid_test()
    few, many = (worth(backtest, trials=trials).honesty.deflated_sharpe for trials in (9, 900))

    assert many < few


def test_the_thresholds_of_the_screen_are_told_one_by_one() -> None:
    content = json.loads(json_report(reported(grid_test())))

    assert {"name": "insufficient_history", "value": 2000 / 24, "limit": 180.0, "passed": False} == pytest.approx(
        content["screen"][0]
    )
    assert 9 == content["honesty"]["trials"]


def test_the_same_candles_draw_the_same_markets() -> None:
    passes, told = drawn(180)

    assert passes == drawn(180)[0]
    assert [(1, 3), (2, 3), (3, 3)] == told
    assert (3, True) == (passes.walks, 0 <= passes.passes <= 3)


def test_too_few_days_to_draw_from_are_refused() -> None:
    with pytest.raises(DataError, match="179 whole days are too few to draw markets from: 180 are needed"):
        drawn(179)


def test_days_alone_have_no_hours_to_draw_from() -> None:
    days = hourly(24 * 200).resampled(Timeframe(1440))

    with pytest.raises(DataError, match="bars of 60m cannot be made"):
        driftless_passes(
            days, Timeframe(1440), make_strategy("grid"), TradeRules(), trials=9, walks=1, on_progress=lambda _done, _of: None
        )
