"""The loop of a backtest, bar by bar, in a form that can be compiled: columns and rows of numbers, no objects.

Order of events: what was decided at the last close fills at this open; then risk's levels are held against the open, the low and
the high, in that order, so that a bar that reaches both stop and target counts as stopped; then the close decides. A level
reached at the open fills there, one reached later fills at the level; every fill pays slippage and fee. Where finer bars are
known, the levels are held against those, one after the other.

A gap stays a gap. An entry fills at the open of the very next bar or lapses, an exit waits for the next bar there is. Nothing is
filled or decided in a bar in which nothing was traded: no volume, and one price.

What changes during a run is a row of `STATE_SIZE` numbers, the terms of the run one of `TERMS_SIZE`.
"""

from typing import NamedTuple

from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.fill_model import price_down, price_up, slippage
from dg_bot.domain.calendar import SEOUL_AHEAD_S
from dg_bot.indicators.bars import Flags, Floats, Seconds
from dg_bot.risk.exit_rules import ExitReason, fake_out_exit, price_exit, stop_price, target_price, time_out_exit, trend_exit

NOTHING = -1

# Of the run, then of the position; HELD_SINCE is the number of the bar in which it was bought, PEAK the highest high since then.
STATE_SIZE = 20
(
    CASH, PENDING_ENTRY, PENDING_EXIT, LAST_ENTRY_AT, ENTRY_DAY, ENTRIES_TODAY, TRIPS,
    QUANTITY, BOUGHT, HELD_SINCE, ENTRY_PRICE, COST, STOP, TARGET, STAGE, TRAIL, HIGHEST, PEAK, ADX_AT_ENTRY, PROCEEDS,
) = range(STATE_SIZE)  # fmt: skip

# Of a round trip: the numbers of its first and last bar, average prices, quantity, gain, gain over what was spent, exit reason.
TRIP_SIZE = 8
TRIP_PNL = 5


class Terms(NamedTuple):
    """Costs, size, levels, frequency and bar exits of one run, as in `TradeRules` and `BarExits`; KRW as floats."""

    position_fraction: float
    fee_fraction: float
    spread: float
    depth: float
    impact: float
    participation: float
    minimum: float
    stop_fraction: float
    target_fraction: float
    stop_atr: float
    target_atr: float
    trailing_atr: float
    closing_trail_atr: float
    stage_fraction: float
    entry_gap_s: float
    entries_per_day: float
    fake_out_fraction: float
    fake_out_bars: float
    time_out_bars: float
    time_out_fraction: float
    trend_ratio: float
    trend_floor: float


TERMS_SIZE = len(Terms._fields)


class Columns(NamedTuple):
    """The bars of a run, columns `(length,)`; `seconds` is the length of a bar."""

    length: int
    seconds: int
    opened_at: Seconds
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats


class Opinions(NamedTuple):
    """What the closes say, columns `(n,)`: buy, sell, distances in KRW (0.0: not set), average true range, ADX."""

    entry: Flags
    leave: Flags
    stop_distance: Floats
    target_distance: Floats
    atr: Floats
    adx: Floats


class Grid(NamedTuple):
    """The venue's price steps, `(length,)`: each holds from a second and from a price on, the newest and highest first."""

    length: int
    since: Floats
    floor: Floats
    size: Floats


class Finer(NamedTuple):
    """Finer bars: those of bar i are numbered from `first[i]` to `first[i + 1]`, without the last; a length of 0 is none."""

    length: int
    first: Seconds
    open: Floats
    high: Floats
    low: Floats


def trade(
    count: int, seconds: int, opened_at: Seconds, open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats,
    entry: Flags, leave: Flags, stop_distance: Floats, target_distance: Floats, atr: Floats, adx: Floats, row: Floats,
    steps: int, step_since: Floats, step_floor: Floats, step_size: Floats,
    finer_count: int, finer_first: Seconds, finer_open: Floats, finer_high: Floats, finer_low: Floats,
    state: Floats, equity: Floats, trips: Floats,
) -> int:  # fmt: skip
    """Run over all bars from `state`, fill `equity` `(count,)` and `trips` with `TRIP_SIZE` numbers for each, and count those.

    The arguments are those of `Columns`, `Opinions`, `Grid` and `Finer`, since compiled code is called with numbers and columns.
    """
    bars = Columns(count, seconds, opened_at, open_, high, low, close, volume)
    opinions = Opinions(entry, leave, stop_distance, target_distance, atr, adx)
    grid = Grid(steps, step_since, step_floor, step_size)
    finer = Finer(finer_count, finer_first, finer_open, finer_high, finer_low)
    terms = terms_of(row)
    number = 0
    while number < count:
        if state[QUANTITY] > 0.0:
            number = stay_in(number, bars, opinions, terms, finer, state, equity)
        elif state[PENDING_ENTRY] == 0.0:
            number = stay_out(number, bars, entry, state, equity)
        if number < count:
            run_bar(number, bars, opinions, terms, grid, finer, state, trips)
            equity[number] = state[CASH] + state[QUANTITY] * close[number]
            number += 1
    return int(state[TRIPS])


def terms_of(row: Floats) -> Terms:
    """Name the numbers of a row, in the order of the fields."""
    return Terms(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9], row[10],
        row[11], row[12], row[13], row[14], row[15], row[16], row[17], row[18], row[19], row[20], row[21],
    )  # fmt: skip


def stay_out(number: int, bars: Columns, entry: Flags, state: Floats, equity: Floats) -> int:
    """Pass over the bars without a position, up to the one whose close says buy; give the number of the bar after it."""
    cash = state[CASH]
    while number < bars.length:
        equity[number] = cash
        number += 1
        if entry[number - 1] != 0 and is_traded(number - 1, bars):
            state[PENDING_ENTRY] = 1.0
            break
    return number


def stay_in(number: int, bars: Columns, opinions: Opinions, terms: Terms, finer: Finer, state: Floats, equity: Floats) -> int:
    """Pass over the bars in which a position reaches no level and no close ends it; give the number of the first that may.

    Such a bar is left as it was found: this is `run_bar` without its events, and keeps what changes out of the state meanwhile.
    """
    if state[PENDING_EXIT] != NOTHING or finer.length > 0:
        return number
    cash, quantity, stop = state[CASH], state[QUANTITY], state[STOP]
    ceiling = min(state[STAGE], state[TARGET]) if state[STAGE] > 0.0 else state[TARGET]
    highest, peak, trail, bought = state[HIGHEST], state[PEAK], state[TRAIL], int(state[HELD_SINCE])
    follows = terms.closing_trail_atr == 0.0
    while number < bars.length:
        opening, high, low, close = bars.open[number], bars.high[number], bars.low[number], bars.close[number]
        reached = max(highest, opening) if follows else highest
        floor = max(stop, reached - trail) if trail > 0.0 else stop
        if low <= floor or high >= ceiling or not is_traded(number, bars) or opinions.leave[number] != 0:
            break
        if exit_due(number, bars, opinions.adx[number], terms, state, bought) != ExitReason.NONE:
            break
        peak = max(peak, high)
        if follows:
            highest = max(reached, high)
        else:
            highest = peak
            trail = terms.closing_trail_atr * opinions.atr[number]
        equity[number] = cash + quantity * close
        number += 1
    state[HIGHEST], state[PEAK], state[TRAIL] = highest, peak, trail
    return number


def is_traded(number: int, bars: Columns) -> bool:
    """Tell whether anything was traded in a bar."""
    return bool(bars.volume[number] > 0.0 or bars.high[number] > bars.low[number])


def run_bar(
    number: int, bars: Columns, opinions: Opinions, terms: Terms, grid: Grid, finer: Finer, state: Floats, trips: Floats
) -> None:
    """Fill at the open, hold the levels against what came after it, and let the close decide."""
    if not is_traded(number, bars):
        state[PENDING_ENTRY] = 0.0
        return
    fill_at_open(number, bars, opinions, terms, grid, state, trips)
    if state[QUANTITY] > 0.0:
        if finer.length > 0 and finer.first[number] < finer.first[number + 1]:
            for part in range(finer.first[number], finer.first[number + 1]):
                if state[QUANTITY] > 0.0:
                    span = (finer.open[part], finer.high[part], finer.low[part])
                    hold_levels_against(number, span, bars, terms, grid, state, trips)
        else:
            span = (bars.open[number], bars.high[number], bars.low[number])
            hold_levels_against(number, span, bars, terms, grid, state, trips)
    decide_at_close(number, bars, opinions, terms, state)


def fill_at_open(number: int, bars: Columns, opinions: Opinions, terms: Terms, grid: Grid, state: Floats, trips: Floats) -> None:
    """Fill what the last close decided."""
    if state[PENDING_EXIT] != NOTHING:
        sell(number, bars.open[number], int(state[PENDING_EXIT]), bars, terms, grid, state, trips)
        state[PENDING_EXIT] = NOTHING
    elif state[PENDING_ENTRY] != 0.0:
        is_next = bars.opened_at[number] - bars.opened_at[number - 1] == bars.seconds
        if is_next and may_enter(terms, state, bars.opened_at[number]):
            buy(number, bars, opinions, terms, grid, state)
        state[PENDING_ENTRY] = 0.0


def hold_levels_against(
    number: int,
    span: tuple[float, float, float],
    bars: Columns,
    terms: Terms,
    grid: Grid,
    state: Floats,
    trips: Floats,
) -> None:
    """Sell what reached a level at the open, on the way down, or on the way up; `span` is open, high and low."""
    opening, high, low = span
    at_price(number, opening, bars, terms, grid, state, trips)
    if state[QUANTITY] == 0.0:
        return
    follow(opening, terms, state)
    floor = state[STOP]
    if state[TRAIL] > 0.0:
        floor = max(floor, state[HIGHEST] - state[TRAIL])
    if low <= floor:
        at_price(number, floor, bars, terms, grid, state, trips)
        return
    if state[STAGE] > 0.0 and high >= state[STAGE]:
        at_price(number, state[STAGE], bars, terms, grid, state, trips)
    if high >= state[TARGET]:
        at_price(number, state[TARGET], bars, terms, grid, state, trips)
    follow(high, terms, state)


def follow(price: float, terms: Terms, state: Floats) -> None:
    """Let a trailing stop follow a price at once, unless it moves at closes only."""
    if terms.closing_trail_atr == 0.0:
        state[HIGHEST] = max(state[HIGHEST], price)


def at_price(number: int, price: float, bars: Columns, terms: Terms, grid: Grid, state: Floats, trips: Floats) -> None:
    """Ask the exit rules about one price of a bar, and sell there what they say."""
    reason = price_exit(price, state[STOP], state[HIGHEST], state[TRAIL], state[TARGET], state[STAGE])
    if reason == ExitReason.STAGED_PROFIT:
        state[STAGE] = 0.0
        if state[QUANTITY] / 2.0 * price >= terms.minimum:
            release(number, state[QUANTITY] / 2.0, price, bars, terms, grid, state)
    elif reason != ExitReason.NONE:
        sell(number, price, reason.value, bars, terms, grid, state, trips)


def decide_at_close(number: int, bars: Columns, opinions: Opinions, terms: Terms, state: Floats) -> None:
    """Decide what fills at the next open: a bar exit or the strategy's own, or an entry."""
    if state[QUANTITY] == 0.0:
        state[PENDING_ENTRY] = float(opinions.entry[number])
        return
    state[PEAK] = max(state[PEAK], bars.high[number])
    if terms.closing_trail_atr > 0.0:
        state[HIGHEST] = state[PEAK]
        state[TRAIL] = terms.closing_trail_atr * opinions.atr[number]
    reason = exit_due(number, bars, opinions.adx[number], terms, state, int(state[HELD_SINCE]))
    if reason != ExitReason.NONE or opinions.leave[number] != 0:
        state[PENDING_EXIT] = reason.value


def exit_due(number: int, bars: Columns, adx: float, terms: Terms, state: Floats, bought: int) -> ExitReason:
    """Ask at this close, and at those of missing bars after it: time runs on while nothing trades, and the price stands."""
    price = bars.close[number]
    held = int((bars.opened_at[number] - bars.opened_at[bought]) // bars.seconds) + 1
    reason = bar_exit(price, adx, terms, state, held)
    if reason == ExitReason.NONE and number + 1 < bars.length:
        missing = int((bars.opened_at[number + 1] - bars.opened_at[number]) // bars.seconds) - 1
        if missing > 0:
            reason = time_out_exit(price, state[COST], held + missing, int(terms.time_out_bars), terms.time_out_fraction)
    return reason


def bar_exit(price: float, adx: float, terms: Terms, state: Floats, bars_held: int) -> ExitReason:
    """Ask the rules that look at closes only, in their order of precedence."""
    reason = fake_out_exit(price, state[COST], bars_held, terms.fake_out_fraction, int(terms.fake_out_bars))
    if reason == ExitReason.NONE:
        reason = time_out_exit(price, state[COST], bars_held, int(terms.time_out_bars), terms.time_out_fraction)
    if reason == ExitReason.NONE:
        reason = trend_exit(adx, state[ADX_AT_ENTRY], terms.trend_ratio, terms.trend_floor)
    return reason


def may_enter(terms: Terms, state: Floats, at: int) -> bool:
    """Hold an entry against the frequency limits; the day is that of Seoul."""
    if at - state[LAST_ENTRY_AT] < terms.entry_gap_s:
        return False
    return bool((at + SEOUL_AHEAD_S) // DAY_S != state[ENTRY_DAY] or state[ENTRIES_TODAY] < terms.entries_per_day)


def buy(number: int, bars: Columns, opinions: Opinions, terms: Terms, grid: Grid, state: Floats) -> None:
    """Buy at this open on the levels of the bar before, at whose close it was decided."""
    before = number - 1
    spent = entry_notional(bars.volume[before] * bars.close[before], terms, state)
    if spent < terms.minimum or spent <= 0.0:
        return
    at = bars.opened_at[number]
    day = (at + SEOUL_AHEAD_S) // DAY_S
    state[ENTRIES_TODAY] = state[ENTRIES_TODAY] + 1.0 if day == state[ENTRY_DAY] else 1.0
    state[ENTRY_DAY] = day
    state[LAST_ENTRY_AT] = at
    traded = bars.volume[number] * bars.close[number]
    loss = slippage(spent, traded, terms.spread, terms.depth, terms.impact)
    price = bars.open[number] * (1.0 + loss)
    price = price_up(price, price_step(price, at, grid))
    cost = price * (1.0 + terms.fee_fraction)
    quantity = spent / price
    target = target_price(
        cost, terms.target_fraction, tighter(opinions.target_distance[before], terms.target_atr, opinions.atr[before])
    )
    stage = cost * (1.0 + terms.stage_fraction)
    state[CASH] -= quantity * cost
    state[QUANTITY] = quantity
    state[BOUGHT] = quantity
    state[HELD_SINCE] = number
    state[ENTRY_PRICE] = price
    state[HIGHEST] = price
    state[PEAK] = 0.0
    state[COST] = cost
    state[STOP] = stop_price(
        cost, terms.stop_fraction, tighter(opinions.stop_distance[before], terms.stop_atr, opinions.atr[before])
    )
    state[TARGET] = target
    state[STAGE] = stage if terms.stage_fraction > 0.0 and stage < target else 0.0
    state[TRAIL] = terms.trailing_atr * opinions.atr[before] if terms.trailing_atr > 0.0 else 0.0
    state[ADX_AT_ENTRY] = opinions.adx[before]
    state[PROCEEDS] = 0.0


def entry_notional(traded_before: float, terms: Terms, state: Floats) -> float:
    """Give what is spent on an entry before fees: a part of equity, of what was traded last, and what cash and fee allow."""
    wanted = terms.position_fraction * float(state[CASH])
    if terms.participation > 0.0:
        wanted = min(wanted, terms.participation * traded_before)
    return min(wanted, float(state[CASH]) / (1.0 + terms.fee_fraction))


def tighter(distance: float, multiple: float, atr: float) -> float:
    """Give the smaller of the strategy's distance and a multiple of the average true range where both are set; 0.0 is not set."""
    by_range = multiple * atr if multiple > 0.0 and atr > 0.0 else 0.0
    if distance <= 0.0:
        return by_range
    return min(distance, by_range) if by_range > 0.0 else distance


def price_step(price: float, at: int, grid: Grid) -> float:
    """Look the venue's price step up; 0.0 where no grid is given."""
    for row in range(grid.length):
        if grid.since[row] <= at and grid.floor[row] <= price:
            return float(grid.size[row])
    return 0.0


def sell(number: int, price: float, reason: int, bars: Columns, terms: Terms, grid: Grid, state: Floats, trips: Floats) -> None:
    """Sell all that is left and write the round trip down."""
    release(number, state[QUANTITY], price, bars, terms, grid, state)
    spent = state[BOUGHT] * state[COST]
    trip = int(state[TRIPS]) * TRIP_SIZE
    trips[trip] = state[HELD_SINCE]
    trips[trip + 1] = number
    trips[trip + 2] = state[ENTRY_PRICE]
    trips[trip + 3] = state[PROCEEDS] / state[BOUGHT] / (1.0 - terms.fee_fraction)
    trips[trip + 4] = state[BOUGHT]
    trips[trip + TRIP_PNL] = state[PROCEEDS] - spent
    trips[trip + 6] = state[PROCEEDS] / spent - 1.0
    trips[trip + 7] = reason
    state[TRIPS] += 1.0
    state[QUANTITY] = 0.0


def release(number: int, quantity: float, price: float, bars: Columns, terms: Terms, grid: Grid, state: Floats) -> None:
    """Sell a part at a price, costs paid."""
    traded = bars.volume[number] * bars.close[number]
    loss = slippage(quantity * price, traded, terms.spread, terms.depth, terms.impact)
    fill = price * (1.0 - loss)
    fill = price_down(fill, price_step(fill, bars.opened_at[number], grid))
    proceeds = quantity * fill * (1.0 - terms.fee_fraction)
    state[QUANTITY] -= quantity
    state[PROCEEDS] += proceeds
    state[CASH] += proceeds
