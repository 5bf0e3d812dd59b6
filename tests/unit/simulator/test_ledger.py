import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import Side
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import DataError, ImpossibleValue
from dg_bot.simulator.ledger import Ledger, LedgerOrder, OrderState, Ticket, TicketKind, TimeInForce, Trend
from dg_bot.simulator.refusals import VenueRefusal
from dg_bot.simulator.tickets import EXACT
from tests.shared_data import shared

BTC = Market("KRW-BTC")
NOW = datetime(2021, 10, 26, 13, 46, tzinfo=UTC)
TICK = Decimal(1000)


def levels(text: str) -> tuple[Level, ...]:
    """Read '75324000x0.5 75325000x1' as levels."""
    return tuple(Level(Decimal(price), Decimal(size)) for price, size in (cell.split("x") for cell in text.split()))


def book(*, asks: str = "", bids: str = "") -> OrderBook:
    return OrderBook(market=BTC, at=NOW, asks=levels(asks), bids=levels(bids))


def ticket(text: str, **more: object) -> Ticket:
    """Read 'buy limit 0.1 @ 50000000', 'buy price @ 5000', 'sell market 0.1'."""
    words = text.split()
    price = Decimal(words[words.index("@") + 1]) if "@" in words else None
    volume = Decimal(words[2]) if len(words) > 2 and words[2] != "@" else None
    plain = Ticket(market=BTC, side=Side(words[0]), kind=TicketKind(words[1]), price=price, volume=volume)
    return replace(plain, **more)  # type: ignore[arg-type]


def place(ledger: Ledger, wanted: Ticket, against: OrderBook | None = None, tick_size: Decimal = TICK) -> LedgerOrder:
    return ledger.place(wanted, book=book() if against is None else against, tick_size=tick_size, now=NOW)


def name_of_refusal(act: Callable[[], object]) -> str | int:
    with pytest.raises(VenueRefusal) as caught:
        act()
    return caught.value.name


def free(ledger: Ledger, currency: str) -> Decimal:
    return ledger.account(currency).balance


def locked(ledger: Ledger, currency: str) -> Decimal:
    return ledger.account(currency).locked


def ledger_with(krw: str = "1000000", base: str | None = None) -> Ledger:
    ledger = Ledger(krw=Decimal(krw))
    if base is not None:
        ledger.deposit("BTC", Decimal(base))
    return ledger


def test_a_market_buy_ends_as_the_recorded_one_with_its_rest_returned() -> None:
    recorded = json.loads(shared("upbit-api/order_price_bid_cancel_2021.json").read_text())
    ledger = ledger_with("10000")

    order = place(ledger, ticket("buy price @ 5000"), book(asks="75324000x1"))

    assert order.state is OrderState.CANCEL
    assert order.volume is None
    assert order.remaining_volume is None
    for field in ("reserved_fee", "remaining_fee", "paid_fee", "locked", "executed_volume"):
        assert (field, Decimal(recorded[field])) == (field, getattr(order, field))
    (trade,), (recorded_trade,) = order.trades, recorded["trades"]
    assert [Decimal(recorded_trade[name]) for name in ("price", "volume", "funds")] == [trade.price, trade.volume, trade.funds]
    assert Decimal("10000") - trade.funds - order.paid_fee == free(ledger, "KRW")
    assert locked(ledger, "KRW") == ZERO


def test_a_market_buy_is_accepted_as_the_recorded_one() -> None:
    recorded = json.loads(shared("upbit-api/order_price_bid_wait_2021.json").read_text())

    accepted = place(ledger_with("10000"), ticket("buy price @ 5000"), book(asks="75324000x1")).as_accepted()

    assert accepted.state is OrderState.WAIT
    assert accepted.trades == ()
    for field in ("reserved_fee", "remaining_fee", "paid_fee", "locked", "executed_volume"):
        assert (field, Decimal(recorded[field])) == (field, getattr(accepted, field))


def test_a_resting_buy_locks_what_the_recorded_one_locks() -> None:
    recorded = json.loads(shared("upbit-api/doc/order_limit_bid_wait.json").read_text())
    ledger = ledger_with("1000000")

    order = place(ledger, ticket(f"buy limit {recorded['volume']} @ {recorded['price']}"), book(asks="160000000x1"))

    assert order.state is OrderState.WAIT
    for field in ("reserved_fee", "remaining_fee", "paid_fee", "locked", "remaining_volume", "executed_volume"):
        assert (field, Decimal(recorded[field])) == (field, getattr(order, field))
    assert Decimal("15584.9886") == locked(ledger, "KRW")
    assert Decimal("984415.0114") == free(ledger, "KRW")


def test_a_cancelled_buy_keeps_showing_its_lock_as_the_recorded_one_does_and_the_money_is_back() -> None:
    recorded = json.loads(shared("upbit-api/order_limit_bid_cancelled_unfilled_2021.json").read_text())
    ledger = ledger_with("10000")
    order = place(ledger, ticket(f"buy limit {recorded['volume']} @ {recorded['price']}"), tick_size=Decimal(5))

    cancelled = ledger.cancel(order.uuid, NOW)

    assert cancelled.state is OrderState.CANCEL
    for field in ("reserved_fee", "remaining_fee", "paid_fee", "locked", "remaining_volume"):
        assert (field, Decimal(recorded[field])) == (field, getattr(cancelled, field))
    assert (Decimal(10000), ZERO) == (free(ledger, "KRW"), locked(ledger, "KRW"))


def test_the_seven_recorded_fills_come_out_to_the_last_digit() -> None:
    for recorded in json.loads(shared("upbit-api/orders_done_list_2021.json").read_text()):
        volume, fee = Decimal(recorded["executed_volume"]), Decimal(recorded["paid_fee"])
        traded_at = fee / (Decimal("0.0005") * volume)
        ledger = ledger_with("100000", base="1")
        side = "buy" if recorded["side"] == "bid" else "sell"

        order = place(
            ledger,
            ticket(f"{side} limit {volume} @ {recorded['price']}"),
            book(asks=f"{traded_at}x1") if side == "buy" else book(bids=f"{traded_at}x1"),
        )

        assert order.state is OrderState.DONE
        for field in ("reserved_fee", "remaining_fee", "paid_fee", "locked", "remaining_volume"):
            assert (recorded["uuid"], field, Decimal(recorded[field])) == (recorded["uuid"], field, getattr(order, field))


def test_a_market_sell_pays_the_recorded_fee_out_of_its_proceeds() -> None:
    recorded = json.loads(shared("upbit-api/order_market_ask_done_2021.json").read_text())
    ledger = ledger_with("1000", base="5")

    order = place(ledger, ticket(f"sell market {recorded['volume']}"), book(bids="1460x100"), tick_size=Decimal(5))

    assert order.state is OrderState.DONE
    assert order.price is None
    assert Decimal(recorded["paid_fee"]) == order.paid_fee
    assert Decimal(recorded["trades"][0]["funds"]) == order.executed_funds
    assert Decimal("1000") + Decimal("5032.7644962") - Decimal("2.5163822481") == free(ledger, "KRW")


def test_a_market_buy_walks_the_asks_and_buys_as_much_as_the_rest_of_the_money_pays() -> None:
    order = place(ledger_with(), ticket("buy price @ 10000"), book(asks="1000x4 2000x2 3000x100"))

    assert [(str(trade.price), str(trade.volume)) for trade in order.trades] == [
        ("1000", "4"),
        ("2000", "2"),
        ("3000", "0.66666666"),
    ]
    assert Decimal("9999.99998") == order.executed_funds


def test_a_market_buy_that_spends_everything_is_done() -> None:
    order = place(ledger_with(), ticket("buy price @ 10000"), book(asks="1000x4 2000x100"))

    assert (order.state, order.locked, order.remaining_fee) == (OrderState.DONE, ZERO, ZERO)


def test_a_book_too_thin_for_a_market_order_leaves_the_rest_cancelled() -> None:
    ledger = ledger_with("1000000", base="2")

    bought = place(ledger, ticket("buy price @ 900000"), book(asks="50000000x0.002"))
    sold = place(ledger, ticket("sell market 2"), book(bids="50000000x0.5"))

    assert (OrderState.CANCEL, Decimal("0.002")) == (bought.state, bought.executed_volume)
    assert (OrderState.CANCEL, Decimal("1.5")) == (sold.state, sold.remaining_volume)
    assert (locked(ledger, "KRW"), locked(ledger, "BTC")) == (ZERO, ZERO)


def test_an_empty_book_cancels_a_market_order_whole() -> None:
    ledger = ledger_with("10000")

    order = place(ledger, ticket("buy price @ 5000"))

    assert (order.state, order.executed_volume, order.trades) == (OrderState.CANCEL, ZERO, ())
    assert Decimal(10000) == free(ledger, "KRW")


def test_a_limit_order_takes_what_crosses_at_the_makers_price_and_rests_with_the_rest() -> None:
    ledger = ledger_with()

    order = place(ledger, ticket("buy limit 0.01 @ 50002000"), book(asks="50000000x0.003 50001000x0.001 50003000x1"))

    assert OrderState.WAIT is order.state
    assert [Decimal(50000000), Decimal(50001000)] == [trade.price for trade in order.trades]
    assert Decimal("0.006") == order.remaining_volume
    assert order.locked == locked(ledger, "KRW")


def test_a_limit_order_takes_the_level_at_its_price_and_none_beyond() -> None:
    asks = book(asks="49999000x0.001 50000000x0.001 50001000x0.001")

    order = place(ledger_with(), ticket("buy limit 0.01 @ 50000000"), asks)

    assert [Decimal(49999000), Decimal(50000000)] == [trade.price for trade in order.trades]


def test_ioc_cancels_the_rest_and_fok_takes_all_or_nothing() -> None:
    thin = book(asks="50000000x0.003")

    ioc = place(ledger_with(), ticket("buy limit 0.01 @ 50000000", time_in_force=TimeInForce.IOC), thin)
    just_too_large = place(ledger_with(), ticket("buy limit 0.00300001 @ 50000000", time_in_force=TimeInForce.FOK), thin)
    just_all = place(ledger_with(), ticket("buy limit 0.003 @ 50000000", time_in_force=TimeInForce.FOK), thin)

    assert (OrderState.CANCEL, Decimal("0.003")) == (ioc.state, ioc.executed_volume)
    assert (just_too_large.state, just_too_large.executed_volume) == (OrderState.CANCEL, ZERO)
    assert (OrderState.DONE, Decimal("0.003")) == (just_all.state, just_all.executed_volume)


def test_a_best_order_takes_the_best_level_alone() -> None:
    two = book(asks="50000000x0.0002 50001000x1", bids="49999000x0.0002 49998000x1")
    ledger = ledger_with(base="1")

    bought = place(ledger, ticket("buy best @ 20000", time_in_force=TimeInForce.IOC), two)
    sold = place(ledger, ticket("sell best 0.0003", time_in_force=TimeInForce.IOC), two)
    refused_to_split = place(ledger, ticket("buy best @ 20000", time_in_force=TimeInForce.FOK), two)
    whole = place(ledger, ticket("buy best @ 10000", time_in_force=TimeInForce.FOK), two)

    assert [Decimal("0.0002"), Decimal("0.0002"), ZERO, Decimal("0.0002")] == [
        order.executed_volume for order in (bought, sold, refused_to_split, whole)
    ]


def test_post_only_is_refused_where_it_would_trade_and_rests_where_it_would_not() -> None:
    both = book(asks="50001000x1", bids="50000000x1")
    post_only = TimeInForce.POST_ONLY

    assert place(ledger_with(), ticket("buy limit 0.001 @ 50000000", time_in_force=post_only), both).is_open
    assert place(ledger_with(base="1"), ticket("sell limit 0.001 @ 50001000", time_in_force=post_only), both).is_open
    assert name_of_refusal(lambda: place(ledger_with(), ticket("buy limit 0.001 @ 50001000", time_in_force=post_only), both)) == (
        "create_bid_error"
    )
    assert name_of_refusal(
        lambda: place(ledger_with(base="1"), ticket("sell limit 0.001 @ 50000000", time_in_force=post_only), both)
    ) == ("create_ask_error")


def test_volumes_lose_what_is_below_eight_decimals() -> None:
    order = place(ledger_with(base="1"), ticket("sell market 0.123456789"), book(bids="50000000x1"))

    assert Decimal("0.12345678") == order.volume


def test_the_taker_tells_the_trend() -> None:
    ledger = ledger_with(base="1")

    bought = place(ledger, ticket("buy price @ 5000"), book(asks="50000000x1"))
    sold = place(ledger, ticket("sell market 0.01"), book(bids="50000000x1"))

    assert [bought.trades[0].trend, sold.trades[0].trend] == [Trend.UP, Trend.DOWN]


@pytest.mark.parametrize(("low", "is_filled"), [("49999000", True), ("50000000", False), ("50001000", False)])
def test_a_resting_buy_fills_once_the_market_trades_below_it(low: str, is_filled: bool) -> None:
    ledger = ledger_with()
    order = place(ledger, ticket("buy limit 0.001 @ 50000000"))

    ledger.trade_through(BTC, Decimal(low), Decimal(50_500_000), NOW + timedelta(minutes=1))

    after = ledger.find(uuid=order.uuid)
    assert is_filled is (after.state is OrderState.DONE)
    assert [Decimal(50000000)] * is_filled == [trade.price for trade in after.trades]
    assert (NOW + timedelta(minutes=1) if is_filled else None) == after.closed_at


@pytest.mark.parametrize(("high", "is_filled"), [("50001000", True), ("50000000", False), ("49999000", False)])
def test_a_resting_sell_fills_once_the_market_trades_above_it(high: str, is_filled: bool) -> None:
    ledger = ledger_with(base="1")
    order = place(ledger, ticket("sell limit 0.001 @ 50000000"))

    ledger.trade_through(BTC, Decimal(49_500_000), Decimal(high), NOW)

    assert is_filled is (ledger.find(uuid=order.uuid).state is OrderState.DONE)


def test_another_markets_trades_fill_nothing() -> None:
    ledger = ledger_with()
    order = place(ledger, ticket("buy limit 0.001 @ 50000000"))

    ledger.trade_through(Market("KRW-ETH"), Decimal(1), Decimal(100), NOW)

    assert ledger.find(uuid=order.uuid).is_open


def test_cancelling_frees_the_rest_and_a_closed_order_cannot_be_cancelled() -> None:
    ledger = ledger_with(base="1")
    order = place(ledger, ticket("sell limit 0.5 @ 50000000"), book(bids="50000000x0.2"))
    assert (Decimal("0.5"), Decimal("0.3")) == (free(ledger, "BTC"), locked(ledger, "BTC"))

    cancelled = ledger.cancel(order.uuid, NOW + timedelta(seconds=3))

    assert (OrderState.CANCEL, NOW + timedelta(seconds=3)) == (cancelled.state, cancelled.closed_at)
    assert (Decimal("0.8"), ZERO) == (free(ledger, "BTC"), locked(ledger, "BTC"))
    assert name_of_refusal(lambda: ledger.cancel(order.uuid, NOW)) == "order_not_found"
    assert name_of_refusal(lambda: ledger.cancel("nobody", NOW)) == "order_not_found"


def test_an_order_is_found_by_uuid_or_identifier_and_the_uuid_wins() -> None:
    ledger = ledger_with()
    first = place(ledger, ticket("buy limit 0.001 @ 50000000", identifier="first"))
    second = place(ledger, ticket("buy limit 0.001 @ 49000000", identifier="second"))

    assert first == ledger.find(uuid=first.uuid)
    assert second == ledger.find(identifier="second")
    assert first == ledger.find(uuid=first.uuid, identifier="second")
    for unknown in ({"uuid": "nobody"}, {"identifier": "nobody"}, {}):
        assert name_of_refusal(lambda wanted=unknown: ledger.find(**wanted)) == "order_not_found"  # type: ignore[misc]


def test_orders_are_listed_by_market_and_state_oldest_first() -> None:
    ledger = ledger_with()
    resting = place(ledger, ticket("buy limit 0.001 @ 50000000"))
    done = place(ledger, ticket("buy limit 0.001 @ 50000000"), book(asks="50000000x1"))

    assert (resting,) == ledger.orders(BTC, frozenset({OrderState.WAIT}))
    assert (done,) == ledger.orders(None, frozenset({OrderState.DONE, OrderState.CANCEL}))
    assert (resting, done) == ledger.orders(BTC, frozenset(OrderState))
    assert ledger.orders(Market("KRW-ETH"), frozenset(OrderState)) == ()


def test_an_identifier_is_taken_once_for_ever() -> None:
    ledger = ledger_with()
    order = place(ledger, ticket("buy limit 0.001 @ 50000000", identifier="one"))
    ledger.cancel(order.uuid, NOW)

    assert (
        name_of_refusal(lambda: place(ledger, ticket("buy limit 0.001 @ 50000000", identifier="one"))) == "duplicated_identifier"
    )


@pytest.mark.parametrize("failing", ["buy limit 1 @ 50000000", "buy limit 1 @ 50000001", "buy limit 1", "buy price @ 4999"])
def test_a_refused_order_has_used_its_identifier_up_and_is_not_found_by_it(failing: str) -> None:
    ledger = ledger_with()
    name_of_refusal(lambda: place(ledger, ticket(failing, identifier="one")))

    assert name_of_refusal(lambda: ledger.find(identifier="one")) == "order_not_found"
    assert (
        name_of_refusal(lambda: place(ledger, ticket("buy limit 0.001 @ 50000000", identifier="one"))) == "duplicated_identifier"
    )


def test_a_test_order_checks_everything_and_changes_nothing() -> None:
    ledger = ledger_with()
    before = ledger.to_json()
    wanted = ticket("buy limit 0.001 @ 50000000", identifier="one")

    tested = ledger.test(wanted, book=book(), tick_size=TICK, now=NOW)
    too_much = replace(wanted, volume=Decimal(1))
    refusal = name_of_refusal(lambda: ledger.test(too_much, book=book(), tick_size=TICK, now=NOW))

    assert refusal == "insufficient_funds_bid"
    assert before == ledger.to_json()
    assert name_of_refusal(lambda: ledger.find(uuid=tested.uuid)) == "order_not_found"
    order = place(ledger, wanted)
    assert tested.uuid != order.uuid
    assert name_of_refusal(lambda: ledger.test(wanted, book=book(), tick_size=TICK, now=NOW)) == "duplicated_identifier"


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("buy limit 0.1", "validation_error"),
        ("buy limit @ 50000000", "validation_error"),
        ("buy price", "validation_error"),
        ("buy price 0.1 @ 5000", "validation_error"),
        ("sell market", "validation_error"),
        ("sell market 0.1 @ 50000000", "validation_error"),
        ("sell price @ 5000", "invalid_parameter"),
        ("buy market 0.1", "invalid_parameter"),
        ("buy best @ 5000", "invalid_parameter"),
        ("buy limit 0 @ 50000000", "create_bid_error"),
        ("sell market -1", "create_ask_error"),
        ("sell market NaN", "create_ask_error"),
        ("buy price @ Infinity", "create_bid_error"),
        ("sell market 0.000000009", "create_ask_error"),
        ("buy limit 0.1 @ 1E+30", "create_bid_error"),
        ("buy limit 0.1 @ 50000500", "invalid_price_bid"),
        ("sell limit 0.1 @ 50000999", "invalid_price_ask"),
        ("sell limit 0.1 @ 50000000.000000001", "invalid_price_ask"),
        ("buy limit 0.00009999 @ 50000000", "under_min_total_bid"),
        ("sell limit 0.00009999 @ 50000000", "under_min_total_ask"),
        ("sell market 0.00009999", "under_min_total_ask"),
        ("buy price @ 4999.99999999", "under_min_total_bid"),
        ("buy price @ 1000000001", "invalid_funds"),
        ("buy limit 20.00000001 @ 50000000", "invalid_funds"),
        ("buy limit 0.1 @ 50000000", "insufficient_funds_bid"),
        ("sell limit 0.1 @ 50000000", "insufficient_funds_ask"),
    ],
)
def test_an_order_is_refused_by_name_and_nothing_is_moved(wanted: str, name: str) -> None:
    ledger = ledger_with()
    before = ledger.to_json()

    assert name == name_of_refusal(lambda: place(ledger, ticket(wanted), book(bids="50000000x100")))
    assert before["accounts"] == ledger.to_json()["accounts"]
    assert ledger.orders(None, frozenset(OrderState)) == ()


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ({"time_in_force": TimeInForce.POST_ONLY, "smp_type": "cancel_maker"}, "invalid_post_only"),
        ({"smp_type": "nonsense"}, "validation_error"),
    ],
)
def test_a_self_match_rule_that_does_not_fit_is_refused(more: dict[str, object], name: str) -> None:
    assert name == name_of_refusal(lambda: place(ledger_with(), ticket("buy limit 0.001 @ 50000000", **more)))


@pytest.mark.parametrize(("krw", "is_taken"), [("5002.49999999", False), ("5002.5", True), ("5002.50000001", True)])
def test_the_fee_must_be_paid_on_top_of_a_buy(krw: str, is_taken: bool) -> None:
    for wanted in ("buy price @ 5000", "buy limit 0.0001 @ 50000000"):
        ledger = ledger_with(krw)
        if is_taken:
            assert Decimal("5002.5") == place(ledger, ticket(wanted)).reserved
        else:
            assert name_of_refusal(lambda ledger=ledger, wanted=wanted: place(ledger, ticket(wanted))) == (  # type: ignore[misc]
                "insufficient_funds_bid"
            )


@pytest.mark.parametrize(("volume", "is_taken"), [("0.99999999", True), ("1", True), ("1.00000001", False)])
def test_a_sell_takes_no_more_than_is_free(volume: str, is_taken: bool) -> None:
    ledger = ledger_with(base="1.5")
    place(ledger, ticket("sell limit 0.5 @ 60000000"))
    wanted = ticket(f"sell limit {volume} @ 60000000")

    if is_taken:
        assert place(ledger, wanted).is_open
    else:
        assert name_of_refusal(lambda: place(ledger, wanted)) == "insufficient_funds_ask"


@pytest.mark.parametrize("total", ["5000", "5000.00000001", "999999999", "1000000000"])
def test_totals_at_and_inside_the_limits_are_taken(total: str) -> None:
    assert place(ledger_with("2000000000"), ticket(f"buy price @ {total}")).price == Decimal(total)


def test_the_average_buy_price_weighs_the_funds_without_the_fee_and_survives_sales() -> None:
    ledger = ledger_with("10000000")
    place(ledger, ticket("buy limit 0.01 @ 50000000"), book(asks="50000000x1"))
    place(ledger, ticket("buy limit 0.03 @ 60000000"), book(asks="60000000x1"))
    place(ledger, ticket("sell market 0.02"), book(bids="70000000x1"))

    assert Decimal(57_500_000) == ledger.account("BTC").avg_buy_price


def test_a_purchase_after_everything_was_sold_starts_a_new_average() -> None:
    ledger = ledger_with("10000000")
    place(ledger, ticket("buy limit 0.01 @ 50000000"), book(asks="50000000x1"))
    place(ledger, ticket("sell market 0.01"), book(bids="50000000x1"))
    assert [account.currency for account in ledger.accounts()] == ["KRW"]

    place(ledger, ticket("buy limit 0.01 @ 40000000"), book(asks="40000000x1"))

    assert Decimal(40_000_000) == ledger.account("BTC").avg_buy_price
    assert [account.currency for account in ledger.accounts()] == ["KRW", "BTC"]


def test_more_than_is_free_cannot_be_withdrawn() -> None:
    ledger = ledger_with("10002.5")
    place(ledger, ticket("buy limit 0.0001 @ 50000000"))

    ledger.withdraw("KRW", Decimal(4000))

    with pytest.raises(ImpossibleValue, match="only 1000"):
        ledger.withdraw("KRW", Decimal("1000.00000001"))
    ledger.withdraw("KRW", Decimal(1000))
    assert (ZERO, Decimal("5002.5")) == (free(ledger, "KRW"), locked(ledger, "KRW"))


def busy_ledger(seed: int) -> Ledger:
    ledger = Ledger(krw=Decimal("1234567.12345678"), seed=seed)
    place(ledger, ticket("buy price @ 77777", identifier="a"), book(asks="50001000x0.0007 50002000x1"))
    place(ledger, ticket("buy limit 0.001 @ 49000000", identifier="b", smp_type="none"))
    name_of_refusal(lambda: place(ledger, ticket("buy price @ 1", identifier="c")))
    place(ledger, ticket("sell limit 0.0005 @ 51000000", time_in_force=TimeInForce.POST_ONLY))
    return ledger


def test_two_ledgers_of_one_seed_write_the_same_trace_and_another_seed_does_not() -> None:
    assert busy_ledger(7).to_json() == busy_ledger(7).to_json()
    assert busy_ledger(7).to_json() != busy_ledger(8).to_json()


def test_a_ledger_goes_through_json_and_goes_on_as_if_nothing_had_been() -> None:
    ledger = busy_ledger(3)

    restored = Ledger.restored(json.loads(json.dumps(ledger.to_json())))

    assert ledger.to_json() == restored.to_json()
    assert ledger.orders(None, frozenset(OrderState)) == restored.orders(None, frozenset(OrderState))
    assert restored.traded_until(BTC) == NOW
    for each in (ledger, restored):
        assert name_of_refusal(lambda each=each: place(each, ticket("buy price @ 5000", identifier="c"))) == (  # type: ignore[misc]
            "duplicated_identifier"
        )
        each.trade_through(BTC, Decimal(48_000_000), Decimal(52_000_000), NOW)
        place(each, ticket("buy price @ 5000"), book(asks="50001000x1"))
    assert ledger.to_json() == restored.to_json()


def test_decimals_are_written_as_strings() -> None:
    written = busy_ledger(0).to_json()

    assert written["fee_fraction"] == "0.0005"
    assert isinstance(json.loads(json.dumps(written))["accounts"][0]["balance"], str)


@pytest.mark.parametrize("damage", [{"accounts": 3}, {"fee_fraction": "much"}, {"traded_until": {"BTC": "2021-01-01T00:00:00Z"}}])
def test_a_ledger_that_cannot_be_read_is_a_data_error(damage: dict[str, object]) -> None:
    with pytest.raises(DataError, match="ledger"):
        Ledger.restored({**busy_ledger(0).to_json(), **damage})


_prices = st.integers(min_value=1, max_value=120).map(lambda ticks: Decimal(49_000_000 + 1000 * ticks))
_volumes = st.integers(min_value=1, max_value=400_000_000).map(lambda steps: Decimal(steps).scaleb(-8))
_times_in_force = st.sampled_from([None, TimeInForce.IOC, TimeInForce.FOK, TimeInForce.POST_ONLY])
_tickets = st.one_of(
    st.builds(
        lambda side, price, volume, tif: Ticket(
            market=BTC, side=side, kind=TicketKind.LIMIT, price=price, volume=volume, time_in_force=tif
        ),
        st.sampled_from(Side),
        _prices,
        _volumes,
        _times_in_force,
    ),
    st.builds(
        lambda cents: Ticket(market=BTC, side=Side.BUY, kind=TicketKind.PRICE, price=Decimal(cents).scaleb(-2), volume=None),
        st.integers(min_value=400_000, max_value=20_000_000_000),
    ),
    st.builds(lambda volume: Ticket(market=BTC, side=Side.SELL, kind=TicketKind.MARKET, price=None, volume=volume), _volumes),
)
_books = st.builds(
    lambda bid, gap, bids, asks: OrderBook(
        market=BTC,
        at=NOW,
        bids=tuple(Level(bid - 1000 * place, size) for place, size in enumerate(bids)),
        asks=tuple(Level(bid + 1000 * (gap + place), size) for place, size in enumerate(asks)),
    ),
    _prices,
    st.integers(min_value=1, max_value=3),
    st.lists(_volumes, max_size=4),
    st.lists(_volumes, max_size=4),
)
_cancel = st.integers(min_value=0, max_value=5)
_moves = st.tuples(_prices, _prices).map(lambda pair: (min(pair), max(pair)))
_steps = st.lists(st.one_of(st.tuples(_tickets, _books), _cancel, _moves), max_size=25)
Step = tuple[Ticket, OrderBook] | tuple[Decimal, Decimal] | int


def take_step(ledger: Ledger, step: Step, now: datetime) -> None:
    if isinstance(step, int):
        for order in ledger.orders(BTC, frozenset({OrderState.WAIT}))[step : step + 1]:
            ledger.cancel(order.uuid, now)
        return
    wanted, rest = step
    if isinstance(wanted, Decimal):
        assert isinstance(rest, Decimal)
        ledger.trade_through(BTC, wanted, rest, now)
        return
    assert isinstance(rest, OrderBook)
    try:
        ledger.place(wanted, book=rest, tick_size=TICK, now=now)
    except VenueRefusal:
        return


def assert_books_balance(ledger: Ledger, krw: Decimal, base: Decimal) -> None:
    orders = ledger.orders(None, frozenset(OrderState))
    spent = bought = ZERO
    for order in orders:
        sign = 1 if order.side is Side.BUY else -1
        spent = EXACT.add(spent, EXACT.add(sign * order.executed_funds, order.paid_fee))
        bought += sign * order.executed_volume
        assert order.executed_volume == sum((trade.volume for trade in order.trades), ZERO)
        assert order.executed_funds == sum((EXACT.multiply(trade.price, trade.volume) for trade in order.trades), ZERO)
        assert order.paid_fee == EXACT.multiply(order.executed_funds, Decimal("0.0005"))
        assert order.locked >= ZERO
        assert order.remaining_fee >= ZERO
    money, coins = ledger.account("KRW"), ledger.account("BTC")
    assert krw == EXACT.add(money.total, spent)
    assert base == coins.total - bought
    for account, side in ((money, Side.BUY), (coins, Side.SELL)):
        assert account.balance >= ZERO
        assert account.locked == sum((order.locked for order in orders if order.is_open and order.side is side), ZERO)


@settings(max_examples=150, deadline=None)
@given(steps=_steps, krw=st.integers(min_value=0, max_value=300_000_000), base=_volumes)
def test_money_is_neither_made_nor_lost(steps: list[Step], krw: int, base: Decimal) -> None:
    ledger = Ledger(krw=Decimal(krw))
    ledger.deposit("BTC", base)
    for second, step in zip(count(), steps, strict=False):
        take_step(ledger, step, NOW + timedelta(seconds=second))

        assert_books_balance(ledger, Decimal(krw), base)

    assert ledger.to_json() == Ledger.restored(json.loads(json.dumps(ledger.to_json()))).to_json()
