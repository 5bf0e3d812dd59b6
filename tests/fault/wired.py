"""A whole bot of the test builders whose venue is behind HTTP: the true adapter, and a proxy to break the line.

The bot's waits pass in its own time, in which the venue lives too; only what happens on a socket takes real time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import stamina

from dg_bot.adapters.clock import VenueClock
from dg_bot.adapters.upbit_client import UpbitClient
from dg_bot.adapters.upbit_exchange import UpbitExchange
from dg_bot.adapters.upbit_limiter import UpbitLimiter
from dg_bot.adapters.upbit_market_data import UpbitMarketData
from dg_bot.adapters.upbit_reads import UpbitReads
from dg_bot.adapters.upbit_signer import UpbitSigner
from dg_bot.app.venue_access import sharing_alarm
from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.order import VenueOrder
from dg_bot.domain.order_book import OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.ports import Submission
from dg_bot.risk.manager import RiskApproved
from dg_bot.simulator.faults import FaultPlan
from dg_bot.simulator.rest import UpbitServer
from dg_bot.simulator.rest_limits import RateLimits
from dg_bot.simulator.wire_log import WireLog
from tests.builders import PaperBot
from tests.fault.proxy import Proxy

ACCESS_KEY = "fault-access-key"
SECRET_KEY = "fault-secret-key-of-forty-characters-or-more"
PATIENT_S = 20.0
TINY_S = 0.3


class _OverHttp:
    """Both ports to the venue, over the line."""

    def __init__(self, exchange: UpbitExchange, market_data: UpbitMarketData) -> None:
        self._exchange = exchange
        self._market_data = market_data

    def balances(self) -> Mapping[str, Balance]:
        return self._exchange.balances()

    def rules(self, market: Market) -> MarketRules:
        return self._exchange.rules(market)

    def submit(self, approved: RiskApproved) -> Submission:
        return self._exchange.submit(approved)

    def find(self, identifier: str) -> VenueOrder | None:
        return self._exchange.find(identifier)

    def list_orders(self, market: Market, since: datetime) -> Sequence[VenueOrder]:
        return self._exchange.list_orders(market, since)

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        return self._market_data.candles(market, timeframe, before, count)

    def order_book(self, market: Market) -> OrderBook:
        return self._market_data.order_book(market)

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        return self._market_data.last_prices(markets)

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        return self._market_data.tick_size(market, price_krw)

    def notices(self) -> Mapping[Market, MarketNotice]:
        return self._market_data.notices()


@dataclass(frozen=True, kw_only=True)
class Wire:
    """The line between a bot and its venue, from end to end."""

    bot: PaperBot
    exchange: UpbitExchange
    market_data: UpbitMarketData
    clock: VenueClock
    limiter: UpbitLimiter
    proxy: Proxy
    server: UpbitServer

    @property
    def faults(self) -> FaultPlan:
        return self.server.faults

    @property
    def log(self) -> WireLog:
        return self.server.wire_log

    def paths(self) -> list[str]:
        """Give the requests that the venue has seen, in turn: `POST /v1/orders`."""
        return [f"{entry.method} {entry.path}" for entry in self.log.entries]

    def posts(self) -> list[str | None]:
        """Give the identifiers of the order requests that the venue has seen, in turn."""
        return [entry.identifier for entry in self.log.matching("POST", "/v1/orders")]


@contextmanager
def wired(bot: PaperBot, *, deadline_s: float = PATIENT_S, host: str = "127.0.0.1") -> Iterator[Wire]:
    """Put the venue of `bot` behind HTTP and a proxy; each call has `deadline_s` of real time."""
    clock = VenueClock(local=bot.clock, follow=False)
    limiter = UpbitLimiter(clock=clock)

    def tell_sharing(group: str) -> None:
        sharing_alarm(bot.books)(group)

    limiter.report_sharing_to(tell_sharing)
    limits = RateLimits(monotonic=bot.clock.monotonic_s)
    server = UpbitServer(bot.venue, access_key=ACCESS_KEY, secret_key=SECRET_KEY, limits=limits)
    with server, Proxy(server.base_url) as proxy:
        client = UpbitClient(
            base_url=f"http://{host}:{proxy.port}",
            signer=UpbitSigner(access_key=ACCESS_KEY, secret_key=SECRET_KEY),
            limiter=limiter,
            clock=clock,
            on_request=lambda _group, _status, _seconds: None,
            deadline_s=deadline_s,
        )
        reads = UpbitReads(client=client, clock=clock)
        exchange = UpbitExchange(client=client, reads=reads, clock=clock, access_key=ACCESS_KEY)
        market_data = UpbitMarketData(reads=reads, clock=clock)
        bot.upbit._inner = _OverHttp(exchange, market_data)  # type: ignore[assignment]
        try:
            with stamina.set_testing(True, attempts=3, cap=True):
                yield Wire(
                    bot=bot,
                    exchange=exchange,
                    market_data=market_data,
                    clock=clock,
                    limiter=limiter,
                    proxy=proxy,
                    server=server,
                )
        finally:
            client.close()
