"""Stage 4: ask for the clearance again under the lock, then size, plan, send and book."""

import hashlib
import json
from dataclasses import replace

from dg_bot.cycle import Cycle, ExecutionReport, ForcedExit, Halt, MarketSnapshot, RiskClearance, TradePlan
from dg_bot.domain.cycle_report import OrderSummary, Stage
from dg_bot.domain.decision import Action
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.money import ZERO, product
from dg_bot.domain.order import Role, Side
from dg_bot.execution.intent import Intent
from dg_bot.execution.planner import BuyWish, NotPlanned, PlannedOrders, PlannerLimits, plan_buy
from dg_bot.pipeline.order_desk import OrderDesk, OrderWish, Placed
from dg_bot.pipeline.risk_stage import RiskCheckStage
from dg_bot.pipeline.seller import Seller
from dg_bot.ports import Clock, MarketData
from dg_bot.risk.manager import RiskManager
from dg_bot.risk.sizing import entry_size


class ExecutionStage:
    """Carries a plan out. Callers hold the books' lock."""

    def __init__(
        self,
        *,
        risk_stage: RiskCheckStage,
        risk: RiskManager,
        desk: OrderDesk,
        seller: Seller,
        market_data: MarketData,
        clock: Clock,
        limits: PlannerLimits,
    ) -> None:
        self._risk_stage = risk_stage
        self._risk = risk
        self._desk = desk
        self._seller = seller
        self._market_data = market_data
        self._clock = clock
        self._limits = limits

    def run(self, cycle: Cycle, snapshot: MarketSnapshot, plan: TradePlan) -> ExecutionReport | Halt:
        """Execute a plan; HOLD executes to nothing. Raises as reads do."""
        if plan.decision.action is Action.HOLD:
            return ExecutionReport(orders=(), slippage_bps=None, gates=())
        clearance = self._risk_stage.clear(cycle)
        forced = clearance.forced_exit or _renewed(plan.forced_exit, clearance)
        if forced is not None:
            return self._exit(cycle, clearance, forced)
        if plan.decision.action is Action.SELL:
            return self._sell(cycle, clearance, plan)
        return self._buy(cycle, clearance, snapshot, plan)

    def exit(self, cycle: Cycle) -> ExecutionReport | Halt:
        """Sell what stage 1 found due, if it still is."""
        clearance = self._risk_stage.clear(cycle)
        if clearance.forced_exit is None:
            return Halt(stage=Stage.EXECUTION, reason="risk_exit: nothing is due any more", gates=clearance.gates)
        return self._exit(cycle, clearance, clearance.forced_exit)

    def _exit(self, cycle: Cycle, clearance: RiskClearance, forced: ForcedExit) -> ExecutionReport | Halt:
        sale = self._seller.exit(forced.position, forced.reason, cycle=cycle, portfolio=clearance.portfolio)
        return _report_or_halt(sale.intents, sale.gates, sale.warnings)

    def _sell(self, cycle: Cycle, clearance: RiskClearance, plan: TradePlan) -> ExecutionReport | Halt:
        position = clearance.portfolio.position_on(cycle.market)
        if position is None or Side.SELL not in clearance.allowed_sides:
            gate = Gate("position", "none", "a position to sell", False)
            return Halt(stage=Stage.EXECUTION, reason="position: there is nothing to sell now", gates=(gate,))
        earlier = self._desk.executed_in(cycle, Role.SELL)
        if earlier:
            # The process ended after the sale and before its report; selling a part again would sell more than was decided.
            gate = Gate("sell_orders_this_cycle", earlier, 0, False)
            return Halt(stage=Stage.EXECUTION, reason=gate.words, gates=(gate,))
        sale = self._seller.sell(
            position, reason=plan.decision.reason, digest=_digest(plan), cycle=cycle, portfolio=clearance.portfolio
        )
        return _report_or_halt(sale.intents, sale.gates, sale.warnings)

    def _buy(self, cycle: Cycle, clearance: RiskClearance, snapshot: MarketSnapshot, plan: TradePlan) -> ExecutionReport | Halt:
        failed = first_failure(clearance.gates)
        mark = clearance.portfolio.marks_krw.get(cycle.market)
        if failed is not None or plan.protection is None or mark is None:
            words = "without a price or a protection" if failed is None else failed.words
            return Halt(stage=Stage.EXECUTION, reason=f"cleared again: {words}", gates=clearance.gates)
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
            now=self._clock.now(),
            limits=self._limits,
        )
        if isinstance(planned, NotPlanned):
            gate = planned.gate
            return Halt(stage=Stage.EXECUTION, reason=gate.words, gates=(*size.gates, gate))
        placed = self._send_entry(cycle, clearance, snapshot, plan, planned)
        return _report_or_halt(placed.intents, (*size.gates, *planned.gates, *placed.refused), planned.warnings)

    def _send_entry(
        self,
        cycle: Cycle,
        clearance: RiskClearance,
        snapshot: MarketSnapshot,
        plan: TradePlan,
        planned: PlannedOrders,
    ) -> Placed:
        wishes = [
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
        return self._desk.place_all(wishes, clearance.portfolio)


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
