"""Hold the venue's answer on an order against what was sent."""

from decimal import Decimal

from dg_bot.domain.events import IntentPlanned
from dg_bot.domain.market import FEE_FRACTION
from dg_bot.domain.money import WON, product
from dg_bot.domain.order import VenueOrder

_HIGHEST_FEE = Decimal("0.01")
_FEE_DRIFT = Decimal("0.05")


def oddity(plan: IntentPlanned, order: VenueOrder) -> str | None:
    """Say what in an answer contradicts the order that was sent; None where it can be true."""
    if (order.market, order.side) != (plan.market, plan.side):
        return f"it is a {order.side} on {order.market}"
    if order.identifier not in (None, plan.identifier):
        return f"it names {order.identifier}"
    if plan.quantity is not None and order.executed_quantity > plan.quantity:
        return f"{order.executed_quantity} was executed of {plan.quantity}"
    if plan.notional_krw is not None and order.funds_krw > plan.notional_krw:
        return f"{order.funds_krw} KRW was spent of {plan.notional_krw}"
    if any(abs(fill.funds_krw - product(fill.price, fill.quantity)) > WON for fill in order.fills):
        return "a fill's funds are not its price times its quantity"
    if order.paid_fee_krw > order.funds_krw * _HIGHEST_FEE:
        return f"a fee of {order.paid_fee_krw} KRW on {order.funds_krw} KRW"
    return None


def fee_drift(order: VenueOrder) -> str | None:
    """Say by how much a fee is not the one that screen and backtests count with; None within a twentieth of it, or a won.

    What was paid is booked all the same.
    """
    expected = product(order.funds_krw, FEE_FRACTION)
    if abs(order.paid_fee_krw - expected) <= max(WON, product(expected, _FEE_DRIFT)):
        return None
    return f"{order.paid_fee_krw} KRW was paid on {order.funds_krw} KRW, where a fee of {FEE_FRACTION} would be {expected} KRW"
