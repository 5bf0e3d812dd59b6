from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from dg_bot.domain.market import MarketNotice
from dg_bot.simulator.rest_request import Request
from tests.unit.simulator.rest_builders import BTC, ETH, NOON, Client, HandClock, name_of, tape, venue


def _hours(client: Client, **parameters: object) -> list[str]:
    _, candles = client.get("/v1/candles/minutes/60", market="KRW-BTC", **parameters)
    return [candle["candle_date_time_utc"] for candle in candles]


def test_candles_come_newest_first_and_the_newest_is_unfinished() -> None:
    status, candles = Client().get("/v1/candles/minutes/60", market="KRW-BTC", count=2)

    assert (status, [candle["candle_date_time_utc"] for candle in candles]) == (
        200,
        ["2026-11-20T12:00:00", "2026-11-20T11:00:00"],
    )
    assert candles[0]["candle_acc_trade_volume"] < candles[1]["candle_acc_trade_volume"] == Decimal("3.6")


def test_one_candle_is_the_default() -> None:
    assert len(_hours(Client())) == 1


@pytest.mark.parametrize("to", ["2026-11-20T11:00:00Z", "2026-11-20T20:00:00+09:00", "2026-11-20 11:00:00"])
def test_to_is_exclusive(to: str) -> None:
    assert _hours(Client(), to=to) == ["2026-11-20T10:00:00"]


def test_an_hour_without_a_trade_has_no_candle() -> None:
    client = Client(venue(tapes={BTC: tape(gap=1)}))

    assert _hours(client, count=2) == ["2026-11-20T12:00:00", "2026-11-20T10:00:00"]


@pytest.mark.parametrize("path", ["minutes/1", "minutes/60", "days"])
def test_before_a_market_was_listed_there_are_no_candles(path: str) -> None:
    assert Client().get(f"/v1/candles/{path}", market="KRW-BTC", to="2020-01-01T00:00:00Z") == (200, [])


@pytest.mark.parametrize(("count", "status"), [(1, 200), (200, 200), (201, 400), (0, 400), ("x", 400)])
def test_a_call_gives_at_most_200_candles(count: object, status: int) -> None:
    assert Client().get("/v1/candles/minutes/60", market="KRW-BTC", count=count)[0] == status


def test_a_bare_colon_in_to_is_refused() -> None:
    request = Request(method="GET", path="/v1/candles/minutes/60", query="market=KRW-BTC&to=2026-11-20T11:00:00Z")

    assert name_of(Client().send(request)) == (400, 400)


@pytest.mark.parametrize("unit", [1, 3, 5, 10, 15, 30, 60, 240])
def test_every_unit_of_minutes_is_there(unit: int) -> None:
    status, candles = Client().get(f"/v1/candles/minutes/{unit}", market="KRW-BTC")

    assert (status, candles[0]["unit"]) == (200, unit)


@pytest.mark.parametrize("path", ["/v1/candles/minutes/7", "/v1/candles/minutes/1440"])
def test_other_units_are_refused(path: str) -> None:
    assert name_of(Client().get(path, market="KRW-BTC")) == (400, 400)


def test_a_day_tells_its_change_from_the_day_before() -> None:
    clock = HandClock(NOON + timedelta(hours=3, minutes=29, seconds=54))
    _, days = Client(venue(clock)).get("/v1/candles/days", market="KRW-BTC", count=2)

    assert [(day["prev_closing_price"], day["change_price"], str(day["change_rate"])) for day in days] == [
        (50_000_000, 500_000, "0.0100000000"),
        (50_000_000, 0, "0E-10"),
    ]


def test_an_unlisted_market_is_not_found_by_number() -> None:
    for path, name in [
        ("/v1/candles/minutes/60", "market"),
        ("/v1/ticker", "markets"),
        ("/v1/orderbook", "markets"),
        ("/v1/orderbook/instruments", "markets"),
        ("/v1/trades/ticks", "market"),
    ]:
        for code in ("KRW-XXXX", "krw-btc", "BTC"):
            assert Client().get(path, **{name: code}) == (404, {"error": {"name": 404, "message": "Code not found"}})


@pytest.mark.parametrize(
    "path",
    [
        "/v1/candles/minutes/60",
        "/v1/candles/days",
        "/v1/ticker",
        "/v1/orderbook",
        "/v1/orderbook/instruments",
        "/v1/trades/ticks",
    ],
)
def test_a_missing_market_is_told_by_number(path: str) -> None:
    message = "Missing request parameter error. Check the required parameters!"

    assert Client().get(path) == (400, {"error": {"name": 400, "message": message}})


def test_several_markets_are_answered_in_the_order_asked() -> None:
    client = Client(venue(tapes={BTC: tape(), ETH: tape(ETH, price=2_500_000)}))

    _, tickers = client.get("/v1/ticker", markets="KRW-ETH,KRW-BTC")

    assert [(ticker["market"], ticker["trade_price"]) for ticker in tickers] == [("KRW-ETH", 2_500_000), ("KRW-BTC", 50_000_000)]


def test_a_book_has_thirty_levels_or_as_many_as_asked() -> None:
    client = Client()

    assert [
        len(client.get("/v1/orderbook", markets="KRW-BTC", **more)[1][0]["orderbook_units"]) for more in ({}, {"count": 5})
    ] == [30, 5]


def test_a_gathered_book_has_prices_on_the_level_and_loses_nothing() -> None:
    client = Client()
    _, fine = client.get("/v1/orderbook", markets="KRW-BTC")
    _, coarse = client.get("/v1/orderbook", markets="KRW-BTC", level="10000")

    assert {unit["ask_price"] % 10_000 for unit in coarse[0]["orderbook_units"]} == {0}
    assert _total(coarse, "ask_size") == _total(fine, "ask_size")
    assert coarse[0]["orderbook_units"][0]["bid_price"] <= fine[0]["orderbook_units"][0]["bid_price"]


def _total(books: Any, name: str) -> Decimal:
    return sum((unit[name] for unit in books[0]["orderbook_units"]), Decimal(0))


def test_an_unknown_level_is_refused() -> None:
    assert name_of(Client().get("/v1/orderbook", markets="KRW-BTC", level="7")) == (400, 400)


def test_the_step_of_prices_is_a_text() -> None:
    _, instruments = Client().get("/v1/orderbook/instruments", markets="KRW-BTC")

    assert instruments[0]["tick_size"] == "1000"


def test_trades_page_backwards_by_their_number() -> None:
    client = Client()
    _, first = client.get("/v1/trades/ticks", market="KRW-BTC", count=3)
    _, second = client.get("/v1/trades/ticks", market="KRW-BTC", count=2, cursor=first[-1]["sequential_id"])

    assert [trade["trade_time_utc"] for trade in first + second] == ["12:30:05", "12:30:04", "12:30:03", "12:30:02", "12:30:01"]


@pytest.mark.parametrize("to", ["110000", "11:00:00"])
def test_trades_end_before_a_time_of_the_day(to: str) -> None:
    _, trades = Client().get("/v1/trades/ticks", market="KRW-BTC", to=to)

    assert [trade["trade_time_utc"] for trade in trades] == ["10:59:59"]


def test_trades_of_an_earlier_day_end_with_that_day() -> None:
    _, trades = Client().get("/v1/trades/ticks", market="KRW-BTC", days_ago=1)

    assert [(trade["trade_date_utc"], trade["trade_time_utc"]) for trade in trades] == [("2026-11-19", "23:59:59")]


@pytest.mark.parametrize(("count", "status"), [(500, 200), (501, 400)])
def test_a_call_gives_at_most_500_trades(count: int, status: int) -> None:
    assert Client().get("/v1/trades/ticks", market="KRW-BTC", count=count)[0] == status


@pytest.mark.parametrize("parameters", [{"days_ago": 8}, {"to": "25:00:00"}, {"to": "noon"}, {"cursor": "1"}])
def test_what_trades_cannot_be_asked_for_is_refused(parameters: dict[str, object]) -> None:
    assert name_of(Client().get("/v1/trades/ticks", market="KRW-BTC", **parameters)) == (400, 400)


def test_flags_of_a_market_are_shown_with_details_only() -> None:
    client = Client()
    client.venue.set_notice(BTC, MarketNotice(market=BTC, has_warning=True, cautions=("PRICE_FLUCTUATIONS",)))

    _, plain = client.get("/v1/market/all")
    _, detailed = client.get("/v1/market/all", is_details="true")

    assert list(plain[0]) == ["market", "korean_name", "english_name"]
    assert detailed[0]["market_event"] == {
        "warning": True,
        "caution": {
            "PRICE_FLUCTUATIONS": True,
            "TRADING_VOLUME_SOARING": False,
            "DEPOSIT_AMOUNT_SOARING": False,
            "GLOBAL_PRICE_DIFFERENCES": False,
            "CONCENTRATION_OF_SMALL_ACCOUNTS": False,
        },
    }
