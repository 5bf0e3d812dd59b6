"""Replay a strategy's signals over bars, one position at a time: columns in, round trips and equity out."""

from dataclasses import dataclass

import numpy as np

from dg_bot.backtesting import kernel
from dg_bot.backtesting.performance import EquityCurve, RoundTrip
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.indicators.volatility import atr
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.strategies.base import BarExits, Signals


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay did. A position that is still open is in the curve at the last close, and is no round trip."""

    round_trips: tuple[RoundTrip, ...]
    curve: EquityCurve


def replay(bars: Bars, signals: Signals, exits: BarExits, rules: TradeRules, entry_mask: Flags) -> Replay:
    """Trade `signals` over `bars`, entering only where `entry_mask`, `(n,)`, is true too; equity starts at 1.0."""
    equity = [0.0] * len(bars)
    trips = np.empty((len(bars) // 2 + 1, kernel.TRIP_SIZE))
    # Lists: scalar access to numpy arrays is several times slower.
    rows = _rows(bars, signals, rules, entry_mask).tolist()
    count = kernel.trade(rows, _terms(exits, rules), _flat(), equity, trips)
    opened_at = bars.opened_at.tolist()
    curve = EquityCurve(
        opening=1.0,
        opened_at=opened_at[0] if opened_at else 0,
        closed_at=[second + bars.seconds for second in opened_at],
        equity=equity,
    )
    return Replay(round_trips=tuple(_round_trip(trip, opened_at) for trip in trips[:count].tolist()), curve=curve)


def _rows(bars: Bars, signals: Signals, rules: TradeRules, entry_mask: Flags) -> Floats:
    """Lay everything that is known of each bar side by side, `(n, BAR_SIZE)`, in the kernel's order."""
    ranges = np.nan_to_num(atr(bars.high, bars.low, bars.close))
    return np.column_stack(
        [
            bars.opened_at,
            bars.open,
            bars.high,
            bars.low,
            bars.close,
            signals.entry & entry_mask,
            signals.exit,
            signals.trend_strength,
            _tighter(signals.stop_distance, rules.stop_atr * ranges),
            _tighter(signals.target_distance, rules.target_atr * ranges),
            rules.trailing_atr * ranges,
        ]
    )


def _terms(exits: BarExits, rules: TradeRules) -> kernel.Terms:
    return kernel.Terms(
        position_fraction=rules.position_fraction,
        fee_fraction=rules.fee_fraction,
        slippage_fraction=rules.slippage_fraction,
        stop_fraction=rules.stop_fraction,
        target_fraction=rules.target_fraction,
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


def _flat() -> list[float]:
    """Give the state before the first bar: all in won, no entry ever."""
    state = [0.0] * kernel.STATE_SIZE
    state[kernel.CASH] = 1.0
    state[kernel.PENDING_EXIT] = kernel.NOTHING
    state[kernel.LAST_ENTRY_AT] = -np.inf
    state[kernel.ENTRY_DAY] = -1.0
    return state


def _round_trip(trip: list[float], opened_at: list[int]) -> RoundTrip:
    first, last, entry_price, exit_price, quantity, pnl, pnl_fraction, reason = trip
    return RoundTrip(
        entered_at=opened_at[int(first)],
        exited_at=opened_at[int(last)],
        entry_price=entry_price,
        exit_price=exit_price,
        quantity=quantity,
        pnl=pnl,
        pnl_fraction=pnl_fraction,
        bars_held=int(last) - int(first),
        reason=ExitReason(int(reason)),
    )


def _tighter(first: Floats, second: Floats) -> Floats:
    """Give the smaller of two distances where both are set; zero means not set."""
    return np.where(first <= 0.0, second, np.where(second <= 0.0, first, np.minimum(first, second)))
