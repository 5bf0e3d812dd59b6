"""Stage 4: ask for the clearance again under the lock, then size, plan, send and book."""

import hashlib
import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

from dg_bot.cycle import Cycle, ExecutionReport, ForcedExit, Halt, MarketSnapshot, RiskClearance, TradePlan
from dg_bot.domain.approval import Approval, EntryProposal
from dg_bot.domain.cycle_report import OrderSummary, Stage
from dg_bot.domain.decision import Action
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.money import ZERO, product
from dg_bot.domain.order import Role, Side
from dg_bot.execution.intent import Intent
from dg_bot.execution.planner import BuyWish, NotPlanned, PlannedOrders, PlannerLimits, plan_buy
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_desk import Begun, OrderDesk, OrderWish, Placed
from dg_bot.pipeline.order_settlement import LOCK_DEADLINE_S
from dg_bot.pipeline.risk_stage import RiskCheckStage
from dg_bot.pipeline.seller import Seller
from dg_bot.ports import Approver, Clock, MarketData
from dg_bot.risk.manager import RiskManager
from dg_bot.risk.sizing import entry_size

# What was approved at one price is not bought at quite another.
_MOST_MOVED = Decimal("0.01")


class ExecutionStage:
    """Carries a plan out; holds the account while it decides and sends, and lets it go between the children of an order."""

    def __init__(
        self,
        *,
        books: Books,
        risk_stage: RiskCheckStage,
        risk: RiskManager,
        desk: OrderDesk,
        seller: Seller,
        market_data: MarketData,
        clock: Clock,
        limits: PlannerLimits,
        approver: Approver | None = None,
    ) -> None:
        """With an `approver` an entry waits for its word, and an exit never does."""
        self._books = books
        self._risk_stage = risk_stage
        self._risk = risk
        self._desk = desk
        self._seller = seller
        self._market_data = market_data
        self._clock = clock
        self._limits = limits
        self._approver = approver

    def run(self, cycle: Cycle, snapshot: MarketSnapshot, plan: TradePlan) -> ExecutionReport | Halt:
        """Execute a plan; HOLD executes to nothing. Raises as reads do, and StateError where the account is kept by another."""
        if plan.decision.action is Action.HOLD:
            return ExecutionReport(orders=(), slippage_bps=None, gates=())
        approval = self._approval(cycle, snapshot, plan)
        if approval is not None and not approval.passed:
            return Halt(stage=Stage.EXECUTION, reason=approval.words, gates=(approval,))
        with self._books.locked(LOCK_DEADLINE_S):
            begun = self._begun(cycle, snapshot, plan)
        return self._finished(begun)

    def _approval(self, cycle: Cycle, snapshot: MarketSnapshot, plan: TradePlan) -> Gate | None:
        """Ask for the operator's word on an entry, and hold nothing meanwhile; None where none is needed.

        Everything is read anew after it: account, price, book and the limits of risk.
        """
        if self._approver is None or plan.decision.action is not Action.BUY:
            return None
        proposal = EntryProposal(cycle_id=cycle.id, market=cycle.market, decision=plan.decision, mark_krw=snapshot.mark_krw)
        word = self._approver.ask(proposal)
        return Gate("approval", str(word), str(Approval.APPROVED), word is Approval.APPROVED)

    def exit(self, cycle: Cycle) -> ExecutionReport | Halt:
        """Sell what stage 1 found due, if it still is."""
        with self._books.locked(LOCK_DEADLINE_S):
            begun = self._begun_exit(cycle)
        return self._finished(begun)

    def _finished(self, begun: Begun | Halt) -> ExecutionReport | Halt:
        if isinstance(begun, Halt):
            return begun
        placed = Placed(intents=()) if begun.underway is None else self._desk.finish(begun.underway)
        return _report_or_halt(placed.intents, (*begun.gates, *placed.refused), begun.warnings)

    def _begun(self, cycle: Cycle, snapshot: MarketSnapshot, plan: TradePlan) -> Begun | Halt:
        clearance = self._risk_stage.clear(cycle)
        if clearance.forced_exit is not None:
            return self._begun_exit(cycle)
        forced = _renewed(plan.forced_exit, clearance)
        if forced is not None:
            return self._seller.exit(forced.position, forced.reason, cycle=cycle, portfolio=clearance.portfolio)
        if plan.decision.action is Action.SELL:
            return self._sell(cycle, clearance, plan)
        return self._buy(cycle, clearance, snapshot, plan)

    def _begun_exit(self, cycle: Cycle) -> Begun | Halt:
        """Begin an exit that one look at the account has found due, if another look finds the same."""
        clearance = self._risk_stage.clear(cycle)
        forced = clearance.forced_exit
        if forced is None:
            return Halt(stage=Stage.EXECUTION, reason="risk_exit: nothing is due any more", gates=clearance.gates)
        return self._seller.exit(forced.position, forced.reason, cycle=cycle, portfolio=clearance.portfolio)

    def _sell(self, cycle: Cycle, clearance: RiskClearance, plan: TradePlan) -> Begun | Halt:
        position = clearance.portfolio.position_on(cycle.market)
        if position is None or Side.SELL not in clearance.allowed_sides:
            gate = Gate("position", "none", "a position to sell", False)
            return Halt(stage=Stage.EXECUTION, reason=gate.words, gates=(gate,))
        earlier = self._desk.taken_in(cycle, Role.SELL)
        if earlier:
            # The process ended after the sale and before its report: a part that is sold again would be more than was decided,
            # and what the owner has cancelled meanwhile was cancelled for a reason.
            gate = Gate("sell_orders_this_cycle", earlier, 0, False)
            return Halt(stage=Stage.EXECUTION, reason=gate.words, gates=(gate,))
        return self._seller.sell(
            position, reason=plan.decision.reason, digest=_digest(plan), cycle=cycle, portfolio=clearance.portfolio
        )

    def _buy(self, cycle: Cycle, clearance: RiskClearance, snapshot: MarketSnapshot, plan: TradePlan) -> Begun | Halt:
        failed = first_failure(clearance.gates)
        mark = clearance.portfolio.marks_krw.get(cycle.market)
        if failed is not None or plan.protection is None or mark is None:
            words = "an entry without a price or a protection" if failed is None else failed.words
            return Halt(stage=Stage.EXECUTION, reason=words, gates=clearance.gates)
        moved = self._moved_since(snapshot.mark_krw, mark)
        if moved is not None and not moved.passed:
            return Halt(stage=Stage.EXECUTION, reason=moved.words, gates=(*clearance.gates, moved))
        stop_fraction = plan.protection.stop_fraction
        if plan.protection.stop_distance_krw is not None:
            stop_fraction = min(stop_fraction, plan.protection.stop_distance_krw / mark)
        size = entry_size(
            equity_krw=clearance.portfolio.equity_krw,
            headroom_krw=clearance.max_notional_krw,
            screen=plan.screen,
            is_screen_advisory=plan.is_screen_advisory,
            stop_fraction=stop_fraction,
            limits=self._risk.limits,
        )
        unsized = first_failure(size.gates)
        if unsized is not None:
            return Halt(stage=Stage.EXECUTION, reason=unsized.words, gates=size.gates)
        now = self._clock.now()
        planned = plan_buy(
            BuyWish(
                wanted_krw=size.notional_krw,
                ceiling_krw=size.ceiling_krw,
                free_krw=clearance.portfolio.krw.free,
                has_staged_profit=plan.protection.stage_fraction is not None,
            ),
            snapshot.rules,
            book=self._market_data.order_book(cycle.market),
            mark_krw=mark,
            now=now,
            limits=self._within_the_hour(now),
        )
        if isinstance(planned, NotPlanned):
            gate = planned.gate
            return Halt(stage=Stage.EXECUTION, reason=gate.words, gates=(*size.gates, gate))
        return self._desk.begin(
            _entry_wishes(cycle, clearance, snapshot, plan, planned),
            clearance.portfolio,
            gates=(*size.gates, *planned.gates),
            warnings=planned.warnings,
        )

    def _moved_since(self, decided_krw: Decimal, mark_krw: Decimal) -> Gate | None:
        """Tell how far the price has gone while an entry waited for its word; None where none waits."""
        if self._approver is None:
            return None
        moved = abs(mark_krw / decided_krw - 1)
        return Gate("price_since_approval", round(moved, 6), _MOST_MOVED, moved <= _MOST_MOVED)

    def _within_the_hour(self, now: datetime) -> PlannerLimits:
        """Cut an entry into no more orders than the cap of the hour still takes; the clearance said that it takes one."""
        left = max(1, self._risk.entry_orders_left(self._books.state, now))
        return replace(self._limits, maximum_children=min(self._limits.maximum_children, left))


def _entry_wishes(
    cycle: Cycle, clearance: RiskClearance, snapshot: MarketSnapshot, plan: TradePlan, planned: PlannedOrders
) -> list[OrderWish]:
    return [
        OrderWish(
            request=child,
            cycle=cycle,
            role=Role.ENTRY,
            reason=plan.decision.reason,
            decision_digest=_digest(plan),
            reference_krw=clearance.portfolio.marks_krw[cycle.market],
            minimum_notional_krw=snapshot.rules.minimum_notional_krw,
            protection=plan.protection,
        )
        for child in planned.children
    ]


def _renewed(forced: ForcedExit | None, clearance: RiskClearance) -> ForcedExit | None:
    """Hold a strategy's exit against the account as it is now: what has been sold meanwhile is not sold again."""
    if forced is None or Side.SELL not in clearance.allowed_sides:
        return None
    position = clearance.portfolio.position_on(forced.position.market)
    return None if position is None else replace(forced, position=position)


def summary(intent: Intent) -> OrderSummary:
    """Render an intent as the order of a report."""
    closing = intent.closing
    executed = ZERO if closing is None else closing.executed_quantity
    return OrderSummary(
        identifier=intent.identifier,
        side=intent.plan.side,
        kind="market",
        status=str(intent.state) if closing is None else str(closing.closing),
        executed_quantity=executed,
        average_price_krw=None if closing is None or executed == ZERO else closing.funds_krw / executed,
        fee_krw=ZERO if closing is None else closing.paid_fee_krw,
    )


def _report_or_halt(intents: tuple[Intent, ...], gates: tuple[Gate, ...], warnings: tuple[Gate, ...]) -> ExecutionReport | Halt:
    """Halt where a gate kept every order from being sent; warnings are told, and stop nothing."""
    failed = first_failure(gates)
    if not intents and failed is not None:
        return Halt(stage=Stage.EXECUTION, reason=failed.words, gates=gates)
    return ExecutionReport(orders=tuple(map(summary, intents)), slippage_bps=_slippage_bps(intents), gates=(*gates, *warnings))


def _slippage_bps(intents: tuple[Intent, ...]) -> float | None:
    """Compare what all fills cost or brought with the same quantity at the price at decision; positive is worse for us."""
    closings = [(intent.plan, intent.closing) for intent in intents if intent.closing is not None]
    at_mark = sum((product(plan.reference_krw, closing.executed_quantity) for plan, closing in closings), ZERO)
    if at_mark == ZERO:
        return None
    funds = sum((closing.funds_krw for _, closing in closings), ZERO)
    worse = funds - at_mark if closings[0][0].side is Side.BUY else at_mark - funds
    return round(float(worse / at_mark) * 10_000, 4)


def _digest(plan: TradePlan) -> str:
    """Hash what was decided and on which checks, so that an order names its decision."""
    seen = {
        "action": plan.decision.action,
        "confidence": plan.decision.confidence,
        "source": plan.decision.source,
        "gates": [[gate.name, str(gate.value), str(gate.limit), gate.passed] for gate in plan.gates],
    }
    return hashlib.sha256(json.dumps(seen, sort_keys=True).encode()).hexdigest()[:16]
