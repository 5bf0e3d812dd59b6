"""What the venue demanded of an order at any time: price step, minimum, fee."""

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.market import FEE_FRACTION, MINIMUM_NOTIONAL_KRW, Market, tick_size


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTerms:
    """Minimum and fee from a moment on; the price steps, which differ by market and price, are `tick_size`'s."""

    since: datetime
    minimum_notional_krw: Decimal
    fee_fraction: Decimal


# Newest first. Over the years of the candles that are kept here the venue has published one minimum and one fee for KRW markets.
_TERMS = (
    OrderTerms(since=datetime(1970, 1, 1, tzinfo=UTC), minimum_notional_krw=MINIMUM_NOTIONAL_KRW, fee_fraction=FEE_FRACTION),
)


class OrderFault(StrEnum):
    """Why the venue would have refused an order."""

    OFF_TICK = "off_tick"
    BELOW_MINIMUM = "below_minimum"


def order_terms(at: datetime) -> OrderTerms:
    """Give the terms in force at a moment."""
    return next(terms for terms in _TERMS if terms.since <= at)


def order_faults(market: Market, price: Decimal, quantity: Decimal, at: datetime) -> tuple[OrderFault, ...]:
    """Tell what was wrong with an order at `at`; nothing where it was legal. Raises ImpossibleValue for a price of no money."""
    faults = []
    if price % tick_size(market, price, at):
        faults.append(OrderFault.OFF_TICK)
    if price * quantity < order_terms(at).minimum_notional_krw:
        faults.append(OrderFault.BELOW_MINIMUM)
    return tuple(faults)
