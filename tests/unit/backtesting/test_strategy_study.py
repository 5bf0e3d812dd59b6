import json
from array import array
from datetime import UTC, datetime, timedelta

import pytest

from dg_bot.backtesting.backtest import run_backtest
from dg_bot.backtesting.strategy_study import studied, study_json, window_ends
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walks import driftless_walk, trending_walk
from dg_bot.domain.calendar import HOUR, Timeframe
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars
from dg_bot.strategies.catalog import make_strategy

H4 = Timeframe(240)


def hours_of(bars: Bars) -> CandleSeries:
    columns = {name: array("d", getattr(bars, name).tolist()) for name in ("open", "high", "low", "close", "volume")}
    return CandleSeries(market=Market("KRW-BTC"), timeframe=HOUR, opened_at=array("q", bars.opened_at.tolist()), **columns)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("first", "end", "ends"),
    [
        ("2022-01-02", "2024-01-01", []),
        ("2022-01-01", "2024-01-01", ["2024-01-01"]),
        ("2021-11-25", "2024-01-15T05", ["2024-01-15T05", "2024-01-01", "2023-12-01"]),
        ("2021-12-01", "2024-01-01", ["2024-01-01", "2023-12-01"]),
    ],
)
def test_windows_are_two_years_and_end_a_month_apart(first: str, end: str, ends: list[str]) -> None:
    assert [at(one) for one in ends] == list(window_ends(at(first), at(end)))


def test_a_row_has_the_figures_of_the_backtest_and_of_holding_beside_the_windows() -> None:
    candles, strategy = hours_of(trending_walk(1, days=800, strength=0.3)), make_strategy("sma_cross")

    row = studied(candles, H4, strategy, TradeRules())

    whole = run_backtest(candles, H4, strategy, TradeRules())
    assert (row.traded.sharpe, row.round_trips) == (whole.performance.sharpe, whole.performance.round_trips)
    assert row.held.total_return == pytest.approx(candles.close[-1] / candles.open[0] * (1 - 0.0007) / (1 + 0.0007) - 1, rel=1e-4)
    assert ("2022-01-01", "2024-03-11", 4) == (row.first_day, row.end_day, row.windows)
    assert (4, 4) == (row.passed, row.strict)


def test_a_market_without_an_edge_passes_no_window_strictly() -> None:
    row = studied(hours_of(driftless_walk(1, days=800)), H4, make_strategy("sma_cross"), TradeRules())

    assert (4, 0) == (row.windows, row.strict)


def test_too_few_candles_are_refused_and_less_than_two_years_have_no_window() -> None:
    with pytest.raises(DataError, match="too few"):
        studied(hours_of(driftless_walk(1, days=2)), H4, make_strategy("sma_cross"), TradeRules())

    assert 0 == studied(hours_of(driftless_walk(1, days=60)), H4, make_strategy("sma_cross"), TradeRules()).windows


def test_the_rows_are_written_with_the_rules_and_the_hash_of_the_candles() -> None:
    candles = hours_of(driftless_walk(1, days=60))
    row = studied(candles, H4, make_strategy("ema_cross"), TradeRules())

    document = json.loads(study_json([row], TradeRules()))

    assert (730, 0.0005) == (document["window_days"], document["rules"]["fee_fraction"])
    assert ("ema_cross", candles.sha256()) == (document["rows"][0]["strategy"], document["rows"][0]["candles_sha256"])
    assert timedelta(days=730).days == document["window_days"]
