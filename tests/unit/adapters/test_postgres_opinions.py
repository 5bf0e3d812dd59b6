"""What the tables tell of opinions: each with its worth, and what is no evidence as such."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.adapters.postgres import PostgresStore
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.decision import Action, Decision, Opinion, Vote
from dg_bot.domain.events import ChallengersHeard, CycleCompleted, Event, Started
from dg_bot.domain.gate import Gate
from tests.journal_records import BTC, NOON, record, report
from tests.postgres import rows


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    store = PostgresStore(database)
    yield store
    store.close()


def project(store: PostgresStore, *events: Event) -> None:
    """Write the rows, and a day of hours at whose end the price is 10 % higher."""
    store.project([record(sequence, event) for sequence, event in enumerate(events, start=1)])
    hours = []
    for hour in range(24):
        price = Decimal("1100.11") if hour == 23 else Decimal(1000)
        bar = Candle(opened_at=NOON + timedelta(hours=hour), open=price, high=price, low=price, close=price, volume=Decimal(1))
        hours.append(bar)
    store.add_candles(BTC, HOUR, CandleSeries.from_candles(BTC, HOUR, hours))


def wanted(source: str, action: Action = Action.BUY) -> Decision:
    return Decision(action=action, confidence=0.8, source=source, reason="so")


def vetoed(source: str, gate: str) -> CycleReport:
    gates = (Gate("risk.loss", 0, 1, passed=True), Gate("strategy.trend", 2, 1, passed=True), Gate(gate, 2, 1, passed=False))
    return replace(report(), proposed=wanted(source), decision=wanted("rules", Action.HOLD), gates=gates)


HEARD = ChallengersHeard(
    cycle_id="KRW-BTC/2026-11-20T12",
    opinions=(
        Opinion(model="onnx", action=Action.BUY, confidence=0.9),
        Opinion(model="llm", action=Action.HOLD, confidence=0.0, problem="prose", has_read=True),
    ),
)


def test_everybody_s_opinion_has_a_row_with_what_it_was_worth(store: PostgresStore, database: str) -> None:
    votes = (Vote(model="rules", action=Action.SELL, confidence=0.7, weight=0.5),)
    project(store, CycleCompleted(report=replace(vetoed("ensemble", "validator.rsi"), votes=votes)), HEARD)

    told = rows(
        database, "SELECT voice, model, proposed, problem, vetoed_by, net_fraction, is_right FROM decision_scores ORDER BY 1, 2"
    )
    net = Decimal("0.0986")
    assert [
        ("challenger", "llm", "hold", "prose", None, net, None),
        ("challenger", "onnx", "buy", None, None, net, True),
        ("champion", "ensemble", "buy", None, "validator", net, True),
        ("rules", "rules only", "buy", None, "validator", net, True),
        ("voter", "rules", "sell", None, None, net, False),
    ] == [(*row[:5], round(Decimal(str(row[5])), 8), row[6]) for row in told]


@pytest.mark.parametrize(("cutoff", "is_evidence"), [("", False), ("2026-11-19", True), ("2026-11-20", False)])
def test_what_a_language_model_may_have_read_is_no_evidence(
    store: PostgresStore, database: str, cutoff: str, is_evidence: bool
) -> None:
    started = Started(mode=Mode.DEMO, version="1", settings={"LLM_CUTOFF": cutoff})
    project(store, started, CycleCompleted(report=replace(report(), proposed=wanted("llm"))), HEARD)

    told = rows(database, "SELECT model, is_evidence FROM decision_scores ORDER BY voice, model")
    assert [("llm", is_evidence), ("onnx", True), ("llm", is_evidence)] == told


@pytest.mark.parametrize(
    ("named", "is_evidence"),
    [("rules,llm:m@2026-11-19", True), ("llm:m@2026-11-20", False), ("llm:m", False), ("llm:other@2020-01-01", False)],
)
def test_another_language_model_has_a_cut_off_of_its_own(
    store: PostgresStore, database: str, named: str, is_evidence: bool
) -> None:
    started = Started(mode=Mode.DEMO, version="1", settings={"LLM_CUTOFF": "2020-01-01", "CHALLENGERS": named})
    other = Opinion(model="llm:m", action=Action.BUY, confidence=0.9, has_read=True)
    project(store, started, CycleCompleted(report=report()), ChallengersHeard(cycle_id=report().cycle_id, opinions=(other,)))

    assert [(is_evidence,)] == rows(database, "SELECT is_evidence FROM decision_scores WHERE voice = 'challenger'")


def test_the_shadow_books_tell_model_vetoes_rules_and_nothing_apart(store: PostgresStore, database: str) -> None:
    second = replace(vetoed("rules", "screen.sharpe"), cycle_id="KRW-BTC/again")
    project(store, CycleCompleted(report=vetoed("rules", "validator.rsi")), CycleCompleted(report=second), HEARD)

    told = rows(database, "SELECT who, model, max(cumulative_fraction) FROM shadow_pnl GROUP BY 1, 2 ORDER BY 1, 2")
    assert [
        ("all vetoes", "rules", Decimal("0.1972")),
        ("challenger", "onnx", Decimal("0.0986")),
        ("champion", "rules", Decimal("0.1972")),
        ("doing nothing", "nobody", Decimal(0)),
        ("rules only", "rules only", Decimal("0.1972")),
        ("validator vetoes", "rules", Decimal("0.0986")),
    ] == [(*row[:2], round(Decimal(str(row[2])), 8)) for row in told]
