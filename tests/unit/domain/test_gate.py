from decimal import Decimal

import pytest

from dg_bot.domain.gate import Gate, Measure, first_failure, named

PASSED, FAILED, OTHER = Gate("a", 1, 1, True), Gate("b", 2, 1, False), Gate("c", 3, 1, False)


@pytest.mark.parametrize(
    ("value", "limit", "words"),
    [
        (17.23456789, 20, "g: 17.2346, limit 20"),
        (Decimal("0.10"), Decimal("0.15"), "g: 0.10, limit 0.15"),
        (None, None, "g: none, limit none"),
        (True, False, "g: yes, limit no"),
        (152_937_000.5, Decimal(100_000), "g: 152,937,000, limit 100,000"),
        ("off", "off", "g: off, limit off"),
    ],
)
def test_a_gate_says_what_was_found_and_what_was_demanded(value: Measure, limit: Measure, words: str) -> None:
    assert words == Gate("g", value, limit, True).words


@pytest.mark.parametrize(("gates", "failure"), [((), None), ((PASSED,), None), ((PASSED, FAILED, OTHER), FAILED)])
def test_the_first_gate_that_did_not_pass_is_the_reason(gates: tuple[Gate, ...], failure: Gate | None) -> None:
    assert failure == first_failure(gates)


def test_gates_carry_the_name_of_who_asked() -> None:
    assert (Gate("validator.a", 1, 1, True), Gate("validator.b", 2, 1, False)) == named("validator", (PASSED, FAILED))
