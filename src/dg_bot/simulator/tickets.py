"""The values of the venue's books: what it is asked, what it holds of an order, a trade and an account."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation
from enum import StrEnum

from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, require_not_negative
from dg_bot.domain.order import Side

EXACT = Context(prec=60, traps=[DivisionByZero, Inexact, InvalidOperation])


class TicketKind(StrEnum):
    """LIMIT at a price; PRICE buys for a total of KRW; MARKET sells a volume; BEST takes the best opposite price alone."""

    LIMIT = "limit"
    PRICE = "price"
    MARKET = "market"
    BEST = "best"


class TimeInForce(StrEnum):
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class OrderState(StrEnum):
    WAIT = "wait"
    DONE = "done"
    CANCEL = "cancel"


class Trend(StrEnum):
    """Who took the liquidity of a trade: a buyer (UP) or a seller (DOWN)."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as it was asked for, before any check; `price` is the total in KRW for PRICE orders and BEST buys."""

    market: Market
    side: Side
    kind: TicketKind
    price: Decimal | None
    volume: Decimal | None
    time_in_force: TimeInForce | None = None
    smp_type: str | None = None
    identifier: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerTrade:
    """One execution of part of an order; `funds` is price times volume, without the fee."""

    uuid: str
    price: Decimal
    volume: Decimal
    funds: Decimal
    created_at: datetime
    trend: Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerOrder:
    """An order at one moment.

    `locked` is what the order reserved and has not used: KRW with the fee for a buy, base for a sell. On a closed order it
    keeps its last value although the money went back to the balance, as the venue reports it; so does `remaining_fee`.
    `volume` and `remaining_volume` are None for buys by total, `price` is None for sells at market.
    """

    uuid: str
    identifier: str | None
    market: Market
    side: Side
    kind: TicketKind
    price: Decimal | None
    volume: Decimal | None
    remaining_volume: Decimal | None
    executed_volume: Decimal
    reserved_fee: Decimal
    remaining_fee: Decimal
    paid_fee: Decimal
    locked: Decimal
    state: OrderState
    created_at: datetime
    closed_at: datetime | None
    time_in_force: TimeInForce | None
    smp_type: str | None
    trades: tuple[LedgerTrade, ...]
    executed_funds: Decimal
    prevented_volume: Decimal = ZERO
    prevented_locked: Decimal = ZERO

    @property
    def is_open(self) -> bool:
        return self.state is OrderState.WAIT

    @property
    def reserved(self) -> Decimal:
        """What the order reserved at first: KRW with the fee for a buy, base for a sell."""
        if self.side is Side.SELL:
            return self.locked + self.executed_volume
        return EXACT.add(EXACT.add(self.locked, self.executed_funds), self.paid_fee)

    def as_accepted(self) -> "LedgerOrder":
        """Show the order as it was when it was taken in, before any trade; that is the venue's answer to the request."""
        return replace(
            self,
            state=OrderState.WAIT,
            closed_at=None,
            remaining_volume=self.volume,
            executed_volume=ZERO,
            remaining_fee=self.reserved_fee,
            paid_fee=ZERO,
            locked=self.reserved,
            trades=(),
            executed_funds=ZERO,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is owned of one currency: `balance` is free, `locked` is reserved by open orders."""

    currency: str
    balance: Decimal = ZERO
    locked: Decimal = ZERO
    avg_buy_price: Decimal = ZERO
    avg_buy_price_modified: bool = False
    unit_currency: str = "KRW"

    def __post_init__(self) -> None:
        require_not_negative("balance", self.balance)
        require_not_negative("locked balance", self.locked)

    @property
    def total(self) -> Decimal:
        return EXACT.add(self.balance, self.locked)
