from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.calendar import seoul_day_start, seoul_week_start
from dg_bot.domain.events import IntentSending, Period, PeriodOpened, SafeModeEntered, TransferDeclared
from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.market import Market
from dg_bot.domain.money import ZERO
from dg_bot.domain.order import MarketBuy, MarketSell
from dg_bot.domain.portfolio import Balance, Portfolio, ProtectionPlan
from dg_bot.errors import InvariantViolated
from dg_bot.risk.exit_rules import ExitReason
from dg_bot.risk.limits import RiskLimits
from dg_bot.risk.manager import Conditions, RiskApproved, RiskManager, RiskRefused
from dg_bot.risk.state import RiskState
from dg_bot.strategies.base import BarExits
from tests.unit.risk.account import BTC, ETH, NOON, XRP, Folded, cycle_id, sell_plan

INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
LONG_AGO = NOON - timedelta(hours=30)
CALM = Conditions(clock_skew_s=0.0, has_unresolved_intent=False, unexplained={}, booked_equity_krw=Decimal(1_000_000))
LISTED = {
    "daily_loss",
    "weekly_loss",
    "flat",
    "hours_since_entry",
    "entries_today",
    "positions",
    "exposure",
    "orders_this_hour",
    "krw_today",
}
COINS = [Market(f"KRW-C{number}") for number in range(9)]


def manager(**limits: Any) -> RiskManager:
    return RiskManager(limits=RiskLimits(**limits), markets=(BTC, ETH))


def gates(
    folded: Folded,
    *,
    conditions: Conditions = CALM,
    now: datetime = NOON,
    portfolio: Portfolio | None = None,
    market: Market = BTC,
    **limits: Any,
) -> Mapping[str, Gate]:
    """Give the gates of an entry by name."""
    checked = manager(**limits).entry_gates(
        state=folded.state, portfolio=portfolio or folded.portfolio(), market=market, conditions=conditions, now=now
    )
    return {gate.name: gate for gate in checked}


def refused(folded: Folded, **details: Any) -> list[str]:
    return [name for name, gate in gates(folded, **details).items() if not gate.passed]


def opened(equity: str) -> Folded:
    """Begin the day and the week with this equity; the account holds a million."""
    return Folded(
        PeriodOpened(period=Period.DAY, start=seoul_day_start(NOON), equity_krw=Decimal(equity)),
        PeriodOpened(period=Period.WEEK, start=seoul_week_start(NOON), equity_krw=Decimal(equity)),
    )


def approve(
    folded: Folded,
    request: MarketBuy | MarketSell | str,
    *,
    identifier: str = "new",
    now: datetime = NOON,
    portfolio: Portfolio | None = None,
    cycle: str | None = None,
    **limits: Any,
) -> str | None:
    """Ask for the approval of an order (a text is a buy on KRW-BTC for so many won); gives the gate that refused it."""
    order = MarketBuy(market=BTC, notional_krw=Decimal(request)) if isinstance(request, str) else request
    verdict = manager(**limits).approve(
        order,
        identifier,
        cycle_id=cycle or cycle_id(now),
        state=folded.state,
        portfolio=portfolio or folded.portfolio(),
        now=now,
    )
    match verdict:
        case RiskRefused(gate):
            return gate.name
        case RiskApproved(request=approved, identifier=name):
            assert (order, identifier) == (approved, name)
            return None


def test_an_untroubled_account_may_enter() -> None:
    checked = gates(Folded())

    assert [] == [gate for gate in checked.values() if not gate.passed]
    assert [
        "safe_mode",
        "daily_loss",
        "weekly_loss",
        "unresolved_intent",
        "unexplained_balance",
        "clock_skew_s",
        "flat",
        "hours_since_entry",
        "entries_today",
        "positions",
        "exposure",
        "orders_this_hour",
        "krw_today",
    ] == list(checked)


def test_a_gate_that_is_passed_tells_its_figures_too_in_three_and_in_six_decimals() -> None:
    folded = Folded().buy("1.23456789 @ 1000", at=LONG_AGO)
    checked = gates(folded, conditions=replace(CALM, clock_skew_s=1.23456), market=ETH)

    assert Gate("safe_mode", "off", "off", True) == checked["safe_mode"]
    assert Gate("unresolved_intent", False, False, True) == checked["unresolved_intent"]
    assert Gate("unexplained_balance", "none", "none", True) == checked["unexplained_balance"]
    assert Gate("clock_skew_s", 1.235, 30.0, True) == checked["clock_skew_s"]
    assert Gate("exposure", Decimal("0.001235"), Decimal("0.80"), True) == checked["exposure"]


def test_safe_mode_forbids_an_entry_and_says_why() -> None:
    folded = Folded(SafeModeEntered(reason="daily_loss: lost 0.1"))

    assert Gate("safe_mode", "daily_loss: lost 0.1", "off", False) == gates(folded)["safe_mode"]


@pytest.mark.parametrize(
    ("equity", "forbidding"),
    [
        ("900001", []),
        ("900000", ["daily_loss"]),
        ("899999", ["daily_loss"]),
        ("850001", ["daily_loss"]),
        ("850000", ["daily_loss", "weekly_loss"]),
        ("849999", ["daily_loss", "weekly_loss"]),
        ("2000000", []),
    ],
)
def test_a_loss_at_its_limit_forbids_entries(equity: str, forbidding: list[str]) -> None:
    assert forbidding == refused(opened("1000000"), conditions=replace(CALM, booked_equity_krw=Decimal(equity)))


def test_a_gate_tells_what_was_measured_and_what_was_allowed() -> None:
    folded = opened("1000000").buy("1 @ 10000", at=LONG_AGO)
    checked = gates(folded, conditions=replace(CALM, booked_equity_krw=Decimal(960_000)))

    assert {
        "daily_loss": (Decimal("-0.04"), Decimal("-0.10")),
        "weekly_loss": (Decimal("-0.04"), Decimal("-0.15")),
        "flat": (False, True),
        "hours_since_entry": (30.0, 4.0),
        "entries_today": (0, 5),
        "positions": (1, 7),
        "exposure": (Decimal("0.01"), Decimal("0.80")),
        "orders_this_hour": (0, 10),
        "krw_today": (Decimal(0), Decimal(5_000_000)),
    } == {name: (gate.value, gate.limit) for name, gate in checked.items() if name in LISTED}


@pytest.mark.parametrize(("began", "reason"), [("1111111", None), ("1111112", "daily_loss")])
def test_the_breaker_trips_on_the_same_figures(began: str, reason: str | None) -> None:
    trip = manager().loss_trip(opened(began).state, Decimal(1_000_000))

    assert reason == (None if trip is None else trip.reason)


def test_a_declared_withdrawal_is_no_loss() -> None:
    folded = opened("1000000").add(TransferDeclared(currency="KRW", amount=Decimal(-500_000), note="taken out"))
    halved = replace(CALM, booked_equity_krw=folded.portfolio().equity_krw)

    assert [] == refused(folded, conditions=halved)
    assert (ZERO, ZERO) == manager().pnl_fractions(folded.state, folded.portfolio().equity_krw)


def test_day_and_week_are_measured_against_the_capital_where_that_is_smaller() -> None:
    began = opened("1000000").state
    lost = Decimal(-50_000) / Decimal(500_000)

    assert (lost, lost) == manager(capital_krw=Decimal(500_000)).pnl_fractions(began, Decimal(950_000))


def test_an_unresolved_order_on_the_market_forbids_another() -> None:
    assert ["unresolved_intent"] == refused(Folded(), conditions=replace(CALM, has_unresolved_intent=True))


def test_a_balance_that_nobody_explained_forbids_entries_and_is_told() -> None:
    gate = gates(Folded(), conditions=replace(CALM, unexplained={"BTC": Decimal("-0.5"), "KRW": Decimal(7)}))[
        "unexplained_balance"
    ]

    assert ("BTC -0.5, KRW +7", False) == (gate.value, gate.passed)


@pytest.mark.parametrize(
    ("skew", "passes"), [(29.999, True), (30.0, True), (30.001, False), (-30.0, True), (-30.001, False), (float("nan"), False)]
)
def test_a_clock_beyond_its_limit_forbids_entries(skew: float, passes: bool) -> None:
    assert passes is gates(Folded(), conditions=replace(CALM, clock_skew_s=skew))["clock_skew_s"].passed


def test_a_position_is_not_added_to() -> None:
    folded = Folded().buy("1 @ 10000", at=LONG_AGO)

    assert ["flat"] == refused(folded)
    assert [] == refused(folded, market=ETH)


def test_dust_does_not_keep_a_market_from_being_entered() -> None:
    assert [] == refused(Folded().buy("2 @ 10000", at=LONG_AGO).sell("1.9 @ 10000", at=LONG_AGO))


@pytest.mark.parametrize(("hours", "passes"), [(3, False), (4, True), (5, True)])
def test_four_hours_lie_between_entries_on_a_market_from_cycle_to_cycle(hours: int, passes: bool) -> None:
    booked_at = NOON - hours * HOUR + timedelta(seconds=7)
    folded = Folded().buy("1 @ 10000", at=booked_at).sell("1 @ 10000", at=NOON - INSTANT)

    assert passes is gates(folded)["hours_since_entry"].passed
    assert gates(folded, market=ETH)["hours_since_entry"].passed


def test_an_exit_does_not_start_the_wait_anew() -> None:
    folded = Folded().buy("1 @ 10000", at=LONG_AGO).sell("1 @ 10000", at=NOON - INSTANT)

    assert [] == refused(folded)


@pytest.mark.parametrize(("entries", "passes"), [(4, True), (5, False), (6, False)])
def test_five_filled_entries_a_day_are_enough(entries: int, passes: bool) -> None:
    folded = Folded()
    for market in COINS[:entries]:
        folded.buy("1 @ 10000", market=market, at=NOON - 2 * HOUR)

    assert passes is gates(folded)["entries_today"].passed


def test_the_entries_of_yesterday_do_not_count() -> None:
    folded = Folded(start=LONG_AGO)
    for market in COINS[:5]:
        folded.buy("1 @ 10000", market=market, at=seoul_day_start(NOON) - INSTANT)

    assert 0 == gates(folded, max_positions=9)["entries_today"].value


@pytest.mark.parametrize(("positions", "passes"), [(6, True), (7, False), (8, False)])
def test_seven_positions_are_enough(positions: int, passes: bool) -> None:
    folded = Folded()
    for market in COINS[:positions]:
        folded.buy("1 @ 10000", market=market, at=LONG_AGO)

    assert passes is gates(folded)["positions"].passed


def test_an_order_that_may_still_become_a_position_counts_as_one() -> None:
    folded = Folded()
    for market in COINS[:6]:
        folded.buy("1 @ 10000", market=market, at=LONG_AGO)

    assert ["positions"] == refused(folded.send("x", "10000", market=XRP, at=LONG_AGO))


@pytest.mark.parametrize(("quantity", "passes"), [("79.9999", True), ("80", False), ("80.0001", False)])
def test_exposure_at_its_limit_forbids_entries(quantity: str, passes: bool) -> None:
    folded = Folded().buy(f"{quantity} @ 10000", at=LONG_AGO)

    assert passes is gates(folded, market=ETH)["exposure"].passed


def test_exposure_is_measured_against_the_capital_where_that_is_smaller_than_equity() -> None:
    folded = Folded().buy("40 @ 10000", at=LONG_AGO)

    assert Decimal("0.8") == gates(folded, market=ETH, capital_krw=Decimal(500_000))["exposure"].value
    assert not gates(folded, market=ETH, capital_krw=Decimal(500_000))["exposure"].passed


def test_an_account_with_nothing_in_it_is_not_exposed() -> None:
    assert Gate("exposure", ZERO, Decimal("0.80"), True) == gates(Folded(krw="0"))["exposure"]


def test_exposure_counts_what_is_not_resolved_at_its_worst() -> None:
    folded = Folded().buy("70 @ 10000", at=LONG_AGO).send("x", "100000", market=XRP, at=LONG_AGO)

    assert Decimal("0.8") == gates(folded, market=ETH)["exposure"].value


@pytest.mark.parametrize(("sent", "passes"), [(9, True), (10, False), (11, False)])
def test_ten_orders_an_hour_are_enough(sent: int, passes: bool) -> None:
    folded = Folded()
    for number in range(sent):
        folded.send(f"n{number}", "1", market=XRP, at=NOON - timedelta(minutes=59))

    assert passes is gates(folded)["orders_this_hour"].passed


@pytest.mark.parametrize(("ago", "passes"), [(HOUR - INSTANT, False), (HOUR, False), (HOUR + INSTANT, True)])
def test_an_order_counts_for_an_hour(ago: timedelta, passes: bool) -> None:
    folded = Folded().send("x", "1", market=XRP, at=NOON - ago)

    assert passes is gates(folded, max_orders_per_hour=1)["orders_this_hour"].passed


@pytest.mark.parametrize(("spent", "passes"), [("4999999", True), ("5000000", False), ("5000001", False)])
def test_the_won_of_a_day_are_limited(spent: str, passes: bool) -> None:
    folded = Folded(krw="100000000").send("x", spent, market=XRP, at=NOON - 2 * HOUR)

    assert passes is gates(folded)["krw_today"].passed


def test_the_first_gate_to_forbid_is_the_dearest_reason() -> None:
    folded = opened("2000000").add(SafeModeEntered(reason="daily_loss"))
    checked = manager().entry_gates(
        state=folded.state, portfolio=folded.portfolio(), market=BTC, conditions=replace(CALM, clock_skew_s=99.0), now=NOON
    )

    failed = first_failure(checked)

    assert failed is not None
    assert "safe_mode" == failed.name


@pytest.mark.parametrize(
    ("limits", "headroom"),
    [
        ({}, "100000"),
        ({"max_exposure_fraction": Decimal("0.65")}, "50000"),
        ({"max_exposure_fraction": Decimal("0.60")}, "0"),
        ({"max_exposure_fraction": Decimal("0.10")}, "0"),
        ({"max_krw_per_day": Decimal(650_000)}, "50000"),
        ({"max_krw_per_day": Decimal(600_000)}, "0"),
        ({"capital_krw": Decimal(800_000)}, "40000"),
        ({"capital_krw": Decimal(400_000)}, "0"),
        ({"max_position_fraction": Decimal("0.03")}, "30000"),
    ],
)
def test_headroom_is_the_smallest_of_what_every_cap_leaves(limits: Mapping[str, Decimal], headroom: str) -> None:
    folded = Folded().buy("50 @ 10000", at=NOON - 2 * HOUR).send("x", "100000", market=XRP, at=NOON - 2 * HOUR)

    assert Decimal(headroom) == manager(**limits).headroom_krw(folded.state, folded.portfolio(), NOON)


def test_a_protective_level_is_reached_at_its_price() -> None:
    staged = ProtectionPlan(
        stop_fraction=Decimal("0.05"),
        target_fraction=Decimal("0.10"),
        trailing_distance_krw=Decimal(300),
        stage_fraction=Decimal("0.05"),
    )
    position = Folded().buy("2 @ 10000", protection=staged).state.positions[BTC]
    risk = manager()

    assert {
        "9500": ExitReason.STOP_LOSS,
        "9500.01": ExitReason.TRAILING_STOP,
        "9700": ExitReason.TRAILING_STOP,
        "9700.01": ExitReason.NONE,
        "10499.99": ExitReason.NONE,
        "10500": ExitReason.STAGED_PROFIT,
        "10999.99": ExitReason.STAGED_PROFIT,
        "11000": ExitReason.TAKE_PROFIT,
    } == {
        mark: risk.due_exit(position, Decimal(mark))
        for mark in ("9500", "9500.01", "9700", "9700.01", "10499.99", "10500", "10999.99", "11000")
    }


@pytest.mark.parametrize(
    ("mark", "bars", "reason"),
    [
        ("9800", 3, ExitReason.FAKE_OUT),
        ("9800.01", 3, ExitReason.NONE),
        ("9800", 4, ExitReason.NONE),
        ("10199.99", 24, ExitReason.TIME_OUT),
        ("10200", 24, ExitReason.NONE),
        ("10199.99", 23, ExitReason.NONE),
    ],
)
def test_the_exits_of_the_strategy_are_due_at_the_close_of_a_bar(mark: str, bars: int, reason: ExitReason) -> None:
    rules = BarExits(fake_out_fraction=0.02, fake_out_bars=3, time_out_bars=24, time_out_fraction=0.02)
    position = Folded().buy("2 @ 10000").state.positions[BTC]

    assert reason is manager().due_bar_exit(position, Decimal(mark), bars, rules)


@pytest.mark.parametrize(
    ("reason", "held", "quantity"),
    [
        (ExitReason.STOP_LOSS, "2", "2"),
        (ExitReason.TAKE_PROFIT, "2", "2"),
        (ExitReason.STAGED_PROFIT, "2", "1"),
        (ExitReason.STAGED_PROFIT, "1", "0.5"),
        (ExitReason.STAGED_PROFIT, "0.99999999", "0.99999999"),  # its half is below the minimum
        (ExitReason.STAGED_PROFIT, "2.00000001", "1"),
    ],
)
def test_a_stage_sells_half_where_half_can_be_sold(reason: ExitReason, held: str, quantity: str) -> None:
    position = Folded().buy(f"{held} @ 10000").state.positions[BTC]

    assert Decimal(quantity) == manager().exit_quantity(position, reason, Decimal(10_000), Decimal(5000))


@pytest.mark.parametrize(("fraction", "quantity"), [("1", "2.00000001"), ("0.5", "1"), ("0.3", "0.6")])
def test_a_sell_decision_sells_its_fraction_rounded_down(fraction: str, quantity: str) -> None:
    position = Folded().buy("2.00000001 @ 10000").state.positions[BTC]

    assert Decimal(quantity) == manager(sell_fraction=Decimal(fraction)).sell_quantity(position)


@pytest.mark.parametrize(("notional", "gate"), [("99999", None), ("100000", None), ("100001", "position_krw")])
def test_an_order_is_held_against_the_cap_of_one_position(notional: str, gate: str | None) -> None:
    assert gate == approve(Folded(), notional)


@pytest.mark.parametrize(("notional", "gate"), [("49999", None), ("50000", None), ("50001", "position_krw")])
def test_the_children_of_a_cycle_share_one_cap(notional: str, gate: str | None) -> None:
    folded = Folded()
    portfolio = folded.portfolio()
    folded.buy("5 @ 10000", at=NOON)

    assert gate == approve(folded, notional, portfolio=portfolio)


@pytest.mark.parametrize(("notional", "gate"), [("99999", None), ("100000", None), ("100001", "exposed_krw")])
def test_an_order_is_held_against_the_exposure_of_everything(notional: str, gate: str | None) -> None:
    folded = Folded().buy("60 @ 10000", market=ETH, at=LONG_AGO).send("x", "100000", market=XRP, at=LONG_AGO)

    assert gate == approve(folded, notional, max_position_fraction=Decimal("0.5"))


@pytest.mark.parametrize(("capital", "gate"), [("1000000", None), ("999999", "position_krw")])
def test_the_caps_are_of_the_capital(capital: str, gate: str | None) -> None:
    assert gate == approve(Folded(krw="9000000"), "100000", capital_krw=Decimal(capital))


@pytest.mark.parametrize(("sent", "gate"), [(9, None), (10, "orders_this_hour")])
def test_the_orders_of_the_hour_are_counted_at_the_point_of_sending(sent: int, gate: str | None) -> None:
    folded = Folded()
    for number in range(sent):
        folded.send(f"n{number}", "1", market=XRP, at=NOON - timedelta(minutes=1))

    assert gate == approve(folded, "10000")


@pytest.mark.parametrize(("notional", "gate"), [("9999", None), ("10000", None), ("10001", "krw_today")])
def test_the_won_of_the_day_are_counted_at_the_point_of_sending(notional: str, gate: str | None) -> None:
    folded = Folded(krw="9000000").send("x", "490000", market=XRP, at=NOON - 2 * HOUR)

    assert gate == approve(folded, notional, max_krw_per_day=Decimal(500_000))


def test_a_market_that_is_not_configured_is_never_bought() -> None:
    assert "market_configured" == approve(Folded(), MarketBuy(market=XRP, notional_krw=Decimal(5000)))


def test_nothing_is_bought_in_safe_mode() -> None:
    assert "safe_mode" == approve(Folded(SafeModeEntered(reason="r")), "5000")


def test_sending_again_under_the_same_identifier_is_not_counted_twice() -> None:
    folded = Folded().send("x", "100000", at=NOON)

    assert approve(folded, "100000", identifier="x", max_orders_per_hour=1, max_krw_per_day=Decimal(100_000)) is None
    assert "orders_this_hour" == approve(folded, "1", identifier="y", cycle=cycle_id(LONG_AGO), max_orders_per_hour=1)


def test_a_known_identifier_does_not_carry_a_larger_order_past_the_caps() -> None:
    folded = Folded().send("x", "50000", at=NOON)

    assert approve(folded, "100000", identifier="x") is None
    assert "position_krw" == approve(folded, "100001", identifier="x")
    assert "krw_today" == approve(folded, "60000", identifier="x", max_krw_per_day=Decimal(59_999))


def test_nothing_is_sent_again_in_safe_mode() -> None:
    folded = Folded().send("x", "100000", at=NOON).add(SafeModeEntered(reason="r"))

    assert "safe_mode" == approve(folded, "100000", identifier="x")


def sale(quantity: str, market: Market = BTC) -> MarketSell:
    return MarketSell(market=market, quantity=Decimal(quantity))


@pytest.mark.parametrize(("quantity", "gate"), [("1.99999999", None), ("2", None), ("2.00000001", "owned_quantity")])
def test_never_more_is_sold_than_the_bot_owns(quantity: str, gate: str | None) -> None:
    assert gate == approve(Folded().buy("2 @ 10000"), sale(quantity))


def test_coins_that_the_bot_does_not_own_are_not_sold() -> None:
    folded = Folded(TransferDeclared(currency="BTC", amount=Decimal(5), note="bought by hand"))

    assert "owned_quantity" == approve(folded, sale("0.00000001"))


def test_a_sale_is_stopped_by_neither_safe_mode_nor_frequency_nor_money() -> None:
    folded = Folded().buy("2 @ 10000", at=NOON).add(SafeModeEntered(reason="r"))

    assert approve(folded, sale("2"), max_orders_per_hour=1, max_krw_per_day=Decimal(1)) is None


def test_a_market_that_is_no_longer_configured_can_still_be_left() -> None:
    assert approve(Folded().buy("2 @ 10000", market=XRP), sale("2", XRP)) is None


@pytest.mark.parametrize(("quantity", "gate"), [("0.5", None), ("0.50000001", "owned_quantity")])
def test_what_another_unresolved_sale_may_sell_is_not_sold_twice(quantity: str, gate: str | None) -> None:
    folded = Folded().buy("2 @ 10000").add(sell_plan("s", quantity="1.5"), IntentSending(identifier="s"))

    assert gate == approve(folded, sale(quantity))


def test_a_sale_that_is_sent_again_does_not_stand_in_its_own_way() -> None:
    folded = Folded().buy("2 @ 10000").add(sell_plan("s", quantity="2"), IntentSending(identifier="s"))

    assert approve(folded, sale("2"), identifier="s") is None


@pytest.mark.parametrize("seal", [None, object(), "seal", True])
def test_only_the_risk_manager_makes_an_approval(seal: object) -> None:
    with pytest.raises(InvariantViolated, match="R11: x was approved by something that is not the risk manager"):
        RiskApproved(request=sale("1"), identifier="x", seal=seal)


@given(
    orders=st.lists(st.tuples(st.integers(1, 200_000), st.integers(0, 120), st.booleans()), max_size=20),
    notional=st.integers(1, 300_000),
)
def test_what_is_approved_keeps_every_cap_in_the_worst_case(orders: list[tuple[int, int, bool]], notional: int) -> None:
    folded = Folded()
    portfolio = folded.portfolio()
    for number, (krw, minutes, is_filled) in enumerate(sorted(orders, key=lambda order: -order[1])):
        at = NOON - timedelta(minutes=minutes)
        market = COINS[number % len(COINS)]
        if is_filled:
            folded.buy(f"1 @ {krw}", market=market, at=at)
        else:
            folded.send(f"open-{number}", str(krw), market=market, at=at)
    limits = RiskLimits(max_krw_per_day=Decimal(600_000), max_orders_per_hour=6)
    held = Portfolio(
        krw=Balance("KRW", portfolio.equity_krw - folded.portfolio().position_value_krw, ZERO)
        if portfolio.equity_krw >= folded.portfolio().position_value_krw
        else Balance("KRW", ZERO, ZERO),
        positions=tuple(folded.state.positions.values()),
        marks_krw={market: position.average_cost_krw for market, position in folded.state.positions.items()},
    )

    verdict = RiskManager(limits=limits, markets=(BTC,)).approve(
        MarketBuy(market=BTC, notional_krw=Decimal(notional)),
        "new",
        cycle_id=cycle_id(NOON),
        state=folded.state,
        portfolio=held,
        now=NOON,
    )

    if isinstance(verdict, RiskApproved):
        equity = held.equity_krw
        assert notional <= equity * limits.max_position_fraction
        assert held.position_value_krw + folded.state.unresolved_entry_krw() + notional <= equity * limits.max_exposure_fraction
        assert folded.state.krw_spent_since(seoul_day_start(NOON)) + notional <= limits.max_krw_per_day
        assert folded.state.orders_sent_since(NOON - HOUR) < limits.max_orders_per_hour


def test_a_state_that_knows_nothing_approves_no_sale() -> None:
    folded = Folded()
    folded.state = RiskState()

    assert "owned_quantity" == approve(folded, sale("1"))


def test_a_refused_sale_says_what_was_asked_and_what_is_owned() -> None:
    folded = Folded().buy("2 @ 10000").add(sell_plan("s", quantity="1.5"), IntentSending(identifier="s"))

    verdict = manager().approve(
        sale("1"), "new", cycle_id=cycle_id(NOON), state=folded.state, portfolio=folded.portfolio(), now=NOON
    )

    assert RiskRefused(Gate("owned_quantity", Decimal(1), Decimal("0.5"), False)) == verdict


@pytest.mark.parametrize(("sent", "left"), [(0, 10), (3, 7), (10, 0), (11, 0)])
def test_the_cap_of_the_hour_leaves_so_many_orders(sent: int, left: int) -> None:
    folded = Folded().send("long ago", at=NOON - timedelta(minutes=61))
    for number in range(sent):
        folded.send(f"n{number}", at=NOON)

    assert left == manager(max_orders_per_hour=10).entry_orders_left(folded.state, NOON)


def test_an_order_that_is_sent_again_unchanged_is_not_held_against_a_day_that_is_over_its_cap() -> None:
    folded = Folded().send("x", "60000", at=NOON).send("y", "60000", market=XRP, at=NOON)

    assert approve(folded, "60000", identifier="x", max_krw_per_day=Decimal(100_000)) is None


@pytest.mark.parametrize(("notional", "gate"), [("40000", None), ("40001", "exposed_krw")])
def test_the_children_of_a_cycle_are_exposed_once(notional: str, gate: str | None) -> None:
    folded = Folded().send("x", "60000", at=NOON)

    tenth, more = Decimal("0.1"), Decimal("0.15")
    assert gate == approve(folded, notional, max_exposure_fraction=tenth, max_position_fraction=more)


def test_a_day_that_is_full_says_what_it_would_come_to() -> None:
    folded = Folded(krw="9000000").send("x", "490000", market=XRP, at=NOON - 2 * HOUR)

    verdict = manager(max_krw_per_day=Decimal(500_000)).approve(
        MarketBuy(market=BTC, notional_krw=Decimal(10_001)),
        "new",
        cycle_id=cycle_id(NOON),
        state=folded.state,
        portfolio=folded.portfolio(),
        now=NOON,
    )

    assert RiskRefused(Gate("krw_today", Decimal(500_001), Decimal(500_000), False)) == verdict


def refusing(folded: Folded, won: int, *, market: Market = BTC, **limits: Any) -> Gate:
    """Give the gate, as it is told, that refuses a buy."""
    verdict = manager(**limits).approve(
        MarketBuy(market=market, notional_krw=Decimal(won)),
        "new",
        cycle_id=cycle_id(NOON, market),
        state=folded.state,
        portfolio=folded.portfolio(),
        now=NOON,
    )
    assert isinstance(verdict, RiskRefused)
    return verdict.gate


def test_a_refused_buy_tells_what_was_measured_and_what_was_allowed() -> None:
    safe = Folded(SafeModeEntered(reason="daily_loss: lost 0.1"))
    tenth: Mapping[str, Any] = {"max_exposure_fraction": Decimal("0.1"), "max_position_fraction": Decimal("0.15")}

    assert Gate("market_configured", "KRW-XRP", "KRW-BTC, KRW-ETH", False) == refusing(Folded(), 10_000, market=XRP)
    assert Gate("safe_mode", "daily_loss: lost 0.1", "off", False) == refusing(safe, 10_000)
    assert Gate("position_krw", Decimal(100_001), Decimal(100_000), False) == refusing(Folded(), 100_001)
    assert Gate("exposed_krw", Decimal(100_001), Decimal(100_000), False) == refusing(Folded(), 100_001, **tenth)
