"""At which prices, in which bars and for how much money a replay fills."""

import math
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from dg_bot.backtesting.fill_model import price_down, price_up, slippage
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.calendar import to_epoch
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import BarExits
from tests.unit.backtesting.bars import H4, START, bars_from, signals_at
from tests.unit.indicators.columns import random_bars

HOUR = 3600
FREE = TradeRules(fee_fraction=0.0, slippage_fraction=0.0)
NO_EXITS = BarExits()


def run(bars: Bars, *entries: int, rules: TradeRules = FREE, sells: tuple[int, ...] = (), finer: Bars | None = None) -> Replay:
    signals = signals_at(bars, *entries, sells=sells)
    return replay(bars, signals, NO_EXITS, rules, np.ones(len(bars), dtype=np.bool_), finer=finer)


def places(result: Replay) -> list[tuple[int, int]]:
    return [((trip.entered_at - START) // H4, (trip.exited_at - START) // H4) for trip in result.round_trips]


def without(bars: Bars, *absent: int) -> Bars:
    kept = [number for number in range(len(bars)) if number not in absent]
    return replace(
        bars,
        **{name: getattr(bars, name)[kept] for name in ("opened_at", "open", "high", "low", "close", "volume")},
    )


def test_the_null_model_is_a_constant_fraction() -> None:
    assert 0.0002 == slippage(1e9, 0.0, 0.0002, 0.0, 0.0)


@pytest.mark.parametrize(("notional", "loss"), [(0.0, 0.0), (1e6, 0.0005), (1e7, 0.005), (1e12, 0.5)])
def test_an_order_walks_half_of_the_depth_that_it_eats(notional: float, loss: float) -> None:
    assert loss == pytest.approx(slippage(notional, 1e9, 0.0, 1e7, 0.0))


@pytest.mark.parametrize(("notional", "share"), [(1e5, 0.01), (1e7, 1.0), (1e8, 1.0)])
def test_the_market_gives_way_by_the_root_of_the_share_of_what_is_traded(notional: float, share: float) -> None:
    assert 0.002 + 0.1 * math.sqrt(share) == pytest.approx(slippage(notional, 1e7, 0.002, 0.0, 0.1))
    assert 0.1 == pytest.approx(slippage(notional, 0.0, 0.0, 0.0, 0.1)), "where nothing traded the order is the whole market"


@pytest.mark.parametrize(
    ("price", "step", "up", "down"),
    [(150.31, 0.1, 150.4, 150.3), (150.3, 0.1, 150.3, 150.3), (1234500.0, 1000.0, 1235000.0, 1234000.0), (7.7, 0.0, 7.7, 7.7)],
)
def test_prices_move_to_the_venues_grid_against_the_order(price: float, step: float, up: float, down: float) -> None:
    assert [up, down] == pytest.approx([price_up(price, step), price_down(price, step)])


def test_a_larger_order_fills_worse_both_ways_by_hand() -> None:
    # A million at 100 against a bar of 1 unit worth 100: the whole market both ways, and 10 % of depth.
    rules = replace(FREE, capital_krw=1e6, position_fraction=1.0, depth_krw=1e7, impact_fraction=0.01, stop_fraction=0.5)
    (trip,) = run(bars_from("100 100 100 100"), 0, rules=rules, sells=(1,)).round_trips
    loss = 0.01 * 1e6 / 2e7 + 0.01
    quantity = 1e6 / (100.0 * (1.0 + loss))

    assert trip.entry_price == pytest.approx(100.0 * (1.0 + loss))
    assert trip.quantity == pytest.approx(quantity)
    assert trip.exit_price == pytest.approx(100.0 * (1.0 - 0.01 * quantity * 100.0 / 2e7 - 0.01))


def test_an_entry_takes_no_more_than_its_part_of_what_was_traded_before() -> None:
    rules = replace(FREE, capital_krw=1e6, participation_fraction=0.05)
    (trip,) = run(bars_from("100 100 100"), 0, rules=rules, sells=(1,)).round_trips

    assert 0.05 == pytest.approx(trip.quantity)


def test_all_in_leaves_room_for_the_fee() -> None:
    result = run(bars_from("100 100 100"), 0, rules=replace(FREE, fee_fraction=0.001, position_fraction=1.0))

    assert 1.0 / 1.001 == pytest.approx(result.curve.equity[-1])


def test_equity_counts_from_the_capital() -> None:
    result = run(bars_from("100 100 110"), 0, rules=replace(FREE, capital_krw=2e6))

    assert (2e6, pytest.approx(2.02e6)) == (result.curve.opening, result.curve.equity[-1])


def test_in_a_market_prices_lie_on_the_steps_of_their_day() -> None:
    # 500.04 bought is 501 in steps of 1 KRW, from the fourteenth of October 2024 on, and 500.1 in those of 0.1 before.
    rules = TradeRules(capital_krw=1e6)

    def traded(market: str, first: datetime) -> tuple[float, float]:
        bars = bars_from("500 500 500")
        at = replace(bars, opened_at=bars.opened_at - START + to_epoch(first))
        signals = signals_at(at, 0, sells=(1,))
        everywhere = np.ones(3, dtype=np.bool_)
        (trip,) = replay(at, signals, NO_EXITS, rules, everywhere, market=Market(market)).round_trips
        return round(trip.entry_price, 6), round(trip.exit_price, 6)

    september, november = datetime(2024, 9, 1, tzinfo=UTC), datetime(2024, 11, 1, tzinfo=UTC)
    assert (500.1, 499.9) == traded("KRW-ADA", september)
    assert (501.0, 499.0) == traded("KRW-ADA", november)
    assert (500.1, 499.9) == traded("KRW-XRP", november)


@pytest.mark.parametrize(("capital", "trades"), [(49_999.0, 0), (50_000.0, 1)])
def test_in_a_market_an_entry_below_the_minimum_is_not_ordered(capital: float, trades: int) -> None:
    bars = bars_from("100 100 100")
    signals = signals_at(bars, 0, sells=(1,))
    rules = replace(FREE, capital_krw=capital)

    history = replay(bars, signals, NO_EXITS, rules, np.ones(3, dtype=np.bool_), market=Market("KRW-XRP"))

    assert trades == len(history.round_trips)


def test_an_entry_lapses_over_a_gap_and_an_exit_waits_for_the_next_bar() -> None:
    bars = bars_from("100 100 100 100 100 100 100")

    assert [] == places(run(without(bars, 1), 0, sells=(3,)))
    assert [(1, 4)] == places(run(without(bars, 3), 0, sells=(2,)))


def test_nothing_fills_and_nothing_is_decided_in_a_bar_without_trades() -> None:
    bars = bars_from("100 100 90 100 100 100")

    def dead(*numbers: int) -> Bars:
        volume = np.ones(len(bars))
        volume[list(numbers)] = 0.0
        return replace(bars, volume=volume)

    assert [(1, 2)] == places(run(bars, 0)), "the stop at 95"
    assert [] == places(run(dead(2), 0)), "an invented low stops nothing"
    assert [(1, 3)] == places(run(dead(2), 0, sells=(1,))), "an exit waits for a bar with trades"
    assert [] == places(run(dead(1), 0, sells=(4,))), "an entry does not"
    assert [] == places(run(dead(3), 3, sells=(4,))), "and a close without trades decides none"


def test_finer_bars_tell_which_level_came_first() -> None:
    bars = bars_from("100 100 100,112,94,100 100")

    def finer(third: str) -> Bars:
        return bars_from("100 100 100 100 " * 2 + third + " 100 100 100 100", seconds=HOUR)

    up_first = finer("100,112,100,112 112,112,94,94 94 100")
    down_first = finer("100,100,94,94 94,112,94,112 112 100")

    reasons = [run(bars, 0, finer=given).round_trips[0].reason for given in (None, up_first, down_first)]
    assert [ExitReason.STOP_LOSS, ExitReason.TAKE_PROFIT, ExitReason.STOP_LOSS] == reasons
    assert 95.0 == pytest.approx(run(bars, 0, finer=down_first).round_trips[0].exit_price)


def test_where_finer_bars_are_absent_the_stop_came_first() -> None:
    bars = bars_from("100 100 100,112,94,100 100")
    finer = bars_from("100 100 100 100", seconds=HOUR)

    assert ExitReason.STOP_LOSS == run(bars, 0, finer=finer).round_trips[0].reason


@pytest.mark.parametrize("seconds", [H4, 2 * H4, HOUR + 60])
def test_finer_bars_must_make_up_the_bars(seconds: int) -> None:
    with pytest.raises(DataError, match="finer bars"):
        run(bars_from("100 100"), 0, finer=bars_from("100 100", seconds=seconds))


def one_part_each(bars: Bars) -> Bars:
    return replace(bars, seconds=HOUR)


@pytest.mark.parametrize(
    "rules",
    [
        TradeRules(entry_gap_s=0, trailing_atr=3.0, stage_fraction=0.03),
        TradeRules(entry_gap_s=0, closing_trail_atr=3.0, stop_atr=2.0),
        TradeRules(entry_gap_s=0, stop_fraction=0.5, target_fraction=2.0),
    ],
)
def test_passing_over_quiet_bars_changes_nothing(rules: TradeRules) -> None:
    """Finer bars that are the bars themselves make the kernel take each of them by itself."""
    bars = random_bars(8, 1500)
    exits = BarExits(
        fake_out_fraction=0.01, fake_out_bars=3, time_out_bars=40, time_out_fraction=0.02, trend_ratio=0.8, trend_floor=20.0
    )
    trend: Floats = np.abs(np.sin(np.arange(len(bars)) / 9.0)) * 60.0
    signals = signals_at(bars, *range(0, 1499, 7), sells=range(60, 1500, 97), trend=trend)
    everywhere = np.ones(len(bars), dtype=np.bool_)

    quick = replay(bars, signals, exits, rules, everywhere)
    slow = replay(bars, signals, exits, rules, everywhere, finer=one_part_each(bars))

    assert len(slow.round_trips) > 30
    np.testing.assert_array_equal(slow.trips, quick.trips)
    np.testing.assert_array_equal(slow.curve.equity, quick.curve.equity)
