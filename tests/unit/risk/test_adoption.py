"""Coins of the operator's that the bot took over: what is owned, at which cost and levels, and what is no gain."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.events import Period, PeriodOpened, PositionAdopted, TransferDeclared
from dg_bot.domain.portfolio import ProtectiveLevels
from dg_bot.errors import ImpossibleValue, InvariantViolated
from dg_bot.risk.state import Opening
from tests.unit.risk.account import BTC, NOON, PROTECTION, Folded


def adopted(quantity: str, *, cost: str = "10000", mark: str = "10000") -> PositionAdopted:
    return PositionAdopted(
        market=BTC, quantity=Decimal(quantity), cost_krw=Decimal(cost), mark_krw=Decimal(mark), protection=PROTECTION
    )


def arrived(quantity: str) -> TransferDeclared:
    return TransferDeclared(currency="BTC", amount=Decimal(quantity), note="sent in")


def test_adopted_coins_are_a_position_and_change_no_balance() -> None:
    state = Folded(arrived("2"), adopted("1.5")).state

    held = state.positions[BTC]
    assert (Decimal("1.5"), Decimal(10000), False) == (held.quantity, held.average_cost_krw, held.is_dust)
    assert ProtectiveLevels(stop_krw=Decimal(9500), target_krw=Decimal(11000), highest_krw=Decimal(10000)) == held.levels
    assert (Decimal(1_000_000), Decimal(2)) == (state.expected_total("KRW"), state.expected_total("BTC"))
    assert ({}, {}, {}) == (state.filled_entries, state.spends, state.last_entry_at)


def test_adopted_coins_join_a_position_at_the_average_of_their_costs() -> None:
    held = Folded(arrived("1")).buy("1 @ 10000").add(adopted("1", cost="12000", mark="11000")).state.positions[BTC]

    assert (Decimal(2), Decimal(11000), Decimal(10450)) == (held.quantity, held.average_cost_krw, held.levels.stop_krw)


def test_what_they_are_worth_now_is_no_gain_of_the_day_whatever_they_cost() -> None:
    folded = Folded(
        PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(900_000)), arrived("2"), adopted("2", cost="9600")
    )

    assert Opening(NOON, Decimal(920_000)) == folded.state.day


@pytest.mark.parametrize(("quantity", "is_dust"), [("0.4999", True), ("0.5", False)])
def test_what_the_venue_would_not_take_is_dust(quantity: str, is_dust: bool) -> None:
    assert is_dust is Folded(arrived("2"), adopted(quantity)).state.positions[BTC].is_dust


@pytest.mark.parametrize("quantity", ["2.00000001", "3"])
def test_more_than_the_account_holds_is_never_owned(quantity: str) -> None:
    with pytest.raises(InvariantViolated, match="I7"):
        Folded(arrived("2"), adopted(quantity))


@pytest.mark.parametrize("nonsense", [{"quantity": "0"}, {"quantity": "-1"}, {"quantity": "1", "cost": "0"}])
def test_an_adoption_of_nothing_cannot_be_built(nonsense: dict[str, str]) -> None:
    with pytest.raises(ImpossibleValue):
        adopted(**nonsense)


amounts = st.decimals(min_value="0.00000001", max_value="1000", places=8)


@given(bought=amounts, came=amounts, share=st.decimals(min_value="0.01", max_value="1", places=2))
def test_nothing_is_created_by_an_adoption(bought: Decimal, came: Decimal, share: Decimal) -> None:
    """I5, I7: the account's balance stays what it was, and no more of it is owned than is there."""
    folded = Folded().buy(f"{bought:f} @ 10").add(arrived(f"{came:f}"))
    before = folded.state.expected_total("BTC"), folded.state.expected_total("KRW")

    folded.add(adopted(f"{came * share:f}", cost="10", mark="11"))

    assert before == (folded.state.expected_total("BTC"), folded.state.expected_total("KRW"))
    assert folded.state.positions[BTC].quantity == bought + came * share <= before[0]


def test_what_is_held_weighs_in_the_cost_by_its_quantity() -> None:
    held = Folded(arrived("1")).buy("3 @ 10000").add(adopted("1", cost="12000", mark="11000")).state.positions[BTC]

    assert Decimal(10500) == held.average_cost_krw


def test_an_adoption_of_too_much_names_its_invariant() -> None:
    with pytest.raises(InvariantViolated) as caught:
        Folded(arrived("2"), adopted("3"))

    assert "I7" == caught.value.invariant


@pytest.mark.parametrize(("held", "is_kept"), [("1 @ 10000", True), ("0.4 @ 10000", False)])
def test_a_position_that_could_be_sold_keeps_its_beginning(held: str, is_kept: bool) -> None:
    folded = Folded(arrived("1")).buy(held, at=NOON)

    folded.add(adopted("1"), at=NOON + timedelta(hours=3))

    assert (NOON if is_kept else NOON + timedelta(hours=3)) == folded.state.positions[BTC].opened_at
