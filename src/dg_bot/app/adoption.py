"""Take coins that the operator owns into the bot's position, so that the guard watches and sells them."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from dg_bot.app.account_access import AccountAccess
from dg_bot.app.differences import signed
from dg_bot.app.operator_acts import operator_books, require_settled
from dg_bot.app.settings import Settings
from dg_bot.domain.events import Event, PositionAdopted, Record, TransferDeclared
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, plain
from dg_bot.domain.portfolio import Balance, Position, ProtectionPlan
from dg_bot.errors import UnsafeSetup
from dg_bot.pipeline.account import unexplained_differences
from dg_bot.pipeline.books import Books
from dg_bot.risk import state as risk_state
from dg_bot.risk.limits import RiskLimits


def adopt(
    settings: Settings, account: AccountAccess, *, market: Market, amount: Decimal | None = None, cost_krw: Decimal | None = None
) -> list[str]:
    """Give the bot all free coins of `market` that are the operator's, or `amount` of them, at `cost_krw` or the price of now.

    Raises UnsafeSetup where that cannot be: the market is not the bot's, an order on it is not settled, there is less than that,
    or the position would be sold at once; raises as reads do, and as `operator_books`.
    """
    if market not in settings.markets:
        raise UnsafeSetup("--adopt", f"{market} is not one of MARKETS", "add it there first")
    with operator_books(settings, account.clock) as books:
        require_settled(books, account, (market,), settings)
        balances = account.balances()
        arrived = _arrived(settings, books, balances, market)
        held = books.state.positions.get(market)
        own = balances.get(market.base, Balance(market.base, ZERO, ZERO)).free - (ZERO if held is None else held.quantity)
        if own <= ZERO:
            return [f"The account holds no free {market.base} beyond what is the bot's: there was nothing to adopt."]
        if amount is not None and amount > own:
            raise UnsafeSetup("--amount", f"only {plain(own)} {market.base} are free and not the bot's", "name that or less")
        price = account.price(market)
        adopted = PositionAdopted(
            market=market,
            quantity=own if amount is None else amount,
            cost_krw=price if cost_krw is None else cost_krw,
            mark_krw=price,
            protection=_protection(settings.risk_limits(), held),
        )
        _require_kept(_position_after(books, account.clock.now(), (*arrived, adopted), market), price)
        for transfer in arrived:
            books.record(transfer)
        books.record(adopted)
        return _told(arrived, adopted, books.state.positions[market])


def _arrived(settings: Settings, books: Books, balances: Mapping[str, Balance], market: Market) -> tuple[TransferDeclared, ...]:
    """Give the declaration of coins that came in unexplained; raises UnsafeSetup where some are missing instead."""
    difference = unexplained_differences(books.state, balances, settings.markets).get(market.base, ZERO)
    if difference < ZERO:
        raise UnsafeSetup("--adopt", f"{market.base} differs by {signed(difference)}", "declare that first")
    return (TransferDeclared(currency=market.base, amount=difference, note="adopted"),) if difference else ()


def _told(arrived: tuple[TransferDeclared, ...], adopted: PositionAdopted, position: Position) -> list[str]:
    base, levels = adopted.market.base, position.levels
    return [
        *(f"Declared {base} {signed(one.amount)}, which had come in unexplained." for one in arrived),
        f"Adopted {plain(adopted.quantity)} {base} at {plain(adopted.cost_krw)} KRW each; no order was made.",
        f"The bot owns {plain(position.quantity)} {base} now and sells at {plain(levels.effective_stop_krw)} KRW,",
        f"at {plain(levels.target_krw)} KRW, or by the exits of its strategy. The guard watches it once the daemon runs.",
    ]


def _protection(limits: RiskLimits, held: Position | None) -> ProtectionPlan:
    """Protect by the fractions of the settings; distances need candles, so that only those that are known already go on."""
    known = None if held is None or held.is_dust else held.levels
    return ProtectionPlan(
        stop_fraction=limits.stop_loss_fraction,
        target_fraction=limits.take_profit_fraction,
        stage_fraction=limits.stage_fraction,
        trailing_distance_krw=None if known is None else known.trailing_distance_krw,
        trend_strength=None if known is None else known.trend_strength,
    )


def _position_after(books: Books, now: datetime, events: tuple[Event, ...], market: Market) -> Position:
    """Give the position that these events would make, without recording them."""
    state = books.state
    for event in events:
        state = risk_state.after(state, Record(sequence=state.sequence + 1, at=now, event=event))
    return state.positions[market]


def _require_kept(position: Position, price: Decimal) -> None:
    """Raise UnsafeSetup for a position that the venue would not buy, or that the guard would sell at its first look."""
    if position.is_dust:
        raise UnsafeSetup("--adopt", "that is too little to be sold again", "adopt coins for at least 5,000 KRW")
    levels = position.levels
    upper = levels.target_krw if levels.stage_krw is None else min(levels.target_krw, levels.stage_krw)
    if not levels.effective_stop_krw < price < upper:
        raise UnsafeSetup(
            "--cost",
            f"its exits, {plain(levels.effective_stop_krw)} and {plain(upper)}, would sell it at once at {plain(price)} KRW",
            "name a cost nearer to the price, or leave it out",
        )
