"""What can be checked of a live key before it trades: it reads the account, may order, and has not expired."""

from datetime import timedelta

from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.domain.market import Market
from dg_bot.errors import UnsafeSetup
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, Rejected

_WARN_BEFORE = timedelta(days=30)
_NOT_ALLOWED = "out_of_scope"


def check_live_key(exchange: UpbitExchange, markets: tuple[Market, ...], books: Books, clock: Clock) -> float | None:
    """Give the days until the key expires, None where the venue does not tell.

    Raises UnsafeSetup where the key may not order, AuthenticationFailed where it is not accepted at all.
    """
    exchange.balances()
    for market in markets:
        verdict = exchange.test_order(market)
        if isinstance(verdict, Rejected) and verdict.name == _NOT_ALLOWED:
            raise UnsafeSetup(
                "UPBIT_ACCESS_KEY", "may not place orders", "make a key with the right to order, but not to withdraw"
            )
    expires_at = exchange.key_expires_at()
    if expires_at is None:
        return None
    left = expires_at - clock.now()
    if left <= _WARN_BEFORE:
        books.alarm(
            "api_key_expiry", f"the exchange key expires in {max(0, left.days)} days and cannot be renewed; make a new one"
        )
    return left / timedelta(days=1)
