"""Replay a strategy's signals over bars, one position at a time: the plain loop behind the screen.

Order of events, bar by bar: what was decided at the last close fills at this open; then risk's levels are held against the open,
the low and the high, in that order, so that a bar that reaches both stop and target counts as stopped; then the close decides.
A level reached at the open fills there, one reached later fills at the level; every fill pays slippage and fee.
"""

from dataclasses import dataclass

import numpy as np

from dg_bot.backtesting.performance import DAY_S, EquityCurve, RoundTrip
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.indicators.bars import Bars, Flags, Floats
from dg_bot.indicators.volatility import atr
from dg_bot.risk.exit_rules import ExitReason, fake_out_exit, price_exit, stop_price, target_price, time_out_exit, trend_exit
from dg_bot.strategies.base import BarExits, Signals

SEOUL_OFFSET_S = 9 * 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """What a replay did. A position that is still open is in the curve at the last close, and is no round trip."""

    round_trips: tuple[RoundTrip, ...]
    curve: EquityCurve


def replay(bars: Bars, signals: Signals, exits: BarExits, rules: TradeRules, entry_mask: Flags) -> Replay:
    """Trade `signals` over `bars`, entering only where `entry_mask`, `(n,)`, is true too; equity starts at 1.0."""
    run = _Run(bars, signals, exits, rules, entry_mask)
    closes = bars.close.tolist()
    equity = []
    for bar, close in enumerate(closes):
        run.fill_at_open(bar)
        run.hold_levels_against(bar)
        equity.append(run.equity(close))
        run.decide_at_close(bar)
    opened_at = bars.opened_at.tolist()
    curve = EquityCurve(
        opening=1.0,
        opened_at=opened_at[0] if opened_at else 0,
        closed_at=[second + bars.seconds for second in opened_at],
        equity=equity,
    )
    return Replay(round_trips=tuple(run.round_trips), curve=curve)


@dataclass(slots=True, kw_only=True)
class _Holding:
    """The open position; `cost` is per unit with the entry's fee, `stage` is 0.0 once it was taken."""

    entered_at: int
    entry_price: float
    cost: float
    bought: float
    quantity: float
    stop: float
    target: float
    stage: float
    trailing: float
    highest: float
    trend_strength: float
    proceeds: float = 0.0
    bars_held: int = 0


class _Run:
    """The changing state of one replay, over columns as lists: scalar access to numpy arrays is ten times slower."""

    def __init__(self, bars: Bars, signals: Signals, exits: BarExits, rules: TradeRules, entry_mask: Flags) -> None:
        self.round_trips: list[RoundTrip] = []
        self._exits = exits
        self._rules = rules
        self._opened_at: list[int] = bars.opened_at.tolist()
        self._open: list[float] = bars.open.tolist()
        self._high: list[float] = bars.high.tolist()
        self._low: list[float] = bars.low.tolist()
        self._close: list[float] = bars.close.tolist()
        self._entry: list[bool] = (signals.entry & entry_mask).tolist()
        self._exit: list[bool] = signals.exit.tolist()
        self._trend: list[float] = signals.trend_strength.tolist()
        ranges = np.nan_to_num(atr(bars.high, bars.low, bars.close))
        self._stop_distance: list[float] = _tighter(signals.stop_distance, rules.stop_atr * ranges).tolist()
        self._target_distance: list[float] = _tighter(signals.target_distance, rules.target_atr * ranges).tolist()
        self._trailing: list[float] = (rules.trailing_atr * ranges).tolist()
        self._cash = 1.0
        self._holding: _Holding | None = None
        self._pending_exit: ExitReason | None = None
        self._pending_entry = False
        self._last_entry_at: int | None = None
        self._entry_day = -1
        self._entries_today = 0

    def equity(self, price: float) -> float:
        """Give cash and holding at `price`."""
        return self._cash if self._holding is None else self._cash + self._holding.quantity * price

    def fill_at_open(self, bar: int) -> None:
        """Fill what the last close decided."""
        if self._pending_exit is not None and self._holding is not None:
            self._sell(bar, self._open[bar], self._pending_exit)
        elif self._pending_entry and self._may_enter(self._opened_at[bar]):
            self._buy(bar)
        self._pending_exit = None
        self._pending_entry = False

    def hold_levels_against(self, bar: int) -> None:
        """Sell what reached a level at the open, on the way down, or on the way up."""
        self._at_price(bar, self._open[bar])
        held = self._holding
        if held is None:
            return
        held.highest = max(held.highest, self._open[bar])
        floor = max(held.stop, held.highest - held.trailing) if held.trailing > 0.0 else held.stop
        if self._low[bar] <= floor:
            self._at_price(bar, floor)
            return
        high = self._high[bar]
        if held.stage > 0.0 and high >= held.stage:
            self._at_price(bar, held.stage)
        if high >= held.target:
            self._at_price(bar, held.target)
        held.highest = max(held.highest, high)

    def decide_at_close(self, bar: int) -> None:
        """Decide what fills at the next open: a bar exit or the strategy's own, or an entry."""
        held = self._holding
        if held is None:
            self._pending_entry = self._entry[bar]
            return
        held.bars_held += 1
        reason = self._bar_exit(held, bar)
        if reason != ExitReason.NONE or self._exit[bar]:
            self._pending_exit = ExitReason(reason)

    def _bar_exit(self, held: _Holding, bar: int) -> int:
        close, exits = self._close[bar], self._exits
        return (
            fake_out_exit(close, held.cost, held.bars_held, exits.fake_out_fraction, exits.fake_out_bars)
            or time_out_exit(close, held.cost, held.bars_held, exits.time_out_bars, exits.time_out_fraction)
            or trend_exit(self._trend[bar], held.trend_strength, exits.trend_ratio, exits.trend_floor)
        )

    def _at_price(self, bar: int, price: float) -> None:
        """Ask the exit rules about one price of the bar, and sell there what they say."""
        held = self._holding
        if held is None:
            return
        reason = price_exit(price, held.stop, held.highest, held.trailing, held.target, held.stage)
        if reason == ExitReason.STAGED_PROFIT:
            held.stage = 0.0
            self._release(held, held.quantity / 2.0, price)
        elif reason != ExitReason.NONE:
            self._sell(bar, price, ExitReason(reason))

    def _may_enter(self, at: int) -> bool:
        if self._last_entry_at is not None and at - self._last_entry_at < self._rules.entry_gap_s:
            return False
        return (at + SEOUL_OFFSET_S) // DAY_S != self._entry_day or self._entries_today < self._rules.entries_per_day

    def _buy(self, bar: int) -> None:
        rules, at = self._rules, self._opened_at[bar]
        day = (at + SEOUL_OFFSET_S) // DAY_S
        self._entries_today = self._entries_today + 1 if day == self._entry_day else 1
        self._entry_day, self._last_entry_at = day, at
        price = self._open[bar] * (1.0 + rules.slippage_fraction)
        cost = price * (1.0 + rules.fee_fraction)
        quantity = rules.position_fraction * self._cash / price
        self._cash -= quantity * cost
        target = target_price(cost, rules.target_fraction, self._target_distance[bar - 1])
        stage = cost * (1.0 + rules.stage_fraction)
        self._holding = _Holding(
            entered_at=at,
            entry_price=price,
            cost=cost,
            bought=quantity,
            quantity=quantity,
            stop=stop_price(cost, rules.stop_fraction, self._stop_distance[bar - 1]),
            target=target,
            stage=stage if rules.stage_fraction > 0.0 and stage < target else 0.0,
            trailing=self._trailing[bar - 1],
            highest=price,
            trend_strength=self._trend[bar - 1],
        )

    def _sell(self, bar: int, price: float, reason: ExitReason) -> None:
        held = self._holding
        if held is None:
            return
        self._release(held, held.quantity, price)
        self._holding = None
        spent = held.bought * held.cost
        self.round_trips.append(
            RoundTrip(
                entered_at=held.entered_at,
                exited_at=self._opened_at[bar],
                entry_price=held.entry_price,
                exit_price=held.proceeds / held.bought / (1.0 - self._rules.fee_fraction),
                quantity=held.bought,
                pnl=held.proceeds - spent,
                pnl_fraction=held.proceeds / spent - 1.0,
                bars_held=held.bars_held,
                reason=reason,
            )
        )

    def _release(self, held: _Holding, quantity: float, price: float) -> None:
        proceeds = quantity * price * (1.0 - self._rules.slippage_fraction) * (1.0 - self._rules.fee_fraction)
        held.quantity -= quantity
        held.proceeds += proceeds
        self._cash += proceeds


def _tighter(first: Floats, second: Floats) -> Floats:
    """Give the smaller of two distances where both are set; zero means not set."""
    return np.where(first <= 0.0, second, np.where(second <= 0.0, first, np.minimum(first, second)))
