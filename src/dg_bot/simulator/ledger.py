"""The venue's books: balances, orders and their fills, moved by whole orders and exact to the last digit."""

import uuid as uuids
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Context, Decimal, localcontext
from functools import cache
from hashlib import sha256

from pydantic import TypeAdapter, ValidationError

from dg_bot.domain.market import FEE_FRACTION, MAXIMUM_NOTIONAL_KRW, MINIMUM_NOTIONAL_KRW, Market
from dg_bot.domain.money import QUANTITY_STEP, ZERO, product, require_positive
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.simulator.admission import Admitted, ByFunds, ByVolume, SizeLimits, admit
from dg_bot.simulator.matching import Take, take_for_funds, take_volume, volume_for
from dg_bot.simulator.refusals import refused, refused_for_side
from dg_bot.simulator.tickets import (
    EXACT,
    Account,
    LedgerOrder,
    LedgerTrade,
    OrderState,
    Ticket,
    TicketKind,
    TimeInForce,
    Trend,
)

__all__ = [
    "Account",
    "Ledger",
    "LedgerOrder",
    "LedgerTrade",
    "OrderState",
    "Ticket",
    "TicketKind",
    "TimeInForce",
    "Trend",
]

_AVERAGING = Context(prec=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Snapshot:
    """Everything that a ledger holds, as it is written down."""

    seed: int
    counter: int
    fee_fraction: Decimal
    minimum_notional_krw: Decimal
    maximum_notional_krw: Decimal
    accounts: tuple[Account, ...]
    orders: tuple[LedgerOrder, ...]
    burnt: tuple[str, ...]
    traded_until: Mapping[str, datetime] = field(default_factory=dict)


@cache
def _snapshots() -> TypeAdapter[_Snapshot]:
    return TypeAdapter(_Snapshot)


class Ledger:
    """One account at the venue.

    A buy reserves its funds and the fee on top; a sell reserves its volume and pays the fee from the proceeds. The book that an
    order is placed against holds other people's orders only: our own resting orders never meet one another.
    `place`, `test`, `cancel` and `find` raise VenueRefusal. Two ledgers of one seed that are asked the same answer the same.
    """

    def __init__(
        self,
        *,
        krw: Decimal,
        fee_fraction: Decimal = FEE_FRACTION,
        minimum_notional_krw: Decimal = MINIMUM_NOTIONAL_KRW,
        maximum_notional_krw: Decimal = MAXIMUM_NOTIONAL_KRW,
        seed: int = 0,
    ) -> None:
        self.fee_fraction = fee_fraction
        self.minimum_notional_krw = minimum_notional_krw
        self.maximum_notional_krw = maximum_notional_krw
        self._seed = seed
        self._counter = 0
        self._accounts = {"KRW": Account(currency="KRW", balance=krw)}
        self._orders: dict[str, LedgerOrder] = {}
        self._open: dict[str, LedgerOrder] = {}
        self._uuid_by_identifier: dict[str, str] = {}
        self._burnt: set[str] = set()
        self._traded_until: dict[Market, datetime] = {}

    def accounts(self) -> tuple[Account, ...]:
        """Give KRW and every currency of which anything is owned, in the order of their first appearance."""
        return tuple(account for account in self._accounts.values() if account.currency == "KRW" or account.total > ZERO)

    def account(self, currency: str) -> Account:
        """Give one account; with zeros where nothing of it was ever owned."""
        account = self._accounts.get(currency)
        return Account(currency=currency) if account is None else account

    def deposit(self, currency: str, amount: Decimal) -> None:
        """Put in from outside; the average buy price stays as it is."""
        require_positive("deposit", amount)
        self._move(currency, balance=amount)

    def withdraw(self, currency: str, amount: Decimal) -> None:
        """Take out what is free; raises ImpossibleValue for more than that."""
        require_positive("withdrawal", amount)
        if amount > self.account(currency).balance:
            raise ImpossibleValue("withdrawal", amount, f"only {self.account(currency).balance} {currency} is free")
        self._move(currency, balance=-amount)

    def burn(self, identifier: str | None) -> None:
        """Use an identifier up, for a request that failed before it became an order."""
        if identifier is not None:
            self._burnt.add(identifier)

    def place(self, ticket: Ticket, *, book: OrderBook, tick_size: Decimal, now: datetime) -> LedgerOrder:
        """Take an order in and match it against `book` at once; gives the order as it is after that.

        The identifier is used up before anything else is looked at. `tick_size` is the price step at the order's own price.
        """
        self._require_fresh(ticket)
        self.burn(ticket.identifier)
        admitted, order = self._admitted(ticket, book, tick_size, self._next_uuid(), now)
        takes = _takes(ticket, admitted, book)
        self._reserve(order)
        self._traded_until[ticket.market] = now
        trend = Trend.UP if ticket.side is Side.BUY else Trend.DOWN
        for take in takes:
            order = self._filled(order, take, trend, now)
        return self._kept(_after_matching(order, ticket), now)

    def test(self, ticket: Ticket, *, book: OrderBook, tick_size: Decimal, now: datetime) -> LedgerOrder:
        """Refuse what `place` would refuse, and change nothing; gives the order that would have been taken in."""
        self._require_fresh(ticket)
        _, order = self._admitted(ticket, book, tick_size, _uuid(f"{self._seed}:test:{self._counter}"), now)
        return order

    def cancel(self, uuid: str, now: datetime) -> LedgerOrder:
        """Close an open order and free what it has reserved; raises VenueRefusal where none of that uuid is open."""
        if uuid not in self._open:
            raise refused("order_not_found")
        return self._kept(replace(self._open[uuid], state=OrderState.CANCEL), now)

    def trade_through(self, market: Market, low: Decimal, high: Decimal, now: datetime) -> None:
        """Fill the resting orders whose price lies inside a market that traded from `low` to `high`, at their own price.

        A trade exactly at the price of an order leaves it in the queue.
        """
        self._traded_until[market] = now
        for order in [order for order in self._open.values() if order.market == market]:
            if order.price is None or order.remaining_volume is None:
                continue
            is_buy = order.side is Side.BUY
            if (low < order.price) if is_buy else (high > order.price):
                take = Take(order.price, order.remaining_volume)
                filled = self._filled(order, take, Trend.DOWN if is_buy else Trend.UP, now)
                self._kept(replace(filled, state=OrderState.DONE), now)

    def traded_until(self, market: Market) -> datetime | None:
        """Give the time up to which resting orders of `market` have seen its trades; None before the first order."""
        return self._traded_until.get(market)

    def find(self, *, uuid: str | None = None, identifier: str | None = None) -> LedgerOrder:
        """Give an order by its uuid, or by its identifier where no uuid is given; refused as order_not_found."""
        key = uuid if uuid is not None else self._uuid_by_identifier.get(identifier or "")
        if key is None or key not in self._orders:
            raise refused("order_not_found")
        return self._orders[key]

    def orders(self, market: Market | None, states: frozenset[OrderState]) -> tuple[LedgerOrder, ...]:
        """Give the orders of `market`, or of all, in one of `states`, oldest first."""
        known = self._open if states == {OrderState.WAIT} else self._orders
        return tuple(order for order in known.values() if order.state in states and (market is None or order.market == market))

    def to_json(self) -> dict[str, object]:
        """Write everything down as JSON values, exactly; decimals are strings."""
        snapshot = _Snapshot(
            seed=self._seed,
            counter=self._counter,
            fee_fraction=self.fee_fraction,
            minimum_notional_krw=self.minimum_notional_krw,
            maximum_notional_krw=self.maximum_notional_krw,
            accounts=tuple(self._accounts.values()),
            orders=tuple(self._orders.values()),
            burnt=tuple(sorted(self._burnt)),
            traded_until={market.code: at for market, at in self._traded_until.items()},
        )
        written: dict[str, object] = _snapshots().dump_python(snapshot, mode="json")
        return written

    @classmethod
    def restored(cls, written: Mapping[str, object]) -> "Ledger":
        """Make the ledger again that `to_json` wrote; raises DataError for anything else."""
        try:
            snapshot = _snapshots().validate_python(written)
            traded_until = {Market(code): at for code, at in snapshot.traded_until.items()}
        except (ValidationError, DataError) as error:
            raise DataError("ledger", f"what was written down cannot be read ({error})") from error
        ledger = cls(
            krw=ZERO,
            fee_fraction=snapshot.fee_fraction,
            minimum_notional_krw=snapshot.minimum_notional_krw,
            maximum_notional_krw=snapshot.maximum_notional_krw,
            seed=snapshot.seed,
        )
        ledger._counter = snapshot.counter
        ledger._accounts = {account.currency: account for account in snapshot.accounts}
        ledger._orders = {order.uuid: order for order in snapshot.orders}
        ledger._open = {order.uuid: order for order in snapshot.orders if order.is_open}
        ledger._uuid_by_identifier = {order.identifier: order.uuid for order in snapshot.orders if order.identifier is not None}
        ledger._burnt = set(snapshot.burnt)
        ledger._traded_until = traded_until
        return ledger

    def _require_fresh(self, ticket: Ticket) -> None:
        if ticket.identifier in self._burnt:
            raise refused("duplicated_identifier")

    def _admitted(
        self, ticket: Ticket, book: OrderBook, tick_size: Decimal, uuid: str, now: datetime
    ) -> tuple[Admitted, LedgerOrder]:
        """Check form, size and money; give what is asked for, and the order as it stands before matching."""
        limits = SizeLimits(minimum_notional_krw=self.minimum_notional_krw, maximum_notional_krw=self.maximum_notional_krw)
        admitted = admit(ticket, book=book, tick_size=tick_size, limits=limits)
        order = self._opened(ticket, admitted, uuid, now)
        if order.locked > self.account(_reserved_currency(order)).balance:
            raise refused_for_side("insufficient_funds", ticket.side)
        return admitted, order

    def _opened(self, ticket: Ticket, admitted: Admitted, uuid: str, now: datetime) -> LedgerOrder:
        volume = None if isinstance(admitted, ByFunds) else admitted.volume
        reserved_fee = ZERO
        locked = volume if volume is not None else ZERO
        if ticket.side is Side.BUY:
            funds = _funds_at_most(admitted)
            reserved_fee = product(funds, self.fee_fraction)
            with localcontext(EXACT):
                locked = funds + reserved_fee
        return LedgerOrder(
            uuid=uuid,
            identifier=ticket.identifier,
            market=ticket.market,
            side=ticket.side,
            kind=ticket.kind,
            price=ticket.price,
            volume=volume,
            remaining_volume=volume,
            executed_volume=ZERO,
            reserved_fee=reserved_fee,
            remaining_fee=reserved_fee,
            paid_fee=ZERO,
            locked=locked,
            state=OrderState.WAIT,
            created_at=now,
            closed_at=None,
            time_in_force=ticket.time_in_force,
            smp_type=ticket.smp_type,
            trades=(),
            executed_funds=ZERO,
        )

    def _reserve(self, order: LedgerOrder) -> None:
        self._move(_reserved_currency(order), balance=-order.locked, locked=order.locked)

    def _filled(self, order: LedgerOrder, take: Take, trend: Trend, now: datetime) -> LedgerOrder:
        """Book one execution on both accounts and give the order after it."""
        funds = take.funds
        fee = product(funds, self.fee_fraction)
        with localcontext(EXACT):
            if order.side is Side.BUY:
                used = funds + fee
                self._bought(order.market.base, take.volume, funds)
                self._move("KRW", locked=-used)
            else:
                used = take.volume
                self._move(order.market.base, locked=-used)
                self._move("KRW", balance=funds - fee)
            trade = LedgerTrade(
                uuid=self._next_uuid(), price=take.price, volume=take.volume, funds=funds, created_at=now, trend=trend
            )
            return replace(
                order,
                remaining_volume=None if order.remaining_volume is None else order.remaining_volume - take.volume,
                executed_volume=order.executed_volume + take.volume,
                paid_fee=order.paid_fee + fee,
                remaining_fee=order.remaining_fee - fee if order.side is Side.BUY else ZERO,
                locked=order.locked - used,
                trades=(*order.trades, trade),
                executed_funds=order.executed_funds + funds,
            )

    def _kept(self, order: LedgerOrder, now: datetime) -> LedgerOrder:
        """Enter an order into the books; a closed one gives back what it has reserved and not used."""
        if not order.is_open:
            order = replace(order, closed_at=now)
            self._move(_reserved_currency(order), balance=order.locked, locked=-order.locked)
            self._open.pop(order.uuid, None)
        else:
            self._open[order.uuid] = order
        self._orders[order.uuid] = order
        if order.identifier is not None:
            self._uuid_by_identifier[order.identifier] = order.uuid
        return order

    def _bought(self, currency: str, volume: Decimal, funds: Decimal) -> None:
        """Add what was bought, and weigh its price into the average; the fee does not count there."""
        account = self.account(currency)
        cost = _AVERAGING.add(_AVERAGING.multiply(account.total, account.avg_buy_price), funds)
        average = _AVERAGING.divide(cost, _AVERAGING.add(account.total, volume)).quantize(QUANTITY_STEP, context=_AVERAGING)
        self._accounts[currency] = replace(account, avg_buy_price=average)
        self._move(currency, balance=volume)

    def _move(self, currency: str, *, balance: Decimal = ZERO, locked: Decimal = ZERO) -> None:
        account = self.account(currency)
        free, reserved = EXACT.add(account.balance, balance), EXACT.add(account.locked, locked)
        self._accounts[currency] = replace(account, balance=free, locked=reserved)

    def _next_uuid(self) -> str:
        self._counter += 1
        return _uuid(f"{self._seed}:{self._counter}")


def _uuid(source: str) -> str:
    return str(uuids.UUID(bytes=sha256(source.encode()).digest()[:16], version=4))


def _reserved_currency(order: LedgerOrder) -> str:
    return "KRW" if order.side is Side.BUY else order.market.base


def _funds_at_most(admitted: Admitted) -> Decimal:
    """Give what a buy costs at worst, without the fee."""
    if isinstance(admitted, ByFunds):
        return admitted.funds
    assert admitted.limit is not None  # noqa: S101 - a buy by volume is a limit order
    return product(admitted.limit, admitted.volume)


def _takes(ticket: Ticket, admitted: Admitted, book: OrderBook) -> tuple[Take, ...]:
    """Give what the order takes from the book at once; nothing where it is all or nothing and all is not there."""
    levels = book.asks if ticket.side is Side.BUY else book.bids
    if ticket.kind is TicketKind.BEST:
        levels = levels[:1]
    match admitted:
        case ByFunds(funds=funds):
            takes = take_for_funds(levels, funds)
            is_whole = bool(takes) and takes[-1].volume == volume_for(funds, takes[-1].price)
        case ByVolume(volume=volume, limit=limit):
            takes = take_volume(_within(levels, ticket.side, limit), volume)
            with localcontext(EXACT):
                is_whole = sum((take.volume for take in takes), ZERO) == volume
    return () if ticket.time_in_force is TimeInForce.FOK and not is_whole else takes


def _within(levels: tuple[Level, ...], side: Side, limit: Decimal | None) -> tuple[Level, ...]:
    if limit is None:
        return levels
    return tuple(level for level in levels if (level.price <= limit if side is Side.BUY else level.price >= limit))


def _after_matching(order: LedgerOrder, ticket: Ticket) -> LedgerOrder:
    """Settle the state: done when nothing is left, resting when it may rest, else the rest is cancelled."""
    rest = order.locked if order.remaining_volume is None else order.remaining_volume
    if rest == ZERO:
        return replace(order, state=OrderState.DONE)
    may_rest = ticket.kind is TicketKind.LIMIT and ticket.time_in_force in (None, TimeInForce.POST_ONLY)
    return order if may_rest else replace(order, state=OrderState.CANCEL)
