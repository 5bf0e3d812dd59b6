"""The guard tick: risk's exits between cycles, from nothing but the exchange."""

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
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.pipeline.seller import Seller
from dg_bot.ports import Clock
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.manager import RiskManager

_LOCK_DEADLINE_S = 10.0


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
        clock: Clock,
    ) -> None:
        self._books = books
        self._account = account
        self._keeper = keeper
        self._reconciler = reconciler
        self._risk = risk
        self._seller = seller
        self._clock = clock

    @property
    def is_needed(self) -> bool:
        """Tell whether anything is held or open; without it a tick asks the exchange nothing."""
        state = self._books.state
        return bool(state.open_plans) or any(not position.is_dust for position in state.positions.values())

    def tick(self) -> GuardReport:
        """Sell what has reached a protective level, where no sale is under way; then settle what has no end yet.

        A market on which that fails does not keep the others from it; its error is raised at the end.
        """
        if not self.is_needed:
            return GuardReport()
        with self._books.locked(_LOCK_DEADLINE_S):
            view = self._account.view()
            self._keeper.account_for(view, self._clock.now())
            due = [self._due(position, view.portfolio) for position in view.portfolio.open_positions]
            exits = [(position, reason) for position, reason in due if reason is not ExitReason.NONE]
            intents: list[Intent] = []
            troubles: list[BotError] = []
            for position, reason in exits:
                try:
                    intents += self._exit(position, reason, view.portfolio)
                except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
                    troubles.append(error)
            self._reconciler.settle_open(view.portfolio)
        if troubles:
            raise troubles[0]
        return GuardReport(due=tuple((position.market, reason) for position, reason in exits), intents=tuple(intents))

    def _due(self, position: Position, portfolio: Portfolio) -> tuple[Position, ExitReason]:
        current = self._books.state.positions[position.market]
        reason = self._risk.due_exit(current, portfolio.marks_krw[position.market])
        if reason is ExitReason.NONE or not self._books.intents.is_selling(position.market):
            return current, reason
        text = f"{position.market} has reached its {reason.word}, but nothing more is sold while an earlier sale has no verdict"
        self._books.alarm(f"unprotected:{position.market}", text)
        return current, ExitReason.NONE

    def _exit(self, position: Position, reason: ExitReason, portfolio: Portfolio) -> tuple[Intent, ...]:
        cycle = Cycle(market=position.market, opened_at=HOUR.floor(self._clock.now()))
        return self._seller.exit(position, reason, cycle=cycle, portfolio=portfolio).intents
