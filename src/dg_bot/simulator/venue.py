"""The simulated venue in process: one ledger over several tapes, asked from any thread."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from threading import RLock

from dg_bot.domain.calendar import Timeframe, to_epoch
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.market import tick_size as dated_tick_size
from dg_bot.domain.money import ZERO
from dg_bot.domain.order_book import OrderBook
from dg_bot.simulator.ledger import Account, Ledger, LedgerOrder, OrderState, Ticket, TicketKind
from dg_bot.simulator.made_book import BookShape
from dg_bot.simulator.refusals import VenueRefusal, code_not_found, malformed, refused
from dg_bot.simulator.tape import DayStats, Tape, TapeCandle, TapeTrade


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticker:
    """The last trade of a market, and its figures of the day, of 24 hours and of 52 weeks."""

    market: Market
    at: datetime
    price: Decimal
    traded_at: datetime
    last_volume: Decimal
    day: DayStats


@dataclass(slots=True, kw_only=True)
class _Taken:
    """The volume by price that our orders took from the book within one second."""

    second: int
    volumes: dict[Decimal, Decimal] = field(default_factory=dict)


_OPEN = frozenset({OrderState.WAIT})


class Venue:
    """The venue's truth and its market, by `now`. All methods are safe to call from several threads.

    Quotation calls raise VenueRefusal(404, 404, "Code not found") for a market that is not listed at this moment; order calls
    raise it with the venue's name of the error. Resting orders trade against the path of the tape before anything else is
    answered. The order book stands around the tape's price: what our orders took from it is gone until the venue's clock shows
    the next second.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        tapes: Mapping[Market, Tape],
        now: Callable[[], datetime],
        depth_krw: Decimal = Decimal(30_000_000),
        levels: int = 30,
        spread_ticks: int = 1,
        on_order: Callable[[], None] | None = None,
    ) -> None:
        """`on_order` is called after each order that was placed, refused or cancelled, before anybody is told of it."""
        self._ledger = ledger
        self._tapes = dict(tapes)
        self._now = now
        self._on_order = on_order
        self._shape = BookShape(depth_krw=depth_krw, levels=levels, spread_ticks=spread_ticks)
        self._lock = RLock()
        self._offline: set[Market] = set()
        self._notices: dict[Market, MarketNotice] = {}
        self._taken: dict[Market, _Taken] = {}

    def now(self) -> datetime:
        return self._now()

    @property
    def ledger(self) -> Ledger:
        """The books themselves, for the owner's hand (deposits) and for keeping them beyond the process."""
        return self._ledger

    def markets(self) -> tuple[Market, ...]:
        """Give the markets whose tapes have begun, in the order of their codes."""
        now = self._now()
        return tuple(sorted(market for market, tape in self._tapes.items() if tape.opens_at <= now))

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[TapeCandle]:
        """Give up to `count` candles that open before `before`, newest first; the newest may be unfinished."""
        with self._lock:
            now = self._settled()
            return self._tape(market, now).candles(timeframe, before, count, now)

    def ticker(self, market: Market) -> Ticker:
        with self._lock:
            now = self._settled()
            tape = self._tape(market, now)
            last = tape.last_trade(now)
            return Ticker(
                market=market,
                at=now,
                price=tape.price_at(now),
                traded_at=last.at,
                last_volume=last.volume,
                day=tape.day_stats(now),
            )

    def order_book(self, market: Market) -> OrderBook:
        with self._lock:
            return self._order_book(market, self._settled())

    def trades(self, market: Market, before: datetime, count: int) -> list[TapeTrade]:
        """Give up to `count` trades of the market that happened before `before`, newest first."""
        with self._lock:
            now = self._settled()
            return self._tape(market, now).trades(before, count, now)

    def tick_size(self, market: Market) -> Decimal:
        """Give the price step of the market at its present price."""
        with self._lock:
            now = self._settled()
            return dated_tick_size(market, self._tape(market, now).price_at(now), now)

    def rules(self, market: Market) -> MarketRules:
        """Give what the venue demands of an order on the market at this moment."""
        return MarketRules(
            market=market,
            minimum_notional_krw=self._ledger.minimum_notional_krw,
            maximum_notional_krw=self._ledger.maximum_notional_krw,
            bid_fee_fraction=self._ledger.fee_fraction,
            ask_fee_fraction=self._ledger.fee_fraction,
            is_active=market not in self._offline,
        )

    def notices(self) -> Mapping[Market, MarketNotice]:
        """Give the flags on all listed markets."""
        with self._lock:
            return {
                market: self._notices.get(market, MarketNotice(market=market, has_warning=False)) for market in self.markets()
            }

    def accounts(self) -> tuple[Account, ...]:
        with self._lock:
            self._settled()
            return self._ledger.accounts()

    def account(self, currency: str) -> Account:
        """Give one account, with zeros where the currency was never held."""
        with self._lock:
            self._settled()
            return self._ledger.account(currency)

    def place(self, ticket: Ticket) -> LedgerOrder:
        """Take an order in and match it; `as_accepted()` of the result is what the venue answers to the request.

        The ticket's identifier is used up even where the order is refused.
        """
        with self._lock:
            now = self._settled()
            try:
                book = self._book_for_order(ticket.market, now)
                order = self._ledger.place(ticket, book=book, tick_size=self._tick_for_order(ticket, now), now=now)
                self._take(order, now)
            except VenueRefusal:
                self._ledger.burn(ticket.identifier)
                raise
            finally:
                self._changed()
            return order

    def test(self, ticket: Ticket) -> LedgerOrder:
        """Check an order as `place` would, and change nothing; the answer's uuid is known to nobody."""
        with self._lock:
            now = self._settled()
            book = self._book_for_order(ticket.market, now)
            return self._ledger.test(ticket, book=book, tick_size=self._tick_for_order(ticket, now), now=now)

    def cancel(self, *, uuid: str | None = None, identifier: str | None = None) -> LedgerOrder:
        """Cancel an open order; `uuid` wins where both are given. Refused as order_not_found where it is closed or unknown."""
        with self._lock:
            now = self._settled()
            cancelled = self._ledger.cancel(self._ledger.find(uuid=uuid, identifier=identifier).uuid, now)
            self._changed()
            return cancelled

    def find(self, *, uuid: str | None = None, identifier: str | None = None) -> LedgerOrder:
        """Give an order with its trades; `uuid` wins where both are given. Refused as order_not_found where it is unknown."""
        with self._lock:
            self._settled()
            return self._ledger.find(uuid=uuid, identifier=identifier)

    def orders(self, market: Market | None, states: frozenset[OrderState]) -> tuple[LedgerOrder, ...]:
        """Give the orders in one of `states`, oldest first; of all markets where `market` is None."""
        with self._lock:
            self._settled()
            return self._ledger.orders(market, states)

    def set_offline(self, market: Market, is_offline: bool) -> None:  # noqa: FBT001 - a switch is what it is
        """Close the market for orders, or open it again; its quotations go on."""
        with self._lock:
            (self._offline.add if is_offline else self._offline.discard)(market)

    def set_notice(self, market: Market, notice: MarketNotice) -> None:
        with self._lock:
            self._notices[market] = notice

    def _changed(self) -> None:
        if self._on_order is not None:
            self._on_order()

    def _settled(self) -> datetime:
        """Let resting orders trade through the path since the last look; gives the time that this was done for."""
        now = self._now()
        for market in {order.market for order in self._ledger.orders(None, _OPEN)}:
            self._trade_through(market, now)
        return now

    def _trade_through(self, market: Market, now: datetime) -> None:
        since = self._ledger.traded_until(market)
        if since is None or since >= now:
            return
        path = self._tapes[market].price_range(since, now)
        if path is None:
            return
        # At every price of the path sellers meet the best bid and buyers the best ask.
        low, _ = self._shape.touch(market, path.low, now)
        _, high = self._shape.touch(market, path.high, now)
        self._ledger.trade_through(market, low, high, now)

    def _tape(self, market: Market, now: datetime) -> Tape:
        tape = self._tapes.get(market)
        if tape is None or tape.opens_at > now:
            raise code_not_found()
        return tape

    def _order_book(self, market: Market, now: datetime) -> OrderBook:
        return self._shape.around(market, self._tape(market, now).price_at(now), now, self._taken_at(market, now).volumes)

    def _book_for_order(self, market: Market, now: datetime) -> OrderBook:
        if market not in self.markets():
            raise malformed("market")
        if market in self._offline:
            raise refused("market_offline")
        return self._order_book(market, now)

    def _tick_for_order(self, ticket: Ticket, now: datetime) -> Decimal:
        """Give the price step in the band of the order's own price, which need not be the market's."""
        price = ticket.price
        if ticket.kind is not TicketKind.LIMIT or price is None or not price.is_finite() or price <= ZERO:
            price = self._tapes[ticket.market].price_at(now)
        return dated_tick_size(ticket.market, price, now)

    def _taken_at(self, market: Market, now: datetime) -> "_Taken":
        taken = self._taken.get(market)
        if taken is None or taken.second != to_epoch(now):
            taken = self._taken[market] = _Taken(second=to_epoch(now))
        return taken

    def _take(self, order: LedgerOrder, now: datetime) -> None:
        volumes = self._taken_at(order.market, now).volumes
        for trade in order.trades:
            volumes[trade.price] = volumes.get(trade.price, ZERO) + trade.volume
