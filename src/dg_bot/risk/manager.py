"""The risk manager: which sides are allowed, which exits are due, and the approval without which no order is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from dg_bot.domain.calendar import HOUR, seoul_day_start
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.market import Market
from dg_bot.domain.money import QUANTITY_STEP, ZERO, floor_to, product
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest
from dg_bot.domain.portfolio import Portfolio, Position
from dg_bot.errors import InvariantViolated
from dg_bot.risk.exit_rules import ExitReason, fake_out_exit, price_exit, time_out_exit
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.loss_breaker import Trip, pnl_fraction, tripped
from dg_bot.risk.state import RiskState
from dg_bot.strategies.base import BarExits

ORDERS_THIS_HOUR = "orders_this_hour"
_HOUR = timedelta(hours=1)
_SEAL = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskApproved:
    """An order that has passed risk. Only `RiskManager.approve` can make one."""

    request: OrderRequest
    identifier: str
    seal: object

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise InvariantViolated("R11", f"{self.identifier} was approved by something that is not the risk manager")


@dataclass(frozen=True, slots=True)
class RiskRefused:
    """The gate at the point of sending that an order did not pass."""

    gate: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What the account's surroundings say about new risk at this moment."""

    clock_skew_s: float
    has_unresolved_intent: bool
    unexplained: Mapping[str, Decimal]
    booked_equity_krw: Decimal


class RiskManager:
    """Rules over values; it holds limits and the list of markets, no state."""

    def __init__(self, *, limits: RiskLimits, markets: tuple[Market, ...]) -> None:
        self._limits = limits
        self._markets = frozenset(markets)

    @property
    def limits(self) -> RiskLimits:
        return self._limits

    def loss_trip(self, state: RiskState, equity_krw: Decimal) -> Trip | None:
        """Tell whether the loss of the day or of the week has reached its limit."""
        daily, weekly = self.pnl_fractions(state, equity_krw)
        return tripped(daily_pnl=daily, weekly_pnl=weekly, limits=self._limits)

    def pnl_fractions(self, state: RiskState, equity_krw: Decimal) -> tuple[Decimal, Decimal]:
        """Give the day's and the week's gain as fractions of their opening equity."""
        capital = self._limits.capital_krw
        return pnl_fraction(state.day, equity_krw, capital), pnl_fraction(state.week, equity_krw, capital)

    def entry_gates(
        self, *, state: RiskState, portfolio: Portfolio, market: Market, conditions: Conditions, now: datetime
    ) -> tuple[Gate, ...]:
        """Check everything that can forbid an entry on `market`, dearest reason first.

        Hours since the last entry count from cycle to cycle: an entry is booked some seconds into its hour, and the backtest's
        bars know full hours only.
        """
        limits = self._limits
        daily, weekly = self.pnl_fractions(state, conditions.booked_equity_krw)
        last_entry = state.last_entry_at.get(market)
        waited = None if last_entry is None else HOUR.floor(now) - HOUR.floor(last_entry)
        entries = state.entries_filled_on_day_of(now)
        exposure = self._exposure(state, portfolio)
        is_flat = portfolio.position_on(market) is None
        positions = self._positions(state, portfolio)
        unexplained = ", ".join(f"{currency} {amount:+}" for currency, amount in conditions.unexplained.items())
        return (
            Gate("safe_mode", state.safe_mode.reason if state.safe_mode else "off", "off", state.safe_mode is None),
            Gate("daily_loss", daily, -limits.daily_loss_fraction, -daily < limits.daily_loss_fraction),
            Gate("weekly_loss", weekly, -limits.weekly_loss_fraction, -weekly < limits.weekly_loss_fraction),
            Gate("unresolved_intent", conditions.has_unresolved_intent, False, not conditions.has_unresolved_intent),
            Gate("unexplained_balance", unexplained or "none", "none", not conditions.unexplained),
            Gate(
                "clock_skew_s",
                round(conditions.clock_skew_s, 3),
                limits.max_clock_skew_s,
                abs(conditions.clock_skew_s) <= limits.max_clock_skew_s,
            ),
            Gate("flat", is_flat, True, is_flat),
            Gate(
                "hours_since_entry",
                None if waited is None else waited / _HOUR,
                limits.entry_interval / _HOUR,
                waited is None or waited >= limits.entry_interval,
            ),
            Gate("entries_today", entries, limits.max_entries_per_day, entries < limits.max_entries_per_day),
            Gate("positions", positions, limits.max_positions, positions < limits.max_positions),
            Gate("exposure", round(exposure, 6), limits.max_exposure_fraction, exposure < limits.max_exposure_fraction),
            *self._open_caps(state, now),
        )

    def headroom_krw(self, state: RiskState, portfolio: Portfolio, now: datetime) -> Decimal:
        """Give the largest notional that exposure, the day's cap and one position's cap leave for an entry; never negative."""
        limits = self._limits
        capital = self._capital_krw(portfolio)
        by_exposure = capital * limits.max_exposure_fraction - portfolio.position_value_krw - state.unresolved_entry_krw()
        by_day = limits.max_krw_per_day - state.krw_spent_since(seoul_day_start(now))
        return max(ZERO, min(by_exposure, by_day, capital * limits.max_position_fraction))

    def entry_orders_left(self, state: RiskState, now: datetime) -> int:
        """Give how many entry orders the cap of the hour still takes."""
        return max(0, self._limits.max_orders_per_hour - state.orders_sent_since(now - _HOUR))

    def due_exit(self, position: Position, mark_krw: Decimal) -> ExitReason:
        """Tell which protective level the mark price has reached."""
        levels = position.levels
        return ExitReason(
            price_exit(
                float(mark_krw),
                float(levels.stop_krw),
                float(levels.highest_krw),
                float(levels.trailing_distance_krw or 0),
                float(levels.target_krw),
                float(levels.stage_krw or 0),
            )
        )

    def due_bar_exit(self, position: Position, mark_krw: Decimal, bars_held: int, rules: BarExits) -> ExitReason:
        """Tell whether the strategy's fake-out or time-out rule ends the position at this close of a bar."""
        price, cost = float(mark_krw), float(position.average_cost_krw)
        fake_out = fake_out_exit(price, cost, bars_held, rules.fake_out_fraction, rules.fake_out_bars)
        return ExitReason(fake_out or time_out_exit(price, cost, bars_held, rules.time_out_bars, rules.time_out_fraction))

    def exit_quantity(self, position: Position, reason: ExitReason, mark_krw: Decimal, minimum_notional_krw: Decimal) -> Decimal:
        """Give how much an exit sells: half at the first stage of profit where that half can be sold, else all."""
        if reason is not ExitReason.STAGED_PROFIT:
            return position.quantity
        rest = position.stage_rest
        return rest if product(rest, mark_krw) >= minimum_notional_krw else position.quantity

    def sell_quantity(self, position: Position) -> Decimal:
        """Give how much of a position a SELL decision sells."""
        return floor_to(position.quantity * self._limits.sell_fraction, QUANTITY_STEP)

    def approve(
        self, request: OrderRequest, identifier: str, *, cycle_id: str, state: RiskState, portfolio: Portfolio, now: datetime
    ) -> RiskApproved | RiskRefused:
        """Check the hard limits at the point of sending, from settings and the recorded state alone.

        `portfolio` is the one that the cycle's clearance was given for; what the cycle spent since is counted from the state. A
        sell is held against what the bot owns and no other unresolved sell may still take; it is never stopped by frequency or by
        safe mode. Sending an intent again under its own identifier is not a new order; only what it has grown by is counted.
        """
        match request:
            case MarketSell():
                gates = self._selling_gates(request, identifier, state)
            case MarketBuy():
                gates = self._buying_gates(request, identifier, cycle_id, state, portfolio, now)
            case _:
                assert_never(request)
        failed = first_failure(gates)
        return RiskApproved(request=request, identifier=identifier, seal=_SEAL) if failed is None else RiskRefused(failed)

    def _selling_gates(self, request: MarketSell, identifier: str, state: RiskState) -> tuple[Gate, ...]:
        held = state.positions.get(request.market)
        others = (plan for name, plan in state.open_plans.items() if name != identifier and plan.market == request.market)
        promised = sum((plan.quantity or ZERO for plan in others), ZERO)
        owned = ZERO if held is None else held.quantity - promised
        return (Gate("owned_quantity", request.quantity, owned, request.quantity <= owned),)

    def _buying_gates(
        self, request: MarketBuy, identifier: str, cycle_id: str, state: RiskState, portfolio: Portfolio, now: datetime
    ) -> tuple[Gate, ...]:
        limits = self._limits
        known = state.spends.get(identifier)
        notional = request.notional_krw if known is None else max(ZERO, request.notional_krw - known.krw)
        caps: tuple[Gate, ...] = ()
        if known is None:
            caps = self._caps_with(state, now, notional)
        elif notional > ZERO:
            caps = (self._day_cap(state, now, notional),)
        capital = self._capital_krw(portfolio)
        spent = state.krw_spent_in(cycle_id) + notional
        exposed = portfolio.position_value_krw + state.unresolved_entry_krw(besides=cycle_id) + spent
        max_position, max_exposed = capital * limits.max_position_fraction, capital * limits.max_exposure_fraction
        configured = ", ".join(sorted(map(str, self._markets)))
        return (
            Gate("market_configured", str(request.market), configured, request.market in self._markets),
            Gate("safe_mode", state.safe_mode.reason if state.safe_mode else "off", "off", state.safe_mode is None),
            Gate("position_krw", spent, max_position, spent <= max_position),
            Gate("exposed_krw", exposed, max_exposed, exposed <= max_exposed),
            *caps,
        )

    def _open_caps(self, state: RiskState, now: datetime) -> tuple[Gate, ...]:
        """Tell whether the caps of the hour and of the day have any room left."""
        most, spent = self._limits.max_krw_per_day, state.krw_spent_since(seoul_day_start(now))
        return (self._hour_cap(state, now), Gate("krw_today", spent, most, spent < most))

    def _caps_with(self, state: RiskState, now: datetime, notional_krw: Decimal) -> tuple[Gate, ...]:
        """Tell whether one more order of `notional_krw` stays within the caps; reaching the day's is within it."""
        return self._hour_cap(state, now), self._day_cap(state, now, notional_krw)

    def _hour_cap(self, state: RiskState, now: datetime) -> Gate:
        sent, most = state.orders_sent_since(now - _HOUR), self._limits.max_orders_per_hour
        return Gate(ORDERS_THIS_HOUR, sent, most, sent < most)

    def _day_cap(self, state: RiskState, now: datetime, notional_krw: Decimal) -> Gate:
        spent, most = state.krw_spent_since(seoul_day_start(now)) + notional_krw, self._limits.max_krw_per_day
        return Gate("krw_today", spent, most, spent <= most)

    def _capital_krw(self, portfolio: Portfolio) -> Decimal:
        equity, most = portfolio.equity_krw, self._limits.capital_krw
        return equity if most is None else min(equity, most)

    def _positions(self, state: RiskState, portfolio: Portfolio) -> int:
        pending = {plan.market for plan in state.open_plans.values()}
        return len(pending | {position.market for position in portfolio.open_positions})

    def _exposure(self, state: RiskState, portfolio: Portfolio) -> Decimal:
        capital = self._capital_krw(portfolio)
        return (portfolio.position_value_krw + state.unresolved_entry_krw()) / capital if capital > ZERO else ZERO
