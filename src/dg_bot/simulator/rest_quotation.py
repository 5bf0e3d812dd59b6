"""The calls for market data, which need no key."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from itertools import groupby, zip_longest
from typing import Final

from dg_bot.domain.calendar import DAY, Timeframe, from_epoch
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO, decimal_from_text, product
from dg_bot.domain.order_book import Level
from dg_bot.errors import ImpossibleValue
from dg_bot.simulator.refusals import code_not_found
from dg_bot.simulator.rest_json import Json
from dg_bot.simulator.rest_request import BadParameter, Parameters
from dg_bot.simulator.rest_wire import book_json, candle_json, instrument_json, market_json, ticker_json, trade_json
from dg_bot.simulator.venue import Venue

_CANDLES_A_CALL: Final = 200
_TRADES_A_CALL: Final = 500
_BOOK_LEVELS: Final = 30
_CLOCK: Final = re.compile(r"(\d\d):?(\d\d):?(\d\d)", re.ASCII)
_INSTANT: Final = timedelta(microseconds=1)


class QuotationCalls:
    """Answers open calls; raises VenueRefusal for a market that is not listed, and BadParameter for what it cannot read."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def markets(self, parameters: Parameters) -> Json:
        with_details = parameters.flag("is_details")
        return [market_json(notice, with_details=with_details) for notice in self._venue.notices().values()]

    def minute_candles(self, unit: int, parameters: Parameters) -> Json:
        try:
            timeframe = Timeframe(unit)
        except ImpossibleValue as error:
            raise BadParameter("unit", "is not supported") from error
        if timeframe == DAY:
            raise BadParameter("unit", "is not supported")
        return self._candles(timeframe, parameters)

    def day_candles(self, parameters: Parameters) -> Json:
        return self._candles(DAY, parameters)

    def tickers(self, parameters: Parameters) -> Json:
        return [ticker_json(self._venue.ticker(market)) for market in self._markets(parameters)]

    def order_books(self, parameters: Parameters) -> Json:
        count = parameters.whole("count", default=_BOOK_LEVELS, least=1, most=_BOOK_LEVELS)
        return [self._order_book(market, count, _level(parameters)) for market in self._markets(parameters)]

    def instruments(self, parameters: Parameters) -> Json:
        return [
            instrument_json(market, self._venue.tick_size(market), self._supported_levels(market))
            for market in self._markets(parameters)
        ]

    def trades(self, parameters: Parameters) -> Json:
        """List trades of one UTC day, newest first, before a time of that day or before the trade of a cursor."""
        market = _market(parameters.required("market"))
        count = parameters.whole("count", default=1, least=1, most=_TRADES_A_CALL)
        day_start = DAY.floor(self._venue.now()) - timedelta(days=parameters.whole("days_ago", default=0, least=0, most=7))
        before = min(self._venue.now() + _INSTANT, day_start + DAY.length)
        clock, cursor = parameters.optional("to"), parameters.optional("cursor")
        if clock is not None:
            before = min(before, datetime.combine(day_start, _time_of_day(clock), UTC))
        if cursor is not None:
            before = min(before, _time_of_trade(cursor))
        trades = self._venue.trades(market, before, count)
        return [trade_json(market, trade) for trade in trades if trade.at >= day_start]

    def _candles(self, timeframe: Timeframe, parameters: Parameters) -> Json:
        """List candles that open before `to`, newest first; of days one more is asked for, because each tells its change."""
        market = _market(parameters.required("market"))
        count = parameters.whole("count", default=1, least=1, most=_CANDLES_A_CALL)
        before = parameters.encoded_time("to") or self._venue.now() + _INSTANT
        candles = self._venue.candles(market, timeframe, before, count + 1 if timeframe == DAY else count)
        pairs = list(zip_longest(candles, candles[1:]))[:count]
        return [candle_json(market, timeframe, candle, previous) for candle, previous in pairs]

    def _order_book(self, market: Market, count: int, level: Decimal) -> Json:
        if level not in self._supported_levels(market):
            raise BadParameter("level", "is not supported for this market")
        book = self._venue.order_book(market)
        asks = _grouped(book.asks, level, ROUND_CEILING)[:count]
        bids = _grouped(book.bids, level, ROUND_FLOOR)[:count]
        return book_json(book, asks, bids, level)

    def _supported_levels(self, market: Market) -> tuple[Decimal, ...]:
        """Give the steps by which a book can be gathered: none, and ten to a hundred thousand ticks."""
        tick_size = self._venue.tick_size(market)
        return ZERO, *(product(tick_size, Decimal(10) ** power) for power in range(1, 6))

    def _markets(self, parameters: Parameters) -> tuple[Market, ...]:
        codes = parameters.many("markets")
        if not codes:
            raise BadParameter("markets", "is missing", is_missing=True)
        return tuple(_market(code) for code in codes)


def _market(code: str) -> Market:
    try:
        return Market(code)
    except ImpossibleValue as error:
        raise code_not_found() from error


def _level(parameters: Parameters) -> Decimal:
    text = parameters.optional("level") or "0"
    try:
        return decimal_from_text(text, "level")
    except ImpossibleValue as error:
        raise BadParameter("level", "is not a number") from error


def _grouped(levels: Iterable[Level], step: Decimal, rounding: str) -> tuple[Level, ...]:
    """Gather levels to multiples of `step`, asks upwards and bids downwards; as they are for a step of zero."""
    if step == ZERO:
        return tuple(levels)

    def gathered(level: Level) -> Decimal:
        return product((level.price / step).to_integral_value(rounding), step)

    return tuple(Level(price, sum((each.size for each in group), ZERO)) for price, group in groupby(levels, key=gathered))


def _time_of_day(text: str) -> time:
    parts = _CLOCK.fullmatch(text)
    if parts is None:
        raise BadParameter("to", "is not a time of day")
    try:
        return time(int(parts[1]), int(parts[2]), int(parts[3]))
    except ValueError as error:
        raise BadParameter("to", "is not a time of day") from error


def _time_of_trade(sequential_id: str) -> datetime:
    """Read the second in which a trade happened from its number, which counts microseconds since 1970."""
    if re.fullmatch(r"\d{16}", sequential_id, re.ASCII) is None:
        raise BadParameter("cursor", "is not the sequential_id of a trade")
    return from_epoch(int(sequential_id) // 1_000_000)
