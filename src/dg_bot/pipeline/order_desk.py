"""Place orders: named, approved, durable before they are tried, and followed to their end."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from dg_bot.cycle import Cycle
from dg_bot.domain.events import Closing, IntentPlanned
from dg_bot.domain.gate import Gate
from dg_bot.domain.order import ExitCause, Identifier, MarketBuy, MarketSell, OrderRequest, Role
from dg_bot.domain.portfolio import Portfolio, ProtectionPlan
from dg_bot.execution.intent import Intent
from dg_bot.execution.planner import CHILD_PAUSE_S
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.pipeline.order_settlement import OrderSettlement
from dg_bot.ports import Clock
from dg_bot.risk.manager import RiskManager, RiskRefused

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
class Placed:
    """The children of one order that were sent, as they stand; `refused` is the gate that kept the next one from being sent."""

    intents: tuple[Intent, ...]
    refused: tuple[Gate, ...] = ()


class OrderDesk:
    """Places orders. Callers hold the books' lock."""

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

    def place(self, wish: OrderWish, portfolio: Portfolio) -> Intent | RiskRefused:
        """Send one order and follow it to its end, or as far as patience goes; the intent tells how far that was."""
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
            return approval
        self._books.record(_planned(wish, identifier, leg=leg, attempt=attempt))
        self._sender.send(approval)
        return self._settlement.settle(identifier, portfolio)

    def place_all(self, wishes: Sequence[OrderWish], portfolio: Portfolio) -> Placed:
        """Send the children of one order in turn, a pause apart; stop at the first that was refused or executed nothing."""
        intents: list[Intent] = []
        for wish in wishes:
            if intents:
                self._clock.sleep(CHILD_PAUSE_S)
            outcome = self.place(wish, portfolio)
            if isinstance(outcome, RiskRefused):
                return Placed(intents=tuple(intents), refused=(outcome.gate,))
            intents.append(outcome)
            if outcome.closing is None or not outcome.closing.fills:
                break
        return Placed(intents=tuple(intents))

    def executed_in(self, cycle: Cycle, role: Role) -> int:
        """Count the orders of one cycle and role that executed something."""
        return sum(1 for intent in self._ended(cycle, role) if intent.closing is not None and intent.closing.fills)

    def _ended(self, cycle: Cycle, role: Role) -> list[Intent]:
        earlier = self._books.intents.of_cycle(cycle.market, cycle.id, role)
        return [intent for intent in earlier if intent.closing is not None]

    def _leg(self, cycle: Cycle, role: Role) -> tuple[int, int]:
        """Give leg and attempt: a leg is what the venue took; a refusal raises the attempt of the same leg."""
        ended = self._ended(cycle, role)
        leg = sum(1 for intent in ended if intent.closing is not None and intent.closing.closing not in _REFUSED)
        return leg, sum(1 for intent in ended if intent.plan.leg == leg)


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
