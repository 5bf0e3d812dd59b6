from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dg_bot.simulator.rest_json import dumps, loads


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (Decimal("65198000.0"), "65198000.0"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+9"), "1000000000"),
        (Decimal("4022470467.03403000000000000001"), "4022470467.03403000000000000001"),
        ({"a": [1, True, None, "1"]}, '{"a":[1,true,null,"1"]}'),
        ('비트코인 "x"', '"비트코인 \\"x\\""'),
        ([], "[]"),
        ({}, "{}"),
    ],
)
def test_json_is_written_with_the_digits_it_has(value: object, written: str) -> None:
    assert written == dumps(value)  # type: ignore[arg-type]


def test_numbers_are_read_exactly() -> None:
    assert {"price": Decimal("0.30000000000000004")} == loads('{"price": 0.30000000000000004}')


@pytest.mark.parametrize("text", ["NaN", "[Infinity]", "{", ""])
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        loads(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=20))
def test_a_number_comes_back_with_every_digit(value: Decimal) -> None:
    assert str(loads(dumps([value]))) == str([value])
