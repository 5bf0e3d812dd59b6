"""Each replayed cycle is told in one line: the same, or where it differs first and whether that changes what was done."""

import json

import pytest

from dg_bot.app.replay import Replayed, Verdict
from dg_bot.app.replay_difference import Difference, Outline
from dg_bot.app.replay_report import Tally, line, line_json

BOUGHT = Outline(outcome="traded", decision="buy 0.7 (rules)", orders=("buy 10000",))
HELD = Outline(outcome="held", decision="hold 0.0 (rules)", orders=())
FOUND = Difference(stage="analysis", field="gates.adx", recorded=20, recomputed=25)
HEAD = "KRW-BTC/1: differs first in analysis, gates.adx: 20 then, 25 now"


def replayed(verdict: Verdict, *, then: Outline | None, now: Outline | None, is_other_code: bool = False) -> Replayed:
    difference = FOUND if verdict is Verdict.DIFFERS else None
    return Replayed(
        cycle_id="KRW-BTC/1", file="1.json", verdict=verdict, difference=difference, recorded=then, recomputed=now,
        is_other_code=is_other_code,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("one", "told"),
    [
        (replayed(Verdict.SAME, then=BOUGHT, now=BOUGHT), "KRW-BTC/1: same, traded, decision buy 0.7 (rules)"),
        (replayed(Verdict.SAME, then=None, now=None), "KRW-BTC/1: same"),
        (replayed(Verdict.DIFFERS, then=HELD, now=HELD), f"{HEAD}; decision and orders are the same"),
        (
            replayed(Verdict.DIFFERS, then=BOUGHT, now=HELD),
            f"{HEAD}; then buy 0.7 (rules) buy 10000, now hold 0.0 (rules) no order",
        ),
        (replayed(Verdict.DIFFERS, then=HELD, now=None), f"{HEAD}; it comes to no report now"),
        (
            replayed(Verdict.DIFFERS, then=None, now=HELD, is_other_code=True),
            f"{HEAD}; it had no report (recorded by other sources)",
        ),
        (
            Replayed(cycle_id="KRW-BTC/2", file="2.json", verdict=Verdict.MISSING, problem="its file is gone"),
            "KRW-BTC/2: missing: its file is gone",
        ),
    ],
)
def test_a_cycle_is_told_in_one_line(one: Replayed, told: str) -> None:
    assert told == line(one)
    assert str(one.verdict) == json.loads(line_json(one))["verdict"]


def test_the_sum_names_the_cycles_that_would_be_others_now() -> None:
    tally = Tally()
    tally.add(replayed(Verdict.SAME, then=HELD, now=HELD))
    before = tally.is_all_the_same
    tally.add(replayed(Verdict.DIFFERS, then=BOUGHT, now=HELD, is_other_code=True))

    assert (True, False) == (before, tally.is_all_the_same)
    assert (
        "2 replayed: 1 same, 1 differs, 0 damaged, 0 missing; 1 recorded by other sources\n"
        "other decisions or orders now: KRW-BTC/1"
    ) == tally.text()
    assert ["KRW-BTC/1"] == json.loads(tally.text_json())["summary"]["would_change"]
