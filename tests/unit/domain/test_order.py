import re
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.market import Market
from dg_bot.domain.order import Fill, Identifier, MarketBuy, MarketSell, Role, Side, VenueOrder, VenueState
from dg_bot.errors import ImpossibleValue

BTC = Market("KRW-BTC")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LONGEST = Market("KRW-ABCDEFGHIJ")


def identifier(
    *,
    namespace: str = "dg",
    market: Market = BTC,
    hour: str = "20261120T12",
    role: Role = Role.ENTRY,
    leg: int = 0,
    attempt: int = 0,
) -> Identifier:
    return Identifier(namespace=namespace, market=market, cycle_hour=hour, role=role, leg=leg, attempt=attempt)


def fill(quantity: str = "0.5", *, price: str = "100", funds: str = "50") -> Fill:
    return Fill(trade_id="t1", price=Decimal(price), quantity=Decimal(quantity), funds_krw=Decimal(funds), at=NOON)


def order(executed: str, *fills: Fill) -> VenueOrder:
    return VenueOrder(
        venue_id="v1",
        identifier="dg.x",
        market=BTC,
        side=Side.BUY,
        state=VenueState.CLOSED,
        executed_quantity=Decimal(executed),
        paid_fee_krw=Decimal(0),
        fills=fills,
        created_at=NOON,
    )


def test_an_identifier_tells_its_whole_origin() -> None:
    assert "dg.KRW-BTC.20261120T12.entry.0.0" == str(identifier())
    assert "me_2.KRW-BTC.20261120T12.exit.3.1" == str(identifier(namespace="me_2", role=Role.EXIT, leg=3, attempt=1))


@pytest.mark.parametrize(("namespace", "is_good"), [("", False), ("a", True), ("a" * 12, True), ("a" * 13, False)])
def test_a_namespace_has_one_to_twelve_signs(namespace: str, is_good: bool) -> None:
    if is_good:
        assert str(identifier(namespace=namespace)).startswith(f"{namespace}.")
    else:
        with pytest.raises(ImpossibleValue, match="order namespace"):
            identifier(namespace=namespace)


@pytest.mark.parametrize("namespace", ["a.b", "a b", "a/b", "a\n", "\uac00", "a:b"])
def test_a_namespace_cannot_be_taken_for_another_part_of_the_identifier(namespace: str) -> None:
    with pytest.raises(ImpossibleValue, match="order namespace"):
        identifier(namespace=namespace)


@pytest.mark.parametrize("hour", ["2026-11-20T12", "20261120T12"])
def test_the_hour_is_a_part_of_the_identifier_as_it_is(hour: str) -> None:
    assert hour in str(identifier(hour=hour))


@pytest.mark.parametrize("hour", ["20261120T12:00", "20261120 12", "\uc2dc", "a/b"])
def test_a_sign_that_the_venue_does_not_take_is_refused(hour: str) -> None:
    with pytest.raises(ImpossibleValue, match=r"identifier: .*use 1 to 64 of"):
        identifier(hour=hour)


@pytest.mark.parametrize(("leg", "attempt"), [(-1, 0), (0, -1)])
def test_legs_and_attempts_count_from_zero(leg: int, attempt: int) -> None:
    with pytest.raises(ImpossibleValue, match="leg and attempt count from zero"):
        identifier(leg=leg, attempt=attempt)


def test_the_longest_identifier_of_a_real_order_fits() -> None:
    longest = str(identifier(namespace="a" * 12, market=LONGEST, leg=99, attempt=999))

    assert len(longest) <= 64


@pytest.mark.parametrize(("extra", "fits"), [(0, True), (1, False)])
def test_an_identifier_has_at_most_sixty_four_signs(extra: int, fits: bool) -> None:
    shorter = str(identifier(hour="2"))
    hour = "2" * (64 - len(shorter) + 1 + extra)

    if fits:
        assert 64 == len(str(identifier(hour=hour)))
    else:
        with pytest.raises(ImpossibleValue, match="use 1 to 64"):
            identifier(hour=hour)


PARTS = st.tuples(
    st.from_regex(r"[A-Za-z0-9_-]{1,12}", fullmatch=True),
    st.sampled_from(["KRW-BTC", "KRW-ETH", "KRW-1INCH"]),
    st.integers(0, 23),
    st.sampled_from(list(Role)),
    st.integers(0, 99),
    st.integers(0, 99),
)


@given(parts=st.sets(PARTS, min_size=2, max_size=6))
def test_orders_of_different_origin_never_share_an_identifier(parts: set[tuple[str, str, int, Role, int, int]]) -> None:
    names = {
        str(identifier(namespace=name, market=Market(code), hour=f"20261120T{hour:02}", role=role, leg=leg, attempt=attempt))
        for name, code, hour, role, leg, attempt in parts
    }

    assert len(parts) == len(names)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]{1,64}", name) for name in names)


@pytest.mark.parametrize("amount", ["0", "-1", "NaN", "Infinity"])
def test_an_order_is_for_something(amount: str) -> None:
    with pytest.raises(ImpossibleValue, match="buy notional"):
        MarketBuy(market=BTC, notional_krw=Decimal(amount))
    with pytest.raises(ImpossibleValue, match="sell quantity"):
        MarketSell(market=BTC, quantity=Decimal(amount))


def test_an_order_knows_its_side() -> None:
    assert Side.BUY is MarketBuy(market=BTC, notional_krw=Decimal(1)).side
    assert Side.SELL is MarketSell(market=BTC, quantity=Decimal("1E-8")).side


@pytest.mark.parametrize(("quantity", "price", "funds"), [("0", "1", "1"), ("1", "0", "1"), ("1", "1", "0"), ("NaN", "1", "1")])
def test_a_fill_moved_something(quantity: str, price: str, funds: str) -> None:
    with pytest.raises(ImpossibleValue, match=r"fill (quantity|price|funds)"):
        fill(quantity, price=price, funds=funds)


@pytest.mark.parametrize(
    ("executed", "listed", "has_all"),
    [("0", (), True), ("0.5", (), False), ("0.5", ("0.5",), True), ("0.5", ("0.25",), False), ("0.5", ("0.25", "0.25"), True)],
)
def test_an_order_knows_whether_its_fills_are_complete(executed: str, listed: tuple[str, ...], has_all: bool) -> None:
    assert has_all is order(executed, *(fill(quantity) for quantity in listed)).has_all_fills


def test_the_funds_of_an_order_are_those_of_its_fills() -> None:
    assert Decimal("50.5") == order("1", fill(funds="50"), fill(funds="0.5")).funds_krw


@pytest.mark.parametrize("executed", ["-0.1", "NaN"])
def test_nothing_is_executed_backwards(executed: str) -> None:
    with pytest.raises(ImpossibleValue, match="executed quantity"):
        order(executed)
