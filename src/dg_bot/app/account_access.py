"""Look at the bot's account from outside: balances, orders and prices, for the doctor and what its operator does."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from dg_bot.adapters.clock import SystemClock, VenueClock
from dg_bot.adapters.paper_exchange import paper_ledger
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.app.demo_venue import demo_ledger
from dg_bot.app.settings import Settings
from dg_bot.app.venue_access import access_keys, upbit_client
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.market import Market
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import DataError, ExchangeUnavailable
from dg_bot.ports import Clock
from dg_bot.simulator.ledger import Ledger, OrderState
from dg_bot.simulator.market_orders import balances_of, venue_order


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountAccess:
    """Reads of one account; each raises as the reads of an Exchange do.

    `orders` gives the open orders of a market and those closed since a time, `price` the last price in KRW.
    """

    balances: Callable[[], Mapping[str, Balance]]
    orders: Callable[[Market, datetime], Sequence[VenueOrder]]
    price: Callable[[Market], Decimal]
    clock: Clock


@contextmanager
def account_access(settings: Settings) -> Iterator[AccountAccess]:
    """Give access to the account of these settings; the demo's and the paper's lie in their own files."""
    if settings.mode is Mode.DEMO:
        yield _of_file(lambda: demo_ledger(settings.data_folder / "venue.json"), _no_price, SystemClock())
        return
    clock = VenueClock(local=SystemClock(), follow=settings.clock_from_venue)
    client = upbit_client(
        settings, base_url=settings.upbit_base_url, clock=clock, on_request=lambda _group, _status, _seconds: None
    )
    reads = UpbitReads(client=client, clock=clock)
    market_data = UpbitMarketData(reads=reads, clock=clock)

    def price(market: Market) -> Decimal:
        return market_data.last_prices([market])[market]

    try:
        if settings.clock_from_venue:
            # Its day may be far from this machine's; where it does not answer, what is asked next says so.
            with suppress(ExchangeUnavailable, DataError):
                market_data.notices()
        if settings.mode is Mode.PAPER:
            yield _of_file(lambda: paper_ledger(settings.data_folder / "paper_account.json"), price, clock)
        else:
            exchange = UpbitExchange(client=client, reads=reads, clock=clock, access_key=access_keys(settings)[0])
            yield AccountAccess(balances=exchange.balances, orders=exchange.list_orders, price=price, clock=clock)
    finally:
        client.close()


def _of_file(ledger: Callable[[], Ledger], price: Callable[[Market], Decimal], clock: Clock) -> AccountAccess:
    return AccountAccess(
        balances=lambda: balances_of(ledger()),
        orders=lambda market, since: [
            venue_order(order)
            for order in ledger().orders(market, frozenset(OrderState))
            if order.is_open or order.created_at >= since
        ],
        price=price,
        clock=clock,
    )


def _no_price(market: Market) -> Decimal:
    raise ExchangeUnavailable(f"price of {market}", "the demo's venue answers during a cycle only")
