from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import stamina

from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.domain.market import Market, MarketNotice
from dg_bot.errors import DataError, ExchangeUnavailable, ImpossibleValue
from tests.unit.adapters.raw_server import answers, http, reply_json
from tests.unit.adapters.upbit_bench import bench

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
AT_13 = datetime(2026, 11, 20, 13, tzinfo=UTC)
NOT_FOUND = reply_json({"error": {"name": 404, "message": "Code not found"}}, 404)


@pytest.fixture(autouse=True)
def _without_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=2, cap=True):
        yield


def row(at: datetime, price: int = 100) -> dict[str, object]:
    return {
        "market": "KRW-BTC",
        "candle_date_time_utc": f"{at:%Y-%m-%dT%H:%M:%S}",
        "opening_price": price,
        "high_price": price,
        "low_price": price,
        "trade_price": price,
        "candle_acc_trade_volume": 1,
    }


@pytest.mark.parametrize(
    ("timeframe", "path"), [(HOUR, "minutes/60"), (Timeframe(1), "minutes/1"), (Timeframe(240), "minutes/240"), (DAY, "days")]
)
def test_candles_are_asked_for_by_their_timeframe_with_an_exclusive_end_in_utc(timeframe: Timeframe, path: str) -> None:
    with bench(answers(reply_json([]))) as it:
        seoul = AT_13.astimezone(timezone(timedelta(hours=9)))
        assert [] == it.market_data.candles(BTC, timeframe, seoul, 24)

    assert [f"/v1/candles/{path}?market=KRW-BTC&to=2026-11-20T13%3A00%3A00Z&count=24"] == it.targets


@pytest.mark.parametrize(("count", "asked"), [(199, "199"), (200, "200"), (201, "200")])
def test_a_page_is_never_larger_than_the_venue_gives(count: int, asked: str) -> None:
    with bench(answers(reply_json([]))) as it:
        it.market_data.candles(BTC, HOUR, AT_13, count)

    assert [asked] == it.server.requests[0].query["count"]


def test_candles_come_oldest_first_and_none_opens_at_the_limit_or_after() -> None:
    hours = [AT_13 + timedelta(hours=offset) for offset in (1, 0, -1, -3)]
    with bench(answers(reply_json([row(at) for at in hours]))) as it:
        found = it.market_data.candles(BTC, HOUR, AT_13, 10)

    assert [AT_13 - timedelta(hours=3), AT_13 - timedelta(hours=1)] == [candle.opened_at for candle in found]


def test_a_limit_without_an_offset_is_refused() -> None:
    with bench(answers(reply_json([]))) as it, pytest.raises(ImpossibleValue):
        it.market_data.candles(BTC, HOUR, AT_13.replace(tzinfo=None), 10)

    assert [] == it.targets


def test_the_order_book_is_asked_for_by_its_market() -> None:
    unit = {"ask_price": 101, "ask_size": 2, "bid_price": 100, "bid_size": 3}
    with bench(answers(reply_json([{"market": "KRW-BTC", "timestamp": 1, "orderbook_units": [unit]}]))) as it:
        book = it.market_data.order_book(BTC)

    assert (Decimal(101), Decimal(100)) == (book.best_ask, book.best_bid)
    assert ["/v1/orderbook?markets=KRW-BTC"] == it.targets


def test_prices_of_several_markets_take_one_call() -> None:
    tickers = [{"market": "KRW-ETH", "trade_price": 3}, {"market": "KRW-BTC", "trade_price": 9}]
    with bench(answers(reply_json(tickers))) as it:
        prices = it.market_data.last_prices([BTC, ETH])

    assert {BTC: Decimal(9), ETH: Decimal(3)} == prices
    assert ["/v1/ticker?markets=KRW-BTC%2CKRW-ETH"] == it.targets


def test_prices_of_no_market_need_no_call() -> None:
    with bench(answers(reply_json([]))) as it:
        assert {} == it.market_data.last_prices([])

    assert [] == it.targets


@pytest.mark.parametrize("reply", [NOT_FOUND, reply_json([{"market": "KRW-BTC", "trade_price": 9}])])
def test_a_market_without_a_price_is_bad_data(reply: bytes) -> None:
    with bench(answers(reply)) as it, pytest.raises(DataError):
        it.market_data.last_prices([BTC, ETH])


def test_candles_of_a_market_that_is_not_listed_are_bad_data() -> None:
    with bench(answers(NOT_FOUND)) as it, pytest.raises(DataError):
        it.market_data.candles(ETH, HOUR, AT_13, 10)

    assert 1 == len(it.targets)


def test_notices_are_asked_for_with_their_details() -> None:
    event = {"warning": True, "caution": {"PRICE_FLUCTUATIONS": True}}
    with bench(answers(reply_json([{"market": "KRW-BTC", "market_event": event}]))) as it:
        notices = it.market_data.notices()

    assert {BTC: MarketNotice(market=BTC, has_warning=True, cautions=("PRICE_FLUCTUATIONS",))} == notices
    assert ["/v1/market/all?is_details=true"] == it.targets


def test_a_portal_page_is_an_outage() -> None:
    with bench(answers(http(200, b"<html>sign in</html>"))) as it, pytest.raises(ExchangeUnavailable):
        it.market_data.order_book(BTC)

    assert 2 == len(it.targets)


def test_json_that_is_no_order_book_is_bad_data() -> None:
    with bench(answers(reply_json({"hello": "world"}))) as it, pytest.raises(DataError):
        it.market_data.order_book(BTC)


def test_a_refusal_is_an_outage_with_its_name() -> None:
    refusal = reply_json({"error": {"name": 400, "message": "x"}}, 400)
    with bench(answers(refusal)) as it, pytest.raises(ExchangeUnavailable) as caught:
        it.market_data.candles(BTC, HOUR, AT_13, 10)

    assert caught.value.cause == "400"


def test_the_price_step_is_the_venues() -> None:
    with bench(answers(reply_json([{"market": "KRW-BTC", "tick_size": "500"}]))) as it:
        assert Decimal(500) == it.market_data.tick_size(BTC, Decimal(140_000))


@pytest.mark.parametrize(
    "instruments",
    [
        http(503, b""),
        NOT_FOUND,
        http(200, b"<html>"),
        reply_json([]),
        reply_json([{"market": "KRW-BTC"}]),
        reply_json([{"market": "KRW-BTC", "tick_size": 0}]),
        http(429, b""),
    ],
)
def test_where_the_venue_does_not_tell_the_price_step_the_published_table_does(instruments: bytes) -> None:
    with bench(answers(instruments)) as it:
        assert Decimal(100) == it.market_data.tick_size(BTC, Decimal(140_000))
