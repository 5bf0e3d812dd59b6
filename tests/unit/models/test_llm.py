from dataclasses import dataclass, field

import pytest

from dg_bot.analysis.prompt import PROMPT_VERSION
from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Decision
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion, Purpose
from dg_bot.models.llm import LlmModel, prompt_of
from tests.openai_server import opinion
from tests.situations import situation
from tests.unit.analysis.test_prompt import full


@dataclass
class Answering:
    """A language model that gives one answer, and keeps what it was asked."""

    kind: AnswerKind = AnswerKind.USABLE
    text: str = opinion("BUY", 0.8)
    asked: list[ModelQuestion] = field(default_factory=list)

    def ask(self, question: ModelQuestion) -> ModelAnswer:
        self.asked.append(question)
        return ModelAnswer(kind=self.kind, text=self.text, model="m")


@dataclass(frozen=True)
class Seller:
    name: str = "rules"

    def decide(self, situation: Situation) -> Advice:
        return Advice(decision=Decision(action=Action.SELL, confidence=0.75, source=self.name, reason="told to"))


def test_a_usable_answer_is_the_decision_and_its_consultation_is_kept_whole() -> None:
    language = Answering()

    advice = LlmModel(language_model=language, stand_in=None).decide(full())

    reason = "; ".join(
        f"{name}: a word on {name}"
        for name in ("trend", "momentum", "volatility", "volume_and_liquidity", "market_context", "risk")
    )
    assert Decision(action=Action.BUY, confidence=0.8, source="llm", reason=reason) == advice.decision
    consultation, prompt = advice.consultation, prompt_of(full())
    assert consultation is not None
    assert (PROMPT_VERSION, prompt.text, 1) == (
        consultation.prompt_version,
        consultation.prompt,
        consultation.suspicious_texts,
    )
    assert language.text == consultation.answer.text
    assert [(Purpose.DECISION, prompt.instructions, prompt.data)] == [
        (one.purpose, one.instructions, one.data) for one in language.asked
    ]


@pytest.mark.parametrize("kind", [kind for kind in AnswerKind if kind is not AnswerKind.USABLE])
def test_every_other_kind_is_a_hold_that_names_it(kind: AnswerKind) -> None:
    decision = LlmModel(language_model=Answering(kind=kind), stand_in=None).decide(situation()).decision

    assert (Action.HOLD, 0.0) == (decision.action, decision.confidence)
    assert kind.value in decision.reason or kind is AnswerKind.NOT_ASKED


@pytest.mark.parametrize(
    ("kind", "source"),
    [
        (AnswerKind.UNREACHABLE, "rules"),
        (AnswerKind.OVER_BUDGET, "rules"),
        (AnswerKind.KEY_REFUSED, "rules"),
        (AnswerKind.PROSE, "llm"),
        (AnswerKind.REFUSAL, "llm"),
        (AnswerKind.CANARY_FAILED, "llm"),
        (AnswerKind.OTHER_MODEL, "llm"),
    ],
)
def test_a_stand_in_decides_while_the_model_is_away_and_not_when_it_answers_wrongly(kind: AnswerKind, source: str) -> None:
    decision = LlmModel(language_model=Answering(kind=kind), stand_in=Seller()).decide(situation()).decision

    assert source == decision.source


@pytest.mark.parametrize(
    ("case", "is_asked"),
    [
        (situation(), True),
        (situation(entry_obstacle="screen.sharpe: 0.2, limit 0.8"), False),
        (full(), True),
        (situation(position=full().position, entry_obstacle="screen.sharpe: 0.2, limit 0.8"), True),
        (situation(position=full().position, is_safe_mode=True), False),
    ],
)
def test_it_is_asked_only_where_the_answer_could_matter(case: Situation, is_asked: bool) -> None:
    language = Answering()

    advice = LlmModel(language_model=language, stand_in=Seller()).decide(case)

    assert is_asked is bool(language.asked)
    if not is_asked:
        assert (Action.HOLD, "llm") == (advice.decision.action, advice.decision.source)
        assert advice.decision.reason.startswith("not asked: ")
