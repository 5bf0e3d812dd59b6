"""Challengers are heard after everything, and whatever they do is an opinion that nobody acts on."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Thread

import pytest

from dg_bot.cycle import Situation
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.decision import Action, Advice, Consultation, Decision, Opinion, OutputKind, Prediction
from dg_bot.domain.events import ChallengersHeard, CycleCompleted
from dg_bot.domain.language_model import AnswerKind, ModelAnswer
from dg_bot.errors import DecisionError, InvariantViolated, StateError
from dg_bot.pipeline.challengers import OUT_OF_TIME, Challengers
from tests.builders import paper_bot
from tests.situations import situation


@dataclass
class Model:
    """Says what it is told to, after whatever `does` does."""

    name: str
    says: str = "buy"
    does: Callable[[], object] = lambda: None
    answer: AnswerKind | None = None
    output: OutputKind | None = None

    def decide(self, situation: Situation) -> Advice:
        self.does()
        decision = Decision(action=Action(self.says), confidence=0.8, source=self.name, reason="so it says")
        if self.answer is None:
            return Advice(decision=decision, prediction=None if self.output is None else Prediction(kind=self.output))
        asked = Consultation(prompt_version="1", prompt="p", answer=ModelAnswer(kind=self.answer), suspicious_texts=0)
        return Advice(decision=decision, consultation=asked)


def raising(error: Exception) -> Callable[[], object]:
    def raise_it() -> None:
        raise error

    return raise_it


def test_each_failure_is_a_hold_under_its_own_name() -> None:
    bot = paper_bot()
    models = [
        Model("good", "sell"),
        Model("llm", "hold", answer=AnswerKind.PROSE),
        Model("read", "buy", answer=AnswerKind.USABLE),
        Model("onnx", "hold", output=OutputKind.SAME_OUTPUT),
        Model("no output", does=raising(DecisionError("no output", "gave NaN"))),
        Model("broken", does=raising(ZeroDivisionError())),
    ]

    heard = Challengers(models, clock=bot.clock, budget_s=20.0).opinions(situation())

    assert (
        Opinion(model="good", action=Action.SELL, confidence=0.8),
        Opinion(model="llm", action=Action.HOLD, confidence=0.8, problem="prose", has_read=True),
        Opinion(model="read", action=Action.BUY, confidence=0.8, has_read=True),
        Opinion(model="onnx", action=Action.HOLD, confidence=0.8, problem="same_output"),
        Opinion(model="no output", action=Action.HOLD, confidence=0.0, problem="DecisionError"),
        Opinion(model="broken", action=Action.HOLD, confidence=0.0, problem="ZeroDivisionError"),
    ) == heard


def test_nobody_is_asked_once_the_time_is_up() -> None:
    bot = paper_bot()
    models = [Model("slow", does=lambda: bot.wait(20.0)), Model("late"), Model("later")]

    heard = Challengers(models, clock=bot.clock, budget_s=20.0).opinions(situation())

    assert [("slow", ""), ("late", OUT_OF_TIME), ("later", OUT_OF_TIME)] == [(one.model, one.problem) for one in heard]


@pytest.mark.parametrize("error", [StateError("journal", "is full", "make room"), InvariantViolated("books", "differ")])
def test_a_journal_that_takes_nothing_is_no_opinion(error: Exception) -> None:
    challengers = Challengers([Model("m", does=raising(error))], clock=paper_bot().clock, budget_s=20.0)

    with pytest.raises(type(error)):
        challengers.opinions(situation())


@pytest.mark.parametrize("says", ["buy", "sell", "hold"])
def test_they_change_neither_order_nor_report(says: str) -> None:
    alone, challenged = (
        paper_bot(says="buy"),
        paper_bot(says="buy", challengers=[Model("c", says), Model("d", does=raising(OSError()))]),
    )

    reports = [bot.run_cycle() for bot in (alone, challenged)]

    assert alone.placed() == challenged.placed() != []
    assert reports[0].gates == reports[1].gates
    assert reports[0].state == reports[1].state
    assert [CycleCompleted, ChallengersHeard] == [type(record.event) for record in challenged.memory.records()][-2:]


def test_they_are_heard_after_the_orders_and_hold_no_lock() -> None:
    bot = paper_bot(says="buy")
    seen: list[object] = []

    def look() -> None:
        thread = Thread(target=lambda: seen.append(bot.guard.tick()))
        thread.start()
        thread.join(10.0)
        seen.append(bot.placed())

    bot.setup = replace(bot.setup, challengers=[Model("c", does=look)])
    bot.rewire()
    bot.run_cycle()

    assert 2 == len(seen), "the guard could not look while a challenger was asked"
    assert bot.placed() == seen[1] != []


def test_a_cycle_without_a_decision_hears_nobody() -> None:
    halted = paper_bot("100 100 94", holding="100 @ 100", challengers=[Model("c")])

    assert Outcome.TRADED is halted.run_cycle().outcome
    assert [] == halted.events(ChallengersHeard)
