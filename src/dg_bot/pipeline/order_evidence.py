"""What lists and balances show of an order that the venue does not give by its name."""

from dataclasses import replace
from datetime import timedelta

from dg_bot.domain.money import ZERO
from dg_bot.domain.order import VenueOrder
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.execution.intent import Intent
from dg_bot.pipeline.account import free_of_ours, unexplained_differences
from dg_bot.ports import Exchange
from dg_bot.risk.state import RiskState

_LIST_MARGIN = timedelta(minutes=1)


def listed(intent: Intent, exchange: Exchange) -> tuple[VenueOrder, ...] | None:
    """Look for an order in the lists of open and closed ones; None where they cannot be read."""
    try:
        orders = exchange.list_orders(intent.plan.market, intent.planned_at - _LIST_MARGIN)
    except (ExchangeUnavailable, AuthenticationFailed, DataError):
        return None
    names = {intent.identifier, intent.venue_id} - {None}
    return tuple(order for order in orders if {order.identifier, order.venue_id} & names)


def is_still_there(intent: Intent, exchange: Exchange, state: RiskState) -> bool:
    """Tell whether what this sale sells is the bot's and free at the venue; what cannot be read proves nothing.

    Whoever sold it by hand while nobody answered has left coins that are not the bot's.
    """
    plan = intent.plan
    held = state.positions.get(plan.market)
    if held is None or plan.quantity is None:
        return False
    try:
        return free_of_ours(state, held, exchange.balances()) >= plan.quantity
    except (ExchangeUnavailable, AuthenticationFailed, DataError):
        return False


def is_unmoved(
    intent: Intent,
    exchange: Exchange,
    state: RiskState,
    *,
    with_won: bool = False,
    is_free: bool = False,
    is_late: bool = False,
) -> bool:
    """Tell whether the balances show nothing of this order; what cannot be read proves nothing.

    A buy leaves the base as the books expect it, and `with_won` the won too. A sale leaves no less of the base, and with
    `is_free` none of it locked; won that somebody moved must not keep a position from its protection. Nor must coins that their
    owner took out: a sale brings won, and is absent where none has come, once it `is_late` or asked for `with_won`.

    Coins that came in beyond the books may be the buy's own, or stand in for sold ones: with them a buy is absent only when it
    `is_late` and no won has moved, a sale when one of the two is so. Where another order on the market has no end, the base has
    to be as if neither of them had been.
    """
    try:
        balances = exchange.balances()
    except (ExchangeUnavailable, AuthenticationFailed, DataError):
        return False
    plan = intent.plan
    elsewhere = {name: other for name, other in state.open_plans.items() if other.market != plan.market}
    is_alone = len(state.open_plans) == len(elsewhere) + 1
    differences = unexplained_differences(replace(state, open_plans=elsewhere), balances, (plan.market,))
    moved = differences.get(plan.market.base, ZERO)
    is_won_still = not elsewhere and "KRW" not in differences
    is_foreign = moved > ZERO and is_alone
    if plan.quantity is None:
        is_bare = moved == ZERO or (is_foreign and is_late and is_won_still)
        return is_bare and not (with_won and "KRW" in differences)
    is_taken_out = moved < ZERO and is_alone and is_won_still and (with_won or is_late)
    is_there = moved == ZERO or is_taken_out or (is_foreign and (is_late or is_won_still))
    held = balances.get(plan.market.base)
    return is_there and (not is_free or (held is not None and held.free >= plan.quantity + min(moved, ZERO)))
