from dataclasses import replace

import numpy as np
import pytest

from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.replay import Replay, replay
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Floats
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import BarExits
from tests.unit.backtesting.bars import H4, START, bars_from, signals_at
from tests.unit.indicators.columns import random_bars

FREE = TradeRules(fee_fraction=0.0, slippage_fraction=0.0)
NO_BAR_EXITS = BarExits()


def run(
    bars: Bars,
    *entries: int,
    rules: TradeRules | None = None,
    exits: BarExits = NO_BAR_EXITS,
    sells: tuple[int, ...] = (),
    stop: float = 0.0,
    target: float = 0.0,
    trend: Floats | None = None,
) -> Replay:
    """Replay without costs unless `rules` say otherwise: stop 5 % and target 10 %."""
    signals = signals_at(bars, *entries, sells=sells, stop=stop, target=target, trend=trend)
    return replay(bars, signals, exits, rules or FREE, np.ones(len(bars), dtype=np.bool_))


def only_trip(result: Replay) -> RoundTrip:
    (trip,) = result.round_trips
    return trip


def outcome(result: Replay) -> tuple[ExitReason, float, int]:
    """Give the only round trip's reason, exit price and the number of the bar in which it ended."""
    trip = only_trip(result)
    return trip.reason, round(trip.exit_price, 9), (trip.exited_at - START) // H4


def test_a_signal_is_bought_at_the_next_open() -> None:
    trip = only_trip(run(bars_from("100 104 104,130,104,130"), 0))

    assert (trip.entry_price, trip.entered_at) == (104.0, START + H4)


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        ("100 100 100,101,95.01,96 96", None),
        ("100 100 100,101,95,96 96", (ExitReason.STOP_LOSS, 95.0, 2)),
        ("100 100 100,101,90,96 96", (ExitReason.STOP_LOSS, 95.0, 2)),
        ("100 100 95.01,96,95.01,96 96", None),
        ("100 100 95,96,95,96 96", (ExitReason.STOP_LOSS, 95.0, 2)),
        ("100 100 92,99,91,99 99", (ExitReason.STOP_LOSS, 92.0, 2)),
        ("100 100 100,109.99,100,105 105", None),
        ("100 100 100,110.01,100,105 105", (ExitReason.TAKE_PROFIT, 110.0, 2)),
        ("100 100 100,120,100,105 105", (ExitReason.TAKE_PROFIT, 110.0, 2)),
        ("100 100 113,120,112,115 115", (ExitReason.TAKE_PROFIT, 113.0, 2)),
        ("100 100,100,94,100 100", (ExitReason.STOP_LOSS, 95.0, 1)),
        ("100 100,111,100,100 100", (ExitReason.TAKE_PROFIT, 110.0, 1)),
    ],
)
def test_a_level_fills_at_the_open_that_is_beyond_it_or_at_the_level_itself(
    notation: str, expected: tuple[ExitReason, float, int] | None
) -> None:
    result = run(bars_from(notation), 0)

    assert expected == (outcome(result) if result.round_trips else None)


def test_a_bar_that_reaches_both_stop_and_target_counts_as_stopped() -> None:
    assert outcome(run(bars_from("100 100 100,120,90,115"), 0)) == (ExitReason.STOP_LOSS, 95.0, 2)


def test_an_open_beyond_the_target_is_sold_before_the_bar_can_fall_to_the_stop() -> None:
    assert outcome(run(bars_from("100 100 112,113,90,91"), 0)) == (ExitReason.TAKE_PROFIT, 112.0, 2)


@pytest.mark.parametrize(("high", "is_sold"), [(103.99, False), (104.0, True), (104.01, True)])
def test_a_target_is_reached_by_touching_it(high: float, is_sold: bool) -> None:
    assert is_sold == bool(run(bars_from(f"100 100 100,{high},100,100"), 0, target=4.0).round_trips)


@pytest.mark.parametrize(("stop", "expected"), [(0.0, 95.0), (3.0, 97.0), (7.0, 95.0)])
def test_the_tighter_of_risks_stop_and_the_strategys_holds(stop: float, expected: float) -> None:
    assert outcome(run(bars_from("100 100 100,100,80,80"), 0, stop=stop)) == (ExitReason.STOP_LOSS, expected, 2)


@pytest.mark.parametrize(("target", "expected"), [(0.0, 110.0), (3.0, 103.0), (15.0, 110.0)])
def test_the_tighter_of_risks_target_and_the_strategys_holds(target: float, expected: float) -> None:
    assert outcome(run(bars_from("100 100 100,130,100,130"), 0, target=target)) == (ExitReason.TAKE_PROFIT, expected, 2)


def test_costs_by_hand() -> None:
    # Buy 10 % of equity at 100.02 with 0.05 % on top; sold at the target of +10 % of that cost, less 2 bps, less 0.05 %.
    trip = only_trip(run(bars_from("100 100 100,120,100,105"), 0, rules=TradeRules()))
    cost = 100.02 * 1.0005
    sold = cost * 1.1 * 0.9998
    quantity = 0.1 / 100.02

    assert trip.quantity == pytest.approx(quantity)
    assert trip.exit_price == pytest.approx(sold)
    assert trip.pnl == pytest.approx(quantity * (sold * 0.9995 - cost))
    assert trip.pnl_fraction == pytest.approx(1.1 * 0.9998 * 0.9995 - 1.0)


def test_levels_are_fractions_of_the_cost_with_its_fee() -> None:
    cost = 100.02 * 1.0005

    assert not run(bars_from(f"100 100 100,100,{cost * 0.95 + 1e-6},100 100"), 0, rules=TradeRules()).round_trips
    assert run(bars_from(f"100 100 100,100,{cost * 0.95 - 1e-6},100 100"), 0, rules=TradeRules()).round_trips


def test_equity_marks_cash_and_holding_at_each_close_and_an_open_position_is_no_round_trip() -> None:
    result = run(bars_from("100 100 100,104,100,104"), 0)

    assert not result.round_trips
    assert result.curve.equity == pytest.approx([1.0, 1.0, 1.004])
    assert result.curve.closed_at.tolist() == [START + H4, START + 2 * H4, START + 3 * H4]


def test_the_curve_ends_with_the_sum_of_all_round_trips() -> None:
    bars = random_bars(9, 600)
    result = run(bars, *range(0, 590, 7), rules=TradeRules(), stop=600.0, target=900.0, sells=(597,))

    assert len(result.round_trips) > 20
    assert result.curve.equity[-1] - 1.0 == pytest.approx(sum(trip.pnl for trip in result.round_trips))


def test_a_position_is_never_added_to() -> None:
    result = run(bars_from("100 100 101 102 103 120 120"), 0, 1, 2, 3)

    assert (1, START + H4) == (len(result.round_trips), only_trip(result).entered_at)


def test_the_strategys_own_sell_fills_at_the_next_open() -> None:
    assert outcome(run(bars_from("100 100 102 103 104"), 0, sells=(2,))) == (ExitReason.NONE, 103.0, 3)


FAKE_OUT = BarExits(fake_out_fraction=0.02, fake_out_bars=3)


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        ("100 100,100,98,98.01 97 97", (ExitReason.FAKE_OUT, 97.0, 3)),
        ("100 100,100,98,98 97 97", (ExitReason.FAKE_OUT, 97.0, 2)),
        ("100 100 100 98 97 97", (ExitReason.FAKE_OUT, 97.0, 4)),
        ("100 100 100 100 98 97 97", None),
    ],
)
def test_a_breakout_that_falls_back_within_its_first_bars_is_sold_at_the_next_open(
    notation: str, expected: tuple[ExitReason, float, int] | None
) -> None:
    result = run(bars_from(notation), 0, exits=FAKE_OUT)

    assert expected == (outcome(result) if result.round_trips else None)


@pytest.mark.parametrize(("close", "is_sold"), [(101.99, True), (102.0, False), (102.01, False)])
def test_a_position_that_gained_too_little_in_its_bars_is_sold(close: float, is_sold: bool) -> None:
    exits = BarExits(time_out_bars=3, time_out_fraction=0.02)

    result = run(bars_from(f"100 100 100 {close} 103 103"), 0, exits=exits)

    assert is_sold == bool(result.round_trips)
    if is_sold:
        assert outcome(result) == (ExitReason.TIME_OUT, 103.0, 4)


@pytest.mark.parametrize(("missing", "sold_in"), [(0, 4), (1, 3), (2, 3)])
def test_time_runs_on_while_bars_are_missing(missing: int, sold_in: int) -> None:
    bars = bars_from("100 100 100 100 100 100")
    gap = np.where(np.arange(len(bars)) > 2, missing * H4, 0)

    result = run(replace(bars, opened_at=bars.opened_at + gap), 0, exits=BarExits(time_out_bars=3, time_out_fraction=0.02))

    trip = only_trip(result)
    assert (ExitReason.TIME_OUT, sold_in - 1) == (trip.reason, trip.bars_held)


@pytest.mark.parametrize(
    ("adx", "is_sold"),
    [([30.0, 30.0, 19.9], True), ([30.0, 30.0, 20.0], False), ([24.0, 24.0, 19.3], False), ([np.nan] * 3, False)],
)
def test_a_trend_that_weakened_is_left_at_the_next_open(adx: list[float], is_sold: bool) -> None:
    exits = BarExits(trend_ratio=0.8, trend_floor=20.0)

    result = run(bars_from("100 100 101 102 103"), 0, exits=exits, trend=np.array([*adx, 25.0, 25.0]))

    assert is_sold == bool(result.round_trips)
    if is_sold:
        assert outcome(result) == (ExitReason.TREND_WEAKENING, 102.0, 3)


def test_what_the_close_decided_is_sold_at_the_open_even_beyond_the_stop() -> None:
    assert outcome(run(bars_from("100 100,100,98,98 90,91,89,90"), 0, exits=FAKE_OUT)) == (ExitReason.FAKE_OUT, 90.0, 2)


def ranging(notation: str) -> Bars:
    """Put sixteen bars with a true range of 2 before the given ones, so that the ATR is 2 at the last of them."""
    return bars_from("100,101,99,100 " * 16 + notation)


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        # The highest price is 105 once the bar is over: from then on 4 below it is the stop.
        ("100,105,100,105 105,105,101.01,102 102", None),
        ("100,105,100,105 105,105,101,102 102", (ExitReason.TRAILING_STOP, 101.0, 17)),
        ("100,105,100,105 100.5,101,100,100 100", (ExitReason.TRAILING_STOP, 100.5, 17)),
        # The trail begins at the entry's price, and where it is the tighter one it stops.
        ("100,100,94,94 94", (ExitReason.TRAILING_STOP, 96.0, 16)),
    ],
)
def test_a_trailing_stop_follows_the_highest_price_by_a_multiple_of_the_average_true_range(
    notation: str, expected: tuple[ExitReason, float, int] | None
) -> None:
    result = run(ranging(notation), 15, rules=replace(FREE, trailing_atr=2.0, target_fraction=0.5))

    assert expected == (outcome(result) if result.round_trips else None)


def test_risks_own_distances_are_multiples_of_the_average_true_range() -> None:
    bars = ranging("100,100,97,100 100")

    higher = ranging("100,104,100,100")

    assert not run(bars, 15, rules=replace(FREE, stop_atr=1.51)).round_trips
    assert outcome(run(bars, 15, rules=replace(FREE, stop_atr=1.5))) == (ExitReason.STOP_LOSS, 97.0, 16)
    assert outcome(run(higher, 15, rules=replace(FREE, target_atr=2.0))) == (ExitReason.TAKE_PROFIT, 104.0, 16)


STAGED = replace(FREE, stage_fraction=0.05)


@pytest.mark.parametrize(
    ("notation", "expected"),
    [
        # Half at 105, the rest at the stop, at the target in the same bar, at the target from an open between.
        ("100 100 100,105,100,105 105,105,90,90", (ExitReason.STOP_LOSS, 100.0, 3)),
        ("100 100 100,120,100,115", (ExitReason.TAKE_PROFIT, 107.5, 2)),
        ("100 100 106,110.01,106,106", (ExitReason.TAKE_PROFIT, 108.0, 2)),
        # From an open beyond the target all goes there; an untouched stage leaves all to the stop.
        ("100 100 111,111,111,111", (ExitReason.TAKE_PROFIT, 111.0, 2)),
        ("100 100 100,104.99,95,95", (ExitReason.STOP_LOSS, 95.0, 2)),
    ],
)
def test_staged_profit_sells_half_first(notation: str, expected: tuple[ExitReason, float, int]) -> None:
    assert expected == outcome(run(bars_from(notation), 0, rules=STAGED))


def test_a_half_sold_position_is_marked_with_its_proceeds() -> None:
    result = run(bars_from("100 100 100,105,100,100"), 0, rules=STAGED)

    assert not result.round_trips
    assert result.curve.equity[-1] == pytest.approx(1.0 + 0.1 * 0.5 * 0.05)


def test_entries_keep_their_distance_in_time() -> None:
    hour = 3600
    bars = bars_from("100 100,100,95,95 100 100 100 100,100,95,95 100", seconds=hour)

    result = run(bars, 0, 2, 3, 4)

    assert [START + hour, START + 5 * hour] == [trip.entered_at for trip in result.round_trips]


def test_only_so_many_entries_a_seoul_day() -> None:
    # From 09:00 in Seoul: four-hourly bars open at 9, 13, 17, 21 and then, the next day, at 1.
    bars = bars_from("100,100,95,100 " * 7)

    result = run(bars, 0, 1, 2, 3, 4, rules=replace(FREE, entries_per_day=2))

    assert [START + n * H4 for n in (1, 2, 4, 5)] == [trip.entered_at for trip in result.round_trips]


def test_the_mask_keeps_entries_out_and_touches_nothing_else() -> None:
    bars = bars_from("100,100,95,100 " * 6)
    mask = np.array([True, False, True, True, True, True])

    result = replay(bars, signals_at(bars, 0, 1, 2), NO_BAR_EXITS, FREE, mask)

    assert [START + H4, START + 3 * H4] == [trip.entered_at for trip in result.round_trips]


def test_no_bars_trade_nothing() -> None:
    result = run(bars_from(""))

    assert ((), 0) == (result.round_trips, len(result.curve.equity))
