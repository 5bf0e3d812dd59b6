"""Public market data from Upbit."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

import structlog

from dg_bot.adapters import upbit_wire
from dg_bot.adapters.json_fields import Json
from dg_bot.adapters.upbit_reads import UpbitReads, refusal
from dg_bot.adapters.upbit_signer import Params
from dg_bot.domain.calendar import DAY, Timeframe, require_aware
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice
from dg_bot.domain.market import tick_size as published_tick_size
from dg_bot.domain.order_book import OrderBook
from dg_bot.errors import AuthenticationFailed, DataError, ExchangeUnavailable
from dg_bot.ports import Clock

LARGEST_PAGE = 200
_log = structlog.get_logger(__name__)


class UpbitMarketData:
    """The MarketData port over Upbit's quotation endpoints, which need no key."""

    def __init__(self, *, reads: UpbitReads, clock: Clock) -> None:
        self._reads = reads
        self._clock = clock

    def candles(self, market: Market, timeframe: Timeframe, before: datetime, count: int) -> list[Candle]:
        """Give up to `count` (at most 200) newest candles before `before`, in rising order; the last may be unfinished."""
        require_aware("candle limit", before)
        unit = "days" if timeframe == DAY else f"minutes/{timeframe.minutes}"
        params = {
            "market": market.code,
            "to": f"{before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",  # exclusive, whole seconds
            "count": str(min(count, LARGEST_PAGE)),
        }
        page = upbit_wire.candles(self._document(f"/v1/candles/{unit}", params), market)
        return [candle for candle in page if candle.opened_at < before]

    def order_book(self, market: Market) -> OrderBook:
        return upbit_wire.order_book(self._document("/v1/orderbook", {"markets": market.code}), market)

    def last_prices(self, markets: Sequence[Market]) -> Mapping[Market, Decimal]:
        """Give the price in KRW of the last trade of each market; raises DataError when one is not listed."""
        if not markets:
            return {}
        codes = ",".join(market.code for market in markets)
        prices = upbit_wire.last_prices(self._document("/v1/ticker", {"markets": codes}))
        for market in markets:
            if market not in prices:
                raise DataError("ticker", f"the venue gave no price of {market}")
        return {market: prices[market] for market in markets}

    def tick_size(self, market: Market, price_krw: Decimal) -> Decimal:
        """Ask for the price step of now; without an answer take the table's step at `price_krw`."""
        try:
            told = upbit_wire.tick_size_of(self._document("/v1/orderbook/instruments", {"markets": market.code}), market)
        except (ExchangeUnavailable, AuthenticationFailed, DataError) as error:
            _log.warning("tick_size_not_told", market=market.code, cause=str(error))
            told = None
        return published_tick_size(market, price_krw, self._clock.now()) if told is None else told

    def notices(self) -> Mapping[Market, MarketNotice]:
        """Give all listed KRW markets with the venue's flags on them."""
        return upbit_wire.notices(self._document("/v1/market/all", {"is_details": "true"}))

    def _document(self, path: str, params: Params) -> Json:
        """Ask for a document; here a 404 means that a market in the question is not listed."""
        reply = self._reads.reply(path, params)
        if reply.status == 404:
            raise DataError(path, f"the venue knows nothing of {params.get('market', params.get('markets', path))}")
        if not reply.is_success:
            raise refusal(f"GET {path}", reply)
        return reply.document
