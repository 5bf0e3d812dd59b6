"""From an approved size to the market orders that carry it out, or the one gate that forbids them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import ROUND_CEILING, Decimal
from typing import Literal

from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.market import MarketRules
from dg_bot.domain.money import QUANTITY_STEP, WON, ZERO, floor_to, product, require_not_negative, require_positive
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest, Role
from dg_bot.domain.order_book import OrderBook
from dg_bot.execution.liquidity import LiquidityLimits, LiquidityReport, entry_gates, measure_liquidity, warning_gates

CHILD_PAUSE_S = 2.0
_STEPS_PER_UNIT = 1 / QUANTITY_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannerLimits:
    """Sizes of orders and of their children; factors are of the venue's minimum notional.

    `entry_factor` leaves room to sell at a loss what was bought, `staged_entry_factor` to do so in two halves.
    """

    split_above_krw: Decimal = Decimal(3_000_000)
    split_above_levels: int = 5
    maximum_children: int = 5
    child_factor: Decimal = Decimal(2)
    entry_factor: Decimal = Decimal("1.2")
    staged_entry_factor: Decimal = Decimal("2.4")
    liquidity: LiquidityLimits = field(default_factory=LiquidityLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedOrders:
    """Orders to be sent in this sequence, `CHILD_PAUSE_S` apart; there is at least one.

    All `gates` passed. A warning that did not pass is told, and stops nothing. `deferred_quantity` is what a thin book leaves to
    the next tick; children and it add up to the quantity that was to be sold, exactly.
    """

    children: tuple[OrderRequest, ...]
    liquidity: LiquidityReport
    gates: tuple[Gate, ...]
    warnings: tuple[Gate, ...]
    deferred_quantity: Decimal = ZERO

    @property
    def needs_alarm(self) -> bool:
        """Tell whether the visible book does not hold the whole order."""
        return not self.liquidity.is_enough


@dataclass(frozen=True, slots=True)
class NotPlanned:
    """Nothing is sent; `gate` is the check that did not pass."""

    gate: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class BuyWish:
    """What risk allows for an entry: KRW to spend, and up to which amount that may be raised to be sellable later."""

    wanted_krw: Decimal
    ceiling_krw: Decimal
    free_krw: Decimal
    has_staged_profit: bool

    def __post_init__(self) -> None:
        require_not_negative("wanted notional", self.wanted_krw)
        require_not_negative("notional ceiling", self.ceiling_krw)
        require_not_negative("free KRW", self.free_krw)


@dataclass(frozen=True, slots=True, kw_only=True)
class SellWish:
    """What is to be sold of a position: base that the bot owns, and base that is free at the venue."""

    role: Literal[Role.EXIT, Role.SELL]
    wanted_quantity: Decimal
    owned_quantity: Decimal
    free_quantity: Decimal

    def __post_init__(self) -> None:
        require_positive("wanted quantity", self.wanted_quantity)
        require_not_negative("owned quantity", self.owned_quantity)
        require_not_negative("free quantity", self.free_quantity)


def plan_buy(
    wish: BuyWish, rules: MarketRules, *, book: OrderBook, mark_krw: Decimal, now: datetime, limits: PlannerLimits
) -> PlannedOrders | NotPlanned:
    """Plan an entry in whole won, with room for the fee, and large enough to be sold again even at a loss.

    Raised to that size where the ceiling allows it, else not planned; an entry of nothing stays nothing. What the book cannot
    take at a fair price is not planned either.
    """
    factor = limits.staged_entry_factor if wish.has_staged_profit else limits.entry_factor
    smallest = product(rules.minimum_notional_krw, factor).to_integral_value(ROUND_CEILING)
    room = wish.free_krw // (1 + rules.bid_fee_fraction)
    largest = floor_to(min(wish.ceiling_krw, room, rules.maximum_notional_krw), WON)
    wanted = floor_to(wish.wanted_krw, WON)
    sized = (
        Gate("market_active", rules.is_active, True, rules.is_active),
        Gate("entry_wanted_krw", wish.wanted_krw, WON, wanted >= WON),
        Gate("entry_room_krw", largest, smallest, largest >= smallest),
    )
    failed = first_failure(sized)
    if failed is not None:
        return NotPlanned(failed)
    notional = min(max(wanted, smallest), largest)
    report = measure_liquidity(book, MarketBuy(market=rules.market, notional_krw=notional), mark_krw)
    gates = (*sized, *entry_gates(report, now, limits.liquidity))
    failed = first_failure(gates)
    if failed is not None:
        return NotPlanned(failed)
    smallest_child = product(rules.minimum_notional_krw, limits.child_factor).to_integral_value(ROUND_CEILING)
    count = _children(report.levels_used, notional, int(notional // smallest_child), limits)
    parts = _equal_parts(notional, count, WON)
    children = tuple(MarketBuy(market=rules.market, notional_krw=part) for part in parts)
    return PlannedOrders(children=children, liquidity=report, gates=gates, warnings=warning_gates(report, limits.liquidity))


def plan_sell(
    wish: SellWish, rules: MarketRules, *, book: OrderBook, mark_krw: Decimal, limits: PlannerLimits
) -> PlannedOrders | NotPlanned:
    """Plan a sale of at most what is owned and free, in steps of 8 decimals; no state of the book forbids it.

    A rest of the position that could not be sold afterwards is sold along. Values are taken at the mark price. The gate `dust`
    says that the whole position is below the venue's minimum, `sell_minimum` that only the wanted or free part is.
    """
    owned = floor_to(wish.owned_quantity, QUANTITY_STEP)
    sellable = min(owned, floor_to(wish.free_quantity, QUANTITY_STEP))
    sendable = _quantity_worth(rules.minimum_notional_krw, mark_krw)
    quantity = floor_to(min(wish.wanted_quantity, sellable), QUANTITY_STEP)
    if sellable - quantity < sendable:
        quantity = sellable
    gates = (
        Gate("dust", product(owned, mark_krw), rules.minimum_notional_krw, owned >= sendable),
        Gate("sell_minimum", product(quantity, mark_krw), rules.minimum_notional_krw, quantity >= sendable),
    )
    failed = first_failure(gates)
    if failed is not None:
        return NotPlanned(failed)
    report = measure_liquidity(book, MarketSell(market=rules.market, quantity=quantity), mark_krw)
    parts = _sale_parts(quantity, wish.role, report, rules, mark_krw, limits)
    return PlannedOrders(
        children=tuple(MarketSell(market=rules.market, quantity=part) for part in parts),
        liquidity=report,
        gates=gates,
        warnings=warning_gates(report, limits.liquidity),
        deferred_quantity=quantity - sum(parts, ZERO),
    )


def _sale_parts(
    quantity: Decimal, role: Role, report: LiquidityReport, rules: MarketRules, mark_krw: Decimal, limits: PlannerLimits
) -> Sequence[Decimal]:
    """Divide a sale: an exit as little as the book allows, a SELL decision like an entry.

    A book without any bid is a bad read more often than an empty market: the sale is tried whole, and what meets no bid stays.
    """
    smallest = _quantity_worth(product(rules.minimum_notional_krw, limits.child_factor), mark_krw)
    biggest = floor_to(rules.maximum_notional_krw / mark_krw, QUANTITY_STEP)
    if report.visible_depth > ZERO:
        biggest = min(biggest, floor_to(report.visible_depth, QUANTITY_STEP))
    if quantity > biggest:
        return _chunks(quantity, max(biggest, smallest), smallest, limits.maximum_children)
    if role is Role.EXIT:
        return (quantity,)
    count = _children(report.levels_used, product(quantity, mark_krw), int(quantity // smallest), limits)
    return _equal_parts(quantity, count, QUANTITY_STEP)


def _children(levels: int, value_krw: Decimal, affordable: int, limits: PlannerLimits) -> int:
    """Count the children of an order over `levels` levels, of which `affordable` are large enough each."""
    by_value = int(_quotient_up(value_krw, limits.split_above_krw))
    by_levels = -(-levels // limits.split_above_levels)
    return max(1, min(max(by_value, by_levels), limits.maximum_children, affordable))


def _equal_parts(whole: Decimal, count: int, step: Decimal) -> Sequence[Decimal]:
    """Divide into equal multiples of `step`; the last one takes the rest."""
    part = floor_to(whole / count, step)
    return (*(part for _ in range(count - 1)), whole - part * (count - 1))


def _chunks(whole: Decimal, size: Decimal, smallest: Decimal, count: int) -> Sequence[Decimal]:
    """Cut at most `count` pieces of at most `size` off; what is left then waits.

    Where less than `smallest` would be left, the last two pieces are equal: neither is above `size`, and both can be sent.
    """
    pieces: list[Decimal] = []
    left = whole
    while left > ZERO and len(pieces) < count:
        piece = min(size, left)
        if ZERO < left - piece < smallest:
            piece = floor_to(left / 2, QUANTITY_STEP)
        pieces.append(piece)
        left -= piece
    return pieces


def _quantity_worth(value_krw: Decimal, mark_krw: Decimal) -> Decimal:
    """Give the smallest quantity in whole steps that is worth at least `value_krw`."""
    return _quotient_up(product(value_krw, _STEPS_PER_UNIT), mark_krw) * QUANTITY_STEP


def _quotient_up(amount: Decimal, unit: Decimal) -> Decimal:
    whole, rest = divmod(amount, unit)
    return whole + 1 if rest > ZERO else whole
