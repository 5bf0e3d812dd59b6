"""Why a cycle did not trade is one text, whoever tells it: the program, the rows, and the summary of the day."""

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.cycle_report import CycleReport, Outcome
from dg_bot.domain.events import CycleCompleted, Record
from dg_bot.domain.gate import Gate, first_failure, named
from dg_bot.operator.cycle_json import cycle_json
from dg_bot.operator.day_summary import Day, day_summary
from dg_bot.operator.phrasebook import Language, Phrasebook, safe
from tests.journal_records import NOON, report
from tests.postgres import rows

# No gate measures a control character, and PostgreSQL keeps no text with a NUL in it.
TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=12)
MEASURES = st.one_of(st.booleans(), st.integers(-(10**6), 10**6), st.floats(allow_nan=False), TEXTS, st.none())
NAMES = st.sampled_from(["rsi", "adx", "safe_mode", "trend", "news", "flat"])
STAGES = st.sampled_from(["risk", "data", "strategy", "validator", "execution"])
GATES = st.builds(
    lambda stage, name, value, limit, passed: named(stage, (Gate(name, value, limit, passed),))[0],
    STAGES, NAMES, MEASURES, MEASURES, st.booleans(),
)  # fmt: skip
WORDS = st.text(st.characters(blacklist_categories=["Cs", "Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=80)


@st.composite
def reports(draw: st.DrawFn) -> CycleReport:
    """Make reports whose reason is a gate's words, where one failed, or the model's own."""
    gates = tuple(draw(st.lists(GATES, max_size=6)))
    failed = first_failure(gates)
    outcome = Outcome.HELD if failed is None else draw(st.sampled_from([Outcome.HELD, Outcome.HALTED]))
    return replace(report(), gates=gates, outcome=outcome, reason=draw(WORDS) if failed is None else failed.words)


@settings(max_examples=150, deadline=None)
@given(reports())
def test_program_and_day_tell_the_same_reason_and_one_gate(made: CycleReport) -> None:
    told = json.loads(cycle_json(made))["reason"]
    summary = day_summary(Day.of(made.completed_at).after(made), Phrasebook(Language.KOREAN))
    failing = [gate for gate in made.gates if not gate.passed and gate.words == told]

    assert made.reason == told
    assert f"1× {safe(told)}" in summary.splitlines()
    assert failing[:1] == ([] if made.stopping_gate is None else [made.stopping_gate])


def test_rows_tell_the_reasons_of_the_program(database: str) -> None:
    made: list[CycleReport] = []

    @settings(max_examples=60, deadline=None, database=None)
    @given(reports())
    def collect(one: CycleReport) -> None:
        number = len(made)
        made.append(replace(one, cycle_id=f"KRW-BTC/{number}", opened_at=NOON + timedelta(hours=number)))

    collect()
    store = PostgresStore(database)
    store.project([Record(sequence=place, at=NOON, event=CycleCompleted(report=one)) for place, one in enumerate(made, 1)])
    store.close()

    assert [one.reason for one in made] == [
        reason for (reason,) in rows(database, "SELECT reason FROM cycles ORDER BY opened_at")
    ]
