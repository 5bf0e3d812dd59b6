"""Read the account: balances against the books, and the portfolio at mark prices."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.portfolio import Balance, Portfolio, Position
from dg_bot.errors import DataError
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, Exchange, MarketData
from dg_bot.risk.state import RiskState

# The venue shows won with a limited number of decimals, at a place that it does not document.
_KRW_TOLERANCE = Decimal("0.01")
_NO_WON = Balance("KRW", ZERO, ZERO)
_BALANCES_LAG_S = 2.0
# So much later a price is read a second time before anything is done for it.
SECOND_READ_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountView:
    """The account at one moment; `unexplained` is what the venue holds beyond (or short of) the books, by currency.

    `booked_equity_krw` is the won that the books expect and the positions at mark prices: there neither an order without an end
    nor a transfer that nobody has declared yet is a gain or a loss.
    """

    portfolio: Portfolio
    unexplained: Mapping[str, Decimal]
    booked_equity_krw: Decimal


def unexplained_differences(state: RiskState, balances: Mapping[str, Balance], markets: tuple[Market, ...]) -> dict[str, Decimal]:
    """Give venue minus books for won and for every base the bot trades or holds; currencies of open intents are left out.

    Empty before the account's first balances are recorded.
    """
    if state.opened_balances is None:
        return {}
    currencies = {"KRW", *(market.base for market in (*markets, *state.positions))}
    if state.open_plans:
        currencies -= {"KRW", *(plan.market.base for plan in state.open_plans.values())}
    differences = {}
    for currency in sorted(currencies):
        held = balances[currency].total if currency in balances else ZERO
        difference = held - state.expected_total(currency)
        if difference and abs(difference) > (_KRW_TOLERANCE if currency == "KRW" else ZERO):
            differences[currency] = difference
    return differences


def free_of_ours(state: RiskState, position: Position, balances: Mapping[str, Balance]) -> Decimal:
    """Give what of a position's base is free and the bot's own; what the owner holds beside it stays the owner's."""
    base = position.market.base
    balance = balances.get(base)
    if balance is None:
        return ZERO
    owners = state.expected_total(base) - position.quantity
    return max(ZERO, min(balance.free, balance.total - owners))


class Account:
    """The venue's word on what is held, compared with ours."""

    def __init__(
        self,
        *,
        books: Books,
        exchange: Exchange,
        market_data: MarketData,
        clock: Clock,
        markets: tuple[Market, ...],
        known_differences: Mapping[str, Decimal] | None = None,
    ) -> None:
        """`known_differences` are those that have been looked at twice already."""
        self._books = books
        self._exchange = exchange
        self._market_data = market_data
        self._clock = clock
        self._markets = markets
        self._last_differences = known_differences or {}

    @property
    def known_differences(self) -> Mapping[str, Decimal]:
        """Give the differences that the last view found."""
        return self._last_differences

    def view(self, market: Market | None = None) -> AccountView:
        """Read balances and mark prices (of everything held, and of `market`); raises as reads do.

        A difference that was not there the last time is looked at twice, since balances may lag behind fills by a moment; one
        that lasts holds nobody up.
        """
        state = self._books.state
        balances = self._exchange.balances()
        differences = unexplained_differences(state, balances, self._markets)
        if differences and any(self._last_differences.get(currency) != amount for currency, amount in differences.items()):
            self._clock.sleep(_BALANCES_LAG_S)
            balances = self._exchange.balances()
            differences = unexplained_differences(state, balances, self._markets)
        self._last_differences = differences
        wanted = {*state.positions} if market is None else {*state.positions, market}
        marks = self._marks(sorted(wanted))
        portfolio = Portfolio(
            krw=balances.get("KRW", _NO_WON),
            positions=tuple(position for position in state.positions.values() if position.market in marks),
            marks_krw=marks,
        )
        booked_krw = portfolio.krw.total if state.opened_balances is None else state.expected_total("KRW")
        return AccountView(
            portfolio=portfolio, unexplained=differences, booked_equity_krw=booked_krw + portfolio.position_value_krw
        )

    def look_again(self) -> AccountView:
        """Read balances and the mark prices of everything held once more, a moment later; raises as reads do."""
        self._clock.sleep(SECOND_READ_S)
        return self.view()

    def _marks(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        """Read last prices; a market that the venue no longer lists has none, and must not hide those of the others."""
        if not markets:
            return {}
        try:
            return self._market_data.last_prices(markets)
        except DataError:
            listed = self._market_data.notices()
            if all(market in listed for market in markets):
                raise
        for market in self._books.state.positions.keys() - listed.keys():
            self._books.alarm(
                f"unpriced:{market}", f"the venue does not list {market} any more; what is held of it counts as nothing"
            )
        known = [market for market in markets if market in listed]
        return self._market_data.last_prices(known) if known else {}
