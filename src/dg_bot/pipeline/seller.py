"""Sell what risk or a decision wants sold: cut to what the book can take, placed through the desk."""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

from dg_bot.cycle import Cycle
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import MarketRules, published_rules
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import ExitCause, Role
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Portfolio, Position
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent
from dg_bot.execution.planner import NotPlanned, PlannerLimits, SellWish, plan_sell
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_desk import OrderDesk, OrderWish
from dg_bot.ports import Clock, Exchange, MarketData
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.manager import RiskManager

_CONFIRM_AFTER_S = 1.0
_STOPS = (ExitReason.STOP_LOSS, ExitReason.TRAILING_STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """What came of a sale: its orders as they stand, the checks, and those that only warn."""

    intents: tuple[Intent, ...]
    gates: tuple[Gate, ...]
    warnings: tuple[Gate, ...] = ()


@dataclass(frozen=True, slots=True)
class _Why:
    role: Literal[Role.EXIT, Role.SELL]
    reason: str
    digest: str
    exit_cause: ExitCause | None = None


class Seller:
    """Places the children of one sale. Callers hold the books' lock."""

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

    def exit(self, position: Position, reason: ExitReason, *, cycle: Cycle, portfolio: Portfolio) -> Sale:
        """Sell what a risk exit sells; a stop only when a second read confirms it."""
        mark = portfolio.marks_krw[position.market]
        book = None
        if reason in _STOPS:
            book = self._book_confirming_stop(position)
            if book is None:
                return Sale(intents=(), gates=(Gate("stop_confirmed", False, True, False),))
        rules = self._rules(position)
        quantity = self._risk.exit_quantity(position, reason, mark, rules.minimum_notional_krw)
        due = Gate("risk_exit", reason.word, None, True)
        why = _Why(Role.EXIT, reason.word, f"risk:{reason.word}", reason.cause)
        sale = self._sell(position, quantity, rules, why, cycle, portfolio, book or self._book(position))
        return replace(sale, gates=(due, *sale.gates))

    def sell(self, position: Position, *, reason: str, digest: str, cycle: Cycle, portfolio: Portfolio) -> Sale:
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
    ) -> Sale:
        mark = portfolio.marks_krw[position.market]
        wish = SellWish(
            role=why.role, wanted_quantity=quantity, owned_quantity=position.quantity, free_quantity=self._free(position)
        )
        planned = plan_sell(wish, rules, book=book, mark_krw=mark, limits=self._limits)
        if isinstance(planned, NotPlanned):
            gate = planned.gate
            text = f"{position.market} cannot be sold ({gate.name} {gate.value}, limit {gate.limit})"
            self._books.alarm(f"unsellable:{position.market}", text)
            return Sale(intents=(), gates=(gate,))
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
        placed = self._desk.place_all(wishes, portfolio)
        return Sale(intents=placed.intents, gates=(*planned.gates, *placed.refused), warnings=planned.warnings)

    def _book_confirming_stop(self, position: Position) -> OrderBook | None:
        """Read again at least one second later: the last trade and the best bid both have to be at or under the stop.

        Gives the book that was read, which serves the sale too; None where the stop is not confirmed. Where no bid can be seen
        the last trade decides: a broken book must not hold a stop back.
        """
        self._clock.sleep(_CONFIRM_AFTER_S)
        mark = self._market_data.last_prices([position.market])[position.market]
        book = self._book(position)
        stop = position.levels.effective_stop_krw
        return book if mark <= stop and (book.best_bid is None or book.best_bid <= stop) else None

    def _rules(self, position: Position) -> MarketRules:
        """Ask the venue; an exit does not wait for the answer, the published rules serve where it fails."""
        try:
            return self._exchange.rules(position.market)
        except (ExchangeUnavailable, AuthenticationFailed, DataError):
            return published_rules(position.market)

    def _free(self, position: Position) -> Decimal:
        """Give what of the base is free and the bot's own; what the owner holds beside it stays the owner's."""
        base = position.market.base
        balance = self._exchange.balances().get(base)
        if balance is None:
            return ZERO
        owners = self._books.state.expected_total(base) - position.quantity
        return max(ZERO, min(balance.free, balance.total - owners))

    def _book(self, position: Position) -> OrderBook:
        """Read the book; where that fails or it is crossed, an exit goes on as if nothing were visible."""
        try:
            return self._market_data.order_book(position.market)
        except (ExchangeUnavailable, DataError):
            return OrderBook(market=position.market, at=self._clock.now(), asks=(), bids=())
