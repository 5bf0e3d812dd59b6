"""What is held: balances, positions with their protective levels, and the equity they add up to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.calendar import require_aware
from dg_bot.domain.market import MINIMUM_NOTIONAL_KRW, Market
from dg_bot.domain.money import QUANTITY_STEP, ZERO, floor_to, product, require_not_negative, require_positive
from dg_bot.errors import DataError, ImpossibleValue

_STAGE_SHARE = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Balance:
    """A currency at the venue: `free` is usable, `locked` is reserved by open orders."""

    currency: str
    free: Decimal
    locked: Decimal

    def __post_init__(self) -> None:
        require_not_negative(f"free {self.currency}", self.free)
        require_not_negative(f"locked {self.currency}", self.locked)

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectionPlan:
    """How a position will be protected, fixed when its entry is planned so that a restart finds the same levels.

    Fractions are of the average cost. Distances are in KRW from the average cost; the tighter of fraction and distance holds.
    `trend_strength` is the ADX at entry, for the strategy's trend exit.
    """

    stop_fraction: Decimal
    target_fraction: Decimal
    stop_distance_krw: Decimal | None = None
    target_distance_krw: Decimal | None = None
    trailing_distance_krw: Decimal | None = None
    stage_fraction: Decimal | None = None
    trend_strength: float | None = None

    def __post_init__(self) -> None:
        if not (self.stop_fraction.is_finite() and ZERO < self.stop_fraction < 1):
            raise ImpossibleValue("stop fraction", self.stop_fraction, "it must lie between 0 and 1")
        for name, value in (
            ("target fraction", self.target_fraction),
            ("stop distance", self.stop_distance_krw),
            ("target distance", self.target_distance_krw),
            ("trailing distance", self.trailing_distance_krw),
            ("stage fraction", self.stage_fraction),
        ):
            if value is not None:
                require_positive(name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtectiveLevels:
    """Prices in KRW at which risk sells: below `stop_krw`, above `target_krw`, half of it above `stage_krw`.

    `staged_quantity` is what was held when the sale of that half began; None before it, and after the half is gone.
    """

    stop_krw: Decimal
    target_krw: Decimal
    highest_krw: Decimal
    stage_krw: Decimal | None = None
    staged_quantity: Decimal | None = None
    trailing_distance_krw: Decimal | None = None
    trend_strength: float | None = None

    @property
    def effective_stop_krw(self) -> Decimal:
        """The stop that holds now: the fixed one, or the trailing one where that is higher."""
        if self.trailing_distance_krw is None:
            return self.stop_krw
        return max(self.stop_krw, self.highest_krw - self.trailing_distance_krw)


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Base owned by the bot. `average_cost_krw` is per unit with fees."""

    market: Market
    quantity: Decimal
    average_cost_krw: Decimal
    opened_at: datetime
    levels: ProtectiveLevels

    def __post_init__(self) -> None:
        require_positive("position quantity", self.quantity)
        require_positive("average cost", self.average_cost_krw)
        require_aware("position time", self.opened_at)

    def is_sellable_at(self, price_krw: Decimal) -> bool:
        """Tell whether the venue would take an order for all of it; what it would not take at its present price is dust."""
        return product(self.quantity, price_krw) >= MINIMUM_NOTIONAL_KRW

    @property
    def is_dust(self) -> bool:
        """Tell whether it cost less than the smallest order: the measure where no present price is at hand."""
        return not self.is_sellable_at(self.average_cost_krw)

    @property
    def stage_rest(self) -> Decimal:
        """What the first stage of profit has still to sell: half of what was held when it began, less what has gone since."""
        whole = self.quantity if self.levels.staged_quantity is None else self.levels.staged_quantity
        return max(ZERO, floor_to(whole * _STAGE_SHARE, QUANTITY_STEP) - (whole - self.quantity))


@dataclass(frozen=True, slots=True, kw_only=True)
class Portfolio:
    """KRW and owned positions at mark prices; `position_value_krw` is what all of them are worth.

    Raises DataError when a position has no mark.
    """

    krw: Balance
    positions: tuple[Position, ...]
    marks_krw: Mapping[Market, Decimal]
    position_value_krw: Decimal = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        value_krw = ZERO
        for position in self.positions:
            mark = self.marks_krw.get(position.market)
            if mark is None:
                raise DataError("portfolio", f"no mark price for {position.market}")
            value_krw += product(position.quantity, mark)
        object.__setattr__(self, "position_value_krw", value_krw)

    @property
    def open_positions(self) -> tuple[Position, ...]:
        """Positions large enough to be sold at their mark."""
        return tuple(position for position in self.positions if position.is_sellable_at(self.marks_krw[position.market]))

    @property
    def equity_krw(self) -> Decimal:
        return self.krw.total + self.position_value_krw

    def position_on(self, market: Market) -> Position | None:
        """Give the open position on `market`; dust does not count."""
        for position in self.positions:
            if position.market == market and position.is_sellable_at(self.marks_krw[market]):
                return position
        return None
