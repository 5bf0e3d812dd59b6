"""The simulator's answers against recorded and official ones, field by field: keys, JSON types, and the kind of each text."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from dg_bot.simulator.rest_limits import UPBIT_PER_SECOND
from tests.shared_data import shared
from tests.unit.simulator.rest_builders import BTC, ETH, Client, HandClock, tape, venue

# Before 2026-11-09 answers have no smp_type unless one was asked for, as in all of these files.
THEN = datetime(2026, 11, 7, 12, 30, 5, tzinfo=UTC)

_TEXTS = (
    ("amount", re.compile(r"\d+(\.\d+)?")),
    ("uuid", re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")),
    ("time in Seoul", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?\+09:00")),
    ("time without offset", re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d")),
    ("clock", re.compile(r"\d\d:\d\d:\d\d")),
)


def kind(value: object) -> str:
    """Name the JSON type of a scalar, and of a text what it looks like."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case int() | float():
            return "number"
        case str():
            return next((name for name, pattern in _TEXTS if pattern.fullmatch(value)), "text")
        case _:
            return "list" if isinstance(value, list) else "object"


def fields(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Give every field with its kind; the items of a list share one path."""
    if isinstance(value, dict):
        for name, item in value.items():
            yield from fields(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        yield path or "the answer", "list"
        for item in value:
            yield from fields(item, f"{path}[]")
    else:
        yield path, kind(value)


def shape(value: object) -> Mapping[str, frozenset[str]]:
    kinds: dict[str, frozenset[str]] = {}
    for path, name in fields(value):
        kinds[path] = kinds.get(path, frozenset()) | {name}
    return kinds


def differences(recorded: object, ours: object) -> set[str]:
    theirs, own = shape(recorded), shape(ours)
    absent = frozenset({"absent"})

    def words(kinds: frozenset[str]) -> str:
        return " or ".join(sorted(kinds))

    return {
        f"{path}: {words(theirs.get(path, absent))}, here {words(own.get(path, absent))}"
        for path in theirs.keys() | own.keys()
        if theirs.get(path, absent) != own.get(path, absent)
    }


def _client() -> Client:
    return Client(venue(HandClock(THEN), tapes={BTC: tape(hours=400), ETH: tape(ETH, price=2_500_000, hours=400)}))


def _get(path: str, **parameters: object) -> Callable[[], Any]:
    return lambda: _client().get(path, **parameters)[1]


def _owning() -> Client:
    """Give a client whose account has just bought bitcoin."""
    client = _client()
    client.buy(1_000_000)
    return client


def _read(client: Client, placed: tuple[int, Any]) -> Any:
    return client.get("/v1/order", uuid=placed[1]["uuid"])[1]


def _ask(client: Client, **more: str) -> tuple[int, Any]:
    return client.post("/v1/orders", market="KRW-BTC", side="ask", volume="0.001", **more)


def _limit_ask_done() -> Any:
    client = _owning()
    return _read(client, _ask(client, ord_type="limit", price="49000000"))


def _market_ask_done() -> Any:
    client = _owning()
    return _read(client, _ask(client, ord_type="market"))


def _limit_bid_cancelled() -> Any:
    client = _client()
    placed = client.bid(49_000_000)
    client.delete("/v1/order", uuid=placed[1]["uuid"])
    return _read(client, placed)


def _limit_bid_done() -> Any:
    client = _client()
    return _read(client, client.bid(51_000_000))


def _limit_bid_wait() -> Any:
    client = _client()
    return _read(client, client.bid(49_000_000))


def _market_buy_done() -> Any:
    client = _client()
    return _read(client, client.buy(12_345))


def _closed(**parameters: object) -> Any:
    client = _client()
    client.bid(51_000_000)
    return client.get("/v1/orders/closed", **parameters)[1]


def _accounts(*, krw_too: bool) -> Any:
    accounts = _owning().get("/v1/accounts")[1]
    return accounts if krw_too else accounts[1:]


@dataclass(frozen=True)
class Case:
    """A recorded file, our answer to its request, and the differences that are known, each with its reason."""

    file: str
    ours: Callable[[], Any]
    known: Mapping[str, str]

    def __str__(self) -> str:
        return self.file


_SMP = "fields of self-match prevention came after the recording"
_ABSENT = "a key without a value was null in 2021 and is absent since about 2024"
_FUNDS = "lists carry the executed funds since the recording; the official page's example is older than its text"
_PREVENTED = {"prevented_volume: absent, here amount": _SMP, "prevented_locked: absent, here amount": _SMP}
_TREND = {"trades[].trend: absent, here text": "the direction of a trade came after the recording"}
_NO_PRICE = {"price: null, here absent": _ABSENT}
_NO_VOLUME = {"volume: null, here absent": _ABSENT, "remaining_volume: null, here absent": _ABSENT}
_LISTED = {"[].executed_funds: absent, here amount": _FUNDS}
_LISTED_2021 = {**_LISTED, "[].prevented_volume: absent, here amount": _SMP, "[].prevented_locked: absent, here amount": _SMP}

CASES = (
    Case("market_all_20210417.json", _get("/v1/market/all"), {}),
    Case("market_all_details_2025.json", _get("/v1/market/all", is_details="true"), {}),
    Case("candles_minutes1_20210221.json", _get("/v1/candles/minutes/1", market="KRW-BTC", count=1), {}),
    Case("doc/candles_minutes_1.json", _get("/v1/candles/minutes/1", market="KRW-BTC", count=1), {}),
    Case("candles_upbit_1m_20200220_170000-20200220_202000.json", _get("/v1/candles/minutes/1", market="KRW-BTC", count=200), {}),
    Case("candles_upbit_3m_20200220_000000-20200220_100000.json", _get("/v1/candles/minutes/3", market="KRW-BTC", count=200), {}),
    Case("candles_days_20210221.json", _get("/v1/candles/days", market="KRW-BTC", count=1), {}),
    Case("ticker_20210221.json", _get("/v1/ticker", markets="KRW-BTC"), {}),
    Case(
        "orderbook_KRW-BTC_20210221.json",
        _get("/v1/orderbook", markets="KRW-BTC"),
        {"[].level: absent, here number": "gathering by level came after the recording"},
    ),
    Case("doc/orderbook_instruments.json", _get("/v1/orderbook/instruments", markets="KRW-BTC"), {}),
    Case("trades_ticks_20210221.json", _get("/v1/trades/ticks", market="KRW-BTC", count=1), {}),
    Case(
        "trades_2018.json",
        _get("/v1/trades/ticks", market="KRW-BTC", count=10),
        {"[].sequential_id: absent, here number": "trades had no number in 2018"},
    ),
    Case("doc/accounts.json", lambda: _accounts(krw_too=True), {}),
    Case("doc/accounts_get_2025.json", lambda: _accounts(krw_too=False), {}),
    Case("doc/order_chance.json", _get("/v1/orders/chance", market="KRW-BTC"), {}),
    Case(
        "order_chance_2021.json",
        _get("/v1/orders/chance", market="KRW-BTC"),
        {
            "market.bid.price_unit: null, here absent": _ABSENT,
            "market.ask.price_unit: null, here absent": _ABSENT,
            **{
                f"market.{path}: absent, here {name}": "kinds of orders by side came after the recording"
                for path, name in (("bid_types", "list"), ("bid_types[]", "text"), ("ask_types", "list"), ("ask_types[]", "text"))
            },
        },
    ),
    Case("doc/order_created.json", lambda: _ask(_owning(), ord_type="limit", price="60000000")[1], {}),
    Case("doc/order_limit_bid_wait.json", _limit_bid_wait, {}),
    Case("doc/order_market_ask_done.json", _market_ask_done, {}),
    Case("doc/orders_closed.json", _closed, _LISTED),
    Case("order_limit_ask_done_2022.json", _limit_ask_done, {**_PREVENTED, **_TREND}),
    Case("order_limit_bid_cancelled_unfilled_2021.json", _limit_bid_cancelled, _PREVENTED),
    Case("order_limit_bid_created_2022.json", lambda: _client().bid(49_000_000)[1], _PREVENTED),
    Case("order_limit_bid_done_2022.json", _limit_bid_done, {**_PREVENTED, **_TREND}),
    Case("order_market_ask_created_2021.json", lambda: _ask(_owning(), ord_type="market")[1], {**_PREVENTED, **_NO_PRICE}),
    Case("order_market_ask_done_2021.json", _market_ask_done, {**_PREVENTED, **_TREND, **_NO_PRICE}),
    Case("order_price_bid_cancel_2021.json", _market_buy_done, {**_PREVENTED, **_TREND, **_NO_VOLUME}),
    Case(
        "order_price_bid_wait_2021.json",
        lambda: _client().buy(5000)[1],
        {
            **_PREVENTED,
            **_NO_VOLUME,
            "trades: list, here absent": "matched at once here: it is seen waiting in the answer to its POST only",
        },
    ),
    # The old list of all orders is retired at the venue; its place is taken by the list of closed ones.
    Case("orders_done_list_2021.json", lambda: _closed(state="done"), _LISTED_2021),
)

# Files that hold no answer of the venue, or one of a call that is not served.
APART = {
    "INDEX.json": "the list of files",
    "ccxt_request_shapes.json": "requests, not answers",
    "doc/request_bodies.json": "requests; each is placed below",
    "error_codes.json": "a table",
    "errors.json": "compared one by one below",
    "krw_tick_sizes.json": "a table",
    "rate_limits.json": "a table; compared below",
    "candles_seconds_20250630.json": "candles of seconds are not served: nothing here asks for them",
}


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_answer_has_the_fields_and_types_of_a_recorded_one(case: Case) -> None:
    recorded = json.loads(shared(f"upbit-api/{case.file}").read_text(encoding="utf-8"))

    assert set(case.known) == differences(recorded, json.loads(json.dumps(case.ours(), default=float)))


def test_every_recorded_file_is_compared_or_has_a_reason_not_to_be() -> None:
    folder = shared("upbit-api")
    files = {file.relative_to(folder).as_posix() for file in folder.rglob("*.json")}

    assert files == {case.file for case in CASES} | set(APART)


def test_every_official_request_body_is_taken() -> None:
    bodies = json.loads(shared("upbit-api/doc/request_bodies.json").read_text(encoding="utf-8"))
    client = Client(venue(krw=100_000_000))
    client.buy(1_000_000)

    answers = {name: client.post("/v1/orders", **body) for name, body in bodies.items()}

    assert {name: status for name, (status, _) in answers.items()} == dict.fromkeys(bodies, 201)
    for name, body in bodies.items():
        assert body.items() <= answers[name][1].items()


ERRORS: Mapping[tuple[str, str | int], Callable[[], tuple[int, Any]]] = {
    ("POST /v1/orders", "insufficient_funds_bid"): lambda: _client().buy(20_000_000),
    ("POST /v1/orders", "invalid_parameter"): lambda: _client().buy(10_000, time_in_force="ioc"),
    ("POST /v1/orders", "validation_error"): lambda: _client().post("/v1/orders", market="bitcoin"),
    ("POST /v1/orders", "invalid_price_bid"): lambda: _client().bid("49000001"),
    ("GET /v1/order", "order_not_found"): lambda: _client().get("/v1/order", uuid="x"),
    ("GET /v1/candles/minutes/60", 400): lambda: _client().get("/v1/candles/minutes/60"),
    ("GET /v1/candles/minutes/60?market=KRW-XXXX", 404): lambda: _client().get("/v1/candles/minutes/60", market="KRW-XXXX"),
}
# The simulator has no list of addresses; a fault rule can answer so.
UNREACHABLE = {("GET /v1/accounts", "no_authorization_ip")}


def test_errors_have_the_recorded_status_name_and_words() -> None:
    recorded = json.loads(shared("upbit-api/errors.json").read_text(encoding="utf-8"))
    seen = {}
    for error in recorded:
        if "older wording" not in error["kind"]:
            seen[error["request"], error["body"]["error"]["name"]] = (error["status"], error["body"])

    assert seen.keys() == ERRORS.keys() | UNREACHABLE
    for key, ours in ERRORS.items():
        assert seen[key] == ours()


def test_limits_are_the_published_ones() -> None:
    published = json.loads(shared("upbit-api/rate_limits.json").read_text(encoding="utf-8"))
    per_second = {group["group"]: group["per_second"] for group in published["groups"] if group["group"] in UPBIT_PER_SECOND}

    # The page of 2026-08-21 raised the group of orders.
    assert UPBIT_PER_SECOND == per_second | {"order": 12}
