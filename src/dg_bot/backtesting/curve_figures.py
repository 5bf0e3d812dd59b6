"""Passes over an equity curve, bar by bar, in a form that can be compiled."""

from dg_bot.indicators.bars import Floats, Seconds

DAY_S = 86_400


def day_ends(count: int, opening: float, opened_at: int, closed_at: Seconds, equity: Floats, ends: Floats) -> None:
    """Fill `ends` with the opening and the equity at the end of each UTC day from the first on, `(days + 1,)`.

    A bar belongs to the day in which it ends, one that ends at midnight to the day before; a day without bars ends as it began.
    """
    level = opening
    ends[0] = opening
    day = 1
    next_day_at = (min(opened_at, closed_at[0] - 1) // DAY_S + 1) * DAY_S
    for number in range(count):
        while closed_at[number] > next_day_at:
            ends[day] = level
            day += 1
            next_day_at += DAY_S
        level = equity[number]
    ends[day] = level


def deepest_fall(count: int, opening: float, opened_at: int, closed_at: Seconds, equity: Floats, longest: Floats) -> float:
    """Give the deepest fall from a running peak, a fraction; the longest time from peak to peak, in seconds, goes to `longest`.

    A peak that is reached again ends its fall at that bar; a fall that is not made good lasts until the end.
    """
    peak, peak_at, lowest, deepest, longest_s = opening, opened_at, opening, 0.0, 0
    for number in range(count):
        level = equity[number]
        if level >= peak:
            if lowest < peak:
                deepest = max(deepest, 1.0 - lowest / peak)
                longest_s = max(longest_s, closed_at[number] - peak_at)
            peak, peak_at, lowest = level, closed_at[number], level
        elif level < lowest:
            lowest = level
    if lowest < peak:
        deepest = max(deepest, 1.0 - lowest / peak)
        longest_s = max(longest_s, closed_at[count - 1] - peak_at)
    longest[0] = longest_s
    return deepest
