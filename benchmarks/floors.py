"""The least that the workloads take: W1 to W3 as one fused loop each for numba, and W1 in plain numpy; nothing of the product.

They check nothing, keep no trades, and know no rule but their own: what the product takes beyond them is the price of being one.
"""

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar, cast

import numba
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from dg_bot.indicators.bars import Bars, Floats, Seconds

F = TypeVar("F", bound=Callable[..., object])


def _compile(function: F) -> F:
    return cast(F, numba.njit(cache=True, error_model="numpy", nogil=True)(function))


DAY = 86_400


@_compile
def figures(total: float, days: int, mean: float, square: float, downside: float, deepest: float, gains: float, losses: float,
            winners: int, trips: int) -> tuple[float, ...]:  # fmt: skip
    """Give return, Sharpe, Sortino, Calmar, drawdown, win rate, profit factor and trades."""
    average = mean / days
    deviation = math.sqrt((square - days * average * average) / (days - 1))
    growth = total ** (365.0 / days) - 1.0
    return (
        total - 1.0, average / deviation * math.sqrt(365.0), average / math.sqrt(downside / days) * math.sqrt(365.0),
        growth / deepest, deepest, winners / max(trips, 1), gains / losses, float(trips),
    )  # fmt: skip


@_compile
def breakout(opened_at: Seconds, open_: Floats, high: Floats, low: Floats, close: Floats, volume: Floats) -> tuple[float, ...]:
    """Run W1 in one pass: rolling sums, the rank only where it is needed, trades and figures as they come."""
    count = len(close)
    widths = np.empty(count)
    traded = total = squares = pivot = 0.0
    average, kept = 0.0, 13.0 / 14.0
    cash, quantity, entry, highest, trail, spent = 1.0, 0.0, 0.0, 0.0, -1.0, 0.0
    is_wanted = False
    peak = before = 1.0
    deepest = mean = square = downside = gains = losses = 0.0
    winners = trips = days = 0
    next_day = (opened_at[0] // DAY + 1) * DAY
    equity = 1.0
    for t in range(count):
        if opened_at[t] >= next_day:
            change = equity / before - 1.0
            mean += change
            square += change * change
            downside += min(change, 0.0) ** 2
            before = equity
            days += 1
            next_day += DAY
        if is_wanted:
            entry = open_[t] * 1.0002
            spent = cash
            quantity = cash / (entry * 1.0005)
            cash, highest, trail, is_wanted = 0.0, 0.0, -1.0, False
        if quantity > 0.0:
            stop, target = max(entry * 0.95, trail), entry * 1.10
            price = 0.0
            if open_[t] <= stop or open_[t] >= target:
                price = open_[t]
            elif low[t] <= stop:
                price = stop
            elif high[t] >= target:
                price = target
            if price > 0.0:
                cash = quantity * price * 0.9998 * 0.9995
                quantity = 0.0
                trips += 1
                if cash > spent:
                    gains += cash - spent
                    winners += 1
                else:
                    losses += spent - cash
        if t > 0:
            reach = max(high[t], close[t - 1]) - min(low[t], close[t - 1])
            average = average * kept + reach / 14.0 if t > 14 else average + reach / 14.0
        equity = cash + quantity * close[t]
        peak = max(peak, equity)
        deepest = max(deepest, 1.0 - equity / peak)
        if quantity > 0.0:
            highest = max(highest, high[t])
            trail = highest - 3.0 * average
        if t % 64 == 0:
            pivot, traded, total, squares = close[t], 0.0, 0.0, 0.0
            for near in range(max(t - 19, 0), t + 1):
                move = close[near] - pivot
                traded += volume[near]
                total += move
                squares += move * move
        else:
            added = close[t] - pivot
            traded += volume[t]
            total += added
            squares += added * added
            if t >= 20:
                removed = close[t - 20] - pivot
                traded -= volume[t - 20]
                total -= removed
                squares -= removed * removed
        middle = pivot + total / 20.0
        widths[t] = (squares - total * total / 20.0) / (middle * middle)
        if quantity == 0.0 and t >= 139 and volume[t] > 1.5 * traded / 20.0:
            is_above = True
            for back in range(1, 21):
                if high[t - back] >= close[t]:
                    is_above = False
                    break
            if is_above:
                under = 0
                for near in range(t - 120, t):
                    under += widths[near] < widths[t - 1]
                is_wanted = under < 60
    change = equity / before - 1.0
    mean += change
    square += change * change
    downside += min(change, 0.0) ** 2
    return figures(equity, days + 1, mean, square, downside, deepest, gains, losses, winners, trips)


@_compile
def crossover(opened_at: Seconds, open_: Floats, close: Floats) -> tuple[float, ...]:
    """Run W2 in one pass."""
    count = len(close)
    short = long = 0.0
    cash, quantity, spent = 1.0, 0.0, 0.0
    wanted, side = 0, 0
    peak = before = 1.0
    deepest = mean = square = downside = gains = losses = 0.0
    winners = trips = days = 0
    next_day = (opened_at[0] // DAY + 1) * DAY
    equity = 1.0
    for t in range(count):
        if opened_at[t] >= next_day:
            change = equity / before - 1.0
            mean += change
            square += change * change
            downside += min(change, 0.0) ** 2
            before = equity
            days += 1
            next_day += DAY
        if wanted > 0:
            spent = cash
            quantity = cash / (open_[t] * 1.0005)
            cash = 0.0
        elif wanted < 0:
            cash = quantity * open_[t] * 0.9995
            quantity = 0.0
            trips += 1
            if cash > spent:
                gains += cash - spent
                winners += 1
            else:
                losses += spent - cash
        wanted = 0
        equity = cash + quantity * close[t]
        peak = max(peak, equity)
        deepest = max(deepest, 1.0 - equity / peak)
        short += close[t]
        long += close[t]
        if t >= 9:
            short -= close[t - 9]
        if t >= 21:
            long -= close[t - 21]
        if t >= 20:
            now = 1 if short / 9.0 > long / 21.0 else -1
            if side < 0 < now and quantity == 0.0:
                wanted = 1
            elif side > 0 > now and quantity > 0.0:
                wanted = -1
            side = now
    change = equity / before - 1.0
    mean += change
    square += change * change
    downside += min(change, 0.0) ** 2
    return figures(equity, days + 1, mean, square, downside, deepest, gains, losses, winners, trips)


def breakout_in_numpy(bars: Bars) -> float:
    """Give W1's total return with arrays for the indicators and a Python loop over the trades only."""
    open_, high, low, close, volume = bars.open, bars.high, bars.low, bars.close, bars.volume
    windows = sliding_window_view(close, 20)
    widths = np.full(len(close), np.nan)
    widths[19:] = windows.std(axis=1) / windows.mean(axis=1)
    usual = np.full(len(close), np.inf)
    usual[19:] = sliding_window_view(volume, 20).mean(axis=1)
    channel = np.full(len(close), np.inf)
    channel[20:] = sliding_window_view(high, 20).max(axis=1)[:-1]
    wanted = np.flatnonzero((volume > 1.5 * usual) & (close > channel))
    wanted = wanted[wanted >= 139]
    ranks = (sliding_window_view(widths, 120)[wanted - 120] < widths[wanted - 1, None]).sum(axis=1)
    entries = wanted[ranks < 60]
    average = _wilder(np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1]))
    cash, free_from = 1.0, 0
    equity = np.ones(len(close))
    for signal in entries:
        bought = signal + 1
        if signal < free_from or bought == len(close):
            continue
        entry = open_[bought] * 1.0002
        end = bought + 64
        while True:
            part = slice(bought, end)
            trail = np.maximum.accumulate(high[part]) - 3.0 * average[part]
            stops = np.maximum(entry * 0.95, np.concatenate([[-1.0], trail[:-1]]))
            over = np.flatnonzero((low[part] <= stops) | (high[part] >= entry * 1.10))
            if len(over) or end >= len(close):
                break
            end += 2 * (end - bought)
        quantity = cash / (entry * 1.0005)
        if not len(over):
            equity[bought:] = quantity * close[bought:]
            break
        place = int(over[0])
        sold, stop = bought + place, stops[place]
        price = open_[sold]
        if stop < price < entry * 1.10:
            price = stop if low[sold] <= stop else entry * 1.10
        equity[bought:sold] = quantity * close[bought:sold]
        cash = quantity * price * 0.9998 * 0.9995
        equity[sold:] = cash
        free_from = sold
    days = equity[np.flatnonzero(np.diff(bars.opened_at // DAY, append=-1))]
    daily = np.diff(days, prepend=1.0) / np.concatenate([[1.0], days[:-1]])
    _ = daily.mean() / daily.std(ddof=1), daily.mean() / np.sqrt(np.square(np.minimum(daily, 0.0)).mean())
    _ = (1.0 - equity / np.maximum.accumulate(equity)).max()
    return float(equity[-1] - 1.0)


def _wilder(spans: Floats) -> Floats:
    """Smooth by a truncated convolution: plain numpy has no recursion, and weights of 13/14 vanish after 600 bars."""
    weights = np.power(13.0 / 14.0, np.arange(600)) / 14.0
    smooth = np.convolve(spans, weights)[: len(spans)]
    return np.concatenate([[spans[0]], smooth])


def sweep(bars: Bars, pairs: Sequence[tuple[int, int]]) -> Floats:
    """Run W3 as the plain loop over all bars for each pair, pairs shared out among threads."""
    periods = np.array(pairs, dtype=np.int64)
    results = np.empty((len(pairs), 4))
    parts = np.array_split(np.arange(len(pairs)), os.cpu_count() or 1)
    with ThreadPoolExecutor(len(parts)) as threads:
        calls = [
            threads.submit(_crossings, bars.opened_at, bars.open, bars.close, periods[part[0] : part[-1] + 1],
                           results[part[0] : part[-1] + 1]) for part in parts
        ]  # fmt: skip
    for call in calls:
        call.result()
    return results


@_compile
def _crossings(opened_at: Seconds, open_: Floats, close: Floats, periods: Seconds, results: Floats) -> None:
    count = len(close)
    for pair in range(len(periods)):
        fast, slow = periods[pair]
        short = long = mean = square = deepest = 0.0
        cash, quantity, equity, peak, before = 1.0, 0.0, 1.0, 1.0, 1.0
        wanted, side, trips, days = 0, 0, 0, 0
        next_day = (opened_at[0] // DAY + 1) * DAY
        for t in range(count):
            if opened_at[t] >= next_day:
                change = equity / before - 1.0
                mean += change
                square += change * change
                before = equity
                days += 1
                next_day += DAY
            if wanted > 0:
                quantity = cash / (open_[t] * 1.0005)
                cash = 0.0
            elif wanted < 0:
                cash = quantity * open_[t] * 0.9995
                quantity = 0.0
                trips += 1
            wanted = 0
            equity = cash + quantity * close[t]
            peak = max(peak, equity)
            deepest = max(deepest, 1.0 - equity / peak)
            short += close[t] - (close[t - fast] if t >= fast else 0.0)
            long += close[t] - (close[t - slow] if t >= slow else 0.0)
            if t >= slow - 1:
                now = 1 if short / fast > long / slow else -1
                if side < 0 < now and quantity == 0.0:
                    wanted = 1
                elif now < 0 < side and quantity > 0.0:
                    wanted = -1
                side = now
        change = equity / before - 1.0
        mean, square, days = mean + change, square + change * change, days + 1
        average = mean / days
        deviation = math.sqrt((square - days * average * average) / (days - 1))
        results[pair, 0], results[pair, 1] = trips, equity - 1.0
        results[pair, 2], results[pair, 3] = average / deviation * math.sqrt(365.0), deepest
