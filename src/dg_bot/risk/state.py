"""What risk remembers: a fold over the journal, so that a restart remembers the same."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    CapsuleStored,
    ChallengersHeard,
    Closing,
    CommandEnded,
    CommandTaken,
    CycleCompleted,
    HighestPriceRaised,
    IntentAnswered,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    ModelAnswered,
    ModelAsked,
    NewsJudged,
    NewsSeen,
    Period,
    PeriodOpened,
    PositionAdopted,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    Started,
    Stopped,
    TransferDeclared,
)
from dg_bot.domain.market import MINIMUM_NOTIONAL_KRW, Market
from dg_bot.domain.money import QUANTITY_STEP, ZERO, decimal_from_float, product
from dg_bot.domain.order import ExitCause, Role, Side
from dg_bot.domain.portfolio import Position, ProtectionPlan, ProtectiveLevels
from dg_bot.errors import InvariantViolated
from dg_bot.risk.exit_rules import stop_price, target_price

_REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class SafeMode:
    reason: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """The equity with which a day or a week began; declared transfers move it."""

    start: datetime
    equity_krw: Decimal


@dataclass(frozen=True, slots=True)
class EntrySpend:
    """Won that one entry order may have cost: its notional until it closes, what it executed afterwards."""

    sent_at: datetime
    krw: Decimal
    cycle_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskState:
    """Positions, counters and safe mode after the record `sequence`.

    `opened_balances` are those of the very first start (None before it); `flows` is what the bot's own fills and declared
    transfers have changed since, so that their sum is what the venue must hold. `open_plans` are intents without an end.
    `spends` and `filled_entries` (by cycle id) keep seven days; positions, safe mode and open plans are never dropped.
    """

    sequence: int = 0
    opened_balances: Mapping[str, Decimal] | None = None
    flows: Mapping[str, Decimal] = field(default_factory=dict)
    positions: Mapping[Market, Position] = field(default_factory=dict)
    open_plans: Mapping[str, IntentPlanned] = field(default_factory=dict)
    spends: Mapping[str, EntrySpend] = field(default_factory=dict)
    filled_entries: Mapping[str, datetime] = field(default_factory=dict)
    last_entry_at: Mapping[Market, datetime] = field(default_factory=dict)
    day: Opening | None = None
    week: Opening | None = None
    daily_pnl_fraction: Decimal = ZERO
    weekly_pnl_fraction: Decimal = ZERO
    safe_mode: SafeMode | None = None
    alarms: Mapping[str, datetime] = field(default_factory=dict)

    def entries_filled_on_day_of(self, now: datetime) -> int:
        """Count the filled entries since 00:00 Asia/Seoul."""
        start = seoul_day_start(now)
        return sum(1 for at in self.filled_entries.values() if at >= start)

    def orders_sent_since(self, start: datetime) -> int:
        """Count the entry orders sent since `start`, whatever became of them."""
        return sum(1 for spend in self.spends.values() if spend.sent_at >= start)

    def krw_spent_since(self, start: datetime) -> Decimal:
        """Sum what entries sent since `start` cost, or may still cost."""
        return sum((spend.krw for spend in self.spends.values() if spend.sent_at >= start), ZERO)

    def krw_spent_in(self, cycle_id: str) -> Decimal:
        """Sum what the entry of one cycle cost so far, or may still cost."""
        return sum((spend.krw for spend in self.spends.values() if spend.cycle_id == cycle_id), ZERO)

    def unresolved_entry_krw(self, *, besides: str | None = None) -> Decimal:
        """Sum the notional of entries whose end is not known (the worst case for exposure), without those of cycle `besides`."""
        plans = (plan for plan in self.open_plans.values() if plan.role is Role.ENTRY and plan.cycle_id != besides)
        return sum((plan.notional_krw or ZERO for plan in plans), ZERO)

    def expected_total(self, currency: str) -> Decimal:
        """Give what the venue must hold of `currency`, free and locked, if nobody but the bot acted."""
        opened = self.opened_balances or {}
        return opened.get(currency, ZERO) + self.flows.get(currency, ZERO)


def after(state: RiskState, record: Record) -> RiskState:
    """Fold one record into the state; raises InvariantViolated where the two contradict each other."""
    folded = _folded(state, record)
    return folded if folded.sequence == record.sequence else replace(folded, sequence=record.sequence)


def _folded(state: RiskState, record: Record) -> RiskState:
    event = record.event
    match event:
        case AccountOpened():
            return _account_opened(state, event)
        case IntentPlanned():
            return replace(state, open_plans={**state.open_plans, event.identifier: event})
        case IntentSending():
            return _sent(state, record.at, event)
        case IntentClosed():
            return _closed(state, record.at, event)
        case PeriodOpened():
            return _opened(state, event)
        case HighestPriceRaised():
            return _raised(state, event)
        case SafeModeEntered():
            return replace(state, safe_mode=SafeMode(event.reason, record.at))
        case SafeModeLeft():
            return replace(state, safe_mode=None)
        case TransferDeclared():
            return _transferred(state, event)
        case PositionAdopted():
            return _adopted(state, record.at, event)
        case AlarmRaised():
            return replace(state, alarms={**state.alarms, event.kind: record.at})
        case CycleCompleted():
            return _marked(state, event, record.sequence)
        case Started() | Stopped() | IntentAnswered() | CapsuleStored() | ChallengersHeard():
            return state
        case ModelAsked() | ModelAnswered() | NewsSeen() | NewsJudged():
            return state
        case CommandTaken() | CommandEnded():
            return state
    assert_never(event)


def _account_opened(state: RiskState, event: AccountOpened) -> RiskState:
    if state.opened_balances is not None:
        raise InvariantViolated("I5", "the account's first balances are recorded a second time")
    return replace(state, opened_balances={balance.currency: balance.total for balance in event.balances})


def _sent(state: RiskState, at: datetime, event: IntentSending) -> RiskState:
    plan = state.open_plans.get(event.identifier)
    if plan is None:
        raise InvariantViolated("I2", f"{event.identifier} is sent without having been planned")
    if plan.role is not Role.ENTRY or event.identifier in state.spends:
        return state
    kept = {name: spend for name, spend in state.spends.items() if spend.sent_at > at - _REMEMBERED}
    return replace(state, spends={**kept, event.identifier: EntrySpend(at, plan.notional_krw or ZERO, plan.cycle_id)})


def _closed(state: RiskState, at: datetime, event: IntentClosed) -> RiskState:
    plan = state.open_plans.get(event.identifier)
    if plan is None:
        raise InvariantViolated("I4", f"{event.identifier} is closed without being open")
    if (event.closing is Closing.EXECUTED) is not (event.executed_quantity > ZERO):
        raise InvariantViolated("I4", f"{event.identifier} is closed as {event.closing} with {event.executed_quantity} executed")
    open_plans = {name: other for name, other in state.open_plans.items() if name != event.identifier}
    state = replace(state, open_plans=open_plans)
    if plan.role is Role.ENTRY and event.identifier in state.spends:
        spend = replace(state.spends[event.identifier], krw=event.funds_krw)
        state = replace(state, spends={**state.spends, event.identifier: spend})
    if event.closing is not Closing.EXECUTED:
        return state
    return _bought(state, at, plan, event) if plan.side is Side.BUY else _sold(state, plan, event)


def _bought(state: RiskState, at: datetime, plan: IntentPlanned, event: IntentClosed) -> RiskState:
    if plan.protection is None:
        raise InvariantViolated("R8", f"entry {plan.identifier} was planned without protection")
    cost = event.funds_krw + event.paid_fee_krw
    held = state.positions.get(plan.market)
    quantity = event.executed_quantity
    total_cost = cost
    if held is not None:
        quantity += held.quantity
        total_cost += product(held.quantity, held.average_cost_krw)
    average_cost = total_cost / quantity
    position = Position(
        market=plan.market,
        quantity=quantity,
        average_cost_krw=average_cost,
        opened_at=held.opened_at if held is not None and held.is_sellable_at(event.funds_krw / event.executed_quantity) else at,
        levels=_levels(average_cost, plan.protection),
    )
    recent = {cycle: moment for cycle, moment in state.filled_entries.items() if moment > at - _REMEMBERED}
    return replace(
        _with_flow(_with_flow(state, "KRW", -cost), plan.market.base, event.executed_quantity),
        positions={**state.positions, plan.market: position},
        filled_entries={**recent, plan.cycle_id: recent.get(plan.cycle_id, at)},
        last_entry_at={**state.last_entry_at, plan.market: at},
    )


def _sold(state: RiskState, plan: IntentPlanned, event: IntentClosed) -> RiskState:
    held = state.positions.get(plan.market)
    if held is None or held.quantity < event.executed_quantity:
        raise InvariantViolated("I7", f"{plan.identifier} sold {event.executed_quantity} {plan.market.base}, more than is owned")
    state = _with_flow(_with_flow(state, "KRW", event.funds_krw - event.paid_fee_krw), plan.market.base, -event.executed_quantity)
    rest = held.quantity - event.executed_quantity
    others = {market: position for market, position in state.positions.items() if market != plan.market}
    if rest == ZERO:
        return replace(state, positions=others)
    kept = replace(held, quantity=rest)
    if plan.role is Role.EXIT and plan.exit_cause is ExitCause.STAGED_PROFIT and held.levels.staged_quantity is None:
        kept = replace(kept, levels=replace(kept.levels, staged_quantity=held.quantity))
    return replace(state, positions={**others, plan.market: _without_taken_stage(kept, plan.minimum_notional_krw)})


def _without_taken_stage(position: Position, minimum_notional_krw: Decimal) -> Position:
    """Clear the stage of profit once half of what was held when it was reached has gone, whatever sold it.

    What a thin book or a partial fill has left of the half is sold at the next tick. A rest that the venue would not take at the
    stage's price counts as gone.
    """
    levels = position.levels
    if levels.stage_krw is None or levels.staged_quantity is None:
        return position
    rest_krw = product(position.stage_rest, levels.stage_krw)
    if position.stage_rest > ZERO and rest_krw >= minimum_notional_krw:
        return position
    return replace(position, levels=replace(levels, stage_krw=None, staged_quantity=None))


def _levels(average_cost: Decimal, plan: ProtectionPlan) -> ProtectiveLevels:
    cost = float(average_cost)
    stop = stop_price(cost, float(plan.stop_fraction), float(plan.stop_distance_krw or 0))
    target = target_price(cost, float(plan.target_fraction), float(plan.target_distance_krw or 0))
    stage = cost * (1.0 + float(plan.stage_fraction)) if plan.stage_fraction is not None else None
    return ProtectiveLevels(
        stop_krw=decimal_from_float(stop, QUANTITY_STEP),
        target_krw=decimal_from_float(target, QUANTITY_STEP),
        highest_krw=average_cost,
        stage_krw=None if stage is None else decimal_from_float(stage, QUANTITY_STEP),
        trailing_distance_krw=plan.trailing_distance_krw,
        trend_strength=plan.trend_strength,
    )


def _with_flow(state: RiskState, currency: str, amount: Decimal) -> RiskState:
    return replace(state, flows={**state.flows, currency: state.flows.get(currency, ZERO) + amount})


def _opened(state: RiskState, event: PeriodOpened) -> RiskState:
    opening = Opening(event.start, event.equity_krw)
    if event.period is Period.DAY:
        return replace(state, day=opening, daily_pnl_fraction=ZERO)
    return replace(state, week=opening, weekly_pnl_fraction=ZERO)


def _raised(state: RiskState, event: HighestPriceRaised) -> RiskState:
    held = state.positions.get(event.market)
    if held is None:
        raise InvariantViolated("R8", f"a highest price was recorded for {event.market}, which is not held")
    raised = replace(held, levels=replace(held.levels, highest_krw=max(held.levels.highest_krw, event.price_krw)))
    return replace(state, positions={**state.positions, event.market: raised})


def _transferred(state: RiskState, event: TransferDeclared) -> RiskState:
    state = _with_flow(state, event.currency, event.amount)
    if event.currency == "KRW":
        return _with_opening_moved(state, event.amount)
    held = next((position for market, position in state.positions.items() if market.base == event.currency), None)
    return state if held is None else _without_what_left(state, held, event)


def _adopted(state: RiskState, at: datetime, event: PositionAdopted) -> RiskState:
    """Own coins that the account holds already: no balance changes, and what they are worth now is no gain of today."""
    held = state.positions.get(event.market)
    quantity = event.quantity if held is None else held.quantity + event.quantity
    if quantity > state.expected_total(event.market.base):
        raise InvariantViolated("I7", f"{event.quantity} {event.market.base} are adopted, more than the account holds")
    cost = product(event.quantity, event.cost_krw)
    if held is not None:
        cost += product(held.quantity, held.average_cost_krw)
    average_cost = cost / quantity
    position = Position(
        market=event.market,
        quantity=quantity,
        average_cost_krw=average_cost,
        opened_at=held.opened_at if held is not None and held.is_sellable_at(event.mark_krw) else at,
        levels=_levels(average_cost, event.protection),
    )
    worth_krw = product(event.quantity, event.mark_krw)
    return replace(_with_opening_moved(state, worth_krw), positions={**state.positions, event.market: position})


def _without_what_left(state: RiskState, held: Position, event: TransferDeclared) -> RiskState:
    """Own no more of a coin than is there after the operator said that some has left, and less by what was the bot's of it.

    It left at its cost.
    """
    kept_back = held.quantity + event.amount if event.of_position else held.quantity
    rest = max(ZERO, min(kept_back, state.expected_total(held.market.base)))
    if held.quantity <= rest:
        return state
    state = _with_opening_moved(state, -product(held.quantity - rest, held.average_cost_krw))
    others = {market: position for market, position in state.positions.items() if market != held.market}
    if rest == ZERO:
        return replace(state, positions=others)
    kept = _without_taken_stage(replace(held, quantity=rest), MINIMUM_NOTIONAL_KRW)
    return replace(state, positions={**others, held.market: kept})


def _with_opening_moved(state: RiskState, amount_krw: Decimal) -> RiskState:
    day = None if state.day is None else replace(state.day, equity_krw=state.day.equity_krw + amount_krw)
    week = None if state.week is None else replace(state.week, equity_krw=state.week.equity_krw + amount_krw)
    return replace(state, day=day, week=week)


def _marked(state: RiskState, event: CycleCompleted, sequence: int) -> RiskState:
    summary = event.report.state
    if summary is None:
        return state
    return replace(
        state,
        sequence=sequence,
        daily_pnl_fraction=summary.daily_pnl_fraction,
        weekly_pnl_fraction=summary.weekly_pnl_fraction,
    )
