"""The loop of a sweep over SMA crossings, pair by pair, in a form that can be compiled: columns of numbers, no objects.

It does what `kernel` does with the signals of `sma_cross` where no level moves with ATR, and gives the same numbers. What makes
it fast: means come from one prefix sum, bars between crossings are skipped eight at a time, levels and drawdowns are looked up by
blocks of bars. What it holds does not grow with the number of pairs. Columns are handed on one by one and a pair is judged in one
piece, since a sweep takes a twentieth longer where named tuples carry them, as in `kernel`.
"""

import math

from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.fill_model import price_down, price_up
from dg_bot.backtesting.kernel import Grid, price_step
from dg_bot.backtesting.performance import DAYS_PER_YEAR
from dg_bot.domain.calendar import SEOUL_AHEAD_S
from dg_bot.indicators.bars import Flags, Floats, Seconds
from dg_bot.risk.exit_rules import stop_price, target_price

BLOCK = 32
# How the short mean stands to the long one.
BELOW, EQUAL, ABOVE = -1, 0, 1
# Eight flags that are all set, read as one number.
WORD = 8
ALL_SET = 0x0101010101010101

# What is told of a pair: round trips, total return, Sharpe, deepest drawdown.
FIGURES = 4

Integers = Seconds


def judge_pairs(
    shorts: Integers, longs: Integers, pairs: int,
    opened_at: Seconds, opens: Floats, highs: Floats, lows: Floats, closes: Floats,
    may_enter: Flags, may_leave: Flags, next_traded: Integers,
    prefix: Floats, tolerance: float, tops: Floats, bottoms: Floats, highest: Floats, lowest: Floats,
    start: int, stop: int, day_ends: Integers, days: int,
    position_fraction: float, fee_fraction: float, slippage_fraction: float, stop_fraction: float, target_fraction: float,
    entry_gap_s: int, entries_per_day: int, capital: float,
    steps: int, step_since: Floats, step_floor: Floats, step_size: Floats,
    above: Flags, below: Flags, words_above: Integers, words_below: Integers, levels: Floats, results: Floats,
) -> None:  # fmt: skip
    """Trade each pair of periods over the bars from `start` to before `stop`, and fill `results` `(pairs * FIGURES,)`.

    `may_enter` tells where an entry would be decided and filled, `may_leave` where an exit would be decided. `next_traded`
    `(n + 1,)` is the first bar from each on in which anything was traded; highs and lows of the others lie where no level reaches
    them. `prefix` `(n + 1,)` sums the closes; means closer than `tolerance` are summed anew as the indicator sums them. `tops`,
    `bottoms`, `highest` and `lowest` are the extremes of each `BLOCK` bars: of highs, lows, and closes. `day_ends` `(days,)` is
    for each day the number of the bar after its last. Steps are those of `kernel.Grid`.
    Room to work in: `above` and `below` `(n + 8,)` and the same memory as words, and `levels` `(days + 1,)`.
    """
    grid = Grid(steps, step_since, step_floor, step_size)
    for pair in range(pairs):
        short, long = shorts[pair], longs[pair]
        first = max(start - 1, long - 1)
        compare_means(prefix, tolerance, first, stop, short, long, above, below)
        cash, quantity, floor, target, bought = capital, 0.0, 0.0, 0.0, 0
        last_entry_at, entry_day, entries_today = -math.inf, -1, 0
        peak, deepest, day, trips = capital, 0.0, 0, 0
        levels[0] = capital
        bar = first
        stands = standing(closes, short, long, bar, above, below) if bar < stop else EQUAL
        while bar < stop:
            bar = next_change(closes, short, long, bar + 1, stop, stands, above, below, words_above, words_below)
            stands = standing(closes, short, long, bar, above, below) if bar < stop else EQUAL
            if quantity > 0.0:
                sold, price = exit_fill(
                    opens, highs, lows, tops, bottoms, may_leave, next_traded, bought, bar, stop, floor, target, stands
                )  # fmt: skip
                if price > 0.0 or bar >= stop:
                    day = fill_days(closes, day_ends, days, start, levels, day, sold, cash, quantity)
                    peak, deepest = deepen(closes, highest, lowest, bought, sold, cash, quantity, peak, deepest)
                if price > 0.0:
                    price *= 1.0 - slippage_fraction
                    price = price_down(price, price_step(price, opened_at[sold], grid))
                    cash += quantity * price * (1.0 - fee_fraction)
                    quantity = 0.0
                    trips += 1
                    peak = max(peak, cash)
                    deepest = max(deepest, 1.0 - cash / peak)
            if quantity == 0.0 and stands == ABOVE and bar + 1 < stop and may_enter[bar]:
                at = opened_at[bar + 1]
                today = (at + SEOUL_AHEAD_S) // DAY_S
                if at - last_entry_at >= entry_gap_s and (today != entry_day or entries_today < entries_per_day):
                    bought = bar + 1
                    entries_today = entries_today + 1 if today == entry_day else 1
                    entry_day, last_entry_at = today, float(at)
                    day = fill_days(closes, day_ends, days, start, levels, day, bought, cash, 0.0)
                    price = opens[bought] * (1.0 + slippage_fraction)
                    price = price_up(price, price_step(price, at, grid))
                    cost = price * (1.0 + fee_fraction)
                    quantity = min(position_fraction * cash, cash / (1.0 + fee_fraction)) / price
                    cash -= quantity * cost
                    floor = stop_price(cost, stop_fraction, 0.0)
                    target = target_price(cost, target_fraction, 0.0)
        fill_days(closes, day_ends, days, start, levels, day, stop, cash, 0.0)
        place = pair * FIGURES
        results[place] = trips
        results[place + 1] = (cash + quantity * closes[stop - 1]) / capital - 1.0
        results[place + 2] = sharpe_of(levels, days)
        results[place + 3] = deepest


def compare_means(
    prefix: Floats, tolerance: float, first: int, stop: int, short: int, long: int, above: Flags, below: Flags
) -> None:  # fmt: skip
    """Tell of each bar from `first` on which mean is the higher; of what is too close to tell, neither."""
    by_short, by_long = 1.0 / short, 1.0 / long
    close_calls = 0
    for bar in range(first, stop):
        total = prefix[bar + 1]
        apart = (total - prefix[bar + 1 - short]) * by_short - (total - prefix[bar + 1 - long]) * by_long
        above[bar] = apart > tolerance
        close_calls += abs(apart) <= tolerance
    if close_calls == 0:
        for bar in range(first, stop):
            below[bar] = not above[bar]
        return
    for bar in range(first, stop):
        total = prefix[bar + 1]
        apart = (total - prefix[bar + 1 - short]) * by_short - (total - prefix[bar + 1 - long]) * by_long
        below[bar] = apart < -tolerance


def standing(closes: Floats, short: int, long: int, bar: int, above: Flags, below: Flags) -> int:
    """Give how the means stand at a bar, summing them anew where they were too close to tell."""
    if above[bar]:
        return ABOVE
    if below[bar]:
        return BELOW
    by_short, by_long = mean_at(closes, bar, short), mean_at(closes, bar, long)
    if by_short > by_long:
        above[bar] = True
        return ABOVE
    if by_short < by_long:
        below[bar] = True
        return BELOW
    return EQUAL


def mean_at(closes: Floats, bar: int, period: int) -> float:
    """Average the last closes from the oldest on, as the indicator does."""
    total = float(closes[bar + 1 - period])
    for earlier in range(bar + 2 - period, bar + 1):
        total += closes[earlier]
    return total / period


def next_change(
    closes: Floats, short: int, long: int, bar: int, stop: int, stands: int, above: Flags, below: Flags,
    words_above: Integers, words_below: Integers,
) -> int:  # fmt: skip
    """Give the first bar from `bar` on at which the means do not stand as they stood, `stop` where there is none."""
    while bar < stop:
        if bar % WORD == 0 and stands == ABOVE:
            while bar + WORD <= stop and words_above[bar // WORD] == ALL_SET:
                bar += WORD
        elif bar % WORD == 0 and stands == BELOW:
            while bar + WORD <= stop and words_below[bar // WORD] == ALL_SET:
                bar += WORD
        if bar >= stop or standing(closes, short, long, bar, above, below) != stands:
            return bar
        bar += 1
    return stop


def exit_fill(
    opens: Floats, highs: Floats, lows: Floats, tops: Floats, bottoms: Floats, may_leave: Flags, next_traded: Integers,
    bought: int, bar: int, end: int, floor: float, target: float, stands: int,
) -> tuple[int, float]:  # fmt: skip
    """Give bar and price of the sale that is due up to the crossing at `bar`; `end` and 0.0 where none is."""
    until = min(bar + 1, end)
    reached = first_reached(highs, lows, tops, bottoms, bought, until, floor, target)
    if reached < until:
        if opens[reached] <= floor or opens[reached] >= target:
            return reached, opens[reached]
        return reached, floor if lows[reached] <= floor else target
    if stands == BELOW and bar < end and may_leave[bar] and next_traded[bar + 1] < end:
        return next_traded[bar + 1], opens[next_traded[bar + 1]]
    return end, 0.0


def first_reached(
    highs: Floats, lows: Floats, tops: Floats, bottoms: Floats, bar: int, until: int, floor: float, target: float
) -> int:  # fmt: skip
    """Give the first bar that reaches a level, `until` where none does."""
    while bar < until:
        if bar % BLOCK == 0 and bottoms[bar // BLOCK] > floor and tops[bar // BLOCK] < target:
            bar += BLOCK
        elif lows[bar] <= floor or highs[bar] >= target:
            return bar
        else:
            bar += 1
    return until


def deepen(
    closes: Floats, highest: Floats, lowest: Floats, bar: int, until: int, cash: float, quantity: float, peak: float,
    deepest: float,
) -> tuple[float, float]:  # fmt: skip
    """Carry the peak of equity and its deepest fall over the closes of a position."""
    while bar < until:
        if bar % BLOCK == 0 and bar + BLOCK <= until:
            top = max(peak, cash + quantity * highest[bar // BLOCK])
            fall = 1.0 - (cash + quantity * lowest[bar // BLOCK]) / top
            # Too deep where the block's low came before its high; that matters only where it would be the deepest.
            if top == peak or fall <= deepest:
                peak, deepest = top, max(deepest, fall)
                bar += BLOCK
                continue
        equity = cash + quantity * closes[bar]
        peak = max(peak, equity)
        deepest = max(deepest, 1.0 - equity / peak)
        bar += 1
    return peak, deepest


def fill_days(
    closes: Floats, day_ends: Integers, days: int, start: int, levels: Floats, day: int, until: int, cash: float,
    quantity: float,
) -> int:  # fmt: skip
    """Write the equity at the end of each day from `day` on whose last bar lies before `until`, and give the next day."""
    while day < days and day_ends[day] <= until:
        last = day_ends[day] - 1
        levels[day + 1] = cash + quantity * closes[last] if last >= start else levels[0]
        day += 1
    return day


def sharpe_of(levels: Floats, days: int) -> float:
    """Measure as `performance.sharpe` does, from the equity at each day's end, the opening one before them.

    The levels make room for the returns.
    """
    if days < 2:
        return 0.0
    mean, before = 0.0, levels[0]
    for day in range(days):
        level = levels[day + 1]
        levels[day + 1] = level / before - 1.0
        mean += levels[day + 1]
        before = level
    mean /= days
    squares = 0.0
    for day in range(days):
        squares += (levels[day + 1] - mean) ** 2
    deviation = math.sqrt(squares / (days - 1))
    return mean / deviation * math.sqrt(DAYS_PER_YEAR) if deviation > 0.0 else 0.0
