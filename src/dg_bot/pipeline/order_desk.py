"""Place orders: named, approved, durable before they are tried, and followed to their end."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dg_bot.cycle import Cycle
from dg_bot.domain.events import Closing, IntentPlanned, SafeModeEntered
from dg_bot.domain.gate import Gate
from dg_bot.domain.order import ExitCause, Identifier, MarketBuy, MarketSell, OrderRequest, Role
from dg_bot.domain.portfolio import Portfolio, ProtectionPlan
from dg_bot.execution.intent import Intent
from dg_bot.execution.planner import CHILD_PAUSE_S
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.pipeline.order_settlement import LOCK_DEADLINE_S, PATIENCE_S, OrderSettlement
from dg_bot.ports import Clock
from dg_bot.risk.manager import ORDERS_THIS_HOUR, RiskManager, RiskRefused

_REFUSED = (Closing.REJECTED, Closing.NEVER_ACCEPTED)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderWish:
    """One order that a stage or the guard wants sent, with everything its intent has to remember."""

    request: OrderRequest
    cycle: Cycle
    role: Role
    reason: str
    decision_digest: str
    reference_krw: Decimal
    minimum_notional_krw: Decimal
    exit_cause: ExitCause | None = None
    protection: ProtectionPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Underway:
    """An order whose first child has been sent: that child, those still to be sent, and the account they were planned for."""

    first: Intent
    rest: tuple[OrderWish, ...]
    portfolio: Portfolio


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What came of the wish for an order: it is under way, or one of `gates` kept it from being sent; warnings stop nothing."""

    underway: Underway | None
    gates: tuple[Gate, ...]
    warnings: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The children of one order that were sent, as they stand; `refused` is the gate that kept the next one from being sent."""

    intents: tuple[Intent, ...]
    refused: tuple[Gate, ...] = ()


class OrderDesk:
    """Places orders in two steps: begun under the account's lock, finished with the lock let go in between."""

    def __init__(
        self,
        *,
        books: Books,
        risk: RiskManager,
        clock: Clock,
        namespace: str,
        sender: OrderSender,
        settlement: OrderSettlement,
    ) -> None:
        self._books = books
        self._risk = risk
        self._clock = clock
        self._namespace = namespace
        self._sender = sender
        self._settlement = settlement

    def begin(
        self, wishes: Sequence[OrderWish], portfolio: Portfolio, *, gates: tuple[Gate, ...], warnings: tuple[Gate, ...]
    ) -> Begun:
        """Send the first child of an order, without waiting for its end. Callers hold the books' lock.

        `gates` and `warnings` are those of the plan, and stand in the answer before the one that refused.
        """
        first = self._send(wishes[0], portfolio)
        if isinstance(first, RiskRefused):
            return Begun(underway=None, gates=(*gates, first.gate), warnings=warnings)
        underway = Underway(first=first, rest=tuple(wishes[1:]), portfolio=portfolio)
        return Begun(underway=underway, gates=gates, warnings=warnings)

    def finish(self, order: Underway, *, give_up_at_s: float | None = None) -> Placed:
        """Follow what was begun and send the other children in turn, a pause apart; each has the patience of an order.

        Stops at the first child that was refused or executed nothing. From `give_up_at_s` on (monotonic, for orders that share
        one patience) no child is sent, and what has no end yet is left to be asked about later. The account is held for one step
        at a time: the guard must be able to look in between.
        """
        intents = [self._followed(order.first, order.portfolio, give_up_at_s)]
        for wish in order.rest:
            if not _has_executed(intents[-1]):
                break
            if give_up_at_s is not None and self._clock.monotonic_s() >= give_up_at_s:
                break
            self._clock.sleep(CHILD_PAUSE_S)
            with self._books.locked(LOCK_DEADLINE_S):
                sent = self._interruption(intents) or self._send(wish, order.portfolio)
            if isinstance(sent, RiskRefused):
                return Placed(intents=tuple(intents), refused=(sent.gate,))
            intents.append(self._followed(sent, order.portfolio, give_up_at_s))
        return Placed(intents=tuple(intents))

    def taken_in(self, cycle: Cycle, role: Role) -> int:
        """Count the orders of one cycle and role that the venue took, whatever they executed."""
        return sum(1 for intent in self._ended(cycle, role) if _was_taken(intent))

    def _send(self, wish: OrderWish, portfolio: Portfolio) -> Intent | RiskRefused:
        if self._books.is_closing:
            return RiskRefused(Gate("process", "stopping", "running", False))
        leg, attempt = self._leg(wish.cycle, wish.role)
        identifier = str(
            Identifier(
                namespace=self._namespace,
                market=wish.cycle.market,
                cycle_hour=wish.cycle.hour,
                role=wish.role,
                leg=leg,
                attempt=attempt,
            )
        )
        approval = self._risk.approve(
            wish.request,
            identifier,
            cycle_id=wish.cycle.id,
            state=self._books.state,
            portfolio=portfolio,
            now=self._clock.now(),
        )
        if isinstance(approval, RiskRefused):
            self._stop_a_runaway(approval.gate)
            return approval
        self._books.record(_planned(wish, identifier, leg=leg, attempt=attempt))
        self._sender.send(approval)
        return self._books.intents.by_identifier(identifier)

    def _stop_a_runaway(self, gate: Gate) -> None:
        """Enter safe mode where an entry got as far as here in an hour that is full.

        Stages 1 and 4 stop a cycle at a full hour, and an entry is cut into no more orders than the hour has left: whatever asks
        for one more has lost count.
        """
        if gate.name != ORDERS_THIS_HOUR:
            return
        text = f"{gate.name}: one more entry order was asked for after {gate.value} within an hour, limit {gate.limit}"
        self._books.record(SafeModeEntered(reason=text))
        self._books.alarm("runaway", text)

    def _followed(self, intent: Intent, portfolio: Portfolio, give_up_at_s: float | None) -> Intent:
        patience_ends_s = self._clock.monotonic_s() + PATIENCE_S
        until_s = patience_ends_s if give_up_at_s is None else min(patience_ends_s, give_up_at_s)
        return self._settlement.settle(intent.identifier, portfolio, give_up_at_s=until_s)

    def _interruption(self, intents: Sequence[Intent]) -> RiskRefused | None:
        """Tell whether somebody else has ordered on the market since this order began, as the guard does at a stop."""
        ours = {intent.identifier for intent in intents}
        others = [intent for intent in self._books.intents.planned_after(intents[0]) if intent.identifier not in ours]
        return RiskRefused(Gate("other_orders_since", others[0].identifier, "none", False)) if others else None

    def _ended(self, cycle: Cycle, role: Role) -> list[Intent]:
        earlier = self._books.intents.of_cycle(cycle.market, cycle.id, role)
        return [intent for intent in earlier if intent.closing is not None]

    def _leg(self, cycle: Cycle, role: Role) -> tuple[int, int]:
        """Give leg and attempt: a leg is what the venue took; a refusal raises the attempt of the same leg."""
        leg = self.taken_in(cycle, role)
        return leg, sum(1 for intent in self._ended(cycle, role) if intent.plan.leg == leg)


def _was_taken(intent: Intent) -> bool:
    return intent.closing is not None and intent.closing.closing not in _REFUSED


def _has_executed(intent: Intent) -> bool:
    return intent.closing is not None and bool(intent.closing.fills)


def _planned(wish: OrderWish, identifier: str, *, leg: int, attempt: int) -> IntentPlanned:
    request = wish.request
    return IntentPlanned(
        identifier=identifier,
        market=request.market,
        cycle_id=wish.cycle.id,
        role=wish.role,
        leg=leg,
        attempt=attempt,
        side=request.side,
        notional_krw=request.notional_krw if isinstance(request, MarketBuy) else None,
        quantity=request.quantity if isinstance(request, MarketSell) else None,
        reference_krw=wish.reference_krw,
        minimum_notional_krw=wish.minimum_notional_krw,
        reason=wish.reason,
        decision_digest=wish.decision_digest,
        exit_cause=wish.exit_cause,
        protection=wish.protection,
    )
