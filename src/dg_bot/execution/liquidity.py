"""What the visible order book would do to a market order: average price, slippage, levels, depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import assert_never

from dg_bot.domain.gate import Gate
from dg_bot.domain.money import QUANTITY_STEP, ZERO, product, require_positive
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest, Side
from dg_bot.domain.order_book import Level, OrderBook

_STEPS_PER_UNIT = 1 / QUANTITY_STEP


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityLimits:
    """When the book warns, and when it blocks an entry; every figure at its limit still passes."""

    warn_slippage_fraction: Decimal = Decimal("0.003")
    warn_levels: int = 5
    block_slippage_fraction: Decimal = Decimal("0.01")
    maximum_age: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidityReport:
    """A market order laid against the visible levels of the side it would take.

    `wanted` and `visible_depth` are KRW for a buy and base for a sell. `quantity` and `funds_krw` are what the visible levels
    would execute, exactly; where `is_enough` is false that is less than was wanted, and nothing is extrapolated.
    `slippage_fraction` is the average price against the mark, positive when worse for us; None where nothing would execute.
    """

    side: Side
    book_at: datetime
    wanted: Decimal
    visible_depth: Decimal
    quantity: Decimal
    funds_krw: Decimal
    levels_used: int
    slippage_fraction: Decimal | None

    @property
    def is_enough(self) -> bool:
        return self.visible_depth >= self.wanted

    @property
    def average_price_krw(self) -> Decimal | None:
        """Funds over quantity, rounded to the 28 digits of a division; None where nothing would execute."""
        return self.funds_krw / self.quantity if self.quantity > ZERO else None


def measure_liquidity(book: OrderBook, request: OrderRequest, mark_krw: Decimal) -> LiquidityReport:
    """Walk the side of `book` that `request` takes, best level first.

    A buy spends KRW and executes quantities of 8 decimals, rounded down, as the venue does. Raises ImpossibleValue where the
    mark is not above zero.
    """
    require_positive("mark price", mark_krw)
    match request:
        case MarketBuy(notional_krw=wanted):
            depth, taken = book.ask_depth_krw, _taken_by_notional(book.asks, wanted)
        case MarketSell(quantity=wanted):
            depth, taken = book.bid_depth, _taken_by_quantity(book.bids, wanted)
        case _:
            assert_never(request)
    quantity = sum((part.size for part in taken), ZERO)
    funds = sum((product(part.price, part.size) for part in taken), ZERO)
    return LiquidityReport(
        side=request.side,
        book_at=book.at,
        wanted=wanted,
        visible_depth=depth,
        quantity=quantity,
        funds_krw=funds,
        levels_used=len(taken),
        slippage_fraction=_slippage(request.side, funds, quantity, mark_krw) if quantity > ZERO else None,
    )


def entry_gates(report: LiquidityReport, now: datetime, limits: LiquidityLimits) -> tuple[Gate, ...]:
    """Give the checks that an entry has to pass: age of the book, depth, slippage.

    A book from the future is as wrong as an old one, so the age counts in both directions.
    """
    age = abs(now - report.book_at)
    return (
        Gate("book_age_s", age.total_seconds(), limits.maximum_age.total_seconds(), age <= limits.maximum_age),
        Gate("book_depth", report.visible_depth, report.wanted, report.is_enough),
        _slippage_gate("slippage", report, limits.block_slippage_fraction),
    )


def warning_gates(report: LiquidityReport, limits: LiquidityLimits) -> tuple[Gate, ...]:
    """Give the checks that only warn, for entries and exits alike; one that did not pass is told, and blocks nothing.

    The first is a measure without a limit: the average price that the visible levels would give, to 8 decimals.
    """
    average = report.average_price_krw
    return (
        Gate("book_average_krw", None if average is None else round(average, 8), None, True),
        Gate("book_depth_warning", report.visible_depth, report.wanted, report.is_enough),
        _slippage_gate("slippage_warning", report, limits.warn_slippage_fraction),
        Gate("book_levels_warning", report.levels_used, limits.warn_levels, report.levels_used <= limits.warn_levels),
    )


def _slippage_gate(name: str, report: LiquidityReport, limit: Decimal) -> Gate:
    slippage = report.slippage_fraction
    return Gate(name, slippage, limit, slippage is not None and slippage <= limit)


def _slippage(side: Side, funds: Decimal, quantity: Decimal, mark_krw: Decimal) -> Decimal:
    """Compare funds with what the mark would have made of the quantity: one division, so that a limit is met exactly."""
    at_mark = product(quantity, mark_krw)
    worse = funds - at_mark if side is Side.BUY else at_mark - funds
    return worse / at_mark


def _taken_by_notional(asks: Sequence[Level], notional_krw: Decimal) -> list[Level]:
    taken: list[Level] = []
    left = notional_krw
    for level in asks:
        affordable = product(left, _STEPS_PER_UNIT) // level.price * QUANTITY_STEP
        size = min(level.size, affordable)
        if size > ZERO:
            taken.append(Level(level.price, size))
            left -= product(level.price, size)
        if affordable < level.size:
            break
    return taken


def _taken_by_quantity(bids: Sequence[Level], quantity: Decimal) -> list[Level]:
    taken: list[Level] = []
    left = quantity
    for level in bids:
        size = min(level.size, left)
        if size > ZERO:
            taken.append(Level(level.price, size))
            left -= size
        if left == ZERO:
            break
    return taken
