"""What the venue demands of an order before it looks at the money: form, price step and size."""

from dataclasses import dataclass
from decimal import ROUND_DOWN, Context, Decimal, localcontext

from dg_bot.domain.money import QUANTITY_STEP, ZERO, product
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import OrderBook
from dg_bot.simulator.refusals import create_error, malformed, refused, refused_for_side
from dg_bot.simulator.tickets import EXACT, Ticket, TicketKind, TimeInForce

# Beyond these no amount of any coin is sensible, and arithmetic stays exact.
_LARGEST = Decimal(10) ** 18
_SMALLEST_PRICE_STEP = QUANTITY_STEP
_ROUNDING = Context(prec=60)

_SIDES = {TicketKind.PRICE: Side.BUY, TicketKind.MARKET: Side.SELL}
_TIMES_IN_FORCE: dict[TicketKind, frozenset[TimeInForce | None]] = {
    TicketKind.LIMIT: frozenset({None, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY}),
    TicketKind.PRICE: frozenset({None}),
    TicketKind.MARKET: frozenset({None}),
    TicketKind.BEST: frozenset({TimeInForce.IOC, TimeInForce.FOK}),
}
_SMP_TYPES = frozenset({None, "none", "cancel_maker", "cancel_taker", "reduce"})


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeLimits:
    """The least and the most that an order may be worth in KRW, fee not counted."""

    minimum_notional_krw: Decimal
    maximum_notional_krw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ByVolume:
    """An admitted order for a volume of base; `limit` is the worst price it takes, None at market."""

    volume: Decimal
    limit: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ByFunds:
    """An admitted buy for a total of KRW."""

    funds: Decimal


Admitted = ByVolume | ByFunds


def admit(ticket: Ticket, *, book: OrderBook, tick_size: Decimal, limits: SizeLimits) -> Admitted:
    """Check a ticket in the venue's order: form, values, price step, size; volumes lose what is below eight decimals.

    Raises VenueRefusal. A sell at market is worth what the best bid would pay; without any bid its size is not judged.
    """
    _check_form(ticket)
    _check_values(ticket)
    admitted = _admitted(ticket)
    if isinstance(admitted, ByVolume) and admitted.limit is not None:
        _check_price_step(ticket.side, admitted.limit, tick_size)
        _check_post_only(ticket, admitted.limit, book)
    notional_krw = _notional_krw(admitted, book)
    if notional_krw is not None:
        if notional_krw < limits.minimum_notional_krw:
            raise refused_for_side("under_min_total", ticket.side)
        if notional_krw > limits.maximum_notional_krw:
            raise refused("invalid_funds")
    return admitted


def _check_form(ticket: Ticket) -> None:
    if _SIDES.get(ticket.kind, ticket.side) is not ticket.side or ticket.time_in_force not in _TIMES_IN_FORCE[ticket.kind]:
        raise refused("invalid_parameter")
    by_total = ticket.kind is TicketKind.PRICE or (ticket.kind is TicketKind.BEST and ticket.side is Side.BUY)
    wants_price = by_total or ticket.kind is TicketKind.LIMIT
    for field, value, is_wanted in (("price", ticket.price, wants_price), ("volume", ticket.volume, not by_total)):
        if is_wanted and value is None:
            raise malformed(field, "is missing")
        if not is_wanted and value is not None:
            raise malformed(field)
    if ticket.smp_type not in _SMP_TYPES:
        raise malformed("smp_type")
    if ticket.time_in_force is TimeInForce.POST_ONLY and ticket.smp_type not in (None, "none"):
        raise refused("invalid_post_only")


def _check_values(ticket: Ticket) -> None:
    for value in (ticket.price, ticket.volume):
        if value is not None and not (value.is_finite() and ZERO < value <= _LARGEST):
            raise create_error(ticket.side)
    if ticket.price is not None and ticket.price != ticket.price.quantize(_SMALLEST_PRICE_STEP, ROUND_DOWN, _ROUNDING):
        raise refused_for_side("invalid_price", ticket.side)


def _admitted(ticket: Ticket) -> Admitted:
    if ticket.volume is None:
        assert ticket.price is not None  # noqa: S101 - the form was checked
        return ByFunds(funds=ticket.price)
    volume = ticket.volume.quantize(QUANTITY_STEP, ROUND_DOWN, _ROUNDING)
    if volume == ZERO:
        raise create_error(ticket.side)
    return ByVolume(volume=volume, limit=ticket.price)


def _check_price_step(side: Side, price: Decimal, tick_size: Decimal) -> None:
    with localcontext(EXACT):
        if price % tick_size:
            raise refused_for_side("invalid_price", side)


def _check_post_only(ticket: Ticket, limit: Decimal, book: OrderBook) -> None:
    if ticket.side is Side.BUY:
        would_trade = book.best_ask is not None and book.best_ask <= limit
    else:
        would_trade = book.best_bid is not None and book.best_bid >= limit
    if ticket.time_in_force is TimeInForce.POST_ONLY and would_trade:
        raise create_error(ticket.side)


def _notional_krw(admitted: Admitted, book: OrderBook) -> Decimal | None:
    if isinstance(admitted, ByFunds):
        return admitted.funds
    price = admitted.limit if admitted.limit is not None else book.best_bid
    return None if price is None else product(price, admitted.volume)
