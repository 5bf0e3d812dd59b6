"""A sweep over SMA crossings: columns laid out, the loop compiled, pairs shared out among threads."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from dg_bot.backtesting import sma_sweep_loop as loop
from dg_bot.backtesting.compiled import compiled
from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.replay import steps_of
from dg_bot.backtesting.trade_rules import COUNTED_IN_PARTS, TradeRules
from dg_bot.domain.market import Market
from dg_bot.indicators.bars import Bars, Flags, Floats

_PAIRS_A_TURN = 256
_UNKNOWN = (
    "stop_atr", "target_atr", "trailing_atr", "closing_trail_atr", "stage_fraction", "depth_krw", "impact_fraction",
    "participation_fraction",
)  # fmt: skip


def has_fixed_levels(rules: TradeRules) -> bool:
    """Tell whether the loop knows all that these rules ask for.

    It knows stop and target as fractions, a constant slippage, the fee, the limits on entries; no level in multiples of ATR, no
    trailing stop, no staged profit, no slippage by depth or share of the volume, and no minimum of a capital in won.
    """
    return rules.capital_krw == COUNTED_IN_PARTS and not any(getattr(rules, name) for name in _UNKNOWN)


class SmaSweep:
    """Judges pairs of periods over one set of bars, entering and leaving only where the masks `(n,)` are true.

    Fills lie on the price steps of the market, where one is given.
    """

    def __init__(self, bars: Bars, entry_mask: Flags, exit_mask: Flags, rules: TradeRules, market: Market | None) -> None:
        self._bars = bars
        self._given = {**_columns(bars, entry_mask, exit_mask), **_terms(rules), **_steps(market)}

    def figures(self, pairs: Sequence[tuple[int, int]], start: int, stop: int) -> Floats:
        """Give `(m, loop.FIGURES)` for `m` pairs of short and long periods over the bars from `start` to before `stop`."""
        periods = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        shorts, longs = (np.ascontiguousarray(column) for column in periods.T)
        results = np.empty((len(pairs), loop.FIGURES))
        day_ends = _day_ends(self._bars, start, stop)
        judge = compiled(loop.judge_pairs)

        def judge_part(part: slice) -> None:
            room = _room(len(self._bars), len(day_ends))
            judge(
                shorts=shorts[part], longs=longs[part], pairs=len(shorts[part]), start=start, stop=stop, day_ends=day_ends,
                days=len(day_ends), results=results[part].reshape(-1), **self._given, **room,
            )  # fmt: skip

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(judge_part, (slice(turn, turn + _PAIRS_A_TURN) for turn in range(0, len(pairs), _PAIRS_A_TURN))))
        return results


def _columns(bars: Bars, entry_mask: Flags, exit_mask: Flags) -> dict[str, Any]:
    traded = (bars.volume > 0.0) | (bars.high > bars.low)
    highs, lows = np.where(traded, bars.high, -np.inf), np.where(traded, bars.low, np.inf)
    follows = np.append(np.diff(bars.opened_at) == bars.seconds, False)
    return {
        "opened_at": bars.opened_at,
        "opens": bars.open,
        "highs": highs,
        "lows": lows,
        "closes": bars.close,
        "may_enter": entry_mask & traded & follows & np.append(traded[1:], False),
        "may_leave": exit_mask & traded,
        "next_traded": _next_traded(traded),
        "prefix": _prefix_sums(bars.close),
        "tolerance": _tolerance(bars.close),
        "tops": _blocks(highs, np.maximum),
        "bottoms": _blocks(lows, np.minimum),
        "highest": _blocks(bars.close, np.maximum),
        "lowest": _blocks(bars.close, np.minimum),
    }


def _terms(rules: TradeRules) -> dict[str, Any]:
    names = ("position_fraction", "fee_fraction", "slippage_fraction", "stop_fraction", "target_fraction")
    return {"capital": rules.capital_krw, **{name: getattr(rules, name) for name in (*names, "entry_gap_s", "entries_per_day")}}


def _steps(market: Market | None) -> dict[str, Any]:
    nothing = np.empty(0)
    since, floor, size = (nothing, nothing, nothing) if market is None else steps_of(market)
    return {"steps": len(since), "step_since": since, "step_floor": floor, "step_size": size}


def _room(bars: int, days: int) -> dict[str, Any]:
    above, below = (np.zeros((bars // loop.WORD + 1) * loop.WORD, dtype=np.bool_) for _ in range(2))
    words = {"words_above": above.view(np.int64), "words_below": below.view(np.int64)}
    return {"above": above, "below": below, **words, "levels": np.empty(days + 1)}


def _next_traded(traded: Flags) -> loop.Integers:
    """Give for each bar the first one from it on in which anything was traded, `(n + 1,)`; n where there is none."""
    count = len(traded)
    numbers = np.where(np.append(traded, True), np.arange(count + 1), count)
    return np.minimum.accumulate(numbers[::-1])[::-1].astype(np.int64)


def _prefix_sums(values: Floats) -> Floats:
    """Sum the values before each place, `(n + 1,)`."""
    return np.concatenate([[0.0], np.cumsum(values, dtype=np.longdouble).astype(np.float64)])


def _tolerance(values: Floats) -> float:
    """Give more than rounding can put between two means: of the sums while they are made, and of each sum and mean after that."""
    making = float(np.finfo(np.longdouble).eps) * len(values)
    return (making + 2.0**-49) * float(values.sum())


def _blocks(values: Floats, extreme: np.ufunc) -> Floats:
    """Give the extreme of each block of values; the last block may be short."""
    result: Floats = extreme.reduceat(values, np.arange(0, len(values), loop.BLOCK)) if len(values) else np.empty(0)
    return result


def _day_ends(bars: Bars, start: int, stop: int) -> loop.Integers:
    """Give the number of the bar after the last one of each UTC day; a bar belongs to the day in which it ends."""
    if start >= stop:
        return np.empty(0, np.int64)
    day = (bars.opened_at[start:stop] + bars.seconds - 1) // DAY_S
    first = min(int(bars.opened_at[start]) // DAY_S, int(day[0]))
    return start + np.searchsorted(day, np.arange(first, int(day[-1]) + 1), side="right").astype(np.int64)
