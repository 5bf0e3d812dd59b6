from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from dg_bot.domain.market import Market
from dg_bot.domain.portfolio import Balance, Portfolio, Position, ProtectionPlan, ProtectiveLevels
from dg_bot.errors import DataError, ImpossibleValue

BTC, ETH = Market("KRW-BTC"), Market("KRW-ETH")
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LEVELS = ProtectiveLevels(stop_krw=Decimal(95), target_krw=Decimal(110), highest_krw=Decimal(100))


def position(market: Market = BTC, quantity: str = "0.5") -> Position:
    return Position(market=market, quantity=Decimal(quantity), average_cost_krw=Decimal(100), opened_at=NOON, levels=LEVELS)


def portfolio(krw: str, *positions: Position, btc: str = "100", eth: str = "10") -> Portfolio:
    return Portfolio(
        krw=Balance("KRW", Decimal(krw), Decimal(0)), positions=positions, marks_krw={BTC: Decimal(btc), ETH: Decimal(eth)}
    )


def test_a_balance_is_what_is_free_and_what_is_locked() -> None:
    assert Decimal(3) == Balance("KRW", Decimal(1), Decimal(2)).total


@pytest.mark.parametrize(
    ("free", "locked", "which"), [("-1", "0", "free KRW"), ("0", "-1", "locked KRW"), ("NaN", "0", "free KRW")]
)
def test_a_balance_is_never_negative(free: str, locked: str, which: str) -> None:
    with pytest.raises(ImpossibleValue, match=which):
        Balance("KRW", Decimal(free), Decimal(locked))


def test_equity_is_won_and_positions_at_their_marks() -> None:
    it = portfolio("50", position(BTC, "0.5"), position(ETH, "2"))

    assert Decimal(70) == it.position_value_krw
    assert Decimal(120) == it.equity_krw


def test_won_in_open_orders_is_equity_too() -> None:
    it = replace(portfolio("50"), krw=Balance("KRW", Decimal(50), Decimal(7)))

    assert Decimal(57) == it.equity_krw


def test_dust_is_worth_something_but_is_no_open_position() -> None:
    it = portfolio("50", position(BTC, "0.1"))

    assert () == it.open_positions
    assert it.position_on(BTC) is None
    assert Decimal(60) == it.equity_krw


@pytest.mark.parametrize(("mark", "is_open"), [("9999.99", False), ("10000", True), ("10000.01", True)])
def test_dust_is_what_the_venue_would_not_take_at_the_present_price(mark: str, is_open: bool) -> None:
    it = portfolio("50", position(BTC, "0.5"), btc=mark)

    assert is_open is bool(it.open_positions)


@pytest.mark.parametrize(("quantity", "is_dust"), [("49.99", True), ("50", False), ("50.01", False)])
def test_without_a_present_price_the_cost_tells_what_is_dust(quantity: str, is_dust: bool) -> None:
    assert is_dust is position(BTC, quantity).is_dust


def test_the_position_on_a_market_is_found() -> None:
    it = portfolio("50", position(BTC), position(ETH, "500"))

    assert position(ETH, "500") == it.position_on(ETH)


def test_a_position_without_a_mark_price_is_no_portfolio() -> None:
    with pytest.raises(DataError, match="no mark price for KRW-BTC"):
        Portfolio(krw=Balance("KRW", Decimal(0), Decimal(0)), positions=(position(),), marks_krw={ETH: Decimal(1)})


@pytest.mark.parametrize(
    ("began_with", "held", "rest"),
    [
        (None, "2", "1"),
        (None, "0.00000003", "0.00000001"),
        (None, "0.00000001", "0"),
        ("2", "2", "1"),
        ("2", "1.5", "0.5"),
        ("2", "1", "0"),
        ("2", "0.5", "0"),
    ],
)
def test_a_stage_of_profit_sells_half_of_what_it_began_with(began_with: str | None, held: str, rest: str) -> None:
    it = position(quantity=held)
    began = replace(it, levels=replace(LEVELS, staged_quantity=None if began_with is None else Decimal(began_with)))

    assert Decimal(rest) == began.stage_rest


@pytest.mark.parametrize("quantity", ["0", "-1", "NaN"])
def test_a_position_of_nothing_cannot_be(quantity: str) -> None:
    with pytest.raises(ImpossibleValue, match="position quantity"):
        position(quantity=quantity)


@pytest.mark.parametrize(("highest", "stop"), [("100", "95"), ("104.9", "95"), ("105", "95"), ("105.1", "95.1"), ("120", "110")])
def test_the_stop_that_holds_is_the_higher_of_fixed_and_trailing(highest: str, stop: str) -> None:
    levels = replace(LEVELS, highest_krw=Decimal(highest), trailing_distance_krw=Decimal(10))

    assert Decimal(stop) == levels.effective_stop_krw


def test_without_a_trailing_distance_the_fixed_stop_holds() -> None:
    assert Decimal(95) == replace(LEVELS, highest_krw=Decimal(1000)).effective_stop_krw


@pytest.mark.parametrize(
    ("stop", "is_possible"), [("0", False), ("0.0001", True), ("0.9999", True), ("1", False), ("NaN", False)]
)
def test_a_stop_lies_between_nothing_and_everything(stop: str, is_possible: bool) -> None:
    if is_possible:
        assert Decimal(stop) == ProtectionPlan(stop_fraction=Decimal(stop), target_fraction=Decimal("0.1")).stop_fraction
    else:
        with pytest.raises(ImpossibleValue, match="stop fraction"):
            ProtectionPlan(stop_fraction=Decimal(stop), target_fraction=Decimal("0.1"))


@pytest.mark.parametrize("text", ["0", "-1", "NaN"])
def test_every_other_distance_of_a_protection_is_above_zero(text: str) -> None:
    plan, value = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.1")), Decimal(text)

    with pytest.raises(ImpossibleValue, match="target fraction"):
        replace(plan, target_fraction=value)
    with pytest.raises(ImpossibleValue, match="stop distance"):
        replace(plan, stop_distance_krw=value)
    with pytest.raises(ImpossibleValue, match="target distance"):
        replace(plan, target_distance_krw=value)
    with pytest.raises(ImpossibleValue, match="trailing distance"):
        replace(plan, trailing_distance_krw=value)
    with pytest.raises(ImpossibleValue, match="stage fraction"):
        replace(plan, stage_fraction=value)
