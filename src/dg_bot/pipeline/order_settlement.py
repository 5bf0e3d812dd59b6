"""How an order that was sent comes to its end: asked about, adopted, sent again, or closed by proof."""

from dataclasses import replace
from datetime import datetime, timedelta

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.events import Answer, Closing, IntentAnswered, IntentClosed, IntentPlanned
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest, Role, Side, VenueOrder, VenueState
from dg_bot.domain.portfolio import Portfolio
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable, InvariantViolated
from dg_bot.execution.intent import Intent, IntentState
from dg_bot.execution.plausibility import fee_drift, oddity
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_evidence import is_still_there, is_unmoved, listed
from dg_bot.pipeline.order_sending import OrderSender
from dg_bot.ports import Clock, Exchange
from dg_bot.risk.manager import RiskManager, RiskRefused

PATIENCE_S = 25.0
LOCK_DEADLINE_S = 60.0
_SETTLE = timedelta(seconds=10)
# Who refuses a name as duplicate, or took the order, knows it: the venue gets more time to show it, not less.
_LONG_SETTLE = timedelta(minutes=3)
_STALE_SETTLE = timedelta(seconds=60)
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
# An entry was decided on a price and a book; later than this it is not sent again, but closed by proof.
_ENTRY_WINDOW = timedelta(minutes=5)


class OrderSettlement:
    """Follows intents to their end, after a request as after a restart."""

    def __init__(self, *, books: Books, exchange: Exchange, risk: RiskManager, clock: Clock, sender: OrderSender) -> None:
        self._books = books
        self._exchange = exchange
        self._risk = risk
        self._clock = clock
        self._sender = sender

    def settle(self, identifier: str, portfolio: Portfolio | None, *, give_up_at_s: float) -> Intent:
        """Ask about one intent until it is closed or patience ends; the same path serves a fresh order and a restart.

        `portfolio` is needed to send an order again; without it an absent order is only ever closed by proof. `give_up_at_s` is
        on the monotonic clock; an order is asked about at least once. The account is held while one answer is asked for and
        recorded, and let go before the next. Raises StateError where another holder keeps it.
        """
        pause = _FIRST_PAUSE_S
        empty_reads = 0
        while True:
            with self._books.locked(LOCK_DEADLINE_S):
                intent = self._caught_up(identifier)
                if intent.is_open:
                    empty_reads = self._ask(intent, portfolio, empty_reads)
                intent = self._books.intents.by_identifier(identifier)
            if not intent.is_open or self._clock.monotonic_s() >= give_up_at_s or self._books.is_closing:
                return intent
            self._clock.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, pause * 2)

    def _caught_up(self, identifier: str) -> Intent:
        """Take the steps that need no answer of the venue's.

        An intent whose `sending` was never made durable is closed: no request can have left for it.
        """
        match self._books.intents.by_identifier(identifier).state:
            case IntentState.PLANNED:
                self._close(identifier, Closing.NEVER_ACCEPTED)
            case IntentState.REJECTED:
                self._close(identifier, Closing.REJECTED)
            case IntentState.SENDING:
                self._answer(identifier, Answer.UNKNOWN, error_name="restarted")
            case IntentState.UNKNOWN | IntentState.ACCEPTED | IntentState.CLOSED:
                pass
        return self._books.intents.by_identifier(identifier)

    def _ask(self, intent: Intent, portfolio: Portfolio | None, empty_reads: int) -> int:
        """Ask once and act on the answer; gives how many answers in a row showed an order that ended without a fill."""
        seen = self._look(intent.identifier)
        if isinstance(seen, VenueOrder):
            empty_reads = empty_reads + 1 if _has_ended_empty(seen) else 0
            self._adopt(intent, seen, is_final=empty_reads != 1)
        elif seen is None and intent.state is IntentState.ACCEPTED:
            self._vanished(intent)
        elif seen is None:
            self._absent(intent, portfolio)
        return empty_reads

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
        odd = oddity(intent.plan, once)
        if odd is not None:
            self._books.alarm(f"odd_order:{intent.plan.market}", f"the venue's answer on {identifier} cannot be right: {odd}")
            return
        if intent.state is IntentState.UNKNOWN:
            self._answer(identifier, Answer.ACCEPTED, venue_id=order.venue_id)
        if order.state is not VenueState.CLOSED or not once.has_all_fills or not is_final:
            return
        if once.executed_quantity > ZERO:
            drift = fee_drift(once)
            if drift is not None:
                self._books.alarm("fee_drift", f"order {identifier}: {drift}")
            self._book(intent, Closing.EXECUTED, once)
        elif is_unmoved(intent, self._exchange, self._books.state, is_late=self._is_late(intent)):
            self._book(intent, Closing.NOT_EXECUTED, once)

    def _absent(self, intent: Intent, portfolio: Portfolio | None) -> None:
        """Deal with an order that the venue does not know: wait, send the same identifier again, or close it by proof."""
        now = self._clock.now()
        if intent.last_sent_at is None or now - intent.last_sent_at < _SETTLE:
            return
        is_current = Cycle(market=intent.plan.market, opened_at=HOUR.floor(now)).id == intent.plan.cycle_id
        if intent.plan.role is Role.ENTRY:
            is_current = is_current and now - intent.planned_at <= _ENTRY_WINDOW
            # Whoever has ordered on the market since, as the guard does at a stop, has ended what this entry was part of.
            is_current = is_current and not self._books.intents.planned_after(intent)
        if not intent.is_duplicate and is_current and portfolio is not None and self._sent_again(intent, portfolio, now):
            return
        waited = _LONG_SETTLE if intent.is_duplicate else _STALE_SETTLE
        if now - intent.last_sent_at >= waited and self._never_was(intent):
            self._close(intent.identifier, Closing.NEVER_ACCEPTED)

    def _never_was(self, intent: Intent) -> bool:
        """Tell whether an order that nobody knows cannot have been.

        It was never seen, so that time proves nothing of a sale: coins that came in may stand in for those that it sold.
        """
        is_late = intent.plan.side is Side.BUY and self._is_late(intent)
        return listed(intent, self._exchange) == () and is_unmoved(
            intent, self._exchange, self._books.state, with_won=True, is_late=is_late
        )

    def _is_late(self, intent: Intent) -> bool:
        """Tell whether the venue has had all the time that it may need to show what became of an order."""
        return intent.last_sent_at is not None and self._clock.now() - intent.last_sent_at >= _LONG_SETTLE

    def _vanished(self, intent: Intent) -> None:
        """Deal with an order that the venue took and does not know by its name.

        It is closed where the lists show that it ended without a fill, and a sale also where they do not show it: a position must
        not stay without protection for a sale that is not there. An entry that may yet show itself only blocks entries.
        """
        if not self._is_late(intent):
            return
        text = f"the venue took order {intent.identifier} and does not know it any more"
        self._books.alarm(f"vanished:{intent.plan.market}", text)
        found = listed(intent, self._exchange)
        if found is None or not all(map(_has_ended_empty, found)) or (intent.plan.side is Side.BUY and not found):
            return
        if is_unmoved(intent, self._exchange, self._books.state, with_won=True, is_free=True, is_late=True):
            self._close(intent.identifier, Closing.NOT_EXECUTED)

    def _sent_again(self, intent: Intent, portfolio: Portfolio, now: datetime) -> bool:
        if self._books.is_closing:
            return False
        if intent.plan.side is Side.SELL and not is_still_there(intent, self._exchange, self._books.state):
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

    def _book(self, intent: Intent, closing: Closing, order: VenueOrder) -> None:
        """Close an intent with the venue's word; one that contradicts the books is not booked, and no new risk is taken.

        The order stays open, so that the process neither ends for it nor meets it at each start: a person has to look.
        """
        try:
            self._close(intent.identifier, closing, order)
        except InvariantViolated as error:
            text = f"the venue's answer on {intent.identifier} contradicts the books: {error}"
            self._books.alarm(f"odd_order:{intent.plan.market}", text)
            self._books.enter_safe_mode(text)

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


def _has_ended_empty(order: VenueOrder) -> bool:
    return order.state is VenueState.CLOSED and order.executed_quantity == ZERO


def _request(plan: IntentPlanned) -> OrderRequest:
    if plan.notional_krw is not None:
        return MarketBuy(market=plan.market, notional_krw=plan.notional_krw)
    if plan.quantity is not None:
        return MarketSell(market=plan.market, quantity=plan.quantity)
    raise DataError(plan.identifier, "the intent has neither a notional nor a quantity")
