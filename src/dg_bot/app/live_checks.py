"""What can be checked of a live key, and what to tell the operator when the venue refuses it."""

from dataclasses import replace
from datetime import datetime, timedelta

from dg_bot.adapters.prometheus import Metrics
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.domain.events import Closing
from dg_bot.domain.market import Market
from dg_bot.domain.order import NO_ORDER
from dg_bot.errors import AuthenticationFailed, UnsafeSetup
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.pipeline.books import Books
from dg_bot.pipeline.order_evidence import listed
from dg_bot.ports import Clock, KeyRefused

# Days before the end at which the operator is told; below the last one each day is.
_WARN_AT_DAYS = (1, 7, 30)
_EVERY = timedelta(days=1)
_KEY_LIFE = timedelta(days=366)
_REPEATED = timedelta(hours=1)
_NEW_KEY = "make a key for this machine's address with the right to order, but not to withdraw"
_ALLOW_ADDRESS = "this machine's address is not on the key's list: add it at the exchange, or go back to the old address"
_REMEDIES = {
    "expired_access_key": "the key has expired: make a new one, set it, and start again",
    "invalid_access_key": "the exchange does not know it: check UPBIT_ACCESS_KEY",
    "jwt_verification": "it did not sign with the secret that belongs to it: check UPBIT_SECRET_KEY",
    "no_authorization_ip": _ALLOW_ADDRESS,
    "no_authorization_i_p": _ALLOW_ADDRESS,
}


def remedy_of(refusal: str) -> str:
    """Say what an operator has to do about a key that the exchange refuses by this name."""
    return _REMEDIES.get(refusal, _NEW_KEY)


class LiveKey:
    """The key of a live account: checked at the start whether it may order, and every day how long it will last."""

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
        """Raise UnsafeSetup where the key is refused or may not order and nothing is held; raises as reads do without an answer.

        With something held it sounds the alarm and lets the process run: one that ends and is started over and over would not
        see the moment at which the key works again. A key of another pocket is refused whatever is held: the coins there are
        none of the bot's, and an exit would sell them.
        """
        try:
            self._exchange.balances()
            self._exchange.find(NO_ORDER)
        except AuthenticationFailed as error:
            self._refuse(f"is refused by the exchange ({error.name})", remedy_of(error.name))
            tell_refused_key(self._books, error)
            return
        verdicts = [self._exchange.test_order(market) for market in self._markets]
        refused = next((verdict for verdict in verdicts if isinstance(verdict, KeyRefused)), None)
        if refused is None:
            self._require_same_pocket()
            return
        problem = f"may not place orders ({refused.name})"
        self._refuse(problem, _NEW_KEY)
        self._books.enter_safe_mode(f"the exchange key {problem}")

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
        due = next((days for days in _WARN_AT_DAYS if left <= timedelta(days=days)), None)
        if due is not None:
            text = f"the exchange key expires in {max(0, left.days)} days and cannot be renewed; make a new one"
            silence = _EVERY if due == _WARN_AT_DAYS[0] else _KEY_LIFE / 2
            self._books.alarm(f"api_key_expires_in_{due}_days", text, silence=silence)

    def _require_same_pocket(self) -> None:
        """Raise UnsafeSetup where the venue knows the newest booked order neither by its name nor in its lists.

        Balances that are to the last digit what the books say are those of the right pocket, whatever it has forgotten.
        """
        intents, state = self._books.intents.intents.values(), replace(self._books.state, open_plans={})
        booked = [intent for intent in intents if intent.closing is not None and intent.closing.closing is Closing.EXECUTED]
        if not booked or self._exchange.find(booked[-1].identifier) is not None or listed(booked[-1], self._exchange) != ():
            return
        if unexplained_differences(state, self._exchange.balances(), self._markets):
            problem = f"is of another account or pocket: nobody knows order {booked[-1].identifier} of this bot there"
            raise UnsafeSetup("UPBIT_ACCESS_KEY", problem, "take a key of the pocket it traded in, or give it another DATA_DIR")

    def _refuse(self, problem: str, remedy: str) -> None:
        """Raise UnsafeSetup unless something is held or under way."""
        state = self._books.state
        if not state.open_plans and all(position.is_dust for position in state.positions.values()):
            raise UnsafeSetup("UPBIT_ACCESS_KEY", problem, remedy)


def tell_refused_key(books: Books, error: AuthenticationFailed) -> None:
    """Tell every hour that nobody can watch what is held, and what the operator has to do; raises StateError."""
    remedy = remedy_of(error.name)
    books.alarm("unprotected_key_refused", f"POSITIONS ARE NOT WATCHED: {error}; {remedy}", silence=_REPEATED)
