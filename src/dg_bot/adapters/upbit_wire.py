"""Translate between Upbit's JSON and our values; the venue's words occur here and nowhere else.

Parsers raise MalformedReply for a needed field that is missing or of the wrong kind and ImpossibleValue for one that cannot be
true; they pass over fields that they do not know.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import assert_never

from dg_bot.adapters.json_fields import (
    Json,
    Record,
    flag_of,
    list_of,
    milliseconds_of,
    number_of,
    optional_text_of,
    record_of,
    records_of,
    text_of,
    time_of,
    utc_time_of,
)
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.money import ZERO, plain, require_positive
from dg_bot.domain.order import Fill, MarketBuy, MarketSell, OrderRequest, Side, VenueOrder, VenueState
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import ImpossibleValue, MalformedReply

UNKNOWN = "unknown"
ORDER_NOT_FOUND = "order_not_found"
DUPLICATE_IDENTIFIER = "duplicated_identifier"
OPEN_STATES = ("wait", "watch")
CLOSED_STATES = ("done", "cancel")

# The order itself was looked at and refused; it will never exist.
ORDER_REFUSALS = frozenset(
    [
        "create_ask_error",
        "create_bid_error",
        "insufficient_funds_ask",
        "insufficient_funds_bid",
        "invalid_funds",
        "invalid_parameter",
        "invalid_price_ask",
        "invalid_price_bid",
        "market_offline",
        "under_min_total_ask",
        "under_min_total_bid",
        "validation_error",
        "volume_too_large",
    ]
)
# The venue stops these at the door, before it reads the order; the key is of no use until the operator mends it.
KEY_REFUSALS = frozenset(
    [
        "expired_access_key",
        "invalid_access_key",
        "no_authorization_i_p",
        "no_authorization_ip",
        "no_authorization_token",
        "out_of_scope",
    ]
)
# A signature may have been spoilt on the way, so for an order its refusal is no verdict; for a read it is trouble with the key.
# `nonce_used` is in neither list: somebody on the way sent the same request twice, and the first one may have been served.
AUTHENTICATION_NAMES = KEY_REFUSALS | {"jwt_verification", "invalid_query_payload"}

_SIDES = {"bid": Side.BUY, "ask": Side.SELL}


def error_name(document: Json) -> str:
    """Give the name of an error body; numbers as text, and 'unknown' where there is no usable name."""
    match document:
        case {"error": {"name": str() | int() as name}} if not isinstance(name, bool) and name != "":
            return str(name)
        case _:
            return UNKNOWN


def error_message(document: Json) -> str:
    """Give the message of an error body, or nothing."""
    match document:
        case {"error": {"message": str() as message}}:
            return message
        case _:
            return ""


def candles(document: Json, market: Market) -> list[Candle]:
    """Read a page of candles; gives them in rising order, where the venue has the newest first."""
    source = f"candles of {market}"
    rows = [_candle(source, record, market) for record in records_of(source, document)]
    return sorted(rows, key=lambda candle: candle.opened_at)


def order_book(document: Json, market: Market) -> OrderBook:
    """Read the order book of `market`; levels that only fill up a thin side with zeros are left out."""
    source = f"order book of {market}"
    record = _row_of(source, document, market)
    units = [record_of(source, unit) for unit in list_of(source, record, "orderbook_units")]
    return OrderBook(
        market=market,
        at=milliseconds_of(source, record, "timestamp"),
        asks=tuple(_levels(source, units, "ask")),
        bids=tuple(_levels(source, units, "bid")),
    )


def last_prices(document: Json) -> dict[Market, Decimal]:
    """Read tickers; gives the price of the last trade in KRW by market, each above zero."""
    source = "ticker"
    prices = {
        Market(text_of(source, record, "market")): number_of(source, record, "trade_price")
        for record in records_of(source, document)
    }
    for market, price in prices.items():
        require_positive(f"last price of {market}", price)
    return prices


def notices(document: Json) -> dict[Market, MarketNotice]:
    """Read the list of markets with its flags; gives the KRW markets."""
    source = "market list"
    found = {}
    for record in records_of(source, document):
        market = _krw_market(text_of(source, record, "market"))
        if market is not None:
            found[market] = _notice(source, record, market)
    return found


def balances(document: Json) -> dict[str, Balance]:
    """Read the accounts; gives balances by currency."""
    source = "accounts"
    found: dict[str, Balance] = {}
    for record in records_of(source, document):
        currency = text_of(source, record, "currency")
        if currency in found:
            raise MalformedReply(source, "currency", f"names {currency} twice")
        found[currency] = Balance(currency, number_of(source, record, "balance"), number_of(source, record, "locked"))
    return found


def tick_size_of(document: Json, market: Market) -> Decimal | None:
    """Read the price step of `market` from the list of instruments; None where the list lacks it."""
    source = "instruments"
    for record in records_of(source, document):
        if record.get("market") == market.code:
            step = number_of(source, record, "tick_size")
            require_positive("tick size", step)
            return step
    return None


def market_rules(chance: Json, market: Market) -> MarketRules:
    """Read what the venue demands of an order on `market`; the larger of its two minimums holds for both sides."""
    source = f"order chance of {market}"
    record = record_of(source, chance)
    terms = record_of(source, record.get("market"), "market")
    if text_of(source, terms, "id") != market.code:
        raise MalformedReply(source, "market.id", "names another market")
    minimums = (number_of(source, record_of(source, terms.get(side), side), "min_total") for side in _SIDES)
    return MarketRules(
        market=market,
        minimum_notional_krw=max(minimums),
        maximum_notional_krw=number_of(source, terms, "max_total"),
        bid_fee_fraction=number_of(source, record, "bid_fee"),
        ask_fee_fraction=number_of(source, record, "ask_fee"),
        is_active=text_of(source, terms, "state") == "active",
    )


def order_body(request: OrderRequest, identifier: str | None) -> dict[str, str]:
    """Write an order; amounts are plain fixed-point strings. A buy names its KRW total as `price`, a sell its volume."""
    match request:
        case MarketBuy(market=market, notional_krw=notional):
            body = {"market": market.code, "side": "bid", "ord_type": "price", "price": plain(notional)}
        case MarketSell(market=market, quantity=quantity):
            body = {"market": market.code, "side": "ask", "ord_type": "market", "volume": plain(quantity)}
        case _:
            assert_never(request)
    return body if identifier is None else body | {"identifier": identifier}


def accepted_id(document: Json) -> str | None:
    """Give the venue's id from the answer to an order; None where the answer holds none."""
    match document:
        case {"uuid": str() as venue_id} if venue_id:
            return venue_id
        case _:
            return None


def order(document: Json) -> VenueOrder:
    """Read one order; its fills where the answer carries trades, each trade once.

    Amounts of a market buy that the venue leaves null are not read.
    """
    source = "order"
    record = record_of(source, document)
    return VenueOrder(
        venue_id=text_of(source, record, "uuid"),
        identifier=optional_text_of(source, record, "identifier"),
        market=Market(text_of(source, record, "market")),
        side=_side(source, record),
        state=_state(text_of(source, record, "state")),
        executed_quantity=number_of(source, record, "executed_volume"),
        paid_fee_krw=number_of(source, record, "paid_fee"),
        fills=_fills(record),
        created_at=time_of(source, record, "created_at"),
    )


def orders(document: Json) -> list[VenueOrder]:
    """Read a list of orders; one that cannot be read fails the whole list, which is asked in order to prove an absence."""
    return [order(record) for record in records_of("order list", document)]


def key_expiry(document: Json, access_key: str) -> datetime | None:
    """Give when `access_key` expires, in UTC; None where the venue does not list it."""
    source = "key list"
    for record in records_of(source, document):
        if record.get("access_key") == access_key:
            return time_of(source, record, "expire_at")
    return None


def _candle(source: str, record: Record, market: Market) -> Candle:
    _require_market(source, record, market)
    return Candle(
        opened_at=utc_time_of(source, record, "candle_date_time_utc"),
        open=number_of(source, record, "opening_price"),
        high=number_of(source, record, "high_price"),
        low=number_of(source, record, "low_price"),
        close=number_of(source, record, "trade_price"),
        volume=number_of(source, record, "candle_acc_trade_volume"),
    )


def _levels(source: str, units: list[Record], side: str) -> Iterator[Level]:
    for unit in units:
        price = number_of(source, unit, f"{side}_price")
        if price != ZERO:
            yield Level(price, number_of(source, unit, f"{side}_size"))


def _notice(source: str, record: Record, market: Market) -> MarketNotice:
    """Read `market_event`, or the flag that it replaced; of the old one every word but NONE is a warning."""
    name = str(record.get("korean_name") or "")
    if record.get("market_event") is None:
        return MarketNotice(market=market, has_warning=text_of(source, record, "market_warning") != "NONE", name=name)
    event = record_of(source, record["market_event"], "market_event")
    cautions = record_of(source, event.get("caution"), "caution")
    return MarketNotice(
        market=market,
        has_warning=flag_of(source, event, "warning"),
        cautions=tuple(word for word in cautions if flag_of(source, cautions, word)),
        name=name,
    )


def _fills(record: Record) -> tuple[Fill, ...]:
    if record.get("trades") is None:
        return ()
    source = "trades of an order"
    trades = (record_of(source, trade) for trade in list_of("order", record, "trades"))
    by_id = {text_of(source, trade, "uuid"): trade for trade in trades}
    return tuple(
        Fill(
            trade_id=trade_id,
            price=number_of(source, trade, "price"),
            quantity=number_of(source, trade, "volume"),
            funds_krw=number_of(source, trade, "funds"),
            at=time_of(source, trade, "created_at"),
        )
        for trade_id, trade in by_id.items()
    )


def _side(source: str, record: Record) -> Side:
    word = text_of(source, record, "side")
    if word not in _SIDES:
        raise MalformedReply(source, "side", f"is neither of {', '.join(_SIDES)}")
    return _SIDES[word]


def _state(word: str) -> VenueState:
    if word in OPEN_STATES:
        return VenueState.OPEN
    return VenueState.CLOSED if word in CLOSED_STATES else VenueState.UNKNOWN


def _krw_market(code: str) -> Market | None:
    """Give the market where it is one in KRW that can be named here."""
    try:
        return Market(code)
    except ImpossibleValue:
        return None


def _require_market(source: str, record: Record, market: Market) -> None:
    if text_of(source, record, "market") != market.code:
        raise MalformedReply(source, "market", "names another market")


def _row_of(source: str, document: Json, market: Market) -> Record:
    for record in records_of(source, document):
        if record.get("market") == market.code:
            return record
    raise MalformedReply(source, "market", f"never names {market}")
