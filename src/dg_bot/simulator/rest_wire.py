"""The venue's values in Upbit's shapes: amounts are numbers on quotation calls and strings on exchange calls."""

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from dg_bot.domain.calendar import DAY, KST, Timeframe
from dg_bot.domain.market import Market, MarketNotice, MarketRules
from dg_bot.domain.money import ZERO, plain
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.simulator.rest_json import Json
from dg_bot.simulator.tape import TapeCandle, TapeTrade
from dg_bot.simulator.tickets import Account, LedgerOrder, LedgerTrade, TimeInForce
from dg_bot.simulator.venue import Ticker

CAUTIONS: Final = (
    "PRICE_FLUCTUATIONS",
    "TRADING_VOLUME_SOARING",
    "DEPOSIT_AMOUNT_SOARING",
    "GLOBAL_PRICE_DIFFERENCES",
    "CONCENTRATION_OF_SMALL_ACCOUNTS",
)
# docs.upbit.com changelog add-smp-type-default
_SMP_DEFAULT_SINCE: Final = datetime(2026, 11, 9, tzinfo=KST)
_RATE_STEP: Final = Decimal("0.0000000001")
_LIMIT_TYPES: Final = ("best_fok", "best_ioc", "limit", "limit_fok", "limit_ioc")
_NAMES: Final = {
    "BTC": ("비트코인", "Bitcoin"),
    "ETH": ("이더리움", "Ethereum"),
    "XRP": ("엑스알피(리플)", "XRP"),
    "SOL": ("솔라나", "Solana"),
    "DOGE": ("도지코인", "Dogecoin"),
    "ADA": ("에이다", "Ada"),
    "USDT": ("테더", "Tether"),
    "USDC": ("유에스디코인", "USD Coin"),
}


def market_json(notice: MarketNotice, *, with_details: bool) -> Json:
    korean, english = _NAMES.get(notice.market.base, (notice.market.base, notice.market.base))
    named = {"market": notice.market.code, "korean_name": korean, "english_name": english}
    if not with_details:
        return named
    caution = {name: name in notice.cautions for name in CAUTIONS}
    return {**named, "market_event": {"warning": notice.has_warning, "caution": caution}}


def candle_json(market: Market, timeframe: Timeframe, candle: TapeCandle, previous: TapeCandle | None) -> Json:
    """Render a candle; a day carries its change from `previous`, a minute candle its unit."""
    shape: dict[str, Json] = {
        "market": market.code,
        "candle_date_time_utc": _naive(candle.opened_at),
        "candle_date_time_kst": _naive(candle.opened_at.astimezone(KST)),
        "opening_price": candle.open,
        "high_price": candle.high,
        "low_price": candle.low,
        "trade_price": candle.close,
        "timestamp": milliseconds(candle.last_trade_at),
        "candle_acc_trade_price": candle.value,
        "candle_acc_trade_volume": candle.volume,
    }
    if timeframe != DAY:
        return {**shape, "unit": timeframe.minutes}
    before = candle.open if previous is None else previous.close
    return {
        **shape,
        "prev_closing_price": before,
        "change_price": candle.close - before,
        "change_rate": _rate(candle.close - before, before),
    }


def book_json(book: OrderBook, asks: Sequence[Level], bids: Sequence[Level], level: Decimal) -> Json:
    """Render the visible part of a book; a missing side of a row is zero, as where the venue runs out of orders."""
    none = (ZERO, ZERO)
    rows: list[Json] = []
    for row in range(max(len(asks), len(bids))):
        ask_price, ask_size = (asks[row].price, asks[row].size) if row < len(asks) else none
        bid_price, bid_size = (bids[row].price, bids[row].size) if row < len(bids) else none
        rows.append({"ask_price": ask_price, "bid_price": bid_price, "ask_size": ask_size, "bid_size": bid_size})
    return {
        "market": book.market.code,
        "timestamp": milliseconds(book.at),
        "total_ask_size": sum((each.size for each in asks), ZERO),
        "total_bid_size": sum((each.size for each in bids), ZERO),
        "orderbook_units": rows,
        "level": level,
    }


def ticker_json(ticker: Ticker) -> Json:
    """Render a ticker; its day is the UTC day, and its change is from the last price before that."""
    day, price = ticker.day, ticker.price
    change = price - day.previous_close
    local = ticker.traded_at.astimezone(KST)
    return {
        "market": ticker.market.code,
        "trade_date": f"{ticker.traded_at:%Y%m%d}",
        "trade_time": f"{ticker.traded_at:%H%M%S}",
        "trade_date_kst": f"{local:%Y%m%d}",
        "trade_time_kst": f"{local:%H%M%S}",
        "trade_timestamp": milliseconds(ticker.traded_at),
        "opening_price": day.open,
        "high_price": day.high,
        "low_price": day.low,
        "trade_price": price,
        "prev_closing_price": day.previous_close,
        "change": "RISE" if change > ZERO else "FALL" if change < ZERO else "EVEN",
        "change_price": abs(change),
        "change_rate": abs(_rate(change, day.previous_close)),
        "signed_change_price": change,
        "signed_change_rate": _rate(change, day.previous_close),
        "trade_volume": ticker.last_volume,
        "acc_trade_price": day.value,
        "acc_trade_price_24h": day.value_24h,
        "acc_trade_volume": day.volume,
        "acc_trade_volume_24h": day.volume_24h,
        "highest_52_week_price": day.highest_52_week,
        "highest_52_week_date": day.highest_52_week_on.isoformat(),
        "lowest_52_week_price": day.lowest_52_week,
        "lowest_52_week_date": day.lowest_52_week_on.isoformat(),
        "timestamp": milliseconds(ticker.at),
    }


def trade_json(market: Market, trade: TapeTrade) -> Json:
    return {
        "market": market.code,
        "trade_date_utc": trade.at.date().isoformat(),
        "trade_time_utc": trade.at.time().isoformat(timespec="seconds"),
        "timestamp": milliseconds(trade.at),
        "trade_price": trade.price,
        "trade_volume": trade.volume,
        "prev_closing_price": trade.previous_close,
        "change_price": trade.price - trade.previous_close,
        "ask_bid": "BID" if trade.side is Side.BUY else "ASK",
        "sequential_id": trade.trade_id,
    }


def instrument_json(market: Market, tick_size: Decimal, levels: Sequence[Decimal]) -> Json:
    return {
        "market": market.code,
        "quote_currency": market.quote,
        "tick_size": plain(tick_size),
        "supported_levels": [plain(level) for level in levels],
    }


def account_json(account: Account) -> Json:
    return {
        "currency": account.currency,
        "balance": plain(account.balance),
        "locked": plain(account.locked),
        "avg_buy_price": plain(account.avg_buy_price),
        "avg_buy_price_modified": account.avg_buy_price_modified,
        "unit_currency": account.unit_currency,
    }


def chance_json(rules: MarketRules, *, bid_account: Account, ask_account: Account) -> Json:
    market = rules.market
    minimum = plain(rules.minimum_notional_krw)
    return {
        "bid_fee": plain(rules.bid_fee_fraction),
        "ask_fee": plain(rules.ask_fee_fraction),
        "maker_bid_fee": plain(rules.bid_fee_fraction),
        "maker_ask_fee": plain(rules.ask_fee_fraction),
        "market": {
            "id": market.code,
            "name": f"{market.base}/{market.quote}",
            "order_types": ["limit"],
            "order_sides": ["ask", "bid"],
            "bid_types": [*_LIMIT_TYPES, "price"],
            "ask_types": [*_LIMIT_TYPES, "market"],
            "bid": {"currency": market.quote, "min_total": minimum},
            "ask": {"currency": market.base, "min_total": minimum},
            "max_total": plain(rules.maximum_notional_krw),
            "state": "active" if rules.is_active else "offline",
        },
        "bid_account": account_json(bid_account),
        "ask_account": account_json(ask_account),
    }


def order_json(order: LedgerOrder) -> dict[str, Json]:
    """Render an order without its trades; a key without a value is absent, as since about 2024."""
    shape: dict[str, Json] = {
        "market": order.market.code,
        "uuid": order.uuid,
        "side": side_word(order.side),
        "ord_type": order.kind.value,
        "price": _amount(order.price),
        "state": order.state.value,
        "created_at": order.created_at.astimezone(KST).isoformat(timespec="seconds"),
        "volume": _amount(order.volume),
        "remaining_volume": _amount(order.remaining_volume),
        "executed_volume": plain(order.executed_volume),
        "reserved_fee": plain(order.reserved_fee),
        "remaining_fee": plain(order.remaining_fee),
        "paid_fee": plain(order.paid_fee),
        "locked": plain(order.locked),
        "prevented_volume": plain(order.prevented_volume),
        "prevented_locked": plain(order.prevented_locked),
        "trades_count": len(order.trades),
        "time_in_force": None if order.time_in_force is None else order.time_in_force.value,
        "smp_type": _smp_type(order),
        "identifier": order.identifier,
    }
    return {name: value for name, value in shape.items() if value is not None}


def order_with_trades_json(order: LedgerOrder) -> Json:
    return {**order_json(order), "trades": [_trade_json(order, trade) for trade in order.trades]}


def listed_order_json(order: LedgerOrder) -> Json:
    """Render an order as lists have it: no trades, but the funds that they add up to."""
    return {**order_json(order), "executed_funds": plain(order.executed_funds)}


def side_word(side: Side) -> str:
    return "bid" if side is Side.BUY else "ask"


def milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _trade_json(order: LedgerOrder, trade: LedgerTrade) -> Json:
    return {
        "market": order.market.code,
        "uuid": trade.uuid,
        "price": plain(trade.price),
        "volume": plain(trade.volume),
        "funds": plain(trade.funds),
        "trend": trade.trend.value,
        "created_at": trade.created_at.astimezone(KST).isoformat(),
        "side": side_word(order.side),
    }


def _smp_type(order: LedgerOrder) -> str | None:
    """Give the setting against self-matching; since its date the venue fills in a default and always sends it."""
    if order.smp_type is not None or order.created_at < _SMP_DEFAULT_SINCE:
        return order.smp_type
    return "none" if order.time_in_force is TimeInForce.POST_ONLY else "cancel_maker"


def _amount(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _rate(change: Decimal, before: Decimal) -> Decimal:
    return (change / before).quantize(_RATE_STEP, ROUND_HALF_UP)


def _naive(at: datetime) -> str:
    """Write a time without its offset."""
    return at.replace(tzinfo=None).isoformat(timespec="seconds")
