from decimal import Decimal

import pytest

from dg_bot.domain.gate import Gate, Measure
from dg_bot.operator import figures
from tests.unit.operator.reports import OPENED_AT


@pytest.mark.parametrize(
    ("amount", "expected"),
    [
        ("1234567.49", "₩1,234,567"),
        ("0", "₩0"),
        ("-1234.6", "-₩1,235"),
        ("-0.4", "₩0"),
        ("123456789012345678", "₩123,456,789,012,345,678"),
    ],
)
def test_won_are_whole_and_grouped(amount: str, expected: str) -> None:
    assert expected == figures.won(Decimal(amount))


@pytest.mark.parametrize(
    ("amount", "expected"), [("99.99", "₩99.99"), ("100", "₩100"), ("100.4", "₩100"), ("0.00001230", "₩0.0000123")]
)
def test_a_price_below_100_keeps_its_decimals(amount: str, expected: str) -> None:
    assert expected == figures.price(Decimal(amount))


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.0523, "5.23%"),
        (Decimal("-0.1"), "-10.00%"),
        (-0.000001, "0.00%"),
        (float("nan"), "–"),
        (float("inf"), "–"),
        (12.5, "1,250.00%"),
    ],
)
def test_a_fraction_becomes_percent(fraction: Decimal | float, expected: str) -> None:
    assert expected == figures.percent(fraction)


@pytest.mark.parametrize(("fraction", "expected"), [(0.012, "+1.20%"), (-0.012, "-1.20%"), (0.0, "0.00%"), (0.000001, "0.00%")])
def test_a_gain_in_percent_has_its_sign(fraction: float, expected: str) -> None:
    assert expected == figures.signed_percent(fraction)


def test_times_are_told_in_seoul() -> None:
    assert "11-20 22:00 KST" == figures.seoul(OPENED_AT)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("risk.daily_loss", Decimal("-0.0123"), "-1.23%"),
        ("execution.slippage", 0.0004, "0.04%"),
        ("execution.entry_room_krw", Decimal(12000), "₩12,000"),
        ("data.recent_gap_hours", 3, "3 h"),
        ("risk.clock_skew_s", -0.123, "-0.1 s"),
        ("breakout.trend", 139456789.123, "139,456,789.12"),
        ("breakout.ratio", 0.0123456, "0.01235"),
        ("breakout.ratio", -0.0123456, "-0.01235"),
        ("breakout.ratio", -1234.5, "-1,234.5"),
        ("breakout.ratio", 0.0, "0"),
        ("risk.flat", True, "yes"),
        ("risk.flat", False, "no"),
        ("filter.regime", "bear", "bear"),
        ("filter.news", None, "–"),
        ("breakout.trend", float("nan"), "–"),
        ("unknown_name", 5, "5"),
    ],
)
def test_a_gates_figure_is_in_its_unit(name: str, value: Measure, expected: str) -> None:
    assert expected == figures.measure(Gate(name, value, None, passed=True))
