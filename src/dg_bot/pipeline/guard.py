"""The guard tick: risk's exits between cycles, from nothing but the exchange."""

from collections.abc import Sequence
from dataclasses import dataclass

from dg_bot.cycle import Cycle
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Portfolio, Position
from dg_bot.errors import AuthenticationFailed, BotError, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent
from dg_bot.pipeline.account import Account
from dg_bot.pipeline.account_keeping import AccountKeeper
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_desk import OrderDesk, Underway
from dg_bot.pipeline.order_settlement import PATIENCE_S
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.seller import Seller
from dg_bot.ports import Clock
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.manager import RiskManager

_LOCK_DEADLINE_S = 10.0
# Where a slow venue has taken this long, the exits that are left begin at the next tick, ahead of the others.
_BEGIN_BUDGET_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardReport:
    """What one tick did: the exits it found due, and the orders it placed for them."""

    due: tuple[tuple[Market, ExitReason], ...] = ()
    intents: tuple[Intent, ...] = ()


class Guard:
    """Watches open positions. Raises what reads raise; the caller counts the time in which it could not watch."""

    def __init__(
        self,
        *,
        books: Books,
        account: Account,
        keeper: AccountKeeper,
        reconciler: Reconciler,
        risk: RiskManager,
        seller: Seller,
        desk: OrderDesk,
        clock: Clock,
    ) -> None:
        self._books = books
        self._account = account
        self._keeper = keeper
        self._reconciler = reconciler
        self._risk = risk
        self._seller = seller
        self._desk = desk
        self._clock = clock
        self._kept_waiting: frozenset[Market] = frozenset()

    @property
    def is_needed(self) -> bool:
        """Tell whether anything is held or open; without it a tick asks the exchange nothing."""
        return bool(self._books.state.open_plans or self._books.state.positions)

    def tick(self) -> GuardReport:
        """Sell what has reached a protective level, where no sale is under way; then look after the account and open orders.

        The first order of each exit leaves before any is waited for, and all of them share one patience. A market on which that
        fails does not keep the others from it; its error is raised at the end.
        """
        if not self.is_needed:
            return GuardReport()
        with self._books.locked(_LOCK_DEADLINE_S):
            view = self._account.view()
            due = [(position, self._due(position, view.portfolio)) for position in view.portfolio.positions]
            exits = [(position, reason) for position, reason in due if reason is not ExitReason.NONE]
            orders, troubles = self._begin(exits, view.portfolio)
            give_up_at_s = self._clock.monotonic_s() + PATIENCE_S
            intents = self._finish(orders)
            self._keeper.account_for(view, self._clock.now())
            self._reconciler.settle_open(view.portfolio, give_up_at_s=give_up_at_s)
        if troubles:
            raise troubles[0]
        return GuardReport(due=tuple((position.market, reason) for position, reason in exits), intents=intents)

    def _due(self, position: Position, portfolio: Portfolio) -> ExitReason:
        """Tell which exit is due and possible; what keeps one from being made is told."""
        market, mark = position.market, portfolio.marks_krw[position.market]
        reason = self._risk.due_exit(position, mark)
        if reason is ExitReason.NONE:
            return reason
        if not position.is_sellable_at(mark):
            if not position.is_dust:
                self._books.alarm(f"unsellable:{market}", f"{market} has reached its {reason.word}, worth less than any order")
            return ExitReason.NONE
        if self._books.intents.is_selling(market):
            text = f"{market} has reached its {reason.word}, but nothing more is sold while an earlier sale has no verdict"
            self._books.alarm(f"unprotected:{market}", text)
            return ExitReason.NONE
        return reason

    def _begin(self, exits: Sequence[tuple[Position, ExitReason]], portfolio: Portfolio) -> tuple[list[Underway], list[BotError]]:
        orders: list[Underway] = []
        troubles: list[BotError] = []
        waiting: list[Market] = []
        ends_s = self._clock.monotonic_s() + _BEGIN_BUDGET_S
        for position, reason in sorted(exits, key=lambda due: due[0].market not in self._kept_waiting):
            if self._clock.monotonic_s() >= ends_s:
                waiting.append(position.market)
                continue
            cycle = Cycle(market=position.market, opened_at=HOUR.floor(self._clock.now()))
            try:
                begun = self._seller.exit(position, reason, cycle=cycle, portfolio=portfolio)
            except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
                troubles.append(error)
                continue
            if begun.underway is not None:
                orders.append(begun.underway)
        self._kept_waiting = frozenset(waiting)
        return orders, troubles

    def _finish(self, orders: Sequence[Underway]) -> tuple[Intent, ...]:
        """Follow the orders of a tick within the patience of one, of which each may take its share and what others have left."""
        started_s = self._clock.monotonic_s()
        intents: list[Intent] = []
        for place, order in enumerate(orders, start=1):
            ends_s = started_s + PATIENCE_S * place / len(orders)
            intents += self._desk.finish(order, give_up_at_s=ends_s).intents
        return tuple(intents)
