from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.gate import Gate
from dg_bot.domain.market import Market, MarketRules
from dg_bot.domain.money import QUANTITY_STEP, ZERO
from dg_bot.domain.order import MarketBuy, MarketSell, Role
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import ImpossibleValue
from dg_bot.execution.planner import BuyWish, NotPlanned, PlannedOrders, PlannerLimits, SellWish, plan_buy, plan_sell

BTC = Market("KRW-BTC")
AT = datetime(2026, 11, 20, 13, tzinfo=UTC)
LIMITS = PlannerLimits()
PLENTY = Decimal(10**9)
FEE = Decimal("0.0005")


def _rules(*, minimum: str = "5000", maximum: str = "1000000000", is_active: bool = True) -> MarketRules:
    return MarketRules(
        market=BTC,
        minimum_notional_krw=Decimal(minimum),
        maximum_notional_krw=Decimal(maximum),
        bid_fee_fraction=FEE,
        ask_fee_fraction=FEE,
        is_active=is_active,
    )


def _book(*, level_size: str = "1000000", levels: int = 15, has_bids: bool = True) -> OrderBook:
    """Make a book around 1000 KRW with equal levels, a tenth of a won apart."""
    size = Decimal(level_size)
    asks = tuple(Level(Decimal(1000) + Decimal(step) / 10, size) for step in range(levels))
    bids = tuple(Level(Decimal("999.9") - Decimal(step) / 10, size) for step in range(levels))
    return OrderBook(market=BTC, at=AT, asks=asks, bids=bids if has_bids else ())


def _buy(
    wanted: str | Decimal,
    *,
    ceiling: Decimal = PLENTY,
    free: Decimal = PLENTY,
    staged: bool = False,
    book: OrderBook | None = None,
    rules: MarketRules | None = None,
    now: datetime = AT,
) -> PlannedOrders | NotPlanned:
    wish = BuyWish(wanted_krw=Decimal(wanted), ceiling_krw=ceiling, free_krw=free, has_staged_profit=staged)
    return plan_buy(wish, rules or _rules(), book=book or _book(), mark_krw=Decimal(1000), now=now, limits=LIMITS)


def _sell(
    wanted: str | Decimal,
    *,
    owned: str | Decimal | None = None,
    free: str | Decimal | None = None,
    role: Literal[Role.EXIT, Role.SELL] = Role.EXIT,
    book: OrderBook | None = None,
    mark: str | Decimal = "1000",
    rules: MarketRules | None = None,
) -> PlannedOrders | NotPlanned:
    held = Decimal(wanted) if owned is None else Decimal(owned)
    available = held if free is None else Decimal(free)
    wish = SellWish(role=role, wanted_quantity=Decimal(wanted), owned_quantity=held, free_quantity=available)
    return plan_sell(wish, rules or _rules(), book=book or _book(), mark_krw=Decimal(mark), limits=LIMITS)


def _spent(plan: PlannedOrders | NotPlanned) -> list[Decimal]:
    assert isinstance(plan, PlannedOrders)
    return [child.notional_krw for child in plan.children if isinstance(child, MarketBuy)]


def _sold(plan: PlannedOrders | NotPlanned) -> list[Decimal]:
    assert isinstance(plan, PlannedOrders)
    return [child.quantity for child in plan.children if isinstance(child, MarketSell)]


def _krw(*amounts: int) -> list[Decimal]:
    return [Decimal(amount) for amount in amounts]


def _units(*quantities: str) -> list[Decimal]:
    return [Decimal(quantity) for quantity in quantities]


def test_an_entry_is_rounded_down_to_whole_won() -> None:
    assert _krw(50_000) == _spent(_buy("50000.99"))


def test_an_entry_leaves_room_for_its_fee() -> None:
    assert _krw(99_950) == _spent(_buy("200000", free=Decimal(100_000)))


def test_an_entry_never_exceeds_its_ceiling() -> None:
    assert _krw(70_000) == _spent(_buy("200000", ceiling=Decimal("70000.5")))


def test_an_entry_never_exceeds_the_largest_order_of_the_venue() -> None:
    assert _krw(90_000) == _spent(_buy("200000", rules=_rules(maximum="90000")))


@pytest.mark.parametrize(("wanted", "notional"), [("1", 6000), ("5999", 6000), ("6000", 6000), ("6001", 6001)])
def test_an_entry_below_the_smallest_sellable_one_is_raised_to_it(wanted: str, notional: int) -> None:
    assert _krw(notional) == _spent(_buy(wanted))


@pytest.mark.parametrize(("wanted", "notional"), [("11999", 12000), ("12000", 12000), ("12001", 12001)])
def test_staged_profit_needs_an_entry_that_can_be_sold_in_two_halves(wanted: str, notional: int) -> None:
    assert _krw(notional) == _spent(_buy(wanted, staged=True))


@pytest.mark.parametrize("ceiling", [5_999, 0])
def test_an_entry_that_may_not_be_raised_is_skipped_with_the_measured_room(ceiling: int) -> None:
    plan = _buy("5500", ceiling=Decimal(ceiling))

    assert NotPlanned(Gate("entry_room_krw", Decimal(ceiling), Decimal(6000), passed=False)) == plan


@pytest.mark.parametrize(("free", "is_planned"), [("6002", False), ("6003", True), ("6004", True)])
def test_an_entry_without_free_money_for_the_minimum_and_its_fee_is_skipped(free: str, is_planned: bool) -> None:
    assert is_planned is isinstance(_buy("6000", free=Decimal(free)), PlannedOrders)


@pytest.mark.parametrize("wanted", ["0", "0.99"])
def test_an_entry_of_nothing_is_not_raised_to_something(wanted: str) -> None:
    assert NotPlanned(Gate("entry_wanted_krw", Decimal(wanted), Decimal(1), passed=False)) == _buy(wanted)


def test_a_fractional_minimum_is_rounded_up() -> None:
    assert _krw(6001) == _spent(_buy("10", rules=_rules(minimum="5000.5")))


def test_no_entry_on_a_market_that_is_not_active() -> None:
    plan = _buy("50000", rules=_rules(is_active=False))

    assert NotPlanned(Gate("market_active", value=False, limit=True, passed=False)) == plan


def test_an_entry_that_the_book_cannot_fill_is_not_planned() -> None:
    plan = _buy("50000", book=_book(level_size="1", levels=3))

    assert isinstance(plan, NotPlanned)
    assert "book_depth" == plan.gate.name


def test_an_entry_on_an_old_book_is_not_planned() -> None:
    plan = _buy("50000", now=AT + timedelta(seconds=61))

    assert NotPlanned(Gate("book_age_s", 61.0, 60.0, passed=False)) == plan


@pytest.mark.parametrize(
    ("wanted", "children"),
    [
        (2_999_999, [2_999_999]),
        (3_000_000, [3_000_000]),
        (3_000_001, [1_500_000, 1_500_001]),
        (7_000_000, [2_333_333, 2_333_333, 2_333_334]),
        (100_000_001, [20_000_000, 20_000_000, 20_000_000, 20_000_000, 20_000_001]),
    ],
)
def test_an_entry_above_three_million_won_is_split_won_by_won(wanted: int, children: list[int]) -> None:
    assert _krw(*children) == _spent(_buy(str(wanted)))


@pytest.mark.parametrize(("levels", "children"), [(4, 1), (5, 1), (6, 2), (11, 3)])
def test_an_entry_over_more_than_five_levels_is_split(levels: int, children: int) -> None:
    book = _book(level_size="20")
    notional = sum((level.price * level.size for level in book.asks[:levels]), ZERO)

    assert children == len(_spent(_buy(notional, book=book)))


@pytest.mark.parametrize(("wanted", "children"), [(19_999, [19_999]), (20_000, [10_000, 10_000]), (20_001, [10_000, 10_001])])
def test_no_child_is_below_twice_the_minimum(wanted: int, children: list[int]) -> None:
    assert _krw(*children) == _spent(_buy(str(wanted), book=_book(level_size="1.8")))


def test_warnings_are_told_and_block_nothing() -> None:
    plan = _buy("20000", book=_book(level_size="1.8"))

    assert isinstance(plan, PlannedOrders)
    assert ["book_levels_warning"] == [gate.name for gate in plan.warnings if not gate.passed]
    assert all(gate.passed for gate in plan.gates)


def test_an_exit_that_the_book_holds_is_sent_whole() -> None:
    plan = _sell("9000")

    assert _units("9000") == _sold(plan)
    assert isinstance(plan, PlannedOrders)
    assert not plan.needs_alarm


def test_an_exit_is_rounded_down_to_eight_decimals() -> None:
    assert _units("9.12345678") == _sold(_sell("9.123456789"))


def test_a_sale_never_exceeds_what_is_owned_or_free() -> None:
    assert _units("10") == _sold(_sell("12", owned="10", free="11"))
    assert _units("9") == _sold(_sell("12", owned="10", free="9"))


def test_an_exit_larger_than_the_visible_depth_is_cut_into_pieces_of_it_and_alarms() -> None:
    plan = _sell("70", book=_book(level_size="15", levels=2))

    assert _units("30", "30", "10") == _sold(plan)
    assert isinstance(plan, PlannedOrders)
    assert plan.needs_alarm


@pytest.mark.parametrize(
    ("quantity", "children"),
    [
        ("30", ["30"]),
        ("30.00000001", ["15", "15.00000001"]),
        ("39.99", ["19.995", "19.995"]),
        ("40", ["30", "10"]),
        ("60", ["30", "30"]),
    ],
)
def test_a_rest_below_twice_the_minimum_is_shared_by_the_last_two_pieces(quantity: str, children: list[str]) -> None:
    assert _units(*children) == _sold(_sell(quantity, book=_book(level_size="15", levels=2)))


def test_what_five_pieces_cannot_carry_waits_for_the_next_tick() -> None:
    plan = _sell("200", book=_book(level_size="15", levels=2))

    assert _units("30", "30", "30", "30", "30") == _sold(plan)
    assert isinstance(plan, PlannedOrders)
    assert Decimal(50) == plan.deferred_quantity


def test_a_book_thinner_than_a_sendable_piece_does_not_stop_an_exit() -> None:
    assert _units("10", "10", "10") == _sold(_sell("30", book=_book(level_size="0.5", levels=1)))


def test_a_book_without_bids_does_not_stop_an_exit() -> None:
    plan = _sell("30", book=_book(has_bids=False))

    assert _units("30") == _sold(plan)
    assert isinstance(plan, PlannedOrders)
    assert plan.needs_alarm


@pytest.mark.parametrize(("quantity", "children"), [("3000", ["3000"]), ("3000.00000001", ["1500", "1500.00000001"])])
def test_a_sell_decision_above_three_million_won_is_split(quantity: str, children: list[str]) -> None:
    assert _units(*children) == _sold(_sell(quantity, role=Role.SELL))


@pytest.mark.parametrize(("owned", "is_planned"), [("4.99999999", False), ("5", True), ("5.00000001", True)])
def test_a_position_below_the_minimum_is_dust(owned: str, is_planned: bool) -> None:
    plan = _sell(owned)

    assert is_planned is isinstance(plan, PlannedOrders)
    if isinstance(plan, NotPlanned):
        assert Gate("dust", Decimal("4999.99999000"), Decimal(5000), passed=False) == plan.gate


def test_a_position_of_which_only_dust_is_free_is_not_dust() -> None:
    plan = _sell("10", owned="10", free="4")

    assert NotPlanned(Gate("sell_minimum", Decimal(4000), Decimal(5000), passed=False)) == plan


def test_a_part_too_small_to_be_sold_is_not_sold() -> None:
    plan = _sell("4", owned="20")

    assert NotPlanned(Gate("sell_minimum", Decimal(4000), Decimal(5000), passed=False)) == plan


@pytest.mark.parametrize(("owned", "sold"), [("14.99999999", "14.99999999"), ("15", "10"), ("15.00000001", "10")])
def test_a_rest_that_could_not_be_sold_later_is_sold_along(owned: str, sold: str) -> None:
    assert _units(sold) == _sold(_sell("10", owned=owned))


def test_negative_money_is_refused() -> None:
    with pytest.raises(ImpossibleValue, match="free KRW"):
        _buy("5000", free=Decimal(-1))
    with pytest.raises(ImpossibleValue, match="wanted quantity"):
        _sell("0")


_AMOUNTS = st.decimals(min_value=0, max_value=10**9, places=8)
_QUANTITIES = st.decimals(min_value="0.00000001", max_value=10**6, places=9)
_MARKS = st.sampled_from(["0.00000123", "0.037", "1.5", "1000", "98765", "150000000"]).map(Decimal)


@given(wanted=_AMOUNTS, ceiling=_AMOUNTS, free=_AMOUNTS, staged=st.booleans(), size=st.sampled_from(["3", "5000", "1000000"]))
def test_children_of_any_entry_add_up_and_keep_every_limit(
    wanted: Decimal, ceiling: Decimal, free: Decimal, staged: bool, size: str
) -> None:
    plan = _buy(wanted, ceiling=ceiling, free=free, staged=staged, book=_book(level_size=size))

    if isinstance(plan, PlannedOrders):
        children = _spent(plan)
        total = sum(children, ZERO)
        assert plan.liquidity.wanted == total
        assert total * (1 + FEE) <= free
        assert total <= ceiling
        assert total >= (12_000 if staged else 6_000)
        assert total <= max(wanted, Decimal(12_000 if staged else 6_000))
        assert all(child == int(child) for child in children)
        assert 1 <= len(children) <= 5
        assert len(children) == 1 or min(children) >= 10_000


@given(
    wanted=_QUANTITIES,
    owned=_QUANTITIES,
    free=_QUANTITIES,
    role=st.sampled_from([Role.EXIT, Role.SELL]),
    mark=_MARKS,
    size=st.sampled_from(["0.00000001", "0.003", "7", "10000000"]),
    levels=st.integers(min_value=0, max_value=8),
)
def test_children_of_any_sale_add_up_and_keep_every_limit(
    wanted: Decimal,
    owned: Decimal,
    free: Decimal,
    role: Literal[Role.EXIT, Role.SELL],
    mark: Decimal,
    size: str,
    levels: int,
) -> None:
    plan = _sell(wanted, owned=owned, free=free, role=role, mark=mark, book=_book(level_size=size, levels=levels))

    if isinstance(plan, PlannedOrders):
        children = _sold(plan)
        total = sum(children, ZERO) + plan.deferred_quantity
        assert plan.liquidity.wanted == total
        assert total <= min(owned, free)
        assert 1 <= len(children) <= 5
        assert all(child % QUANTITY_STEP == ZERO for child in children)
        assert all(child * mark >= 5_000 for child in children)
        left = owned.quantize(QUANTITY_STEP, "ROUND_DOWN") - total
        assert left == ZERO or left * mark >= 5_000 or total == free.quantize(QUANTITY_STEP, "ROUND_DOWN")
        assert plan.deferred_quantity == ZERO or plan.deferred_quantity * mark >= 5_000
        depth = plan.liquidity.visible_depth
        assert depth == ZERO or max(children) <= depth or max(children) * mark < 10_000 + mark * QUANTITY_STEP


@pytest.mark.parametrize(("owned", "free", "what"), [("-1", "1", "owned quantity"), ("1", "-1", "free quantity")])
def test_quantities_below_zero_are_refused_by_name(owned: str, free: str, what: str) -> None:
    with pytest.raises(ImpossibleValue) as caught:
        _sell("1", owned=owned, free=free)

    assert what == caught.value.what


def test_a_wish_for_nothing_is_refused_by_name() -> None:
    with pytest.raises(ImpossibleValue) as caught:
        _sell("0", owned="1")

    assert "wanted quantity" == caught.value.what


def test_no_part_of_a_sale_is_worth_more_than_the_venue_takes() -> None:
    plan = _sell("600", mark="2000", rules=_rules(maximum="1000000"))

    assert _units("500", "100") == _sold(plan)


def test_a_sell_decision_of_exactly_what_the_book_holds_is_divided_by_its_value() -> None:
    plan = _sell("4000", role=Role.SELL, book=_book(level_size="400", levels=10))

    assert _units("2000", "2000") == _sold(plan)


@pytest.mark.parametrize("what", ["wanted notional", "notional ceiling", "free KRW"])
def test_won_below_zero_are_refused_by_name(what: str) -> None:
    given = {name: Decimal(-1 if name == what else 1) for name in ("wanted notional", "notional ceiling", "free KRW")}

    with pytest.raises(ImpossibleValue) as caught:
        _buy(given["wanted notional"], ceiling=given["notional ceiling"], free=given["free KRW"])

    assert what == caught.value.what


def test_the_smallest_entry_and_the_smallest_child_are_rounded_up_to_whole_won() -> None:
    assert _krw(6002) == _spent(_buy("1", rules=_rules(minimum="5000.9")))
    assert _krw(20_001) == _spent(_buy("20001", book=_book(level_size="1.5"), rules=_rules(minimum="5000.2")))
    assert _krw(20_003) == _spent(_buy("20003", book=_book(level_size="1.5"), rules=_rules(minimum="5000.9")))
    assert _krw(10_002, 10_002) == _spent(_buy("20004", book=_book(level_size="1.5"), rules=_rules(minimum="5000.9")))
