"""What can be checked of a live key before it trades: it reads the account, may order, and has not expired."""

from datetime import datetime, timedelta

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.domain.market import Market
from dg_bot.errors import AuthenticationFailed, UnsafeSetup
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, Rejected

_WARN_BEFORE = timedelta(days=30)
_EVERY = timedelta(days=1)
_NOT_ALLOWED = "out_of_scope"
_NEW_KEY = "make a key for this machine's address with the right to order, but not to withdraw"


class LiveKey:
    """The key of a live account: checked once whether it may order, and every day how long it will last."""

    def __init__(
        self, *, exchange: UpbitExchange, markets: tuple[Market, ...], books: Books, clock: Clock, metrics: Metrics
    ) -> None:
        self._exchange = exchange
        self._markets = markets
        self._books = books
        self._clock = clock
        self._metrics = metrics
        self._checked_at: datetime | None = None

    def require_usable(self) -> None:
        """Raise UnsafeSetup where the key is refused or may not order; raises as reads do where the venue does not answer."""
        try:
            self._exchange.balances()
            verdicts = [self._exchange.test_order(market) for market in self._markets]
        except AuthenticationFailed as error:
            raise UnsafeSetup("UPBIT_ACCESS_KEY", f"is refused by the exchange ({error.name})", _NEW_KEY) from error
        if any(isinstance(verdict, Rejected) and verdict.name == _NOT_ALLOWED for verdict in verdicts):
            raise UnsafeSetup("UPBIT_ACCESS_KEY", "may not place orders", _NEW_KEY)

    def watch_expiry(self) -> None:
        """Look once a day when the key expires; raises as reads do."""
        now = self._clock.now()
        if self._checked_at is not None and now - self._checked_at < _EVERY:
            return
        expires_at = self._exchange.key_expires_at()
        self._checked_at = now
        if expires_at is None:
            return
        left = expires_at - now
        self._metrics.key_expires_in(left / timedelta(days=1))
        if left <= _WARN_BEFORE:
            days = max(0, left.days)
            self._books.alarm("api_key_expiry", f"the exchange key expires in {days} days and cannot be renewed; make a new one")
