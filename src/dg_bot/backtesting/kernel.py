"""The loop of a backtest, bar by bar, in a form that can be compiled: rows of numbers, no objects.

Order of events: what was decided at the last close fills at this open; then risk's levels are held against the open, the low and
the high, in that order, so that a bar that reaches both stop and target counts as stopped; then the close decides. A level
reached at the open fills there, one reached later fills at the level; every fill pays slippage and fee.

A bar is a row of `BAR_SIZE` numbers, what changes during a run a row of `STATE_SIZE`, both addressed by the names below. The
functions run over lists, and could be compiled as they stand to run over arrays.
"""

from collections.abc import MutableSequence, Sequence
from typing import NamedTuple

from dg_bot.backtesting.performance import DAY_S
from dg_bot.indicators.bars import Floats
from dg_bot.risk.exit_rules import ExitReason, fake_out_exit, price_exit, stop_price, target_price, time_out_exit, trend_exit

SEOUL_OFFSET_S = 9 * 3600
NOTHING = -1

# Of a bar: its start in epoch seconds, its prices, 1.0 where its close says buy or sell, its ADX, and distances in KRW from the
# close with 0.0 for "not set".
BAR_SIZE = 11
OPENED_AT, OPEN, HIGH, LOW, CLOSE, ENTRY, LEAVE, ADX, STOP_DISTANCE, TARGET_DISTANCE, TRAIL_DISTANCE = range(BAR_SIZE)

# Of the run, then of the position; HELD_SINCE is the number of the bar in which it was bought.
STATE_SIZE = 19
(
    CASH, PENDING_ENTRY, PENDING_EXIT, LAST_ENTRY_AT, ENTRY_DAY, ENTRIES_TODAY, TRIPS,
    QUANTITY, BOUGHT, HELD_SINCE, ENTRY_PRICE, COST, STOP, TARGET, STAGE, TRAIL, HIGHEST, ADX_AT_ENTRY, PROCEEDS,
) = range(STATE_SIZE)  # fmt: skip

# Of a round trip: the numbers of its first and last bar, average prices, quantity, gain, gain over what was spent, exit reason.
TRIP_SIZE = 8

Row = Sequence[float]
State = MutableSequence[float]


class Terms(NamedTuple):
    """Costs, size, levels, frequency and bar exits of one run, as in `TradeRules` and `BarExits`."""

    position_fraction: float
    fee_fraction: float
    slippage_fraction: float
    stop_fraction: float
    target_fraction: float
    stage_fraction: float
    entry_gap_s: int
    entries_per_day: int
    fake_out_fraction: float
    fake_out_bars: int
    time_out_bars: int
    time_out_fraction: float
    trend_ratio: float
    trend_floor: float


def trade(bars: Sequence[Row], terms: Terms, state: State, equity: State, trips: Floats) -> int:
    """Run over all bars from `state`, fill `equity` `(n,)` and `trips` `(n // 2 + 1, 8)`, and give the number of round trips."""
    for number in range(len(bars)):
        bar = bars[number]
        fill_at_open(bars, terms, state, trips, number)
        if state[QUANTITY] > 0.0:
            hold_levels_against(bar, terms, state, trips, number)
        equity[number] = state[CASH] + state[QUANTITY] * bar[CLOSE]
        decide_at_close(bar, terms, state, number)
    return int(state[TRIPS])


def fill_at_open(bars: Sequence[Row], terms: Terms, state: State, trips: Floats, number: int) -> None:
    """Fill what the last close decided."""
    if state[PENDING_EXIT] != NOTHING:
        if state[QUANTITY] > 0.0:
            sell(terms, state, trips, number, bars[number][OPEN], int(state[PENDING_EXIT]))
        state[PENDING_EXIT] = NOTHING
    elif state[PENDING_ENTRY] != 0.0:
        if may_enter(terms, state, bars[number][OPENED_AT]):
            buy(bars[number], bars[number - 1], terms, state, number)
        state[PENDING_ENTRY] = 0.0


def hold_levels_against(bar: Row, terms: Terms, state: State, trips: Floats, number: int) -> None:
    """Sell what reached a level at the open, on the way down, or on the way up."""
    at_price(terms, state, trips, number, bar[OPEN])
    if state[QUANTITY] == 0.0:
        return
    state[HIGHEST] = max(state[HIGHEST], bar[OPEN])
    floor = state[STOP]
    if state[TRAIL] > 0.0:
        floor = max(floor, state[HIGHEST] - state[TRAIL])
    if bar[LOW] <= floor:
        at_price(terms, state, trips, number, floor)
        return
    if state[STAGE] > 0.0 and bar[HIGH] >= state[STAGE]:
        at_price(terms, state, trips, number, state[STAGE])
    if bar[HIGH] >= state[TARGET]:
        at_price(terms, state, trips, number, state[TARGET])
    state[HIGHEST] = max(state[HIGHEST], bar[HIGH])


def at_price(terms: Terms, state: State, trips: Floats, number: int, price: float) -> None:
    """Ask the exit rules about one price of a bar, and sell there what they say."""
    reason = price_exit(price, state[STOP], state[HIGHEST], state[TRAIL], state[TARGET], state[STAGE])
    if reason == ExitReason.STAGED_PROFIT:
        state[STAGE] = 0.0
        release(terms, state, state[QUANTITY] / 2.0, price)
    elif reason != ExitReason.NONE:
        sell(terms, state, trips, number, price, reason.value)


def decide_at_close(bar: Row, terms: Terms, state: State, number: int) -> None:
    """Decide what fills at the next open: a bar exit or the strategy's own, or an entry."""
    if state[QUANTITY] == 0.0:
        state[PENDING_ENTRY] = bar[ENTRY]
        return
    reason = bar_exit(bar, terms, state, number - int(state[HELD_SINCE]) + 1)
    if reason != ExitReason.NONE or bar[LEAVE] != 0.0:
        state[PENDING_EXIT] = reason.value


def bar_exit(bar: Row, terms: Terms, state: State, bars_held: int) -> ExitReason:
    """Ask the rules that look at closes only, in their order of precedence."""
    reason = fake_out_exit(bar[CLOSE], state[COST], bars_held, terms.fake_out_fraction, terms.fake_out_bars)
    if reason == ExitReason.NONE:
        reason = time_out_exit(bar[CLOSE], state[COST], bars_held, terms.time_out_bars, terms.time_out_fraction)
    if reason == ExitReason.NONE:
        reason = trend_exit(bar[ADX], state[ADX_AT_ENTRY], terms.trend_ratio, terms.trend_floor)
    return reason


def may_enter(terms: Terms, state: State, at: float) -> bool:
    """Hold an entry against the frequency limits; the day is that of Seoul."""
    if at - state[LAST_ENTRY_AT] < terms.entry_gap_s:
        return False
    return (at + SEOUL_OFFSET_S) // DAY_S != state[ENTRY_DAY] or state[ENTRIES_TODAY] < terms.entries_per_day


def buy(bar: Row, before: Row, terms: Terms, state: State, number: int) -> None:
    """Buy at this open on the levels of the bar before, at whose close it was decided."""
    day = (bar[OPENED_AT] + SEOUL_OFFSET_S) // DAY_S
    state[ENTRIES_TODAY] = state[ENTRIES_TODAY] + 1.0 if day == state[ENTRY_DAY] else 1.0
    state[ENTRY_DAY] = day
    state[LAST_ENTRY_AT] = bar[OPENED_AT]
    price = bar[OPEN] * (1.0 + terms.slippage_fraction)
    cost = price * (1.0 + terms.fee_fraction)
    quantity = terms.position_fraction * state[CASH] / price
    target = target_price(cost, terms.target_fraction, before[TARGET_DISTANCE])
    stage = cost * (1.0 + terms.stage_fraction)
    state[CASH] -= quantity * cost
    state[QUANTITY] = quantity
    state[BOUGHT] = quantity
    state[HELD_SINCE] = number
    state[ENTRY_PRICE] = price
    state[HIGHEST] = price
    state[COST] = cost
    state[STOP] = stop_price(cost, terms.stop_fraction, before[STOP_DISTANCE])
    state[TARGET] = target
    state[STAGE] = stage if terms.stage_fraction > 0.0 and stage < target else 0.0
    state[TRAIL] = before[TRAIL_DISTANCE]
    state[ADX_AT_ENTRY] = before[ADX]
    state[PROCEEDS] = 0.0


def sell(terms: Terms, state: State, trips: Floats, number: int, price: float, reason: int) -> None:
    """Sell all that is left and write the round trip down."""
    release(terms, state, state[QUANTITY], price)
    spent = state[BOUGHT] * state[COST]
    trip = int(state[TRIPS])
    trips[trip, 0] = state[HELD_SINCE]
    trips[trip, 1] = number
    trips[trip, 2] = state[ENTRY_PRICE]
    trips[trip, 3] = state[PROCEEDS] / state[BOUGHT] / (1.0 - terms.fee_fraction)
    trips[trip, 4] = state[BOUGHT]
    trips[trip, 5] = state[PROCEEDS] - spent
    trips[trip, 6] = state[PROCEEDS] / spent - 1.0
    trips[trip, 7] = reason
    state[TRIPS] += 1.0
    state[QUANTITY] = 0.0


def release(terms: Terms, state: State, quantity: float, price: float) -> None:
    """Sell a part at a price, costs paid."""
    proceeds = quantity * price * (1.0 - terms.slippage_fraction) * (1.0 - terms.fee_fraction)
    state[QUANTITY] -= quantity
    state[PROCEEDS] += proceeds
    state[CASH] += proceeds
