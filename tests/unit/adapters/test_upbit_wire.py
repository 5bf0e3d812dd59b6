from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.adapters import upbit_wire as wire
from dg_bot.adapters.json_fields import Json, parse_json
from dg_bot.domain.market import Market, MarketNotice
from dg_bot.domain.order import MarketBuy, MarketSell, OrderRequest, Side, VenueState
from dg_bot.domain.order_book import Level
from dg_bot.domain.portfolio import Balance
from dg_bot.errors import DataError, ImpossibleValue, MalformedReply
from tests.shared_data import shared

BTC, XRP = Market("KRW-BTC"), Market("KRW-XRP")

BUY: dict[str, Json] = {
    "uuid": "v-1",
    "side": "bid",
    "ord_type": "price",
    "price": "5000.0",
    "state": "cancel",
    "market": "KRW-BTC",
    "created_at": "2026-11-20T22:46:00+09:00",
    "volume": None,
    "remaining_volume": None,
    "paid_fee": "2.49962694",
    "executed_volume": "0.00006637",
    "identifier": "ns.1",
    "trades": [
        {
            "market": "KRW-BTC",
            "uuid": "t-1",
            "price": "75324000.0",
            "volume": "0.00006637",
            "funds": "4999.25388",
            "created_at": "2026-11-20T22:46:00+09:00",
            "side": "bid",
        }
    ],
}


def recorded(name: str) -> Json:
    return parse_json(shared(f"upbit-api/{name}").read_bytes())


def changed(document: dict[str, Json], **fields: Json) -> dict[str, Json]:
    return {**deepcopy(document), **fields}


def without(document: dict[str, Json], field: str) -> dict[str, Json]:
    return {name: value for name, value in document.items() if name != field}


# Candles


def test_a_recorded_page_of_candles_comes_out_oldest_first() -> None:
    rows = wire.candles(recorded("candles_upbit_1m_20200220_170000-20200220_202000.json"), BTC)

    assert len(rows) == 200
    assert datetime(2020, 2, 20, 8, 0, tzinfo=UTC) == rows[0].opened_at
    assert datetime(2020, 2, 20, 11, 19, tzinfo=UTC) == rows[-1].opened_at
    assert Decimal(11498000) == rows[-1].close
    assert Decimal("2.63267824") == rows[-1].volume


@pytest.mark.parametrize(
    ("name", "opened_at", "close"),
    [
        ("candles_days_20210221.json", datetime(2021, 2, 21, tzinfo=UTC), 65240000),
        ("candles_minutes1_20210221.json", datetime(2021, 2, 21, 4, 3, tzinfo=UTC), 65243000),
        ("doc/candles_minutes_1.json", datetime(2025, 7, 1, 12, tzinfo=UTC), 145759000),
    ],
)
def test_recorded_candles_of_all_years_are_read(name: str, opened_at: datetime, close: int) -> None:
    (row,) = wire.candles(recorded(name), BTC)

    assert (opened_at, Decimal(close)) == (row.opened_at, row.close)


def candle_row(**fields: Json) -> dict[str, Json]:
    row: dict[str, Json] = {
        "market": "KRW-BTC",
        "candle_date_time_utc": "2026-11-20T13:00:00",
        "opening_price": 100,
        "high_price": 110,
        "low_price": 90,
        "trade_price": 105,
        "candle_acc_trade_volume": Decimal("1.5"),
    }
    return {**row, **fields}


@pytest.mark.parametrize("field", list(candle_row()))
def test_a_candle_without_a_needed_field_names_it(field: str) -> None:
    with pytest.raises(MalformedReply) as caught:
        wire.candles([without(candle_row(), field)], BTC)
    assert field == caught.value.field


@pytest.mark.parametrize("fields", [{"low_price": 101}, {"high_price": 104}, {"trade_price": 0}, {"candle_acc_trade_volume": -1}])
def test_an_impossible_candle_is_refused(fields: dict[str, Json]) -> None:
    with pytest.raises(ImpossibleValue):
        wire.candles([candle_row(**fields)], BTC)


def test_candles_of_another_market_are_refused() -> None:
    with pytest.raises(MalformedReply):
        wire.candles([candle_row(market="KRW-ETH")], BTC)


def test_no_candles_are_an_empty_list() -> None:
    assert wire.candles([], BTC) == []


# Order book and prices


def test_the_recorded_order_book_is_read_best_first() -> None:
    book = wire.order_book(recorded("orderbook_KRW-BTC_20210221.json"), BTC)

    assert datetime(2021, 2, 21, 4, 4, 57, 302_000, tzinfo=UTC) == book.at
    assert Level(Decimal(65198000), Decimal("0.79993456")) == book.asks[0]
    assert Level(Decimal(65188000), Decimal("0.19022283")) == book.bids[0]
    assert (15, 15) == (len(book.asks), len(book.bids))
    assert Decimal("0.60542686") == book.bid_depth


def book_of(*units: dict[str, Json], market: str = "KRW-BTC") -> Json:
    return [{"market": market, "timestamp": 1613880297302, "orderbook_units": list(units)}]


def test_zeros_that_fill_up_a_thin_side_are_no_levels() -> None:
    book = wire.order_book(
        book_of(
            {"ask_price": 101, "ask_size": 1, "bid_price": 100, "bid_size": 1},
            {"ask_price": 102, "ask_size": 1, "bid_price": 0, "bid_size": 0},
        ),
        BTC,
    )

    assert (2, 1) == (len(book.asks), len(book.bids))


def test_a_crossed_order_book_is_refused() -> None:
    with pytest.raises(ImpossibleValue):
        wire.order_book(book_of({"ask_price": 100, "ask_size": 1, "bid_price": 100, "bid_size": 1}), BTC)


@pytest.mark.parametrize("document", [[], None, {"error": {}}, "<html>", book_of(market="KRW-ETH"), [{"market": "KRW-BTC"}]])
def test_an_answer_without_the_order_book_is_refused(document: Json) -> None:
    with pytest.raises(MalformedReply):
        wire.order_book(document, BTC)


def test_the_recorded_ticker_gives_the_last_price() -> None:
    assert wire.last_prices(recorded("ticker_20210221.json")) == {BTC: Decimal(65197000)}


# Markets


def test_recorded_markets_carry_their_flags() -> None:
    assert wire.notices(recorded("market_all_details_2025.json")) == {
        BTC: MarketNotice(market=BTC, has_warning=False),
        Market("KRW-ETH"): MarketNotice(market=Market("KRW-ETH"), has_warning=True),
    }


def test_a_list_that_was_recorded_without_flags_is_no_answer_about_flags() -> None:
    with pytest.raises(MalformedReply) as caught:
        wire.notices(recorded("market_all_20210417.json"))
    assert caught.value.field == "market_warning"


def event(warning: Json = False, **cautions: Json) -> dict[str, Json]:
    return {"market": "KRW-BTC", "market_event": {"warning": warning, "caution": dict(cautions)}}


def test_active_cautions_are_named() -> None:
    found = wire.notices([event(PRICE_FLUCTUATIONS=True, TRADING_VOLUME_SOARING=False, SOMETHING_NEW=True)])

    assert ("PRICE_FLUCTUATIONS", "SOMETHING_NEW") == found[BTC].cautions


@pytest.mark.parametrize(("word", "has_warning"), [("NONE", False), ("CAUTION", True), ("SOMETHING", True)])
def test_the_older_flag_is_a_warning_unless_it_says_none(word: str, has_warning: bool) -> None:
    assert MarketNotice(market=BTC, has_warning=has_warning) == wire.notices([{"market": "KRW-BTC", "market_warning": word}])[BTC]


def test_markets_in_other_money_and_names_that_cannot_be_spelt_are_passed_over() -> None:
    rows: list[Json] = [event(), {"market": "BTC-ETH"}, {"market": "KRW-TOOLONGFORANAME"}]

    assert [BTC] == list(wire.notices(rows))


@pytest.mark.parametrize("row", [event("false"), event(PRICE_FLUCTUATIONS="no"), {"market": "KRW-BTC", "market_event": {}}])
def test_a_flag_that_is_neither_true_nor_false_is_refused(row: Json) -> None:
    with pytest.raises(MalformedReply):
        wire.notices([row])


# Accounts and rules


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "doc/accounts.json",
            {
                "KRW": Balance("KRW", Decimal(1000000), Decimal(0)),
                "BTC": Balance("BTC", Decimal(2), Decimal(0)),
            },
        ),
        ("doc/accounts_get_2025.json", {"BTC": Balance("BTC", Decimal("0.00000104"), Decimal(0))}),
    ],
)
def test_recorded_accounts_are_balances(name: str, expected: dict[str, Balance]) -> None:
    assert wire.balances(recorded(name)) == expected


@pytest.mark.parametrize("field", ["currency", "balance", "locked"])
def test_a_balance_without_a_needed_field_is_refused(field: str) -> None:
    with pytest.raises(MalformedReply):
        wire.balances([without({"currency": "KRW", "balance": "1", "locked": "0"}, field)])


def test_a_currency_that_is_named_twice_is_refused() -> None:
    row: dict[str, Json] = {"currency": "KRW", "balance": "1", "locked": "0"}
    with pytest.raises(MalformedReply):
        wire.balances([row, row])


def test_a_negative_balance_is_refused() -> None:
    with pytest.raises(ImpossibleValue):
        wire.balances([{"currency": "KRW", "balance": "-1", "locked": "0"}])


@pytest.mark.parametrize("name", ["order_chance_2021.json", "doc/order_chance.json"])
def test_recorded_terms_are_rules(name: str) -> None:
    rules = wire.market_rules(recorded(name), BTC)

    assert (Decimal(5000), Decimal(1_000_000_000)) == (
        rules.minimum_notional_krw,
        rules.maximum_notional_krw,
    )
    assert (Decimal("0.0005"), Decimal("0.0005"), True) == (rules.bid_fee_fraction, rules.ask_fee_fraction, rules.is_active)


def terms(**fields: Json) -> dict[str, Json]:
    market: dict[str, Json] = {
        "id": "KRW-BTC",
        "bid": {"min_total": "5000"},
        "ask": {"min_total": "6000"},
        "max_total": "1000000",
        "state": "active",
    }
    return {"bid_fee": "0.0005", "ask_fee": "0.0004", "market": {**market, **fields}}


def test_the_larger_minimum_holds_for_both_sides() -> None:
    assert Decimal(6000) == wire.market_rules(terms(), BTC).minimum_notional_krw


def test_a_market_that_is_not_active_is_said_to_be_so() -> None:
    assert not wire.market_rules(terms(state="preview"), BTC).is_active


@pytest.mark.parametrize("fields", [{"id": "KRW-ETH"}, {"bid": None}, {"ask": {}}, {"max_total": None}, {"state": None}])
def test_terms_that_lack_something_needed_are_refused(fields: dict[str, Json]) -> None:
    with pytest.raises(MalformedReply):
        wire.market_rules(terms(**fields), BTC)


# Orders out


def test_a_market_buy_names_its_total_as_price_and_no_volume() -> None:
    assert wire.order_body(MarketBuy(market=BTC, notional_krw=Decimal("1E+4")), "ns.1") == {
        "market": "KRW-BTC",
        "side": "bid",
        "ord_type": "price",
        "price": "10000",
        "identifier": "ns.1",
    }


def test_a_market_sell_names_its_volume_in_full_and_no_price() -> None:
    assert wire.order_body(MarketSell(market=BTC, quantity=Decimal("1E-8")), None) == {
        "market": "KRW-BTC",
        "side": "ask",
        "ord_type": "market",
        "volume": "0.00000001",
    }


@pytest.mark.parametrize("kind", ["market_buy", "market_sell"])
def test_our_bodies_are_those_of_the_documents(kind: str) -> None:
    documented = recorded("doc/request_bodies.json")
    assert isinstance(documented, dict)
    requests: dict[str, OrderRequest] = {
        "market_buy": MarketBuy(market=BTC, notional_krw=Decimal(10000)),
        "market_sell": MarketSell(market=BTC, quantity=Decimal("0.001")),
    }

    assert documented[kind] == wire.order_body(requests[kind], None)


# Orders in


def test_a_filled_market_buy_that_ended_as_cancelled_is_closed_and_filled() -> None:
    order = wire.order(recorded("order_price_bid_cancel_2021.json"))

    assert order.state is VenueState.CLOSED
    assert (Side.BUY, BTC, None) == (order.side, order.market, order.identifier)
    assert (Decimal("0.00006637"), Decimal("2.49962694")) == (order.executed_quantity, order.paid_fee_krw)
    assert Decimal("4999.25388") == order.funds_krw
    assert order.has_all_fills
    assert datetime(2021, 10, 26, 13, 46, tzinfo=UTC) == order.created_at


@pytest.mark.parametrize(
    ("name", "state", "executed", "fills"),
    [
        ("order_limit_ask_done_2022.json", VenueState.CLOSED, "10", 1),
        ("order_limit_bid_cancelled_unfilled_2021.json", VenueState.CLOSED, "0", 0),
        ("order_limit_bid_created_2022.json", VenueState.OPEN, "0", 0),
        ("order_limit_bid_done_2022.json", VenueState.CLOSED, "10", 1),
        ("order_market_ask_created_2021.json", VenueState.OPEN, "0", 0),
        ("order_market_ask_done_2021.json", VenueState.CLOSED, "3.44709897", 1),
        ("order_price_bid_wait_2021.json", VenueState.OPEN, "0", 0),
        ("doc/order_created.json", VenueState.OPEN, "0", 0),
        ("doc/order_limit_bid_wait.json", VenueState.OPEN, "0", 0),
        ("doc/order_market_ask_done.json", VenueState.CLOSED, "5.377594", 1),
    ],
)
def test_recorded_orders_are_read(name: str, state: VenueState, executed: str, fills: int) -> None:
    order = wire.order(recorded(name))

    assert (state, Decimal(executed), fills) == (order.state, order.executed_quantity, len(order.fills))
    assert order.has_all_fills


@pytest.mark.parametrize(("name", "count"), [("orders_done_list_2021.json", 7), ("doc/orders_closed.json", 1)])
def test_recorded_lists_of_orders_are_read(name: str, count: int) -> None:
    found = wire.orders(recorded(name))

    assert (count, {VenueState.CLOSED}) == (len(found), {order.state for order in found})


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("wait", VenueState.OPEN),
        ("watch", VenueState.OPEN),
        ("done", VenueState.CLOSED),
        ("cancel", VenueState.CLOSED),
        ("prevented", VenueState.UNKNOWN),
        ("new", VenueState.UNKNOWN),
    ],
)
def test_the_state_says_whether_an_order_is_open_and_an_unknown_one_says_nothing(word: str, state: VenueState) -> None:
    assert state is wire.order(changed(BUY, state=word)).state


def test_numbers_of_every_form_give_the_same_order() -> None:
    as_numbers = changed(BUY, executed_volume=Decimal("0.00006637"), paid_fee=Decimal("2.49962694"))
    with_exponents = changed(BUY, executed_volume="6.637E-5", paid_fee="249962694e-8")

    assert wire.order(BUY) == wire.order(as_numbers) == wire.order(with_exponents)


def test_fields_that_are_not_known_and_fields_that_are_not_used_do_not_matter() -> None:
    assert wire.order(BUY) == wire.order(without(changed(BUY, smp_type="cancel_maker", brand_new={"x": 1}), "volume"))


@pytest.mark.parametrize("field", ["uuid", "side", "state", "market", "created_at", "paid_fee", "executed_volume"])
@pytest.mark.parametrize("is_null", [True, False])
def test_an_order_without_a_needed_field_names_it(field: str, is_null: bool) -> None:
    broken = changed(BUY, **{field: None}) if is_null else without(BUY, field)

    with pytest.raises(MalformedReply) as caught:
        wire.order(broken)
    assert field == caught.value.field


@pytest.mark.parametrize(
    "fields",
    [
        {"side": "buy"},
        {"side": 1},
        {"market": "BTC-ETH"},
        {"executed_volume": "-1"},
        {"paid_fee": True},
        {"created_at": "2026-11-20T22:46:00"},
        {"trades": {}},
        {"trades": [1]},
        {"identifier": 7},
    ],
)
def test_an_order_that_makes_no_sense_is_refused(fields: dict[str, Json]) -> None:
    with pytest.raises(DataError):
        wire.order(changed(BUY, **fields))


def test_the_same_trade_twice_is_one_fill() -> None:
    trades = BUY["trades"]
    assert isinstance(trades, list)

    assert wire.order(BUY) == wire.order(changed(BUY, trades=trades + trades))


@pytest.mark.parametrize("order", [changed(BUY, trades=None), without(BUY, "trades")])
def test_an_executed_order_without_its_trades_has_not_all_fills(order: dict[str, Json]) -> None:
    assert not wire.order(order).has_all_fills


def test_one_unreadable_order_fails_its_list() -> None:
    with pytest.raises(MalformedReply):
        wire.orders([BUY, without(BUY, "uuid")])


# Answers about orders and keys


@pytest.mark.parametrize(
    ("document", "venue_id"), [({"uuid": "v-1"}, "v-1"), ({"uuid": ""}, None), ({"uuid": 1}, None), ([], None), (None, None)]
)
def test_acceptance_is_an_order_with_its_id(document: Json, venue_id: str | None) -> None:
    assert venue_id == wire.accepted_id(document)


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"error": {"name": "order_not_found", "message": "x"}}, "order_not_found"),
        ({"error": {"name": 404, "message": "Code not found"}}, "404"),
        ({"error": {"name": ""}}, "unknown"),
        ({"error": {"name": None}}, "unknown"),
        ({"error": {"name": True}}, "unknown"),
        ({"error": {"name": ["x"]}}, "unknown"),
        ({"error": {}}, "unknown"),
        ({"error": "broken"}, "unknown"),
        ({}, "unknown"),
        ([], "unknown"),
        ("x", "unknown"),
        (None, "unknown"),
    ],
)
def test_every_form_of_error_has_a_name(document: Json, name: str) -> None:
    assert name == wire.error_name(document)


def test_recorded_errors_have_the_names_that_they_carry() -> None:
    rows = recorded("errors.json")
    assert isinstance(rows, list)
    bodies = [row["body"] for row in rows if isinstance(row, dict)]

    names = [wire.error_name(body) for body in bodies]

    assert "unknown" not in names
    assert all(wire.error_message(body) for body in bodies)


def test_a_spoilt_signature_and_a_used_nonce_are_no_verdict_on_an_order() -> None:
    assert not {"jwt_verification", "invalid_query_payload", "nonce_used", "duplicated_identifier"} & (
        wire.ORDER_REFUSALS | wire.KEY_REFUSALS
    )


def test_every_definitive_refusal_of_an_order_is_a_name_of_the_venue() -> None:
    table = recorded("error_codes.json")
    assert isinstance(table, list)
    documented = {row["name"] for row in table if isinstance(row, dict)}
    from_elsewhere = {"volume_too_large", "invalid_funds", "no_authorization_i_p", "invalid_access_key"}

    assert wire.ORDER_REFUSALS | wire.KEY_REFUSALS <= documented | from_elsewhere


def test_the_expiry_of_our_own_key_is_found() -> None:
    rows: Json = [
        {"access_key": "other", "expire_at": "2026-12-01T00:00:00+09:00"},
        {"access_key": "ours", "expire_at": "2027-01-09T13:37:00+09:00"},
    ]

    assert datetime(2027, 1, 9, 4, 37, tzinfo=UTC) == wire.key_expiry(rows, "ours")
    assert wire.key_expiry(rows, "third") is None


def test_the_recorded_instruments_give_the_price_step() -> None:
    assert Decimal(1000) == wire.tick_size_of(recorded("doc/orderbook_instruments.json"), BTC)


def test_a_price_step_may_be_a_number_and_is_absent_for_other_markets() -> None:
    rows: Json = [{"market": "KRW-XRP", "tick_size": Decimal("0.1")}]

    assert (Decimal("0.1"), None) == (wire.tick_size_of(rows, XRP), wire.tick_size_of(rows, BTC))
