from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.domain.historic_rules import OrderFault, order_faults, order_terms
from dg_bot.domain.market import Market

SEPTEMBER, NOVEMBER = datetime(2024, 9, 15, tzinfo=UTC), datetime(2024, 11, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    ("market", "price", "at", "faults"),
    [
        ("KRW-ADA", "500.1", SEPTEMBER, ()),
        ("KRW-ADA", "500.1", NOVEMBER, (OrderFault.OFF_TICK,)),
        ("KRW-ADA", "501", NOVEMBER, ()),
        ("KRW-XRP", "500.1", NOVEMBER, ()),
        ("KRW-XRP", "500.15", NOVEMBER, (OrderFault.OFF_TICK,)),
    ],
)
def test_an_order_that_was_legal_once_is_told_from_one_that_was_not(
    market: str, price: str, at: datetime, faults: tuple[OrderFault, ...]
) -> None:
    assert faults == order_faults(Market(market), Decimal(price), Decimal(100), at)


@pytest.mark.parametrize(("quantity", "is_legal"), [("9.99", False), ("10", True), ("10.01", True)])
def test_an_order_is_worth_its_minimum_at_least(quantity: str, is_legal: bool) -> None:
    assert is_legal == (() == order_faults(Market("KRW-XRP"), Decimal(500), Decimal(quantity), NOVEMBER))


def test_minimum_and_fee_are_those_that_the_venue_published() -> None:
    terms = order_terms(datetime(2020, 1, 1, tzinfo=UTC))

    assert (Decimal(5000), Decimal("0.0005")) == (terms.minimum_notional_krw, terms.fee_fraction)
