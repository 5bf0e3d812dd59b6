from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.domain.gate import Gate, first_failure
from dg_bot.domain.market import Market
from dg_bot.domain.order import MarketBuy, MarketSell
from dg_bot.domain.order_book import Level, OrderBook
from dg_bot.errors import ImpossibleValue
from dg_bot.execution.liquidity import LiquidityLimits, LiquidityReport, entry_gates, measure_liquidity, warning_gates

BTC = Market("KRW-BTC")
AT = datetime(2026, 11, 20, 13, tzinfo=UTC)
LIMITS = LiquidityLimits()


def _levels(text: str) -> tuple[Level, ...]:
    pairs = (pair.split("@") for pair in text.split())
    return tuple(Level(Decimal(price), Decimal(size)) for size, price in pairs)


def _book(*, asks: str = "", bids: str = "", at: datetime = AT) -> OrderBook:
    return OrderBook(market=BTC, at=at, asks=_levels(asks), bids=_levels(bids))


def _buy(krw: str, asks: str, mark: str = "1000") -> LiquidityReport:
    return measure_liquidity(_book(asks=asks), MarketBuy(market=BTC, notional_krw=Decimal(krw)), Decimal(mark))


def _sell(quantity: str, bids: str, mark: str = "1000") -> LiquidityReport:
    return measure_liquidity(_book(bids=bids), MarketSell(market=BTC, quantity=Decimal(quantity)), Decimal(mark))


def _gate(gates: tuple[Gate, ...], name: str) -> Gate:
    return next(gate for gate in gates if gate.name == name)


def test_a_buy_within_the_best_level_pays_its_price() -> None:
    report = _buy("5000", asks="10@1000 10@1010")

    assert (Decimal(5), Decimal(5000), 1) == (report.quantity, report.funds_krw, report.levels_used)
    assert (Decimal(1000), Decimal(0)) == (report.average_price_krw, report.slippage_fraction)


def test_a_buy_over_two_levels_averages_by_quantity() -> None:
    report = _buy("20100", asks="10@1000 10@1010")

    assert (Decimal(20), 2, True) == (report.quantity, report.levels_used, report.is_enough)
    assert (Decimal(1005), Decimal("0.005")) == (report.average_price_krw, report.slippage_fraction)


def test_a_buy_that_ends_exactly_with_a_level_does_not_use_the_next() -> None:
    assert 1 == _buy("10000", asks="10@1000 10@1010").levels_used


def test_the_executed_quantity_of_a_buy_has_eight_decimals_and_its_funds_never_exceed_the_notional() -> None:
    report = _buy("10000", asks="100@3333", mark="3333")

    assert (Decimal("3.00030003"), Decimal("9999.99999999")) == (report.quantity, report.funds_krw)


def test_a_level_without_size_is_not_used() -> None:
    assert 1 == _buy("5000", asks="0@1000 10@1010").levels_used


def test_a_sell_below_the_mark_has_positive_slippage() -> None:
    report = _sell("20", bids="10@1000 10@990")

    assert (Decimal(995), Decimal("0.005"), 2) == (report.average_price_krw, report.slippage_fraction, report.levels_used)


def test_a_sell_above_the_mark_has_negative_slippage() -> None:
    assert Decimal("-0.01") == _sell("1", bids="10@1010").slippage_fraction


def test_a_thin_book_is_measured_as_far_as_it_goes() -> None:
    report = _sell("21", bids="10@1000 10@990")

    assert (False, Decimal(20), Decimal(20), Decimal(21)) == (
        report.is_enough,
        report.quantity,
        report.visible_depth,
        report.wanted,
    )


def test_an_empty_side_measures_nothing() -> None:
    report = _buy("5000", asks="")

    assert (None, None, 0, False) == (report.average_price_krw, report.slippage_fraction, report.levels_used, report.is_enough)
    assert ["book_depth", "slippage"] == [gate.name for gate in entry_gates(report, AT, LIMITS) if not gate.passed]


def test_a_mark_of_zero_is_refused() -> None:
    with pytest.raises(ImpossibleValue, match=r"^mark price"):
        _buy("5000", asks="1@1", mark="0")


@pytest.mark.parametrize(("notional", "passed"), [("9999", True), ("10000", True), ("10001", False)])
def test_an_entry_needs_the_visible_depth(notional: str, passed: bool) -> None:
    gates = entry_gates(_buy(notional, asks="10@1000"), AT, LIMITS)

    assert Gate("book_depth", Decimal(10000), Decimal(notional), passed) == _gate(gates, "book_depth")


@pytest.mark.parametrize(("price", "passed"), [("1009", True), ("1010", True), ("1011", False)])
def test_an_entry_is_blocked_above_one_percent_of_slippage(price: str, passed: bool) -> None:
    gates = entry_gates(_buy("5000", asks=f"1000@{price}"), AT, LIMITS)

    assert passed is _gate(gates, "slippage").passed
    assert passed is (first_failure(gates) is None)


@pytest.mark.parametrize(("price", "passed"), [("1002.9", True), ("1003", True), ("1003.1", False)])
def test_slippage_above_three_permille_warns(price: str, passed: bool) -> None:
    assert passed is _gate(warning_gates(_buy("5000", asks=f"1000@{price}"), LIMITS), "slippage_warning").passed


@pytest.mark.parametrize(("levels", "passed"), [(4, True), (5, True), (6, False)])
def test_more_than_five_levels_warn(levels: int, passed: bool) -> None:
    asks = " ".join(f"1@{1000 + step}" for step in range(10))
    notional = sum(1000 + step for step in range(levels))

    assert Gate("book_levels_warning", levels, 5, passed) == warning_gates(_buy(str(notional), asks=asks), LIMITS)[-1]


@pytest.mark.parametrize(
    ("age_ms", "passed"), [(59_999, True), (60_000, True), (60_001, False), (-60_000, True), (-60_001, False)]
)
def test_a_book_older_than_a_minute_or_from_the_future_blocks_an_entry(age_ms: int, passed: bool) -> None:
    gates = entry_gates(_buy("5000", asks="10@1000"), AT + timedelta(milliseconds=age_ms), LIMITS)

    assert passed is _gate(gates, "book_age_s").passed


def test_a_bid_without_a_size_is_not_a_level_that_was_used() -> None:
    bids = (Level(Decimal(100), Decimal(0)), Level(Decimal(99), Decimal(5)))
    shown = OrderBook(market=Market("KRW-BTC"), at=datetime(2026, 11, 20, tzinfo=UTC), asks=(), bids=bids)

    report = measure_liquidity(shown, MarketSell(market=shown.market, quantity=Decimal(1)), Decimal(100))

    assert (1, Decimal(99)) == (report.levels_used, report.funds_krw)


def test_a_warning_tells_what_was_measured_and_what_was_allowed() -> None:
    report = _buy("20000", asks="3@1000 30@1001")
    average, slippage = report.average_price_krw, report.slippage_fraction

    assert average is not None
    assert round(average, 8) != round(average, 9)
    assert (
        Gate("book_average_krw", round(average, 8), None, True),
        Gate("book_depth_warning", Decimal(33_030), Decimal(20_000), True),
        Gate("slippage_warning", slippage, Decimal("0.003"), True),
        Gate("book_levels_warning", 2, 5, True),
    ) == warning_gates(report, LIMITS)
