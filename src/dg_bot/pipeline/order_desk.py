"""The order protocol: durable before it is tried, asked about when unclear, and never repeated blindly."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from dg_bot.cycle import Cycle
from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned, IntentSending
from dg_bot.domain.gate import Gate
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Identifier, MarketBuy, MarketSell, OrderRequest, Role, Side, VenueOrder
from dg_bot.domain.portfolio import Portfolio, ProtectionPlan
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent, IntentState
from dg_bot.execution.planner import CHILD_PAUSE_S
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.pipeline.books import Books
from dg_bot.ports import Accepted, Clock, Exchange, Rejected, Unclear
from dg_bot.risk.manager import RiskApproved, RiskManager, RiskRefused

_SETTLE = timedelta(seconds=10)
_STALE_SETTLE = timedelta(seconds=60)
PATIENCE_S = 25.0
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
# An entry was decided on a price and a book; later than this it is not sent again, but closed by proof.
_ENTRY_WINDOW = timedelta(minutes=5)
_LIST_MARGIN = timedelta(minutes=1)
_DUPLICATE = "duplicated_identifier"
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
    protection: ProtectionPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The children of one order that were sent, as they stand; `refused` is the gate that kept the next one from being sent."""

    intents: tuple[Intent, ...]
    refused: tuple[Gate, ...] = ()


class OrderDesk:
    """Places orders and settles them. Callers hold the books' lock."""

    def __init__(
        self,
        *,
        books: Books,
        exchange: Exchange,
        risk: RiskManager,
        clock: Clock,
        namespace: str,
        on_acknowledged: Callable[[float], None],
    ) -> None:
        self._books = books
        self._exchange = exchange
        self._risk = risk
        self._clock = clock
        self._namespace = namespace
        self._on_acknowledged = on_acknowledged

    def place(self, wish: OrderWish, portfolio: Portfolio) -> Intent | RiskRefused:
        """Send one order and follow it to its end, or as far as patience goes; the intent tells how far that was."""
        if self._books.is_closing:
            return RiskRefused(Gate("process", "stopping", "running", False))
        identifier = self._next_identifier(wish.cycle, wish.role)
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
        self._books.record(_planned(wish, identifier, self._leg(wish.cycle, wish.role)))
        self._send(approval, is_first=True)
        return self.settle(identifier, portfolio)

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

    def settle(self, identifier: str, portfolio: Portfolio | None, *, give_up_at_s: float | None = None) -> Intent:
        """Ask about one intent until it is closed or patience ends; the same path serves a fresh order and a restart.

        `portfolio` is needed to send an order again; without it an absent order is only ever closed by proof. `give_up_at_s` is
        on the monotonic clock, for several orders that share one patience; each is asked about at least once.
        """
        give_up_at = self._clock.monotonic_s() + PATIENCE_S if give_up_at_s is None else give_up_at_s
        pause = _FIRST_PAUSE_S
        empty_reads = 0
        while True:
            intent = self._books.intents.by_identifier(identifier)
            if intent.state is IntentState.CLOSED:
                return intent
            if intent.state is IntentState.PLANNED:
                self._close_unsent(intent)
                continue
            if intent.state is IntentState.REJECTED:
                self._close(identifier, Closing.REJECTED)
                continue
            if intent.state is IntentState.SENDING:
                self._books.record(IntentAnswered(identifier=identifier, answer=Answer.UNKNOWN, error_name="restarted"))
                continue
            seen = self._look(identifier)
            if isinstance(seen, VenueOrder):
                empty_reads = empty_reads + 1 if seen.is_open is False and seen.executed_quantity == ZERO else 0
                self._adopt(intent, seen, is_final=empty_reads != 1)
            elif seen is None:
                self._absent(intent, portfolio)
            if self._books.intents.by_identifier(identifier).state is IntentState.CLOSED:
                continue
            if self._clock.monotonic_s() >= give_up_at:
                return self._books.intents.by_identifier(identifier)
            self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    def _send(self, approved: RiskApproved, *, is_first: bool) -> None:
        self._books.record(IntentSending(identifier=approved.identifier))
        started = self._clock.monotonic_s()
        submission = self._exchange.submit(approved)
        self._on_acknowledged(self._clock.monotonic_s() - started)
        match submission:
            case Accepted(venue_id):
                self._answer(approved.identifier, Answer.ACCEPTED, venue_id=venue_id)
            case Rejected(name, message) if is_first:
                self._answer(approved.identifier, Answer.REJECTED, error_name=f"{name}: {message}"[:200])
                self._close(approved.identifier, Closing.REJECTED)
            case Rejected(name, _) | Unclear(name):
                # A refusal of a repeated request proves nothing: the first one may have landed and used the funds.
                self._answer(approved.identifier, Answer.UNKNOWN, error_name=name)
            case _:
                assert_never(submission)

    def _look(self, identifier: str) -> VenueOrder | ExchangeUnavailable | AuthenticationFailed | DataError | None:
        try:
            return self._exchange.find(identifier)
        except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
            return error

    def _adopt(self, intent: Intent, order: VenueOrder, *, is_final: bool) -> None:
        """Take the venue's word; an order that ended without a fill is read twice, and held against what is held of the base.

        Its fills may only be late: an end that is booked too early would leave them to nobody.
        """
        identifier = intent.plan.identifier
        if intent.state is IntentState.UNKNOWN:
            self._answer(identifier, Answer.ACCEPTED, venue_id=order.venue_id)
        once = replace(order, fills=tuple({fill.trade_id: fill for fill in order.fills}.values()))
        if order.is_open is not False or not once.has_all_fills or not is_final:
            return
        if once.executed_quantity > ZERO:
            self._close(identifier, Closing.EXECUTED, once)
        elif self._are_unmoved(intent, {intent.plan.market.base}):
            self._close(identifier, Closing.NOT_EXECUTED, once)

    def _absent(self, intent: Intent, portfolio: Portfolio | None) -> None:
        """Deal with an order that the venue does not know: wait, send the same identifier again, or close it by proof."""
        now = self._clock.now()
        if intent.state is not IntentState.UNKNOWN or intent.last_sent_at is None or now - intent.last_sent_at < _SETTLE:
            return
        is_current = Cycle(market=intent.plan.market, opened_at=_hour(now)).id == intent.plan.cycle_id
        if intent.plan.role is Role.ENTRY:
            is_current = is_current and now - intent.planned_at <= _ENTRY_WINDOW
        if intent.error_name != _DUPLICATE and is_current and portfolio is not None and self._sent_again(intent, portfolio, now):
            return
        waited = _SETTLE if intent.error_name == _DUPLICATE else _STALE_SETTLE
        if now - intent.last_sent_at >= waited and self._is_proved_absent(intent):
            self._close(intent.plan.identifier, Closing.NEVER_ACCEPTED)

    def _sent_again(self, intent: Intent, portfolio: Portfolio, now: datetime) -> bool:
        approval = self._risk.approve(
            _request(intent.plan),
            intent.plan.identifier,
            cycle_id=intent.plan.cycle_id,
            state=self._books.state,
            portfolio=portfolio,
            now=now,
        )
        if isinstance(approval, RiskRefused):
            return False
        self._send(approval, is_first=False)
        return True

    def _is_proved_absent(self, intent: Intent) -> bool:
        """Prove that an order never came to be: not by identifier, not in the lists, and not in the balances.

        A sale is proved by its base alone: won that the owner moved must not keep a position from its protection.
        """
        plan = intent.plan
        try:
            listed = self._exchange.list_orders(plan.market, intent.planned_at - _LIST_MARGIN)
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return False
        if any(order.identifier == plan.identifier for order in listed):
            return False
        return self._are_unmoved(intent, {plan.market.base} if plan.side is Side.SELL else {plan.market.base, "KRW"})

    def _are_unmoved(self, intent: Intent, currencies: set[str]) -> bool:
        """Tell whether these balances are what the books expect without this order; what cannot be read proves nothing."""
        try:
            balances = self._exchange.balances()
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return False
        state = self._books.state
        others = {name: plan for name, plan in state.open_plans.items() if name != intent.plan.identifier}
        differences = unexplained_differences(replace(state, open_plans=others), balances, (intent.plan.market,))
        return currencies.isdisjoint(differences)

    def _close_unsent(self, intent: Intent) -> None:
        """Close an intent whose `sending` was never made durable: no request can have left for it."""
        self._close(intent.plan.identifier, Closing.NEVER_ACCEPTED)

    def _answer(self, identifier: str, answer: Answer, *, venue_id: str | None = None, error_name: str | None = None) -> None:
        self._books.record(IntentAnswered(identifier=identifier, answer=answer, venue_id=venue_id, error_name=error_name))

    def _close(self, identifier: str, closing: Closing, order: VenueOrder | None = None) -> None:
        self._books.record(
            IntentClosed(
                identifier=identifier,
                closing=closing,
                executed_quantity=ZERO if order is None else order.executed_quantity,
                funds_krw=ZERO if order is None else order.funds_krw,
                paid_fee_krw=ZERO if order is None else order.paid_fee_krw,
                fills=() if order is None else order.fills,
            )
        )

    def _ended(self, cycle: Cycle, role: Role) -> list[Intent]:
        earlier = self._books.intents.of_cycle(cycle.market, cycle.id, role)
        return [intent for intent in earlier if intent.closing is not None]

    def _leg(self, cycle: Cycle, role: Role) -> tuple[int, int]:
        """Give leg and attempt: a leg is what the venue took; a refusal raises the attempt of the same leg."""
        ended = self._ended(cycle, role)
        leg = sum(1 for intent in ended if intent.closing is not None and intent.closing.closing not in _REFUSED)
        return leg, sum(1 for intent in ended if intent.plan.leg == leg)

    def _next_identifier(self, cycle: Cycle, role: Role) -> str:
        leg, attempt = self._leg(cycle, role)
        return str(
            Identifier(namespace=self._namespace, market=cycle.market, cycle_hour=cycle.hour, role=role, leg=leg, attempt=attempt)
        )


def _hour(now: datetime) -> datetime:
    return now.replace(minute=0, second=0, microsecond=0)


def _planned(wish: OrderWish, identifier: str, leg_and_attempt: tuple[int, int]) -> IntentPlanned:
    request = wish.request
    return IntentPlanned(
        identifier=identifier,
        market=request.market,
        cycle_id=wish.cycle.id,
        role=wish.role,
        leg=leg_and_attempt[0],
        attempt=leg_and_attempt[1],
        side=request.side,
        notional_krw=request.notional_krw if isinstance(request, MarketBuy) else None,
        quantity=request.quantity if isinstance(request, MarketSell) else None,
        reference_krw=wish.reference_krw,
        minimum_notional_krw=wish.minimum_notional_krw,
        reason=wish.reason,
        decision_digest=wish.decision_digest,
        protection=wish.protection,
    )


def _request(plan: IntentPlanned) -> OrderRequest:
    if plan.notional_krw is not None:
        return MarketBuy(market=plan.market, notional_krw=plan.notional_krw)
    if plan.quantity is not None:
        return MarketSell(market=plan.market, quantity=plan.quantity)
    raise DataError(plan.identifier, "the intent has neither a notional nor a quantity")
