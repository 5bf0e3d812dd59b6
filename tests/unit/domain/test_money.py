import math
from decimal import Decimal, Inexact

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.domain.money import (
    QUANTITY_STEP,
    WON,
    ZERO,
    decimal_from_float,
    decimal_from_text,
    floor_to,
    plain,
    product,
    require_not_negative,
    require_positive,
)
from dg_bot.errors import ImpossibleValue

STEPS = [Decimal(text) for text in ("0.00000001", "0.0001", "0.01", "0.5", "1", "5", "10", "50", "500", "1000")]
AMOUNTS = st.decimals(min_value=0, max_value=10**12, allow_nan=False, allow_infinity=False, places=8)


def test_a_product_keeps_every_digit() -> None:
    assert Decimal("1219326311370217952237463801111263526900") == product(
        Decimal("12345678901234567890"), Decimal("98765432109876543210")
    )
    assert Decimal("0.0000000000000001") == product(QUANTITY_STEP, QUANTITY_STEP)


def test_a_product_of_nothing_is_one() -> None:
    assert Decimal(1) == product()


@pytest.mark.parametrize(("digits", "fits"), [(59, True), (60, True), (61, False)])
def test_a_product_of_more_than_sixty_digits_is_refused_rather_than_rounded(digits: int, fits: bool) -> None:
    value = Decimal("1" * digits)

    if fits:
        assert value == product(value, WON)
    else:
        with pytest.raises(Inexact):
            product(value, WON)


@pytest.mark.parametrize(
    ("value", "step", "floored"),
    [
        ("0.999999999", "0.00000001", "0.99999999"),
        ("0.00000001", "0.00000001", "0.00000001"),
        ("0.000000009", "0.00000001", "0"),
        ("4999.99", "1", "4999"),
        ("5000", "1", "5000"),
        ("5000.01", "1", "5000"),
        ("1499", "500", "1000"),
        ("1500", "500", "1500"),
        ("1501", "500", "1500"),
        ("0.74", "0.5", "0.5"),
        ("-0.9", "0.5", "-0.5"),
        ("-1.9", "1", "-1"),
    ],
)
def test_flooring_goes_towards_zero_to_a_multiple_of_the_step(value: str, step: str, floored: str) -> None:
    assert Decimal(floored) == floor_to(Decimal(value), Decimal(step))


@pytest.mark.parametrize(
    ("value", "step"),
    [
        ("9.999999999999999999999999999", "5"),
        ("0.99999999999999999999999999999999", "0.00000001"),
        ("999999999999999999.9999999999999", "1"),
    ],
)
def test_flooring_never_rounds_up_however_many_digits_there_are(value: str, step: str) -> None:
    assert Decimal(value) > floor_to(Decimal(value), Decimal(step))


@given(value=AMOUNTS, step=st.sampled_from(STEPS))
def test_what_is_floored_is_a_multiple_less_than_one_step_below(value: Decimal, step: Decimal) -> None:
    floored = floor_to(value, step)

    assert 0 <= value - floored < step
    assert 0 == floored % step
    assert floored == floor_to(floored, step)


def test_a_float_becomes_the_decimal_that_it_prints_rounded_down() -> None:
    assert Decimal("0.1") == decimal_from_float(0.1, QUANTITY_STEP)
    assert Decimal("0.29999999") == decimal_from_float(0.299999999, QUANTITY_STEP)
    assert Decimal("1E-8") == decimal_from_float(1e-8, QUANTITY_STEP)
    assert ZERO == decimal_from_float(9.9e-9, QUANTITY_STEP)
    assert Decimal(5) == decimal_from_float(9.99, Decimal(5))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_no_float_that_is_not_a_number_becomes_money(value: float) -> None:
    with pytest.raises(ImpossibleValue, match=r"amount: .* is impossible, it must be finite"):
        decimal_from_float(value, QUANTITY_STEP)


@pytest.mark.parametrize("text", ["0", "-1.5", "+2", "1e-8", "1E+3", ".5", "5."])
def test_a_decimal_text_is_read_exactly(text: str) -> None:
    assert Decimal(text) == decimal_from_text(text, "amount")


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "one", "1,000", "1_000", " 5", "5\n", "0x10", "\u0661", "\uff11"),
        *("NaN", "sNaN", "Infinity", "-inf", "1E+9999999999999999999"),
    ],
)
def test_what_is_not_a_plain_number_is_no_amount(text: str) -> None:
    with pytest.raises(ImpossibleValue, match="amount: "):
        decimal_from_text(text, "amount")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("1E+3", "1000"),
        ("1E-8", "0.00000001"),
        ("0.10", "0.1"),
        ("100", "100"),
        ("100.00", "100"),
        ("0", "0"),
        ("-0", "0"),
        ("-0.00", "0"),
        ("0E+5", "0"),
        ("-1.50", "-1.5"),
    ],
)
def test_plain_writes_no_exponent_and_no_idle_zeros(value: str, written: str) -> None:
    assert written == plain(Decimal(value))


@given(value=st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12))
def test_what_plain_writes_reads_back_the_same(value: Decimal) -> None:
    assert value == decimal_from_text(plain(value), "amount")


@pytest.mark.parametrize(
    ("value", "is_positive", "is_not_negative"), [("-1E-8", False, False), ("0", False, True), ("1E-8", True, True)]
)
def test_the_sign_rules_turn_at_zero(value: str, is_positive: bool, is_not_negative: bool) -> None:
    for rule, holds in ((require_positive, is_positive), (require_not_negative, is_not_negative)):
        if holds:
            rule("fee", Decimal(value))
        else:
            with pytest.raises(ImpossibleValue, match="fee: "):
                rule("fee", Decimal(value))


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "-Infinity"])
def test_the_sign_rules_refuse_what_is_not_finite(value: str) -> None:
    for rule in (require_positive, require_not_negative):
        with pytest.raises(ImpossibleValue, match="fee: "):
            rule("fee", Decimal(value))
