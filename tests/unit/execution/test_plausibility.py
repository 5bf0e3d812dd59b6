from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.domain.events import IntentPlanned
from dg_bot.domain.market import Market
from dg_bot.domain.order import Fill, Role, Side, VenueOrder, VenueState
from dg_bot.execution.plausibility import fee_drift, oddity

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
BUY = IntentPlanned(
    identifier="ours",
    market=BTC,
    cycle_id="cycle",
    role=Role.ENTRY,
    leg=0,
    attempt=0,
    side=Side.BUY,
    notional_krw=Decimal(10_000),
    quantity=None,
    reference_krw=Decimal(1000),
    minimum_notional_krw=Decimal(5000),
    reason="told to",
    decision_digest="0",
)
SELL = replace(BUY, role=Role.EXIT, side=Side.SELL, notional_krw=None, quantity=Decimal(10))


def order(
    side: Side = Side.BUY, *, quantity: str = "10", price: str = "1000", funds: str | None = None, fee: str = "5"
) -> VenueOrder:
    cost = Decimal(quantity) * Decimal(price) if funds is None else Decimal(funds)
    fill = Fill(trade_id="t", price=Decimal(price), quantity=Decimal(quantity), funds_krw=cost, at=NOON)
    return VenueOrder(
        venue_id="v",
        identifier="ours",
        market=BTC,
        side=side,
        state=VenueState.CLOSED,
        executed_quantity=Decimal(quantity),
        paid_fee_krw=Decimal(fee),
        fills=(fill,),
        created_at=NOON,
    )


def test_what_can_be_true_is_not_odd() -> None:
    assert oddity(BUY, order()) is None
    assert oddity(SELL, order(Side.SELL)) is None
    assert oddity(BUY, replace(order(), identifier=None)) is None


@pytest.mark.parametrize(
    ("plan", "answer", "words"),
    [
        (BUY, replace(order(), market=ETH), "it is a buy on KRW-ETH"),
        (BUY, order(Side.SELL), "it is a sell on KRW-BTC"),
        (BUY, replace(order(), identifier="theirs"), "it names theirs"),
        (SELL, order(Side.SELL, quantity="10.00000001"), "10.00000001 was executed of 10"),
        (BUY, order(quantity="10.001"), "10001.000 KRW was spent of 10000"),
        (BUY, order(quantity="9", funds="9001.01"), "a fill's funds are not its price times its quantity"),
        (BUY, order(fee="100.01"), "a fee of 100.01 KRW on 10000 KRW"),
    ],
)
def test_what_contradicts_the_order_is_named(plan: IntentPlanned, answer: VenueOrder, words: str) -> None:
    assert words == oddity(plan, answer)


@pytest.mark.parametrize(
    "answer",
    [order(quantity="9", funds="9001"), order(quantity="9", funds="8999"), order(fee="100")],
    ids=["a won more", "a won less", "a hundredth of fee"],
)
def test_figures_at_their_limits_can_be_true(answer: VenueOrder) -> None:
    assert oddity(BUY, answer) is None


@pytest.mark.parametrize(
    ("quantity", "fee", "is_drift"),
    [
        ("10", "4", False),
        ("10", "6", False),
        ("10", "6.01", True),
        ("10", "3.99", True),
        ("1000", "525", False),
        ("1000", "525.01", True),
        ("1000", "475", False),
        ("1000", "474.99", True),
    ],
)
def test_a_fee_drifts_by_more_than_a_won_and_a_twentieth(quantity: str, fee: str, is_drift: bool) -> None:
    assert is_drift is (fee_drift(order(quantity=quantity, fee=fee)) is not None)


def test_a_drift_is_told_with_both_figures() -> None:
    assert "13.9 KRW was paid on 10000 KRW, where a fee of 0.0005 would be 5.0000 KRW" == fee_drift(order(fee="13.9"))
