"""Declare what the operator moved: a difference between account and books that no order of the bot explains."""

from collections.abc import Mapping
from decimal import Decimal

from dg_bot.app.account_access import AccountAccess
from dg_bot.app.differences import in_words, signed
from dg_bot.app.operator_acts import operator_books, require_settled
from dg_bot.app.settings import Settings
from dg_bot.domain.events import TransferDeclared
from dg_bot.domain.market import Market
from dg_bot.errors import UnsafeSetup
from dg_bot.pipeline.account import unexplained_differences


def declare(
    settings: Settings, account: AccountAccess, *, note: str, currency: str | None = None, amount: Decimal | None = None
) -> list[str]:
    """Accept every difference, or exactly this `amount` of `currency`, as the operator's doing, and tell what was declared.

    Raises UnsafeSetup where the difference is another one, or an order of the bot's own may explain it; raises as reads do, and
    as `operator_books`.
    """
    with operator_books(settings, account.clock) as books:
        held = (*settings.markets, *(market for market in books.state.positions if market not in settings.markets))
        concerned = tuple(market for market in held if currency in (None, "KRW", market.base))
        # Before the balances: what an order changes after this look cannot be taken for a transfer.
        require_settled(books, account, concerned, settings)
        found = unexplained_differences(books.state, account.balances(), settings.markets)
        chosen = found if currency is None else _exactly(found, currency, amount, held)
        if not chosen:
            return [f"{'The account' if currency is None else currency} matches the books: there was nothing to declare."]
        for name, difference in chosen.items():
            books.record(TransferDeclared(currency=name, amount=difference, note=note))
    return [f"Declared {name} {signed(difference)}: {in_words(name, difference)}." for name, difference in chosen.items()]


def _exactly(
    found: Mapping[str, Decimal], currency: str, amount: Decimal | None, markets: tuple[Market, ...]
) -> Mapping[str, Decimal]:
    if currency not in {"KRW", *(market.base for market in markets)}:
        raise UnsafeSetup("--currency", f"{currency} is not compared with the books", "name KRW or a coin that the bot trades")
    difference = found.get(currency)
    if difference is None:
        return {}
    if difference != amount:
        raise UnsafeSetup(
            "--amount", f"{currency} differs by {signed(difference)} and not by {amount}", "look again, and name that"
        )
    return {currency: difference}
