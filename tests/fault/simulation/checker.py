"""The invariants, held after every event against the venue's own log and the durable journal, never against the bot's words."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import (
    AccountOpened,
    Closing,
    CycleCompleted,
    IntentClosed,
    IntentPlanned,
    IntentSending,
    PeriodOpened,
    Record,
    SafeModeEntered,
    SafeModeLeft,
    TransferDeclared,
)
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Identifier, MarketBuy, Role, Side
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import RiskApproved
from dg_bot.risk.state import RiskState
from dg_bot.simulator.ledger import Ledger, LedgerOrder
from tests.fault.simulation.caps import Caps
from tests.fault.simulation.violation import Violation

_TOLERANCE_KRW = Decimal("0.01")


@dataclass(slots=True)
class _Held:
    quantity: Decimal
    cost_krw: Decimal
    stop_fraction: Decimal


class Checker:
    """Folds journal and ledger on its own, in constant time an event."""

    def __init__(self, *, ledger: Ledger, namespace: str, limits: RiskLimits, markets: tuple[Market, ...]) -> None:
        self._ledger = ledger
        self._namespace = namespace
        self._limits = limits
        self._bases = {market.base: market for market in markets}
        self._currencies = ("KRW", *self._bases)
        self._opened: Mapping[str, Decimal] | None = None
        self._flows = dict.fromkeys(self._currencies, ZERO)
        self._unbooked = dict.fromkeys(self._currencies, ZERO)
        self._net_bought = dict.fromkeys(self._bases, ZERO)
        self.undeclared = dict.fromkeys(self._currencies, ZERO)
        self._seen: dict[str, Decimal] = {}
        self._plans: dict[str, IntentPlanned] = {}
        self.open: dict[str, IntentPlanned] = {}
        self._closed: dict[str, Closing] = {}
        self._sendings: Counter[str] = Counter()
        self._posts: Counter[str] = Counter()
        self._orders: dict[str, LedgerOrder] = {}
        self._legs: dict[str, str] = {}
        self._filled: dict[str, datetime] = {}
        self._periods: dict[str, datetime] = {}
        self._completed: dict[str, Outcome] = {}
        self.held: dict[Market, _Held] = {}
        self.safe_mode: str | None = None
        self._caps = Caps(limits)
        self.orders_accepted = 0
        self.operator_acts = False
        self._is_dirty = True

    # What the wire shows

    def balances_shown(self) -> None:
        """Note which unexplained differences the bot has just been able to see."""
        self._seen = {
            currency: amount
            for currency, amount in self.undeclared.items()
            if abs(amount) > (_TOLERANCE_KRW if currency == "KRW" else ZERO)
        }

    def prices_shown(self, prices: Mapping[Market, Decimal], *, is_wrong: bool) -> None:
        """Note the account as the prices just shown make it; what is held has no worth where a price was wrong or is missing."""
        holdings = None
        if not is_wrong and self.held.keys() <= prices.keys():
            holdings = [(held.quantity, prices[market]) for market, held in self.held.items()]
        self._caps.shown(holdings, self._ledger.account("KRW").total)

    def posted(self, approved: RiskApproved, now: datetime) -> None:
        """Judge a request at the moment in which it leaves: I2, I3, I5, I7, I8, I9."""
        identifier, request = approved.identifier, approved.request
        self._posts[identifier] += 1
        plan = self.open.get(identifier)
        if plan is None:
            raise Violation("I2", f"{identifier} was sent without an open durable intent")
        if self._sendings[identifier] < self._posts[identifier]:
            raise Violation("I2", f"request {self._posts[identifier]} of {identifier} left before it was durable")
        meant = plan.notional_krw if isinstance(request, MarketBuy) else plan.quantity
        sent = request.notional_krw if isinstance(request, MarketBuy) else request.quantity
        if (plan.market, plan.side, meant) != (request.market, request.side, sent):
            raise Violation("I2", f"{identifier} was planned as {plan.side} {meant} and sent as {request.side} {sent}")
        if plan.role is Role.ENTRY:
            self._entry_posted(plan, now)
        else:
            self._sale_posted(plan)

    def accepted(self, order: LedgerOrder) -> None:
        """Judge an order that the venue took: I1, I4, I7."""
        identifier = order.identifier or ""
        leg = identifier.rpartition(".")[0]
        if leg in self._legs:
            raise Violation("I1", f"{identifier} and {self._legs[leg]} are two orders of one leg")
        if identifier not in self._plans:
            raise Violation("I2", f"the venue took {identifier}, which was never planned")
        if identifier in self._closed:
            raise Violation("I4", f"the venue took {identifier}, which is closed as {self._closed[identifier]}")
        self._legs[leg] = identifier
        self._orders[identifier] = order
        self.orders_accepted += 1
        self._add_effect(self._unbooked, order, 1)
        base = order.market.base
        self._net_bought[base] += order.executed_volume if order.side is Side.BUY else -order.executed_volume
        if self._net_bought[base] < ZERO:
            raise Violation("I7", f"{identifier} sold {-self._net_bought[base]} {base} that was never bought")
        self._is_dirty = True

    def moved_by_owner(self, currency: str, amount: Decimal) -> None:
        """Note what the ledger gained without the bot."""
        self.undeclared[currency] += amount
        self._is_dirty = True

    # What the journal holds

    def recorded(self, record: Record) -> None:
        """Fold one durable record."""
        event = record.event
        match event:
            case CycleCompleted():
                self._cycle_completed(event)
            case IntentPlanned():
                self._planned(event)
            case IntentSending():
                self._sending(event, record.at)
            case IntentClosed():
                self._closing(event, record.at)
            case AccountOpened():
                if self._opened is not None:
                    raise Violation("I12", "the account was opened a second time")
                self._opened = {balance.currency: balance.total for balance in event.balances}
                for currency in self._currencies:
                    found = self._opened.get(currency, ZERO)
                    self.undeclared[currency] = self._ledger.account(currency).total - found
            case TransferDeclared():
                self._declared(event)
            case SafeModeEntered():
                self.safe_mode = event.reason
            case SafeModeLeft():
                self._left_safe_mode(event)
            case PeriodOpened():
                last = self._periods.get(event.period)
                if last is not None and event.start <= last:
                    raise Violation("I11", f"the {event.period} of {event.start} was opened again")
                self._periods[event.period] = event.start
            case _:
                return
        self._is_dirty = True

    # After every event

    def check(self, state: RiskState | None, now: datetime) -> None:
        """Hold ledger, journal and (where a process lives) the bot's memory against each other: I5, I6, I11, I12."""
        if not self._is_dirty:
            return
        if self._opened is not None:
            for currency in self._currencies:
                there = self._ledger.account(currency).total
                expected = (
                    self._opened.get(currency, ZERO)
                    + self._flows[currency]
                    + self._unbooked[currency]
                    + self.undeclared[currency]
                )
                if there != expected:
                    name = "I6" if currency == "KRW" else "I5"
                    raise Violation(name, f"the venue holds {there} {currency}, journal and transfers make {expected}")
        if state is not None:
            self._check_memory(state, now)
            self._is_dirty = False

    def check_settled(self) -> None:
        """Demand the end that follows when nothing goes wrong any more: I20, I4."""
        if self.open:
            raise Violation("I20", f"{', '.join(self.open)} has no verdict though nothing went wrong any more")
        late = {currency: amount for currency, amount in self._unbooked.items() if amount != ZERO}
        if late:
            raise Violation("I20", f"executions that nobody booked: {late}")

    def stop_krw(self, market: Market) -> Decimal | None:
        """Give the loosest price at which a stop must act; None where nothing is held, or a sale has no verdict."""
        held = self.held.get(market)
        if held is None or any(plan.market == market for plan in self.open.values()):
            return None
        return held.cost_krw / held.quantity * (1 - held.stop_fraction)

    def _check_memory(self, state: RiskState, now: datetime) -> None:
        mine = {market: held.quantity for market, held in self.held.items()}
        theirs = {market: position.quantity for market, position in state.positions.items()}
        if mine != theirs:
            raise Violation("I5", f"the bot remembers {theirs}, the journal says {mine}")
        if self.open.keys() != state.open_plans.keys():
            raise Violation("I20", f"the bot remembers {list(state.open_plans)}, the journal says {list(self.open)}")
        if (self.safe_mode is None) is not (state.safe_mode is None):
            raise Violation("I9", f"the bot remembers {state.safe_mode}, the journal says {self.safe_mode}")
        start = seoul_day_start(now)
        filled = sum(1 for at in self._filled.values() if at >= start)
        if filled != state.entries_filled_on_day_of(now):
            raise Violation("I11", f"the bot counts {state.entries_filled_on_day_of(now)} entries today, the journal {filled}")

    def _entry_posted(self, plan: IntentPlanned, now: datetime) -> None:
        others = [other for other in self.open.values() if other.identifier != plan.identifier]
        if any(other.market == plan.market for other in others):
            raise Violation("I3", f"{plan.identifier} was sent while another order on its market has no verdict")
        if self.safe_mode is not None:
            raise Violation("I9", f"{plan.identifier} was sent in safe mode ({self.safe_mode})")
        if self._posts[plan.identifier] > 1:
            return
        self._caps.check(plan, self.open.values(), now)
        if plan.leg > 0:
            # The account was looked at for the first order of an entry; the others follow within seconds.
            return
        unseen = {other.market.base for other in others} | ({"KRW"} if others else set())
        unexplained = self._seen.keys() - unseen
        if unexplained:
            raise Violation("I5", f"{plan.identifier} was sent over an unexplained balance of {sorted(unexplained)}")

    def _sale_posted(self, plan: IntentPlanned) -> None:
        held = self.held.get(plan.market)
        promised = sum((other.quantity or ZERO for other in self.open.values() if other.market == plan.market), ZERO)
        if held is None or promised > held.quantity:
            raise Violation("I7", f"{plan.identifier}: {promised} is promised, {held.quantity if held else 0} is owned")

    def _planned(self, plan: IntentPlanned) -> None:
        if plan.identifier in self._plans:
            raise Violation("I1", f"{plan.identifier} was planned twice")
        hour = plan.cycle_id.partition("/")[2].replace("-", "")
        derived = Identifier(
            namespace=self._namespace,
            market=plan.market,
            cycle_hour=hour,
            role=plan.role,
            leg=plan.leg,
            attempt=plan.attempt,
        )
        if str(derived) != plan.identifier:
            raise Violation("I19", f"{plan.identifier} is not what its intent derives: {derived}")
        self._plans[plan.identifier] = self.open[plan.identifier] = plan

    def _sending(self, event: IntentSending, at: datetime) -> None:
        self._sendings[event.identifier] += 1
        plan = self._plans[event.identifier]
        if plan.role is Role.ENTRY:
            self._caps.sending(plan, at)

    def _closing(self, event: IntentClosed, at: datetime) -> None:
        identifier = event.identifier
        plan = self.open.pop(identifier, None)
        if plan is None:
            raise Violation("I4", f"{identifier} was closed without being open")
        self._closed[identifier] = event.closing
        order = self._orders.get(identifier)
        if order is None:
            if event.fills or event.executed_quantity or event.closing in (Closing.EXECUTED, Closing.NOT_EXECUTED):
                raise Violation("I4", f"{identifier} is closed as {event.closing}, and the venue never took it")
        else:
            self._check_fills(event, order)
            self._add_effect(self._unbooked, order, -1)
            self._add_effect(self._flows, order, 1)
        self._caps.closed(event)
        if event.closing is Closing.EXECUTED:
            self._book(plan, event, at)

    def _check_fills(self, event: IntentClosed, order: LedgerOrder) -> None:
        """I4: what was booked is what was executed, exactly."""
        executed = (order.executed_volume, order.executed_funds, order.paid_fee, {trade.uuid for trade in order.trades})
        booked = (event.executed_quantity, event.funds_krw, event.paid_fee_krw, {fill.trade_id for fill in event.fills})
        if executed != booked or len(event.fills) != len(order.trades):
            raise Violation("I4", f"{event.identifier} ({event.closing}) executed {executed}, booked {booked}")

    def _book(self, plan: IntentPlanned, event: IntentClosed, at: datetime) -> None:
        held = self.held.get(plan.market)
        if plan.side is Side.BUY:
            cost = event.funds_krw + event.paid_fee_krw
            stop = plan.protection.stop_fraction if plan.protection else ZERO
            if held is None:
                self.held[plan.market] = _Held(event.executed_quantity, cost, stop)
            else:
                held.quantity += event.executed_quantity
                held.cost_krw += cost
            self._filled.setdefault(plan.cycle_id, at)
            return
        if held is None or held.quantity < event.executed_quantity:
            raise Violation("I7", f"{plan.identifier} sold more than is owned")
        self._keep(plan.market, held, held.quantity - event.executed_quantity)

    def _declared(self, event: TransferDeclared) -> None:
        self.undeclared[event.currency] -= event.amount
        self._flows[event.currency] += event.amount
        market = self._bases.get(event.currency)
        held = self.held.get(market) if market else None
        if market and held:
            opened = (self._opened or {}).get(event.currency, ZERO)
            rest = max(ZERO, opened + self._flows[event.currency])
            if held.quantity > rest:
                self._keep(market, held, rest)

    def _keep(self, market: Market, held: _Held, rest: Decimal) -> None:
        if rest == ZERO:
            del self.held[market]
            return
        held.cost_krw = held.cost_krw * rest / held.quantity
        held.quantity = rest

    def _left_safe_mode(self, event: SafeModeLeft) -> None:
        if event.by == "timer" and self._limits.safe_mode_hours is None:
            raise Violation("I9", "safe mode ended by a timer that nobody set")
        if event.by != "timer" and not self.operator_acts:
            raise Violation("I9", f"safe mode ended by {event.by}, who did not act")
        self.safe_mode = None

    def _cycle_completed(self, event: CycleCompleted) -> None:
        report = event.report
        if self._completed.get(report.cycle_id, Outcome.FAILED) is not Outcome.FAILED:
            raise Violation("I1", f"cycle {report.cycle_id} completed twice")
        self._completed[report.cycle_id] = report.outcome

    @staticmethod
    def _add_effect(flows: dict[str, Decimal], order: LedgerOrder, sign: int) -> None:
        """Add what an order moved at the venue."""
        base = order.market.base
        if order.side is Side.BUY:
            flows["KRW"] -= sign * (order.executed_funds + order.paid_fee)
            flows[base] += sign * order.executed_volume
        else:
            flows["KRW"] += sign * (order.executed_funds - order.paid_fee)
            flows[base] -= sign * order.executed_volume
