import csv
import json
from dataclasses import replace
from io import StringIO

import numpy as np
import pytest

from dg_bot.backtesting.backtest import run_backtest, with_own_timeframe
from dg_bot.backtesting.report import csv_report, json_report
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.errors import DataError
from dg_bot.strategies.catalog import make_strategy
from tests.unit.backtesting.walks import FOUR_HOURS, grid_test, hourly, reported


def test_the_equity_is_what_the_round_trips_made() -> None:
    backtest = grid_test()
    fraction, equity = backtest.rules.position_fraction, 1.0
    for trip in backtest.round_trips:
        equity += trip.pnl

    assert len(backtest.round_trips) > 5
    assert 0.0 < fraction < 1.0
    assert backtest.curve.equity[-1] == pytest.approx(equity, abs=0.02)
    assert backtest.performance.total_return == pytest.approx(np.prod([1.0 + m.fraction for m in backtest.months]) - 1.0)


def test_a_bar_that_is_not_over_is_left_out() -> None:
    assert (500, 499) == (grid_test(2000, timeframe=FOUR_HOURS).bars, grid_test(1999, timeframe=FOUR_HOURS).bars)


def test_missing_bars_are_counted_and_not_filled() -> None:
    backtest = run_backtest(hourly(600, left_out=frozenset({100, 101, 102})), HOUR, make_strategy("sma_cross"), TradeRules())

    assert (597, 3) == (backtest.bars, backtest.missing_bars)


def test_buying_and_holding_pays_its_costs() -> None:
    candles = hourly(300)
    backtest = run_backtest(candles, HOUR, make_strategy("sma_cross"), TradeRules(slippage_fraction=0.01, fee_fraction=0.02))

    assert backtest.buy_and_hold.total_return == pytest.approx(
        candles.close[-1] * 0.99 * 0.98 / (candles.open[0] * 1.01 * 1.02) - 1.0
    )


def test_too_few_bars_are_refused() -> None:
    strategy = make_strategy("sma_cross")

    with pytest.raises(DataError, match="31 bars are too few: sma_cross needs more than 31"):
        run_backtest(hourly(31), HOUR, strategy, TradeRules())
    assert run_backtest(hourly(32), HOUR, strategy, TradeRules()).bars == 32


def test_bars_shorter_than_the_candles_are_refused() -> None:
    with pytest.raises(DataError, match="bars of 30m cannot be made"):
        run_backtest(hourly(100), Timeframe(30), make_strategy("sma_cross"), TradeRules())


def test_a_file_tells_its_timeframe_by_its_shortest_step() -> None:
    by_minute = replace(hourly(48, left_out=frozenset({7})), timeframe=Timeframe(1))

    assert HOUR == with_own_timeframe(by_minute).timeframe
    assert DAY == with_own_timeframe(replace(hourly(480).resampled(DAY), timeframe=Timeframe(1))).timeframe


def test_a_single_candle_tells_no_timeframe() -> None:
    with pytest.raises(DataError, match="1 candles do not tell their timeframe"):
        with_own_timeframe(hourly(1))


def test_a_step_that_the_venue_does_not_have_is_refused() -> None:
    with pytest.raises(DataError, match="a step of 120 minutes is no length"):
        with_own_timeframe(hourly(9, left_out=frozenset({1, 3, 5, 7})))


def test_candles_off_their_own_grid_are_refused() -> None:
    with pytest.raises(DataError, match="do not lie on the grid of their shortest step, 7200 s"):
        with_own_timeframe(hourly(9, left_out=frozenset({1, 3, 4, 6, 8})))


def test_the_json_holds_what_was_measured() -> None:
    backtest = grid_test()
    content = json.loads(json_report(reported(backtest)))

    assert ("KRW-BTC", "grid", "60m", "2024-01-01T00:00:00Z") == tuple(
        content[name] for name in ("market", "strategy", "timeframe", "first_bar")
    )
    assert len(backtest.round_trips) == content["performance"]["round_trips"] == len(content["round_trips"])
    assert backtest.performance.total_return == content["performance"]["total_return"]
    assert backtest.performance.drawdown.deepest == content["performance"]["max_drawdown"]
    assert "2024-01" == content["months"][0]["month"]


def test_the_json_tells_what_it_takes_to_make_it_again() -> None:
    content = json.loads(json_report(reported(grid_test())))

    assert ("somewhere", "1.2", "python run_backtest.py") == tuple(content[name] for name in ("source", "version", "command"))
    assert hourly(2000).sha256() == content["candles_sha256"]
    assert (10, 0.1) == (content["parameters"]["lines"], content["rules"]["position_fraction"])


def test_the_csv_has_a_row_for_each_round_trip() -> None:
    backtest = grid_test()
    rows = list(csv.DictReader(StringIO(csv_report(backtest))))

    assert [trip.pnl for trip in backtest.round_trips] == [float(row["pnl"]) for row in rows]
    assert {"take_profit", "stop_loss"} >= {row["reason"] for row in rows}


def test_an_exit_without_a_reason_of_risk_is_the_strategy_s_signal() -> None:
    backtest = run_backtest(hourly(2000), HOUR, make_strategy("sma_cross"), TradeRules())

    assert "signal" in {row["reason"] for row in csv.DictReader(StringIO(csv_report(backtest)))}
