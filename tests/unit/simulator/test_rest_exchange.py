from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import quote

import pytest

from dg_bot.simulator.rest_request import Request
from tests.unit.simulator.rest_builders import BTC, NOON, Client, HandClock, authorization, name_of, tape, venue


def test_a_market_buy_is_accepted_waiting_and_ends_filled_as_cancel() -> None:
    client = Client()

    status, accepted = client.buy(100_000, identifier="bot.1")
    _, order = client.get("/v1/order", identifier="bot.1")

    assert (status, accepted["state"], accepted["executed_volume"], "trades" in accepted) == (201, "wait", "0", False)
    assert (order["uuid"], order["state"], order["executed_volume"]) == (accepted["uuid"], "cancel", "0.00199996")
    assert sum(Decimal(trade["funds"]) for trade in order["trades"]) * Decimal("0.0005") == Decimal(order["paid_fee"])


def test_keys_without_a_value_are_absent() -> None:
    client = Client()
    _, bought = client.buy()
    _, sold = client.post("/v1/orders", market="KRW-BTC", side="ask", ord_type="market", volume="0.001")

    assert ("volume" in bought, "remaining_volume" in bought, "price" in bought, "identifier" in bought) == (
        False,
        False,
        True,
        False,
    )
    assert ("volume" in sold, "remaining_volume" in sold, "price" in sold) == (True, True, False)


def test_amounts_of_an_order_are_texts() -> None:
    _, order = Client().bid(49_000_000)
    amounts = {"price", "volume", "remaining_volume", "executed_volume", "reserved_fee", "remaining_fee", "paid_fee", "locked"}

    assert {name: type(order[name]) for name in amounts} == dict.fromkeys(amounts, str)
    assert (order["locked"], order["created_at"]) == ("49024.5", "2026-11-20T21:30:05+09:00")


def test_an_order_is_found_by_uuid_or_identifier_and_uuid_wins() -> None:
    client = Client()
    _, first = client.bid(49_000_000, identifier="a")
    _, second = client.bid(48_000_000, identifier="b")

    found = [
        client.get("/v1/order", **by)[1]["uuid"]
        for by in ({"uuid": first["uuid"]}, {"identifier": "b"}, {"uuid": first["uuid"], "identifier": "b"})
    ]

    assert found == [first["uuid"], second["uuid"], first["uuid"]]


def test_an_unknown_order_is_not_found_by_word() -> None:
    client = Client()

    assert [name_of(client.get("/v1/order", identifier="x")), name_of(client.delete("/v1/order", uuid="x"))] == [
        (404, "order_not_found"),
        (404, "order_not_found"),
    ]
    assert name_of(client.get("/v1/order")) == (400, "validation_error")


def test_a_cancellation_shows_the_order_as_it_was_and_frees_its_money() -> None:
    client = Client()
    _, placed = client.bid(49_000_000)

    status, answer = client.delete("/v1/order", uuid=placed["uuid"])

    assert (status, answer["state"]) == (200, "wait")
    assert client.get("/v1/order", uuid=placed["uuid"])[1]["state"] == "cancel"
    assert client.get("/v1/accounts")[1][0]["balance"] == "10000000"
    assert name_of(client.delete("/v1/order", uuid=placed["uuid"])) == (404, "order_not_found")


@pytest.mark.parametrize(
    "spoiled",
    [
        {"price": "1000"},
        {"price": "many"},
        {"side": "buy"},
        {"ord_type": "stop"},
        {"market": "KRW-XXXX"},
        {"market": "btc"},
        {"time_in_force": "later"},
        {"smp_type": "never"},
        {"price": "999999999"},
    ],
)
def test_an_identifier_is_used_up_by_a_request_that_failed(spoiled: dict[str, str]) -> None:
    client = Client()
    body = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "10000", "identifier": "bot.1"}

    failed = client.post("/v1/orders", **(body | spoiled))
    again = client.post("/v1/orders", **body)

    assert 400 <= failed[0] < 500
    assert name_of(again) == (400, "duplicated_identifier")
    assert name_of(client.get("/v1/order", identifier="bot.1")) == (404, "order_not_found")


def test_a_test_order_is_checked_and_leaves_nothing() -> None:
    client = Client()
    body = {"market": "KRW-BTC", "side": "bid", "ord_type": "price", "price": "10000", "identifier": "bot.1"}

    status, answer = client.post("/v1/orders/test", **body)

    assert (status, name_of(client.get("/v1/order", uuid=answer["uuid"]))) == (201, (404, "order_not_found"))
    assert client.post("/v1/orders", **body)[0] == 201
    assert name_of(client.post("/v1/orders/test", **body | {"identifier": "x", "price": "4999"})) == (400, "under_min_total_bid")


def test_a_market_that_is_offline_refuses_orders_by_word() -> None:
    client = Client()
    client.venue.set_offline(BTC, True)

    assert name_of(client.buy()) == (403, "market_offline")
    assert client.get("/v1/orders/chance", market="KRW-BTC")[1]["market"]["state"] == "offline"


@pytest.mark.parametrize("parameters", [{}, {"market": "KRW-XXXX"}, {"market": "x"}])
def test_chance_of_no_market_is_refused(parameters: dict[str, object]) -> None:
    assert name_of(Client().get("/v1/orders/chance", **parameters)) == (400, "validation_error")


def test_open_orders_are_listed_newest_first_with_funds_and_without_trades() -> None:
    client = Client()
    _, first = client.bid(49_000_000)
    _, second = client.bid(48_000_000)
    client.buy()

    _, orders = client.get("/v1/orders/open", market="KRW-BTC")

    assert [order["uuid"] for order in orders] == [second["uuid"], first["uuid"]]
    assert [(order["executed_funds"], "trades" in order) for order in orders] == [("0", False)] * 2


def test_open_orders_come_in_pages() -> None:
    client = Client()
    placed = [client.bid(49_000_000 - step * 1000)[1]["uuid"] for step in range(3)]

    pages = [client.get("/v1/orders/open", limit=2, page=page, order_by="asc")[1] for page in (1, 2)]

    assert [[order["uuid"] for order in page] for page in pages] == [placed[:2], placed[2:]]


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [
        ("/v1/orders/open", {"limit": 100}, 200),
        ("/v1/orders/open", {"limit": 101}, 400),
        ("/v1/orders/open", {"page": 0}, 400),
        ("/v1/orders/open", {"state": "watch"}, 200),
        ("/v1/orders/open", {"state": "done"}, 400),
        ("/v1/orders/open", {"order_by": "up"}, 400),
        ("/v1/orders/closed", {"limit": 1000}, 200),
        ("/v1/orders/closed", {"limit": 1001}, 400),
        ("/v1/orders/closed", {"state": "wait"}, 400),
        ("/v1/orders/closed", {"start_time": "2026-11-13T12:30:05Z", "end_time": "2026-11-20T12:30:05Z"}, 200),
        ("/v1/orders/closed", {"start_time": "2026-11-13T12:30:04Z", "end_time": "2026-11-20T12:30:05Z"}, 400),
        ("/v1/orders/closed", {"start_time": "2026-11-21T12:30:05Z", "end_time": "2026-11-20T12:30:05Z"}, 400),
        ("/v1/orders/uuids", {}, 400),
    ],
)
def test_lists_have_limits(path: str, parameters: dict[str, object], status: int) -> None:
    assert Client().get(path, **parameters)[0] == status


def test_closed_orders_are_those_of_the_last_seven_days() -> None:
    clock = HandClock(NOON)
    client = Client(venue(clock))
    client.buy(identifier="bot.1")

    clock.at = NOON + timedelta(days=7)
    just_inside = client.get("/v1/orders/closed")[1]
    clock.at += timedelta(seconds=1)
    just_outside = client.get("/v1/orders/closed")[1]
    asked_for = client.get("/v1/orders/closed", start_time="2026-11-20T21:30:05+09:00")[1]

    assert [[order["identifier"] for order in orders] for orders in (just_inside, just_outside, asked_for)] == [
        ["bot.1"],
        [],
        ["bot.1"],
    ]


def test_closed_orders_are_chosen_by_state() -> None:
    client = Client()
    client.buy(identifier="filled")
    _, resting = client.bid(49_000_000, identifier="given-up")
    client.delete("/v1/order", uuid=resting["uuid"])
    client.post("/v1/orders", market="KRW-BTC", side="ask", ord_type="market", volume="0.001", identifier="sold")

    def listed(pairs: list[tuple[str, object]]) -> list[str]:
        return [order["identifier"] for order in client.query("GET", "/v1/orders/closed", pairs)[1]]

    assert listed([("state", "done")]) == ["sold"]
    assert listed([("states[]", "done"), ("states[]", "cancel"), ("order_by", "asc")]) == ["filled", "given-up", "sold"]
    assert listed([("limit", 1)]) == ["sold"]


def test_orders_are_listed_by_uuids_or_identifiers() -> None:
    client = Client()
    _, first = client.bid(49_000_000, identifier="a")
    client.bid(48_000_000, identifier="b")

    by_uuid = client.query("GET", "/v1/orders/uuids", [("uuids[]", first["uuid"]), ("uuids[]", "unknown")])[1]
    by_name = client.query("GET", "/v1/orders/uuids", [("identifiers[]", "b"), ("identifiers[]", "a")])[1]

    assert [[order["identifier"] for order in orders] for orders in (by_uuid, by_name)] == [["a"], ["b", "a"]]


@pytest.mark.parametrize(
    ("method", "count", "status"), [("GET", 100, 200), ("GET", 101, 400), ("DELETE", 20, 200), ("DELETE", 21, 400)]
)
def test_lists_of_ids_have_limits(method: str, count: int, status: int) -> None:
    pairs: list[tuple[str, object]] = [("identifiers[]", f"x{number}") for number in range(count)]

    assert Client().query(method, "/v1/orders/uuids", pairs)[0] == status


def test_cancelling_several_tells_which_failed() -> None:
    client = Client()
    _, resting = client.bid(49_000_000, identifier="a")
    _, filled = client.buy(identifier="b")

    _, answer = client.query("DELETE", "/v1/orders/uuids", [("identifiers[]", name) for name in ("a", "b", "c")])

    assert answer == {
        "success": {"count": 1, "orders": [{"uuid": resting["uuid"], "market": "KRW-BTC", "identifier": "a"}]},
        "failed": {"count": 2, "orders": [{"uuid": filled["uuid"], "market": "KRW-BTC", "identifier": "b"}, {"identifier": "c"}]},
    }


def test_a_form_is_no_order() -> None:
    form = "market=KRW-BTC&side=bid&ord_type=price&price=10000"
    request = Request(
        method="POST",
        path="/v1/orders",
        body=form,
        content_type="application/x-www-form-urlencoded",
        authorization=authorization(form),
    )

    assert name_of(Client().send(request)) == (400, "invalid_parameter")


def test_a_hidden_order_is_in_no_read_until_its_time_and_keeps_its_identifier() -> None:
    clock = HandClock()
    client = Client(venue(clock))
    _, placed = client.bid(49_000_000, identifier="a")
    client.api.hide(placed["uuid"], 3)

    clock.advance(2.999)
    assert name_of(client.get("/v1/order", identifier="a")) == (404, "order_not_found")
    assert name_of(client.delete("/v1/order", uuid=placed["uuid"])) == (404, "order_not_found")
    assert client.get("/v1/orders/open") == (200, [])
    assert client.query("GET", "/v1/orders/uuids", [("identifiers[]", "a")]) == (200, [])
    assert name_of(client.bid(49_000_000, identifier="a")) == (400, "duplicated_identifier")
    clock.advance(0.001)
    assert client.get("/v1/order", identifier="a")[1]["uuid"] == placed["uuid"]


def test_the_key_list_shows_the_key_that_asks_and_its_end() -> None:
    assert Client().get("/v1/api_keys") == (200, [{"access_key": "key", "expire_at": "2027-11-20T21:30:05+09:00"}])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/orders"),
        ("POST", "/v1/withdraws/coin"),
        ("POST", "/v1/withdraws/krw"),
        ("GET", "/v1/deposits"),
        ("POST", "/v1/deposits/krw"),
        ("POST", "/v1/pockets/transfers"),
        ("DELETE", "/v1/orders/open"),
        ("POST", "/v1/orders/cancel_and_new"),
        ("PUT", "/v1/orders"),
        ("GET", "/v2/accounts"),
        ("GET", "/"),
    ],
)
def test_everything_else_is_not_found(method: str, path: str) -> None:
    assert Client().send(Request(method=method, path=path, authorization=authorization("")))[0] == 404


def test_an_identifier_with_odd_signs_is_signed_unquoted() -> None:
    client = Client()
    client.bid(49_000_000, identifier="bot:1,a b")
    query = f"identifier={quote('bot:1,a b')}"

    as_it_reads = Request(method="GET", path="/v1/order", query=query, authorization=authorization("identifier=bot:1,a b"))
    as_it_is_sent = Request(method="GET", path="/v1/order", query=query, authorization=authorization(query))

    assert client.send(as_it_reads)[0] == 200
    assert name_of(client.send(as_it_is_sent)) == (401, "invalid_query_payload")


def test_the_default_against_self_matching_is_sent_since_its_date() -> None:
    client = Client()

    answers = [
        client.bid(49_000_000, **more)[1]["smp_type"] for more in ({}, {"time_in_force": "post_only"}, {"smp_type": "reduce"})
    ]

    assert answers == ["cancel_maker", "none", "reduce"]


def test_before_its_date_the_setting_against_self_matching_is_sent_where_it_was_given() -> None:
    clock = HandClock(datetime(2026, 11, 8, 14, 59, 59, tzinfo=UTC))
    client = Client(venue(clock, tapes={BTC: tape(hours=300)}))

    before = [client.bid(49_000_000, **more)[1].get("smp_type") for more in ({}, {"smp_type": "reduce"})]
    clock.advance(1)

    assert [*before, client.bid(49_000_000)[1].get("smp_type")] == [None, "reduce", "cancel_maker"]
