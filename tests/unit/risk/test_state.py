from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.events import (
    AccountOpened,
    AlarmRaised,
    Answer,
    Closing,
    CycleCompleted,
    HighestPriceRaised,
    IntentAnswered,
    IntentSending,
    Period,
    PeriodOpened,
    SafeModeEntered,
    SafeModeLeft,
    TransferDeclared,
)
from dg_bot.domain.portfolio import Balance, ProtectionPlan, ProtectiveLevels
from dg_bot.errors import InvariantViolated
from dg_bot.risk.state import Opening, RiskState, SafeMode
from tests.journal_records import report
from tests.unit.risk.account import BTC, ETH, MINIMUM, NOON, PROTECTION, Folded, buy_plan, executed, sell_plan, unexecuted

INSTANT = timedelta(microseconds=1)
WEEK = timedelta(days=7)
STAGED = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.10"), stage_fraction=Decimal("0.05"))


def test_a_buy_is_a_position_at_its_cost_with_the_fee() -> None:
    state = Folded().buy("2 @ 10000 10").state

    held = state.positions[BTC]
    assert (Decimal(2), Decimal(10005)) == (held.quantity, held.average_cost_krw)
    assert NOON == held.opened_at
    assert not held.is_dust
    assert (Decimal(979_990), Decimal(2)) == (state.expected_total("KRW"), state.expected_total("BTC"))


def test_the_levels_of_a_position_are_around_its_cost() -> None:
    assert (
        ProtectiveLevels(stop_krw=Decimal(9500), target_krw=Decimal(11000), highest_krw=Decimal(10000))
        == Folded().buy("2 @ 10000").state.positions[BTC].levels
    )


def test_every_distance_of_the_protection_becomes_a_level() -> None:
    plan = ProtectionPlan(
        stop_fraction=Decimal("0.05"),
        target_fraction=Decimal("0.10"),
        stop_distance_krw=Decimal(400),
        target_distance_krw=Decimal(800),
        trailing_distance_krw=Decimal(300),
        stage_fraction=Decimal("0.05"),
        trend_strength=31.5,
    )

    assert (
        ProtectiveLevels(
            stop_krw=Decimal(9600),
            target_krw=Decimal(10800),
            highest_krw=Decimal(10000),
            stage_krw=Decimal(10500),
            trailing_distance_krw=Decimal(300),
            trend_strength=31.5,
        )
        == Folded().buy("2 @ 10000", protection=plan).state.positions[BTC].levels
    )


def test_adding_to_a_position_averages_its_cost_and_moves_its_levels() -> None:
    held = Folded().buy("1 @ 10000 5").buy("3 @ 12000 15", at=NOON + timedelta(seconds=2)).state.positions[BTC]

    assert (Decimal(4), Decimal(11505)) == (held.quantity, held.average_cost_krw)
    assert NOON == held.opened_at
    assert Decimal("10929.75") == held.levels.stop_krw


def test_selling_a_part_leaves_the_cost_of_the_rest() -> None:
    state = Folded().buy("2 @ 10000").sell("0.5 @ 11000 5").state

    assert (Decimal("1.5"), Decimal(10000)) == (state.positions[BTC].quantity, state.positions[BTC].average_cost_krw)
    assert (Decimal(985_495), Decimal("1.5")) == (state.expected_total("KRW"), state.expected_total("BTC"))


def test_selling_all_ends_the_position() -> None:
    state = Folded().buy("2 @ 10000").sell("2 @ 11000").state

    assert {} == state.positions
    assert (Decimal(1_002_000), Decimal(0)) == (state.expected_total("KRW"), state.expected_total("BTC"))


@pytest.mark.parametrize(("sold", "is_dust"), [("1.4999", False), ("1.5", False), ("1.50000001", True)])
def test_a_rest_that_is_worth_less_than_the_minimum_is_dust(sold: str, is_dust: bool) -> None:
    state = Folded().buy("2 @ 10000").sell(f"{sold} @ 10000").state

    assert MINIMUM == Decimal(5000)
    assert is_dust is state.positions[BTC].is_dust


def test_dust_joins_the_next_entry_and_the_position_begins_anew() -> None:
    later = NOON + timedelta(days=1)
    held = Folded().buy("2 @ 10000").sell("1.75 @ 10000").buy("0.75 @ 12000", at=later).state.positions[BTC]

    assert (Decimal(1), Decimal(11500), False) == (held.quantity, held.average_cost_krw, held.is_dust)
    assert later == held.opened_at


def test_whether_it_is_dust_is_judged_by_the_price_of_the_new_fill() -> None:
    later = NOON + timedelta(days=1)

    assert later == Folded().buy("2 @ 10000").sell("1.6 @ 10000").buy("2 @ 10000", at=later).state.positions[BTC].opened_at


def test_the_first_stage_of_profit_is_taken_once() -> None:
    folded = Folded().buy("2 @ 10000", protection=STAGED)
    assert Decimal(10500) == folded.state.positions[BTC].levels.stage_krw

    folded.sell("1 @ 10500", reason="staged_profit")

    assert folded.state.positions[BTC].levels.stage_krw is None
    assert Decimal(11000) == folded.state.positions[BTC].levels.target_krw


def test_the_first_stage_of_profit_may_be_taken_in_parts() -> None:
    folded = Folded().buy("4 @ 10000", protection=STAGED).sell("0.5 @ 10500", reason="staged_profit")
    levels = folded.state.positions[BTC].levels
    assert (Decimal(10500), Decimal(4)) == (levels.stage_krw, levels.staged_quantity)

    folded.sell("1.5 @ 10500", reason="staged_profit")

    levels = folded.state.positions[BTC].levels
    assert levels.stage_krw is None
    assert levels.staged_quantity is None


@pytest.mark.parametrize(("sold", "is_taken"), [("1.5238", False), ("1.52380953", True), ("1.9999", True)])
def test_a_rest_of_the_first_stage_that_nobody_would_buy_counts_as_taken(sold: str, is_taken: bool) -> None:
    folded = Folded().buy("4 @ 10000", protection=STAGED).sell(f"{sold} @ 10500", reason="staged_profit")

    assert is_taken is (folded.state.positions[BTC].levels.stage_krw is None)


def test_another_sale_leaves_the_first_stage_of_profit() -> None:
    assert Decimal(10500) == Folded().buy("2 @ 10000", protection=STAGED).sell("1 @ 10500").state.positions[BTC].levels.stage_krw


def test_a_highest_price_only_rises() -> None:
    folded = Folded().buy("2 @ 10000").add(HighestPriceRaised(market=BTC, price_krw=Decimal(10200)))
    folded.add(HighestPriceRaised(market=BTC, price_krw=Decimal(10100)))

    assert Decimal(10200) == folded.state.positions[BTC].levels.highest_krw


@pytest.mark.parametrize("closing", [Closing.NOT_EXECUTED, Closing.REJECTED, Closing.NEVER_ACCEPTED])
def test_an_order_that_came_to_nothing_changes_no_money(closing: Closing) -> None:
    folded = Folded().send("x").add(unexecuted("x", closing))

    assert {} == folded.state.positions
    assert {} == folded.state.flows
    assert {} == folded.state.open_plans
    assert (0, Decimal(0)) == (folded.state.entries_filled_on_day_of(NOON), folded.state.krw_spent_since(NOON))


def test_an_entry_that_was_never_sent_is_closed_without_a_trace() -> None:
    folded = Folded(buy_plan("x"), unexecuted("x", Closing.NEVER_ACCEPTED))

    assert {} == folded.state.open_plans
    assert {} == folded.state.spends


def test_an_open_entry_counts_with_all_that_it_may_cost() -> None:
    state = Folded().send("x", "70000").send("y", "30000", market=ETH).state

    assert Decimal(100_000) == state.unresolved_entry_krw()
    assert Decimal(30_000) == state.unresolved_entry_krw(besides="KRW-BTC/2026-11-20T12")
    assert Decimal(100_000) == state.krw_spent_since(NOON)
    assert Decimal(70_000) == state.krw_spent_in("KRW-BTC/2026-11-20T12")
    assert 2 == state.orders_sent_since(NOON)


def test_a_closed_entry_counts_with_what_it_cost() -> None:
    state = Folded().send("x", "70000").add(executed("x", "2", "20000", "20")).state

    assert Decimal(0) == state.unresolved_entry_krw()
    assert Decimal(40_000) == state.krw_spent_since(NOON)


def test_an_exit_is_not_counted_among_entries() -> None:
    state = Folded().buy("2 @ 10000", at=NOON - timedelta(hours=2)).sell("2 @ 9000").state

    assert 0 == state.orders_sent_since(NOON - timedelta(hours=1))
    assert 1 == state.entries_filled_on_day_of(NOON)


def test_an_order_that_is_sent_again_is_counted_once() -> None:
    folded = Folded().send("x").add(IntentAnswered(identifier="x", answer=Answer.UNKNOWN), IntentSending(identifier="x"))

    assert (1, Decimal(100_000)) == (folded.state.orders_sent_since(NOON), folded.state.krw_spent_since(NOON))


def test_the_children_of_one_entry_are_one_entry() -> None:
    assert 1 == Folded().buy("1 @ 10000").buy("1 @ 10001").state.entries_filled_on_day_of(NOON)


def test_entries_are_counted_from_midnight_in_seoul() -> None:
    midnight = seoul_day_start(NOON)
    folded = Folded(start=midnight - timedelta(days=1))
    folded.buy("1 @ 10000", at=midnight - INSTANT).buy("1 @ 10000", market=ETH, at=midnight)

    assert 1 == folded.state.entries_filled_on_day_of(NOON)
    assert {BTC: midnight - INSTANT, ETH: midnight} == folded.state.last_entry_at


@pytest.mark.parametrize(("age", "is_kept"), [(WEEK - INSTANT, True), (WEEK, False), (WEEK + INSTANT, False)])
def test_counters_are_kept_for_seven_days(age: timedelta, is_kept: bool) -> None:
    folded = Folded().buy("1 @ 10000").buy("1 @ 10000", market=ETH, at=NOON + age)

    assert is_kept is ("KRW-BTC/2026-11-20T12" in folded.state.filled_entries)
    assert is_kept is ("order-1" in folded.state.spends)


def test_positions_safe_mode_and_open_orders_outlive_every_counter() -> None:
    folded = Folded().buy("1 @ 10000").send("x", market=ETH).add(SafeModeEntered(reason="daily_loss"), at=NOON)
    years_later = NOON + timedelta(days=800)
    folded.buy("1 @ 10000", market=ETH, at=years_later)

    assert Decimal(9500) == folded.state.positions[BTC].levels.stop_krw
    assert SafeMode("daily_loss", NOON) == folded.state.safe_mode
    assert ["x"] == list(folded.state.open_plans)
    assert {BTC: NOON, ETH: years_later} == folded.state.last_entry_at


def test_safe_mode_is_left_when_somebody_leaves_it() -> None:
    assert Folded(SafeModeEntered(reason="r"), SafeModeLeft(by="operator")).state.safe_mode is None


def test_a_declared_transfer_moves_what_is_expected_and_what_the_periods_began_with() -> None:
    day, week = NOON - timedelta(hours=21), NOON - timedelta(days=4)
    folded = Folded(
        PeriodOpened(period=Period.DAY, start=day, equity_krw=Decimal(900_000)),
        PeriodOpened(period=Period.WEEK, start=week, equity_krw=Decimal(800_000)),
        TransferDeclared(currency="KRW", amount=Decimal(-100_000), note="taken out"),
    )

    assert Decimal(900_000) == folded.state.expected_total("KRW")
    assert Opening(day, Decimal(800_000)) == folded.state.day
    assert Opening(week, Decimal(700_000)) == folded.state.week


def test_a_declared_transfer_of_a_coin_moves_only_what_is_expected() -> None:
    folded = Folded(
        PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(900_000)),
        TransferDeclared(currency="BTC", amount=Decimal("0.5"), note="bought by hand"),
    )

    assert Decimal("0.5") == folded.state.expected_total("BTC")
    assert Opening(NOON, Decimal(900_000)) == folded.state.day
    assert {} == folded.state.positions


@pytest.mark.parametrize(
    ("gone", "left", "equity"),
    [("-0.5", "2", 900_000), ("-0.50000001", "1.99999999", "899999.9999"), ("-1", "1.5", 895_000), ("-2.5", None, 880_000)],
)
def test_a_coin_that_its_owner_took_away_is_no_longer_owned_and_is_no_loss(gone: str, left: str | None, equity: str) -> None:
    folded = Folded(
        PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(900_000)),
        TransferDeclared(currency="BTC", amount=Decimal("0.5"), note="bought by hand"),
    ).buy("2 @ 10000")

    folded.add(TransferDeclared(currency="BTC", amount=Decimal(gone), note="sold by hand"))

    assert (None if left is None else Decimal(left)) == (folded.state.positions[BTC].quantity if left is not None else None)
    assert (left is None) is (BTC not in folded.state.positions)
    assert Opening(NOON, Decimal(equity)) == folded.state.day


@pytest.mark.parametrize(("gone", "is_dust"), [("-1.4999", False), ("-1.5", False), ("-1.50000001", True)])
def test_what_is_left_of_a_coin_that_was_taken_away_may_be_dust(gone: str, is_dust: bool) -> None:
    folded = Folded().buy("2 @ 10000").add(TransferDeclared(currency="BTC", amount=Decimal(gone), note="sold by hand"))

    assert is_dust is folded.state.positions[BTC].is_dust


def test_the_gain_of_the_periods_is_that_of_the_last_cycle() -> None:
    folded = Folded(CycleCompleted(report=report()))
    assert (Decimal("0.01"), Decimal("-0.02")) == (folded.state.daily_pnl_fraction, folded.state.weekly_pnl_fraction)

    folded.add(CycleCompleted(report=replace(report(), state=None)))

    assert (Decimal("0.01"), Decimal("-0.02")) == (folded.state.daily_pnl_fraction, folded.state.weekly_pnl_fraction)


def test_the_gain_of_a_period_begins_at_nothing() -> None:
    folded = Folded(CycleCompleted(report=report()), PeriodOpened(period=Period.DAY, start=NOON, equity_krw=Decimal(1)))
    assert (Decimal(0), Decimal("-0.02")) == (folded.state.daily_pnl_fraction, folded.state.weekly_pnl_fraction)

    folded.add(PeriodOpened(period=Period.WEEK, start=NOON, equity_krw=Decimal(1)))

    assert Decimal(0) == folded.state.weekly_pnl_fraction


def test_what_was_there_at_the_first_start_is_expected_but_not_owned() -> None:
    state = Folded().state
    balances = (Balance("KRW", Decimal(5), Decimal(1)), Balance("BTC", Decimal(2), Decimal(0)))

    opened = replace(state, opened_balances={balance.currency: balance.total for balance in balances})

    assert (Decimal(6), Decimal(2), Decimal(0)) == tuple(opened.expected_total(name) for name in ("KRW", "BTC", "ETH"))
    assert {} == opened.positions


def test_before_the_first_start_nothing_is_expected() -> None:
    assert Decimal(0) == RiskState().expected_total("KRW")


def test_an_alarm_is_remembered_by_its_kind() -> None:
    folded = Folded().add(AlarmRaised(kind="thin_book:KRW-BTC", text="x"), at=NOON)

    assert {"thin_book:KRW-BTC": NOON} == folded.state.alarms


CONTRADICTIONS = {
    "I2": lambda: Folded().add(IntentSending(identifier="x")),
    "I4 unplanned": lambda: Folded().add(executed("x", "1", "1")),
    "I4 twice": lambda: Folded().send("x").add(executed("x", "1", "10000"), executed("x", "1", "10000")),
    "I4 executed nothing": lambda: Folded().send("x").add(replace(unexecuted("x"), closing=Closing.EXECUTED)),
    "I4 unexecuted something": lambda: Folded().send("x").add(replace(executed("x", "1", "1"), closing=Closing.NOT_EXECUTED)),
    "I4 rejected something": lambda: Folded().send("x").add(replace(executed("x", "1", "1"), closing=Closing.REJECTED)),
    "I5": lambda: Folded().add(AccountOpened(balances=())),
    "I7 not held": lambda: Folded().sell("1 @ 10000"),
    "I7 more than held": lambda: Folded().buy("1 @ 10000").sell("1.00000001 @ 10000"),
    "R8 no protection": lambda: Folded().buy("1 @ 10000", protection=None),
    "R8 not held": lambda: Folded().add(HighestPriceRaised(market=BTC, price_krw=Decimal(1))),
}


@pytest.mark.parametrize("name", CONTRADICTIONS)
def test_records_that_contradict_each_other_stop_the_program(name: str) -> None:
    with pytest.raises(InvariantViolated) as caught:
        CONTRADICTIONS[name]()

    assert name.split(maxsplit=1)[0] == caught.value.invariant


def test_a_contradiction_says_what_it_is() -> None:
    with pytest.raises(InvariantViolated, match=r"I5.*: the account's first balances are recorded a second time$"):
        Folded().add(AccountOpened(balances=()))


def test_a_sale_of_exactly_what_is_held_is_no_contradiction() -> None:
    assert {} == Folded().buy("1 @ 10000").sell("1 @ 10000").state.positions


QUANTITIES = st.integers(1, 10**10).map(lambda steps: Decimal(steps).scaleb(-8))
PRICES = st.integers(1, 10**10).map(lambda cents: Decimal(cents).scaleb(-2))
FEES = st.integers(0, 10**8).map(lambda steps: Decimal(steps).scaleb(-4))
STEPS = st.lists(
    st.tuples(st.sampled_from(["buy", "sell", "krw", "coin", "nothing"]), QUANTITIES, PRICES, FEES, st.booleans()), max_size=25
)


@given(steps=STEPS)
def test_nothing_is_created_and_nothing_is_lost_by_any_sequence_of_fills_and_transfers(
    steps: list[tuple[str, Decimal, Decimal, Decimal, bool]],
) -> None:
    folded = Folded(krw="1000000")
    won, coins, declared, bought, sold = Decimal(1_000_000), Decimal(0), Decimal(0), Decimal(0), Decimal(0)
    for number, (kind, quantity, price, fee, is_in) in enumerate(steps):
        name, held = f"n{number}", bought - sold
        if kind == "buy":
            folded.send(name).add(executed(name, f"{quantity:f}", f"{price:f}", f"{fee:f}"))
            won, bought = won - quantity * price - fee, bought + quantity
        elif kind == "sell" and held > 0:
            part = min(quantity, held)
            folded.add(sell_plan(name), IntentSending(identifier=name), executed(name, f"{part:f}", f"{price:f}", f"{fee:f}"))
            won, sold = won + part * price - fee, sold + part
        elif kind == "nothing":
            folded.send(name).add(unexecuted(name))
        elif kind in ("krw", "coin"):
            amount = quantity if is_in or kind == "coin" else -quantity
            folded.add(TransferDeclared(currency="KRW" if kind == "krw" else "BTC", amount=amount, note="by hand"))
            won, declared = (won + amount, declared) if kind == "krw" else (won, declared + amount)
        coins = bought - sold
        owned = folded.state.positions[BTC].quantity if BTC in folded.state.positions else Decimal(0)
        assert won == folded.state.expected_total("KRW")
        assert coins + declared == folded.state.expected_total("BTC")
        assert coins == owned
        assert {} == folded.state.open_plans


@given(buys=st.lists(st.tuples(QUANTITIES, PRICES, FEES), min_size=1, max_size=12))
def test_average_cost_times_quantity_is_what_was_paid(buys: list[tuple[Decimal, Decimal, Decimal]]) -> None:
    folded = Folded()
    for quantity, price, fee in buys:
        folded.buy(f"{quantity:f} @ {price:f} {fee:f}")

    held = folded.state.positions[BTC]
    paid = sum((quantity * price + fee for quantity, price, fee in buys), Decimal(0))
    assert abs(held.quantity * held.average_cost_krw - paid) <= paid * Decimal("1E-24")
    assert held.quantity == sum((quantity for quantity, _, _ in buys), Decimal(0))


@given(buys=st.lists(st.tuples(QUANTITIES, PRICES), min_size=1, max_size=5), share=st.decimals("0.1", "0.9", places=2))
def test_selling_a_part_never_moves_the_cost_of_the_rest(buys: list[tuple[Decimal, Decimal]], share: Decimal) -> None:
    folded = Folded()
    for quantity, price in buys:
        folded.buy(f"{quantity + 1:f} @ {price:f}")
    before = folded.state.positions[BTC]

    folded.sell(f"{(before.quantity * share).quantize(Decimal('1E-8')):f} @ 1")

    after = folded.state.positions[BTC]
    assert (before.average_cost_krw, before.levels) == (after.average_cost_krw, after.levels)


@given(krw=st.integers(1, 10**9), moments=st.lists(st.integers(0, 30 * 24), min_size=1, max_size=20))
def test_what_was_spent_within_a_day_is_never_forgotten_within_it(krw: int, moments: list[int]) -> None:
    folded = Folded(start=NOON - timedelta(days=40))
    for number, hour in enumerate(sorted(moments)):
        folded.send(f"n{number}", str(krw), at=NOON + timedelta(hours=hour))
    last: datetime = NOON + timedelta(hours=max(moments))

    within = [hour for hour in moments if NOON + timedelta(hours=hour) >= last - timedelta(days=1)]
    assert len(within) * krw == folded.state.krw_spent_since(last - timedelta(days=1))


def test_the_plan_that_is_kept_is_the_one_that_was_meant() -> None:
    plan = buy_plan("x", protection=PROTECTION)

    assert {"x": plan} == Folded(plan).state.open_plans


@pytest.mark.parametrize(("quantity", "is_dust"), [("0.49", True), ("0.5", False), ("0.51", False)])
def test_a_first_part_too_small_to_be_sold_is_dust(quantity: str, is_dust: bool) -> None:
    assert is_dust is Folded().buy(f"{quantity} @ 10000").state.positions[BTC].is_dust


@pytest.mark.parametrize(("sold", "is_set"), [("0.6", True), ("0.60000001", False)])
def test_a_stage_whose_rest_is_worth_exactly_the_minimum_is_not_over(sold: str, is_set: bool) -> None:
    plan = ProtectionPlan(stop_fraction=Decimal("0.05"), target_fraction=Decimal("0.5"), stage_fraction=Decimal("0.25"))
    folded = Folded().buy("2 @ 10000", protection=plan).sell(f"{sold} @ 12500", reason="staged_profit")

    assert is_set is (folded.state.positions[BTC].levels.stage_krw is not None)
