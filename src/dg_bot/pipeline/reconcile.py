"""Start-up and recovery: settle what has no end yet, and take the first balances down."""

from datetime import timedelta

from dg_bot.domain.events import AccountOpened, SafeModeEntered
from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Portfolio
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_settlement import PATIENCE_S, OrderSettlement
from dg_bot.ports import Clock, Exchange

_EARLIER_LIFE = timedelta(days=7)
# So long ago may have been bought what is there; the venue lists a week at a time.
_LONGEST_HELD = timedelta(days=180)
# What has had no verdict for this long is asked about at each tick, but waited for no more.
_OLD = timedelta(minutes=5)
_OLD_PATIENCE_S = 1.0


class Reconciler:
    """Brings books and venue together by asking; it never invents a fill."""

    def __init__(
        self,
        *,
        books: Books,
        exchange: Exchange,
        settlement: OrderSettlement,
        clock: Clock,
        markets: tuple[Market, ...],
        namespace: str,
    ) -> None:
        self._books = books
        self._exchange = exchange
        self._settlement = settlement
        self._clock = clock
        self._markets = markets
        self._namespace = namespace

    def open_account(self) -> None:
        """At the very first start record the balances; orders of an earlier life under our namespace put the bot into safe mode.

        They are looked for in a week, and on markets whose coins are there in half a year: what was bought may be held as long.
        Raises as reads do; nothing is recorded then, and the next start tries again.
        """
        if self._books.state.opened_balances is not None:
            return
        balances, now = self._exchange.balances(), self._clock.now()
        lives = {market: _LONGEST_HELD if market.base in balances else _EARLIER_LIFE for market in self._markets}
        listed = [order for market, life in lives.items() for order in self._exchange.list_orders(market, now - life)]
        ours = [order.identifier for order in listed if (order.identifier or "").startswith(f"{self._namespace}.")]
        self._books.record(AccountOpened(balances=tuple(balances[currency] for currency in sorted(balances))))
        if ours:
            self._books.record(
                SafeModeEntered(
                    reason=f"the journal is new, but the venue knows orders of namespace {self._namespace}: {ours[0]}"
                )
            )

    def settle_open(
        self, portfolio: Portfolio | None, market: Market | None = None, *, give_up_at_s: float | None = None
    ) -> None:
        """Ask about every intent without an end (on `market`, or on all); what stays unclear blocks entries there.

        All together get the patience of one, or until `give_up_at_s`: whoever waits for this has positions to watch.
        """
        end_s = self._clock.monotonic_s() + PATIENCE_S if give_up_at_s is None else give_up_at_s
        for intent in self._books.intents.open_intents():
            if market is None or intent.plan.market == market:
                is_old = self._clock.now() - intent.planned_at >= _OLD
                until_s = min(end_s, self._clock.monotonic_s() + _OLD_PATIENCE_S) if is_old else end_s
                settled = self._settlement.settle(intent.plan.identifier, portfolio, give_up_at_s=until_s)
                if settled.closing is None:
                    self._books.alarm(
                        f"unresolved:{intent.plan.market}",
                        f"order {intent.plan.identifier} has no verdict yet ({settled.state}); it blocks entries on its market",
                    )
