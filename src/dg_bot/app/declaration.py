"""Declare what the operator moved: a difference between account and books that no order of the bot explains."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum

from dg_bot.app.account_access import AccountAccess
from dg_bot.app.differences import in_words, signed
from dg_bot.app.operator_acts import never_seen, operator_books, require_settled
from dg_bot.app.settings import Settings
from dg_bot.domain.events import Closing, IntentClosed, TransferDeclared
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, plain
from dg_bot.domain.portfolio import Position
from dg_bot.errors import UnsafeSetup
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.risk.state import RiskState


class Whose(StrEnum):
    """Whose the coins were that left, where the bot and its owner hold some of the same."""

    BOT = "bot"
    MINE = "mine"


def declare(
    settings: Settings,
    account: AccountAccess,
    *,
    note: str,
    currency: str | None = None,
    amount: Decimal | None = None,
    whose: Whose | None = None,
) -> list[str]:
    """Accept every difference, or exactly this `amount` of `currency`, as the operator's doing, and tell what was declared.

    An order that the venue has never shown ends with it, as one that never was. Raises UnsafeSetup where the difference is
    another one, where coins left that may have been the bot's or the owner's and `whose` does not say, and where an order of the
    bot's own may explain it; raises as reads do, and as `operator_books`.
    """
    with operator_books(settings, account.clock) as books:
        held = (*settings.markets, *(market for market in books.state.positions if market not in settings.markets))
        concerned = tuple(market for market in held if currency in (None, "KRW", market.base))
        # Before the balances: what an order changes after this look cannot be taken for a transfer.
        absent = {intent.identifier: intent for intent in never_seen(books, account, concerned)}
        require_settled(books, account, concerned, settings, besides=tuple(absent.values()))
        open_plans = {name: plan for name, plan in books.state.open_plans.items() if name not in absent}
        found = unexplained_differences(replace(books.state, open_plans=open_plans), account.balances(), settings.markets)
        chosen = found if currency is None else _exactly(found, currency, amount, held)
        if not chosen:
            return [f"{'The account' if currency is None else currency} matches the books: there was nothing to declare."]
        transfers = [
            TransferDeclared(
                currency=name, amount=difference, note=note, of_position=_was_the_bots(books.state, name, difference, whose)
            )
            for name, difference in chosen.items()
        ]
        for name in absent:
            books.record(_never_accepted(name))
        before = books.state
        for transfer in transfers:
            books.record(transfer)
        return [
            *(f"Ended order {name}: the venue has never shown it." for name in absent),
            *(line for transfer in transfers for line in _told(transfer, before, books.state)),
        ]


def _never_accepted(identifier: str) -> IntentClosed:
    return IntentClosed(
        identifier=identifier,
        closing=Closing.NEVER_ACCEPTED,
        executed_quantity=ZERO,
        funds_krw=ZERO,
        paid_fee_krw=ZERO,
        fills=(),
    )


def _was_the_bots(state: RiskState, currency: str, difference: Decimal, whose: Whose | None) -> bool:
    """Tell whether coins left that the bot owned beside its owner's; raises UnsafeSetup where nobody says."""
    held = _position_in(state, currency)
    if held is None or held.is_dust or difference >= ZERO:
        return False
    owners = state.expected_total(currency) - held.quantity
    if owners <= ZERO:
        return False
    if whose is None:
        problem = f"{currency} {signed(difference)}: the bot owned {plain(held.quantity)} of it, and you {plain(owners)}"
        raise UnsafeSetup("--whose", problem, "say whose left: --whose bot, or --whose mine")
    return whose is Whose.BOT


def _position_in(state: RiskState, currency: str) -> Position | None:
    return next((position for market, position in state.positions.items() if market.base == currency), None)


def _told(transfer: TransferDeclared, before: RiskState, after: RiskState) -> list[str]:
    """Say what was declared, and what the bot still owns of coins that left."""
    lines = [f"Declared {transfer.currency} {signed(transfer.amount)}: {in_words(transfer.currency, transfer.amount)}."]
    if _position_in(before, transfer.currency) is not None and transfer.amount < ZERO:
        left = _position_in(after, transfer.currency)
        lines.append(f"The bot owns {plain(ZERO if left is None else left.quantity)} {transfer.currency} now.")
    return lines


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
