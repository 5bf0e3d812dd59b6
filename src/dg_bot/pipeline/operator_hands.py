"""What an operator does by hand to a running account: sell a position, and look whether books and venue agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market
from dg_bot.execution.intent import Intent
from dg_bot.pipeline.account import Account
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_desk import OrderDesk
from dg_bot.pipeline.order_settlement import LOCK_DEADLINE_S
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.seller import Seller
from dg_bot.ports import Clock


class SaleEnd(StrEnum):
    """What came of the wish to sell a position: an order went out, or why none did."""

    PLACED = "placed"
    NOTHING_HELD = "nothing_held"
    ENTRY_OPEN = "entry_open"
    UNDER_WAY = "under_way"
    NOT_SENT = "not_sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """The orders of a sale as they stand, or the gate that kept the first from being sent."""

    end: SaleEnd
    market: Market
    intents: tuple[Intent, ...] = ()
    gate: Gate | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Books against venue after open orders have been asked about: orders still without an end, and what nobody explains."""

    open_intents: tuple[Intent, ...]
    unexplained: Mapping[str, Decimal]


class OperatorHands:
    """Acts under the same lock as cycle and guard, so that a position is sold once whoever comes first."""

    def __init__(
        self, *, books: Books, account: Account, reconciler: Reconciler, seller: Seller, desk: OrderDesk, clock: Clock
    ) -> None:
        self._books = books
        self._account = account
        self._reconciler = reconciler
        self._seller = seller
        self._desk = desk
        self._clock = clock

    def exit(self, market: Market) -> Sale:
        """Sell all that the bot owns on `market`, where no sale is under way there.

        Raises as reads do, and StateError where the account is kept by another for too long or nothing can be recorded.
        """
        with self._books.locked(LOCK_DEADLINE_S):
            if self._books.intents.is_selling(market):
                return Sale(end=SaleEnd.UNDER_WAY, market=market)
            if market not in self._books.state.positions:
                entries = self._books.intents.open_on(market)
                return Sale(end=SaleEnd.ENTRY_OPEN if entries else SaleEnd.NOTHING_HELD, market=market)
            portfolio = self._account.view(market).portfolio
            position = portfolio.position_on(market)
            if position is None:
                return Sale(end=SaleEnd.NOTHING_HELD, market=market)
            cycle = Cycle(market=market, opened_at=HOUR.floor(self._clock.now()))
            begun = self._seller.close(position, cycle=cycle, portfolio=portfolio)
        if begun.underway is None:
            return Sale(end=SaleEnd.NOT_SENT, market=market, gate=begun.gates[-1])
        placed = self._desk.finish(begun.underway)
        return Sale(end=SaleEnd.PLACED, market=market, intents=placed.intents)

    def sync(self) -> Comparison:
        """Ask about every order without an end, and compare what the venue holds with the books; raises as `exit`."""
        with self._books.locked(LOCK_DEADLINE_S):
            portfolio = self._account.view().portfolio
            self._reconciler.settle_open(portfolio)
            view = self._account.view()
        return Comparison(open_intents=self._books.intents.open_intents(), unexplained=view.unexplained)
