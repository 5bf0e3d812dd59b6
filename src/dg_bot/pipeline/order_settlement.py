"""How an order that was sent comes to its end: asked about, adopted, sent again, or closed by proof."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned
from dg_bot.domain.money import WON, ZERO, product
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest, Role, Side, VenueOrder, VenueState
from dg_bot.domain.portfolio import Portfolio
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent, IntentState
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.ports import Clock, Exchange
from dg_bot.risk.manager import RiskManager, RiskRefused

PATIENCE_S = 25.0
_SETTLE = timedelta(seconds=10)
# A refusal as duplicate says that the venue knows the name: it gets more time to show the order, not less.
_DUPLICATE_SETTLE = timedelta(minutes=3)
_HIGHEST_FEE = Decimal("0.01")
_STALE_SETTLE = timedelta(seconds=60)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
# An entry was decided on a price and a book; later than this it is not sent again, but closed by proof.
_ENTRY_WINDOW = timedelta(minutes=5)
_LIST_MARGIN = timedelta(minutes=1)


class OrderSettlement:
    """Follows intents to their end, after a request as after a restart. Callers hold the books' lock."""

    def __init__(self, *, books: Books, exchange: Exchange, risk: RiskManager, clock: Clock, sender: OrderSender) -> None:
        self._books = books
        self._exchange = exchange
        self._risk = risk
        self._clock = clock
        self._sender = sender

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
                empty_reads = empty_reads + 1 if seen.state is VenueState.CLOSED and seen.executed_quantity == ZERO else 0
                self._adopt(intent, seen, is_final=empty_reads != 1)
            elif seen is None:
                self._absent(intent, portfolio)
            if self._books.intents.by_identifier(identifier).state is IntentState.CLOSED:
                continue
            if self._clock.monotonic_s() >= give_up_at or self._books.is_closing:
                return self._books.intents.by_identifier(identifier)
            self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    def _look(self, identifier: str) -> VenueOrder | ExchangeUnavailable | AuthenticationFailed | DataError | None:
        try:
            return self._exchange.find(identifier)
        except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
            return error

    def _adopt(self, intent: Intent, order: VenueOrder, *, is_final: bool) -> None:
        """Take the venue's word, unless it cannot be true; an order without a fill is read twice, and held against the balance.

        Its fills may only be late: an end that is booked too early would leave them to nobody.
        """
        identifier = intent.plan.identifier
        once = replace(order, fills=tuple({fill.trade_id: fill for fill in order.fills}.values()))
        oddity = _oddity(intent.plan, once)
        if oddity is not None:
            self._books.alarm(f"odd_order:{intent.plan.market}", f"the venue's answer on {identifier} cannot be right: {oddity}")
            return
        if intent.state is IntentState.UNKNOWN:
            self._answer(identifier, Answer.ACCEPTED, venue_id=order.venue_id)
        if order.state is not VenueState.CLOSED or not once.has_all_fills or not is_final:
            return
        if once.executed_quantity > ZERO:
            self._close(identifier, Closing.EXECUTED, once)
        elif self._is_unmoved(intent):
            self._close(identifier, Closing.NOT_EXECUTED, once)

    def _absent(self, intent: Intent, portfolio: Portfolio | None) -> None:
        """Deal with an order that the venue does not know: wait, send the same identifier again, or close it by proof."""
        now = self._clock.now()
        if intent.state is not IntentState.UNKNOWN or intent.last_sent_at is None or now - intent.last_sent_at < _SETTLE:
            return
        is_current = Cycle(market=intent.plan.market, opened_at=HOUR.floor(now)).id == intent.plan.cycle_id
        if intent.plan.role is Role.ENTRY:
            is_current = is_current and now - intent.planned_at <= _ENTRY_WINDOW
        if not intent.is_duplicate and is_current and portfolio is not None and self._sent_again(intent, portfolio, now):
            return
        waited = _DUPLICATE_SETTLE if intent.is_duplicate else _STALE_SETTLE
        if now - intent.last_sent_at >= waited and self._is_proved_absent(intent):
            self._close(intent.plan.identifier, Closing.NEVER_ACCEPTED)

    def _sent_again(self, intent: Intent, portfolio: Portfolio, now: datetime) -> bool:
        if self._books.is_closing:
            return False
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
        self._sender.send(approval)
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
        return self._is_unmoved(intent, with_won=plan.side is Side.BUY)

    def _is_unmoved(self, intent: Intent, *, with_won: bool = False) -> bool:
        """Tell whether the balances show nothing of this order; what cannot be read proves nothing.

        A buy leaves the base as the books expect it. A sale leaves no less of it; a little more that somebody sent must not keep
        a position from its protection.
        """
        try:
            balances = self._exchange.balances()
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return False
        state = self._books.state
        others = {name: plan for name, plan in state.open_plans.items() if name != intent.plan.identifier}
        differences = unexplained_differences(replace(state, open_plans=others), balances, (intent.plan.market,))
        moved = differences.get(intent.plan.market.base, ZERO)
        if intent.plan.quantity is not None:
            return ZERO <= moved < intent.plan.quantity
        return moved == ZERO and not (with_won and "KRW" in differences)

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


def _oddity(plan: IntentPlanned, order: VenueOrder) -> str | None:
    """Say what in an answer contradicts the order that was sent; None where it can be true."""
    if (order.market, order.side) != (plan.market, plan.side):
        return f"it is a {order.side} on {order.market}"
    if order.identifier not in (None, plan.identifier):
        return f"it names {order.identifier}"
    if plan.quantity is not None and order.executed_quantity > plan.quantity:
        return f"{order.executed_quantity} was executed of {plan.quantity}"
    if plan.notional_krw is not None and order.funds_krw > plan.notional_krw:
        return f"{order.funds_krw} KRW was spent of {plan.notional_krw}"
    if any(abs(fill.funds_krw - product(fill.price, fill.quantity)) > WON for fill in order.fills):
        return "a fill's funds are not its price times its quantity"
    if order.paid_fee_krw > order.funds_krw * _HIGHEST_FEE:
        return f"a fee of {order.paid_fee_krw} KRW on {order.funds_krw} KRW"
    return None


def _request(plan: IntentPlanned) -> OrderRequest:
    if plan.notional_krw is not None:
        return MarketBuy(market=plan.market, notional_krw=plan.notional_krw)
    if plan.quantity is not None:
        return MarketSell(market=plan.market, quantity=plan.quantity)
    raise DataError(plan.identifier, "the intent has neither a notional nor a quantity")
