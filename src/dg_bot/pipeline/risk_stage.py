"""Stage 1: say what this cycle may do, and what it must sell first."""

from datetime import datetime

from dg_bot.cycle import Cycle, ForcedExit, Halt, RiskClearance
from dg_bot.domain.calendar import HOUR, Timeframe, hour_text, to_epoch
from dg_bot.domain.cycle_report import Stage
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.order import Role, Side
from dg_bot.domain.portfolio import Portfolio, Position
from dg_bot.pipeline.account import Account, AccountView
from dg_bot.pipeline.account_keeping import AccountKeeper
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_settlement import LOCK_DEADLINE_S
from dg_bot.pipeline.reconcile import Reconciler
from dg_bot.ports import Clock
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.manager import Conditions, RiskManager
from dg_bot.strategies.base import BarExits


class RiskCheckStage:
    """The rules of risk over the account as it is now."""

    def __init__(
        self,
        *,
        books: Books,
        account: Account,
        keeper: AccountKeeper,
        reconciler: Reconciler,
        risk: RiskManager,
        clock: Clock,
        bar_exits: BarExits,
        timeframe: Timeframe,
    ) -> None:
        self._books = books
        self._account = account
        self._keeper = keeper
        self._reconciler = reconciler
        self._risk = risk
        self._clock = clock
        self._bar_exits = bar_exits
        self._timeframe = timeframe

    def run(self, cycle: Cycle) -> RiskClearance | Halt:
        """Give the clearance of this cycle, or halt where neither side is allowed.

        Raises as reads do, and StateError where the account is kept by another.
        """
        self._reconciler.settle_open(None, cycle.market)
        with self._books.locked(LOCK_DEADLINE_S):
            clearance = self.clear(cycle)
        if clearance.forced_exit is None and not clearance.allowed_sides:
            failed = first_failure(clearance.gates)
            return Halt(
                stage=Stage.RISK_CHECK, reason="no side is allowed" if failed is None else failed.words, gates=clearance.gates
            )
        return clearance

    def clear(self, cycle: Cycle) -> RiskClearance:
        """Read the account and judge it; stage 4 asks again through here before it sends anything.

        Callers hold the books' lock.
        """
        view = self._account.view(cycle.market)
        now = self._clock.now()
        self._keeper.account_for(view, now)
        portfolio = view.portfolio
        gates = self._entry_gates(cycle, view, now)
        position = portfolio.position_on(cycle.market)
        may_buy = first_failure(gates) is None
        may_sell = position is not None and not self._books.intents.is_selling(cycle.market)
        sides = {side for side, allowed in ((Side.BUY, may_buy), (Side.SELL, may_sell)) if allowed}
        return RiskClearance(
            portfolio=portfolio,
            allowed_sides=frozenset(sides),
            max_notional_krw=self._risk.headroom_krw(self._books.state, portfolio, now),
            forced_exit=self._forced_exit(cycle, position, portfolio) if position is not None and may_sell else None,
            gates=gates,
            is_safe_mode=self._books.state.safe_mode is not None,
        )

    def _entry_gates(self, cycle: Cycle, view: AccountView, now: datetime) -> tuple[Gate, ...]:
        conditions = Conditions(
            clock_skew_s=self._clock.skew_s(),
            has_unresolved_intent=bool(self._books.intents.open_on(cycle.market)),
            unexplained=view.unexplained,
            booked_equity_krw=view.booked_equity_krw,
        )
        attempts = len(self._books.intents.of_cycle(cycle.market, cycle.id, Role.ENTRY))
        hour, wanted = HOUR.floor(now), hour_text(cycle.opened_at)
        is_hour = hour == cycle.opened_at
        return (
            *self._risk.entry_gates(
                state=self._books.state, portfolio=view.portfolio, market=cycle.market, conditions=conditions, now=now
            ),
            Gate("cycle_hour", wanted if is_hour else hour_text(hour), wanted, is_hour),
            Gate("entry_orders_this_cycle", attempts, 0, attempts == 0),
        )

    def _forced_exit(self, cycle: Cycle, position: Position, portfolio: Portfolio) -> ForcedExit | None:
        mark = portfolio.marks_krw[cycle.market]
        reason = self._risk.due_exit(position, mark)
        if reason is ExitReason.NONE and self._timeframe.is_boundary(cycle.opened_at):
            reason = self._risk.due_bar_exit(position, mark, self._bars_held(cycle.opened_at, position), self._bar_exits)
        if reason is ExitReason.NONE:
            return None
        return ForcedExit(position=position, reason=reason)

    def _bars_held(self, boundary: datetime, position: Position) -> int:
        first = to_epoch(self._timeframe.floor(position.opened_at))
        return (to_epoch(boundary) - first) // self._timeframe.seconds
