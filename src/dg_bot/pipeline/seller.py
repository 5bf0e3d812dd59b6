"""Sell what risk or a decision wants sold: cut to what the book can take, placed through the desk."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from dg_bot.cycle import Cycle
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import MarketRules, published_rules
from dg_bot.domain.order import ExitCause, Role
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Portfolio, Position
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.planner import NotPlanned, PlannerLimits, SellWish, plan_sell
from dg_bot.execution.refusals import pause_left, still_in_a_row
from dg_bot.pipeline.account import SECOND_READ_S, free_of_ours
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_desk import Begun, OrderDesk, OrderWish
from dg_bot.ports import Clock, Exchange, MarketData
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.manager import RiskManager

_STOPS = (ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP)
_GAINS = (ExitReason.TAKE_PROFIT, ExitReason.STAGED_PROFIT)


@dataclass(frozen=True, slots=True)
class _Why:
    role: Literal[Role.EXIT, Role.SELL]
    reason: str
    digest: str
    exit_cause: ExitCause | None = None


class Seller:
    """Begins sales; the desk finishes them. Callers hold the books' lock."""

    def __init__(
        self,
        *,
        books: Books,
        exchange: Exchange,
        market_data: MarketData,
        risk: RiskManager,
        desk: OrderDesk,
        clock: Clock,
        limits: PlannerLimits,
    ) -> None:
        self._books = books
        self._risk = risk
        self._exchange = exchange
        self._market_data = market_data
        self._desk = desk
        self._clock = clock
        self._limits = limits

    def exit(self, position: Position, reason: ExitReason, *, cycle: Cycle, portfolio: Portfolio) -> Begun:
        """Sell what a risk exit sells: at a level only when a second read has reached it too, and not at once after a refusal."""
        waiting = self._pause_after_refusals(position, reason)
        if waiting is not None:
            return Begun(underway=None, gates=(waiting,))
        book = None
        if reason in (*_STOPS, *_GAINS):
            mark, book = self._second_read(position)
            confirmed = self._confirmed(position, reason, mark, book)
            if confirmed is ExitReason.NONE:
                name = "stop_confirmed" if reason in _STOPS else "gain_confirmed"
                return Begun(underway=None, gates=(Gate(name, False, True, False),))
            reason = confirmed
        mark = portfolio.marks_krw[position.market]
        rules = self._rules(position)
        quantity = self._risk.exit_quantity(position, reason, mark, rules.minimum_notional_krw)
        due = Gate("risk_exit", reason.word, None, True)
        why = _Why(Role.EXIT, reason.word, f"risk:{reason.word}", reason.cause)
        sale = self._sell(position, quantity, rules, why, cycle, portfolio, book or self._book(position))
        return replace(sale, gates=(due, *sale.gates))

    def close(self, position: Position, *, cycle: Cycle, portfolio: Portfolio) -> Begun:
        """Sell all of a position because the operator wants it sold, at once whatever was refused before."""
        why = _Why(Role.EXIT, ExitCause.OPERATOR.value, "operator", ExitCause.OPERATOR)
        rules = self._rules(position)
        return self._sell(position, position.quantity, rules, why, cycle, portfolio, self._book(position))

    def sell(self, position: Position, *, reason: str, digest: str, cycle: Cycle, portfolio: Portfolio) -> Begun:
        """Sell what a SELL decision sells of a position."""
        rules = self._rules(position)
        quantity = self._risk.sell_quantity(position)
        return self._sell(position, quantity, rules, _Why(Role.SELL, reason, digest), cycle, portfolio, self._book(position))

    def _sell(
        self,
        position: Position,
        quantity: Decimal,
        rules: MarketRules,
        why: "_Why",
        cycle: Cycle,
        portfolio: Portfolio,
        book: OrderBook,
    ) -> Begun:
        mark = portfolio.marks_krw[position.market]
        wish = SellWish(
            role=why.role,
            wanted_quantity=quantity,
            owned_quantity=position.quantity,
            free_quantity=free_of_ours(self._books.state, position, self._exchange.balances()),
        )
        planned = plan_sell(wish, rules, book=book, mark_krw=mark, limits=self._limits)
        if isinstance(planned, NotPlanned):
            gate = planned.gate
            text = f"{position.market} cannot be sold ({gate.name} {gate.value}, limit {gate.limit})"
            self._books.alarm(f"unsellable:{position.market}", text)
            return Begun(underway=None, gates=(gate,))
        if planned.needs_alarm:
            self._books.alarm(f"thin_book:{position.market}", f"the visible bids on {position.market} do not hold the whole sale")
        wishes = [
            OrderWish(
                request=child,
                cycle=cycle,
                role=why.role,
                reason=why.reason,
                decision_digest=why.digest,
                exit_cause=why.exit_cause,
                reference_krw=mark,
                minimum_notional_krw=rules.minimum_notional_krw,
            )
            for child in planned.children
        ]
        return self._desk.begin(wishes, portfolio, gates=planned.gates, warnings=planned.warnings)

    def _pause_after_refusals(self, position: Position, reason: ExitReason) -> Gate | None:
        """Tell of sales that the venue refused, and give the gate of the pause that is left before the next try."""
        now = self._clock.now()
        refused = still_in_a_row(self._books.intents.refused_sales(position.market), now)
        if not refused:
            return None
        text = (
            f"{position.market} has reached its {reason.word}, but the venue refuses to sell it: {refused[-1].error_name}, "
            f"refusals in a row: {len(refused)}; it is tried again, at most five minutes apart"
        )
        self._books.alarm(f"unprotected:{position.market}", text)
        left_s = pause_left(refused, now).total_seconds()
        return Gate("refused_pause_s", left_s, 0.0, False) if left_s > 0 else None

    def _second_read(self, position: Position) -> tuple[Decimal, OrderBook]:
        """Read last trade and book at least a second after the read that found an exit due; the book serves the sale too."""
        self._clock.sleep(SECOND_READ_S)
        mark = self._market_data.last_prices([position.market])[position.market]
        return mark, self._book(position)

    def _confirmed(self, position: Position, reason: ExitReason, mark: Decimal, book: OrderBook) -> ExitReason:
        """Give the exit that a second read finds due on the same side, or NONE.

        For a stop the best bid has to be at or under it too. Where no bid can be seen, or only one of some time ago, the last
        trade decides: a broken book must not hold a stop back.
        """
        again = self._risk.due_exit(position, mark)
        if reason in _GAINS:
            return again if again in _GAINS else ExitReason.NONE
        is_old = abs(self._clock.now() - book.at) > self._limits.liquidity.maximum_age
        is_stopped = is_old or book.best_bid is None or book.best_bid <= position.levels.effective_stop_krw
        return again if again in _STOPS and is_stopped else ExitReason.NONE

    def _rules(self, position: Position) -> MarketRules:
        """Ask the venue; an exit does not wait for the answer, the published rules serve where it fails."""
        try:
            return self._exchange.rules(position.market)
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return published_rules(position.market)

    def _book(self, position: Position) -> OrderBook:
        """Read the book; where that fails or it is crossed, an exit goes on as if nothing were visible."""
        try:
            return self._market_data.order_book(position.market)
        except (ExchangeUnavailable, DataError):
            return OrderBook(market=position.market, at=self._clock.now(), asks=(), bids=())
