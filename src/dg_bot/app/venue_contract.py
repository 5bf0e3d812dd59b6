"""Whether the venue still answers what this program asks, in the shape that it reads."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import structlog

from dg_bot.domain.calendar import HOUR
from dg_bot.domain.market import Market
from dg_bot.domain.order import NO_ORDER
from dg_bot.errors import AuthenticationFailed, DataError, EndpointGone, ExchangeUnavailable, ImpossibleValue
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock, Exchange, MarketData

_A_MOMENT = timedelta(minutes=1)
_log = structlog.get_logger(__name__)

Question = tuple[str, Callable[[], object]]


class VenueContract:
    """Asks each reading endpoint once in the life of a process, as soon as the venue answers; entries need all of them."""

    def __init__(
        self, *, market_data: MarketData, exchange: Exchange, markets: tuple[Market, ...], books: Books, clock: Clock
    ) -> None:
        self._market_data = market_data
        self._exchange = exchange
        self._markets = markets
        self._books = books
        self._clock = clock
        self._is_kept = False

    def check(self) -> None:
        """Enter safe mode where an endpoint is gone or answers something else; where none answers, try again next time."""
        if self._is_kept:
            return
        for endpoint, ask in self._questions():
            try:
                ask()
            except ImpossibleValue as error:
                # The shape is right, and the checks of data judge what is in it.
                _log.warning("contract_odd_value", endpoint=endpoint, error=str(error))
            except (EndpointGone, DataError) as error:
                self._books.enter_safe_mode(f"the exchange no longer answers {endpoint} as this program expects ({error})")
                return
            except (ExchangeUnavailable, AuthenticationFailed) as error:
                _log.warning("contract_unchecked", endpoint=endpoint, error=str(error))
                return
        self._is_kept = True

    def _questions(self) -> Iterator[Question]:
        """Give the questions in turn; those on a market are about the first of ours that is listed, and none if none is."""
        data, exchange, now = self._market_data, self._exchange, self._clock.now()
        listed: set[Market] = set()
        yield "GET /v1/market/all", lambda: listed.update(data.notices())
        market = next((one for one in self._markets if one in listed), None)
        if market is None:
            return
        yield "GET /v1/ticker", lambda: data.last_prices([market])
        yield "GET /v1/orderbook", lambda: data.order_book(market)
        yield "GET /v1/candles/minutes/60", lambda: data.candles(market, HOUR, now, 1)
        yield "GET /v1/accounts", exchange.balances
        yield "GET /v1/orders/chance", lambda: exchange.rules(market)
        yield "GET /v1/order", lambda: exchange.find(NO_ORDER)
        yield "GET /v1/orders/open, /v1/orders/closed", lambda: exchange.list_orders(market, now - _A_MOMENT)
