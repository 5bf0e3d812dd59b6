"""Orders as we speak of them: what is asked, what the venue says of it, and its identifier."""

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.calendar import require_aware
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, require_not_negative, require_positive
from dg_bot.errors import ImpossibleValue

_IDENTIFIER = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_NAMESPACE = re.compile(r"[A-Za-z0-9_-]{1,12}", re.ASCII)
# No order ever has this name: asking for it shows whether and how the venue answers about orders.
NO_ORDER = "no-such-order"


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class Role(StrEnum):
    """Why an order exists: a new position, a risk exit, or a SELL decision."""

    ENTRY = "entry"
    EXIT = "exit"
    SELL = "sell"


class ExitCause(StrEnum):
    """Which rule of risk made an exit, or that the operator did, as an intent remembers it."""

    STOP_LOSS = "stop_loss"
    TRAILING_STOP = "trailing_stop"
    TAKE_PROFIT = "take_profit"
    STAGED_PROFIT = "staged_profit"
    FAKE_OUT = "fake_out"
    TIME_OUT = "time_out"
    TREND_WEAKENING = "trend_weakening"
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketBuy:
    """Take the best asks now for `notional_krw`; the fee comes on top."""

    market: Market
    notional_krw: Decimal

    def __post_init__(self) -> None:
        require_positive("buy notional", self.notional_krw)

    @property
    def side(self) -> Side:
        return Side.BUY


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketSell:
    """Take the best bids now for `quantity` of base."""

    market: Market
    quantity: Decimal

    def __post_init__(self) -> None:
        require_positive("sell quantity", self.quantity)

    @property
    def side(self) -> Side:
        return Side.SELL


OrderRequest = MarketBuy | MarketSell


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One trade at the venue that executed part of an order; `trade_id` is the venue's."""

    trade_id: str
    price: Decimal
    quantity: Decimal
    funds_krw: Decimal
    at: datetime

    def __post_init__(self) -> None:
        require_aware("fill time", self.at)
        require_positive("fill price", self.price)
        require_positive("fill quantity", self.quantity)
        require_positive("fill funds", self.funds_krw)


class VenueState(StrEnum):
    """Whether an order may still execute; UNKNOWN is a word of the venue's that is not known here: the order is unresolved."""

    OPEN = "open"
    CLOSED = "closed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """An order as the venue reports it. Its outcome is `executed_quantity` and `fills`, never its state's name."""

    venue_id: str
    identifier: str | None
    market: Market
    side: Side
    state: VenueState
    executed_quantity: Decimal
    paid_fee_krw: Decimal
    fills: tuple[Fill, ...]
    created_at: datetime

    def __post_init__(self) -> None:
        require_not_negative("executed quantity", self.executed_quantity)
        require_not_negative("paid fee", self.paid_fee_krw)
        require_aware("order time", self.created_at)

    @property
    def funds_krw(self) -> Decimal:
        return sum((fill.funds_krw for fill in self.fills), ZERO)

    @property
    def has_all_fills(self) -> bool:
        """Tell whether the listed fills add up to the executed quantity."""
        return sum((fill.quantity for fill in self.fills), ZERO) == self.executed_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Identifier:
    """Our name for one order, derived from the intent and nothing else; the venue accepts it once, for ever."""

    namespace: str
    market: Market
    cycle_hour: str
    role: Role
    leg: int
    attempt: int

    def __post_init__(self) -> None:
        if _NAMESPACE.fullmatch(self.namespace) is None:
            raise ImpossibleValue("order namespace", self.namespace, "use 1 to 12 of A-Z a-z 0-9 _ -")
        if self.leg < 0 or self.attempt < 0:
            raise ImpossibleValue("identifier", (self.leg, self.attempt), "leg and attempt count from zero")
        if _IDENTIFIER.fullmatch(str(self)) is None:
            raise ImpossibleValue("identifier", str(self), "use 1 to 64 of A-Z a-z 0-9 . _ -")

    def __str__(self) -> str:
        return f"{self.namespace}.{self.market}.{self.cycle_hour}.{self.role}.{self.leg}.{self.attempt}"
