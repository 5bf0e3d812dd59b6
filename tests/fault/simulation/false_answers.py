"""Answers that come and are not true: which kinds of fault falsify one, and how an order is disguised."""

from dataclasses import replace

from dg_bot.domain.money import ZERO
from dg_bot.domain.order import VenueOrder, VenueState
from tests.fault.simulation.plan import Kind

FALSE_ANSWERS = frozenset(
    {
        Kind.NOT_FOUND,
        Kind.FILLS_LATE,
        Kind.FILLS_MISSING,
        Kind.FILLS_TWICE,
        Kind.STILL_OPEN,
        Kind.UNKNOWN_STATE,
        Kind.NONE_LISTED,
        Kind.WRONG_PRICE,
        Kind.STALE_BOOK,
        Kind.EMPTY_BOOK,
        Kind.CANDLES_LATE,
    }
)


def disguised(kind: Kind, order: VenueOrder) -> VenueOrder | None:
    """Show an order as a venue does that is not yet done with it."""
    match kind:
        case Kind.NOT_FOUND:
            return None
        case Kind.FILLS_LATE:
            return replace(order, executed_quantity=ZERO, paid_fee_krw=ZERO, fills=())
        case Kind.FILLS_MISSING:
            return replace(order, fills=order.fills[:-1])
        case Kind.FILLS_TWICE:
            return replace(order, fills=(*order.fills, *reversed(order.fills)))
        case Kind.STILL_OPEN:
            return replace(order, state=VenueState.OPEN, executed_quantity=ZERO, paid_fee_krw=ZERO, fills=())
        case Kind.UNKNOWN_STATE:
            return replace(order, state=VenueState.UNKNOWN)
        case _:
            return order
