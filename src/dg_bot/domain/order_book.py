"""The order book: resting bids and asks, best first."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from dg_bot.domain.calendar import require_aware
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, product, require_not_negative, require_positive
from dg_bot.errors import ImpossibleValue


@dataclass(frozen=True, slots=True)
class Level:
    """One price with its size in base."""

    price: Decimal
    size: Decimal

    def __post_init__(self) -> None:
        require_positive("level price", self.price)
        require_not_negative("level size", self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderBook:
    """Asks rising, bids falling, never crossed; either side may be empty."""

    market: Market
    at: datetime
    asks: tuple[Level, ...]
    bids: tuple[Level, ...]

    def __post_init__(self) -> None:
        require_aware("order book time", self.at)
        if any(lower.price >= higher.price for lower, higher in pairwise(self.asks)):
            raise ImpossibleValue(f"order book of {self.market}", "asks", "their prices must rise")
        if any(higher.price <= lower.price for higher, lower in pairwise(self.bids)):
            raise ImpossibleValue(f"order book of {self.market}", "bids", "their prices must fall")
        if self.asks and self.bids and self.asks[0].price <= self.bids[0].price:
            crossed = f"ask {self.asks[0].price} bid {self.bids[0].price}"
            raise ImpossibleValue(f"order book of {self.market}", crossed, "the best ask must be above the best bid")

    @property
    def best_ask(self) -> Decimal | None:
        return self.asks[0].price if self.asks else None

    @property
    def best_bid(self) -> Decimal | None:
        return self.bids[0].price if self.bids else None

    @property
    def ask_depth_krw(self) -> Decimal:
        """Value of all visible asks."""
        return sum((product(level.price, level.size) for level in self.asks), ZERO)

    @property
    def bid_depth(self) -> Decimal:
        """Size of all visible bids, in base."""
        return sum((level.size for level in self.bids), ZERO)
