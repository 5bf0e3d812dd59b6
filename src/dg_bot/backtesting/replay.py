"""Replay a strategy's signals over bars, one position at a time: columns in, round trips and equity out."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from dg_bot.backtesting import kernel
from dg_bot.backtesting.compiled import compiled
from dg_bot.backtesting.performance import EquityCurve, Performance, RoundTrip, measured
from dg_bot.backtesting.rolling import average_true_range
from dg_bot.backtesting.trade_rules import COUNTED_IN_PARTS, TradeRules
from dg_bot.domain.calendar import from_epoch, to_epoch
from dg_bot.domain.historic_rules import order_terms
from dg_bot.domain.market import Market, price_steps
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Bars, Flags, Floats, Seconds
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import BarExits, Signals

_ATR_PERIOD = 14
_NO_FLOATS = np.empty(0)
_NO_STEPS = (_NO_FLOATS, _NO_FLOATS, _NO_FLOATS)
_NO_SECONDS = np.empty(0, dtype=np.int64)
_NO_BARS = Bars(
    opened_at=_NO_SECONDS, open=_NO_FLOATS, high=_NO_FLOATS, low=_NO_FLOATS, close=_NO_FLOATS, volume=_NO_FLOATS, seconds=1
)


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay did. A position that is still open is in the curve at the last close, and is no round trip.

    `trips` is what the kernel wrote, `(trips, 8)`; `bars` are those it ran over.
    """

    bars: Bars
    trips: Floats
    curve: EquityCurve

    @cached_property
    def round_trips(self) -> tuple[RoundTrip, ...]:
        opened_at = self.bars.opened_at
        return tuple(_round_trip(trip, opened_at) for trip in self.trips.tolist())

    @property
    def performance(self) -> Performance:
        """The same figures as of `round_trips` and `curve`, without an object for each trip."""
        return measured(self.trips[:, kernel.TRIP_PNL], self.curve)


def replay(
    bars: Bars,
    signals: Signals,
    exits: BarExits,
    rules: TradeRules,
    entry_mask: Flags,
    *,
    market: Market | None = None,
    finer: Bars | None = None,
) -> Replay:
    """Trade `signals` over `bars`, entering only where `entry_mask`, `(n,)`, is true too.

    Fills lie on the price steps that `market` had at the time, where one is given; with a capital in won, what is below its
    minimum is not ordered. `finer` bars, where given, decide inside a bar which of its levels came first; where they are absent,
    the stop did.
    """
    count = len(bars)
    equity, trips = np.empty(count), np.empty(count * kernel.TRIP_SIZE)
    inside = _NO_BARS if finer is None else finer
    steps = _NO_STEPS if market is None else steps_of(market)
    minimum = 0.0 if market is None or not count else _minimum(rules, int(bars.opened_at[0]))
    made = compiled(kernel.trade)(
        count=count,
        seconds=bars.seconds,
        opened_at=bars.opened_at,
        open_=bars.open,
        high=bars.high,
        low=bars.low,
        close=bars.close,
        volume=bars.volume,
        entry=signals.entry & entry_mask,
        leave=signals.exit,
        stop_distance=signals.stop_distance,
        target_distance=signals.target_distance,
        atr=_average_true_range(bars, rules),
        adx=signals.trend_strength,
        row=np.array(_terms(exits, rules, minimum), dtype=np.float64),
        steps=len(steps[0]),
        step_since=steps[0],
        step_floor=steps[1],
        step_size=steps[2],
        finer_count=len(inside),
        finer_first=_first_of_each(inside, bars) if len(inside) else _NO_SECONDS,
        finer_open=inside.open,
        finer_high=inside.high,
        finer_low=inside.low,
        state=_flat(rules),
        equity=equity,
        trips=trips,
    )
    curve = EquityCurve(
        opening=rules.capital_krw,
        opened_at=int(bars.opened_at[0]) if count else 0,
        closed_at=bars.opened_at + bars.seconds,
        equity=equity,
    )
    return Replay(bars=bars, trips=trips[: made * kernel.TRIP_SIZE].reshape(-1, kernel.TRIP_SIZE), curve=curve)


@cache
def steps_of(market: Market) -> tuple[Floats, Floats, Floats]:
    """Give the moments (epoch seconds), lowest prices and sizes of the steps, columns of one length."""
    rows = [(to_epoch(step.since), float(step.floor_krw), float(step.size_krw)) for step in price_steps(market)]
    since, floor, size = np.array(rows, dtype=np.float64).T.copy()
    return since, floor, size


def _average_true_range(bars: Bars, rules: TradeRules) -> Floats:
    """Give Wilder's average, NaN in its warm-up; where no rule asks for it, a column that nothing is written to."""
    result = np.empty(len(bars))
    if rules.stop_atr or rules.target_atr or rules.trailing_atr or rules.closing_trail_atr:
        compiled(average_true_range)(
            count=len(bars), high=bars.high, low=bars.low, close=bars.close, period=_ATR_PERIOD, result=result
        )
    return result


def _first_of_each(finer: Bars, bars: Bars) -> Seconds:
    """Number for each bar the first finer one that does not open before it, `(n + 1,)`; raises DataError for longer ones."""
    if bars.seconds % finer.seconds or finer.seconds >= bars.seconds:
        raise DataError("finer bars", f"bars of {bars.seconds} s are not made of bars of {finer.seconds} s")
    edges = np.append(bars.opened_at, bars.opened_at[-1:] + bars.seconds)
    return np.searchsorted(finer.opened_at, edges).astype(np.int64)


def _minimum(rules: TradeRules, at: int) -> float:
    return 0.0 if rules.capital_krw == COUNTED_IN_PARTS else float(order_terms(from_epoch(at)).minimum_notional_krw)


def _terms(exits: BarExits, rules: TradeRules, minimum: float) -> kernel.Terms:
    return kernel.Terms(
        position_fraction=rules.position_fraction,
        fee_fraction=rules.fee_fraction,
        spread=rules.slippage_fraction,
        depth=rules.depth_krw,
        impact=rules.impact_fraction,
        participation=rules.participation_fraction,
        minimum=minimum,
        stop_fraction=rules.stop_fraction,
        target_fraction=rules.target_fraction,
        stop_atr=rules.stop_atr,
        target_atr=rules.target_atr,
        trailing_atr=rules.trailing_atr,
        closing_trail_atr=rules.closing_trail_atr,
        stage_fraction=rules.stage_fraction,
        entry_gap_s=rules.entry_gap_s,
        entries_per_day=rules.entries_per_day,
        fake_out_fraction=exits.fake_out_fraction,
        fake_out_bars=exits.fake_out_bars,
        time_out_bars=exits.time_out_bars,
        time_out_fraction=exits.time_out_fraction,
        trend_ratio=exits.trend_ratio,
        trend_floor=exits.trend_floor,
    )


def _flat(rules: TradeRules) -> Floats:
    """Give the state before the first bar: all in won, no entry ever."""
    state = np.zeros(kernel.STATE_SIZE)
    state[kernel.CASH] = rules.capital_krw
    state[kernel.PENDING_EXIT] = kernel.NOTHING
    state[kernel.LAST_ENTRY_AT] = -np.inf
    state[kernel.ENTRY_DAY] = -1.0
    return state


def _round_trip(trip: list[float], opened_at: Seconds) -> RoundTrip:
    first, last, entry_price, exit_price, quantity, pnl, pnl_fraction, reason = trip
    return RoundTrip(
        entered_at=int(opened_at[int(first)]),
        exited_at=int(opened_at[int(last)]),
        entry_price=entry_price,
        exit_price=exit_price,
        quantity=quantity,
        pnl=pnl,
        pnl_fraction=pnl_fraction,
        bars_held=int(last) - int(first),
        reason=ExitReason(int(reason)),
    )
