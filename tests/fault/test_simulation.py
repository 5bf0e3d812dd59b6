"""Seeds that live for months: faults at every port, deaths at every call, and the invariants after every event."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dg_bot.domain.events import IntentClosed
from dg_bot.execution.planner import PlannerLimits
from tests.builders import paper_bot
from tests.fault.simulation.broken import BROKEN
from tests.fault.simulation.plan import Fault, FaultPlan, Kind
from tests.fault.simulation.shrink import explained
from tests.fault.simulation.world import World
from tests.scenario.faulty_upbit import Call, hidden_until, none_listed, not_found, reply_lost

MONTH_H = 720
SHORT_H = 3


@pytest.mark.parametrize("first", range(0, 200, 10))
def test_ten_months_of_faults_and_deaths_break_no_invariant(first: int) -> None:
    for seed in range(first, first + 10):
        assert None is explained(seed, MONTH_H)


@pytest.mark.parametrize("seed", range(5))
def test_days_with_real_data_analysis_and_journal_file_break_no_invariant(seed: int, tmp_path: Path) -> None:
    figures = World(seed, 72, folder=tmp_path).run()

    assert figures.orders > 0


@pytest.mark.parametrize("seed", [75, 90, 99])
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_death_at_any_call_of_any_port_breaks_no_invariant(seed: int, when: str) -> None:
    calls = World(seed, SHORT_H).run().port_calls

    lives = [World(seed, SHORT_H, death_at=(call, when)).run() for call in range(1, calls + 1)]

    # A call that fails has no "after".
    assert calls * 0.75 < sum(life.deaths > 0 for life in lives)
    assert 3 < max(life.orders for life in lives)


@pytest.mark.parametrize("seed", range(10))
def test_c11_a_day_of_lost_packets_costs_nothing_but_time(seed: int) -> None:
    """Every third request and every third answer is lost for a day: orders take longer, and none is made twice or lost."""
    lossy = FaultPlan(faults=(Fault(kind=Kind.PACKET_LOSS, rate=0.3, windows=((0, 24),)),))

    assert None is explained(seed, 30, plan=lossy)


@pytest.mark.parametrize("seed", [1, 2, 5])
def test_i19_a_seed_lives_the_same_life_each_time(seed: int) -> None:
    lives = [World(seed, 200).run() for _ in range(2)]

    assert lives[0] == lives[1]


@pytest.mark.parametrize("name", BROKEN)
def test_a_program_that_is_wrong_on_purpose_is_caught_within_twenty_seeds(name: str) -> None:
    failures = (explained(seed, 100, change=BROKEN[name]) for seed in range(20))
    caught = next((failure for failure in failures if failure is not None), None)

    assert caught is not None
    print(f"{name}: caught by seed {caught.seed}, {caught.violation}")
    assert f"SEED={caught.seed}" in str(caught)


def test_i4_an_order_is_not_proved_absent_by_balances_that_another_open_order_may_have_moved() -> None:
    """An entry that cannot be seen stays open while a sale on its market that cannot be seen either may have moved the coins."""
    bot = paper_bot("1000 1000 | 1000 1000 1000", says="buy", planner=PlannerLimits(split_above_krw=Decimal(300_000)))
    bot.upbit.on("submit", reply_lost, first=2, last=3)
    shown_at = bot.clock.now() + timedelta(hours=2)

    def found_late(method: Call, identifier: str) -> Any:
        is_first = identifier.endswith("entry.0.0")
        return method(identifier) if is_first else hidden_until(bot.clock.now, shown_at, not_found)(method, identifier)

    bot.upbit.always("find", found_late)
    bot.upbit.always("list_orders", hidden_until(bot.clock.now, shown_at, none_listed))
    bot.run_cycle()
    bot.next_hour()
    bot.opinion.says = "sell"
    bot.run_cycle()
    bot.wait(120)
    bot.guard.tick()
    assert ["12.entry.1.0", "13.sell.0.0"] == [intent.identifier[-12:].lstrip("T") for intent in bot.books.intents.open_intents()]

    bot.clock.at = shown_at
    bot.guard.tick()

    assert () == bot.books.intents.open_intents()
    assert 3 == sum(1 for event in bot.events(IntentClosed) if isinstance(event, IntentClosed) and event.fills)
