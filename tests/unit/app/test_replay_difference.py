"""Of two runs of a cycle the first stage and field that differ are named, in the order in which a cycle comes by them."""

from dataclasses import replace

import pytest

from dg_bot.app.replay_difference import Difference, first_difference, outline
from dg_bot.domain.cycle_report import CycleReport
from dg_bot.domain.decision import Action
from dg_bot.domain.events import AlarmRaised, CycleCompleted, Event
from dg_bot.domain.gate import Gate
from tests.journal_records import planned_buy, report


def run(made: CycleReport, *before: Event) -> list[Event]:
    return [*before, CycleCompleted(report=made)]


def gates(*words: str) -> tuple[Gate, ...]:
    """Write gates as `data.age=3`: all with the limit 5, and passed."""
    return tuple(Gate(name, int(value), 5, True) for name, _, value in (word.partition("=") for word in words))


def test_the_same_run_has_no_difference_whatever_it_took() -> None:
    slower = replace(report(), durations_ms={"analysis": 9.0}, completed_at=report().opened_at)

    assert first_difference(run(report(), planned_buy()), run(slower, planned_buy())) is None


@pytest.mark.parametrize(
    ("then", "now", "stage", "field", "values"),
    [
        (gates("risk.a=1", "data.b=1"), gates("risk.a=2", "data.b=2"), "risk_check", "gate risk.a.value", (1, 2)),
        (gates("data.b=1", "validator.c=1"), gates("data.b=2"), "data_collection", "gate data.b.value", (1, 2)),
        (gates("filter.c=1", "execution.d=1"), gates("filter.c=2"), "analysis", "gate filter.c.value", (1, 2)),
        (gates("execution.d=1"), gates("execution.d=4"), "execution", "gate execution.d.value", (1, 4)),
        (gates("data.b=1", "filter.c=1"), gates("data.b=1"), "analysis", "gate filter.c.value", (1, None)),
        (gates("data.b=1"), gates("data.b=1", "risk.a=3"), "risk_check", "gate risk.a.value", (None, 3)),
    ],
)
def test_the_first_gate_that_differs_is_named_with_both_values(
    then: tuple[Gate, ...], now: tuple[Gate, ...], stage: str, field: str, values: tuple[int | None, int | None]
) -> None:
    found = first_difference(run(replace(report(), gates=then)), run(replace(report(), gates=now)))

    assert Difference(stage=stage, field=field, recorded=values[0], recomputed=values[1]) == found


def test_an_order_is_compared_to_the_last_digit() -> None:
    larger = replace(planned_buy(), reason="another reason")

    found = first_difference(run(report(), planned_buy()), run(report(), larger))

    assert found is not None
    assert ("execution", "intent_planned[0].reason") == (found.stage, found.field)


def test_a_decision_comes_before_the_order_that_follows_from_it() -> None:
    decision = report().decision
    assert decision is not None
    held = replace(report(), decision=replace(decision, action=Action.HOLD))

    found = first_difference(run(report(), planned_buy()), run(held))

    assert found is not None
    assert ("analysis", "decision.action") == (found.stage, found.field)


def test_an_alarm_more_or_less_is_a_difference() -> None:
    found = first_difference(run(report()), run(report(), AlarmRaised(kind="thin", text="thin")))

    assert found == Difference(stage="risk_check", field="alarm_raised[0].kind", recorded=None, recomputed="thin")


def test_an_outline_names_decision_and_orders() -> None:
    found = outline(run(report(), planned_buy()))

    assert found is not None
    assert found.decision.startswith("buy ")
    assert 1 == len(found.orders)
    assert outline([]) is None
