"""The decision model that asks a language model, and holds whenever the answer is anything but the agreed one."""

from dg_bot.analysis.answer import SCHEMA, SCHEMA_NAME, judge_answer, read_answer
from dg_bot.analysis.prompt import PROMPT_VERSION, Prompt, decision_prompt
from dg_bot.cycle import Situation
from dg_bot.domain.decision import Action, Advice, Consultation, Decision
from dg_bot.domain.language_model import LLM, AnswerKind, ModelAnswer, ModelQuestion, Purpose
from dg_bot.ports import DecisionModel, LanguageModel

# Kinds that say nothing about the market or the model's mind: another model may decide in its place.
_AWAY = frozenset(
    [
        AnswerKind.OVER_BUDGET, AnswerKind.BREAKER_OPEN, AnswerKind.STILL_BUSY, AnswerKind.NO_ANSWER_IN_TIME,
        AnswerKind.UNREACHABLE, AnswerKind.CONNECTION_LOST, AnswerKind.KEY_REFUSED, AnswerKind.TOO_MANY_REQUESTS,
        AnswerKind.NO_QUOTA, AnswerKind.PROVIDER_FAILED,
    ]
)  # fmt: skip


class LlmModel:
    """Asks where the answer could matter. Of an answer it takes action, confidence and reason, and nothing else.

    `stand_in` decides while the language model is away; without one that is a HOLD. An answer that came and cannot be used is
    always a HOLD.
    """

    def __init__(self, *, language_model: LanguageModel, stand_in: DecisionModel | None) -> None:
        self._language_model = language_model
        self._stand_in = stand_in

    @property
    def name(self) -> str:
        return LLM

    def decide(self, situation: Situation) -> Advice:
        """Ask once; the consultation is with the advice whatever came of it."""
        obstacle = _futility(situation)
        if obstacle is not None:
            unasked = Prompt(instructions="", data="", suspicious_texts=0)
            return self._advice(situation, unasked, ModelAnswer(kind=AnswerKind.NOT_ASKED, text=obstacle))
        prompt = prompt_of(situation)
        question = ModelQuestion(
            purpose=Purpose.DECISION,
            instructions=prompt.instructions,
            data=prompt.data,
            schema_name=SCHEMA_NAME,
            schema=SCHEMA,
            judge=judge_answer,
        )
        return self._advice(situation, prompt, self._language_model.ask(question))

    def _advice(self, situation: Situation, prompt: Prompt, answer: ModelAnswer) -> Advice:
        decision = _decision(answer)
        if answer.kind in _AWAY and self._stand_in is not None:
            decision = self._stand_in.decide(situation).decision
        return Advice(
            decision=decision,
            consultation=Consultation(
                prompt_version=PROMPT_VERSION,
                prompt=prompt.text.strip(),
                answer=answer,
                suspicious_texts=prompt.suspicious_texts,
            ),
        )


def prompt_of(situation: Situation) -> Prompt:
    """Give the prompt for a situation; the same situation gives the same prompt."""
    snapshot = situation.snapshot
    return decision_prompt(
        hourly=snapshot.hourly,
        strategy_bars=snapshot.strategy_bars,
        book=snapshot.book,
        mark_krw=snapshot.mark_krw,
        position=situation.position,
        indicators=situation.indicators,
        context=situation.context,
        screen=situation.screen,
        notice=snapshot.notice,
        news=snapshot.news,
    )


def _futility(situation: Situation) -> str | None:
    """Say why an answer could change nothing: in safe mode none is asked for, and with nothing held only an entry is open."""
    if situation.is_safe_mode:
        return "in safe mode no language model is asked"
    if situation.position is None and situation.entry_obstacle is not None:
        return f"nothing is held, and an entry is impossible: {situation.entry_obstacle}"
    return None


def _decision(answer: ModelAnswer) -> Decision:
    """Read the decision out of an answer; everything but a usable one is a HOLD that names its kind."""
    opinion = read_answer(answer.text) if answer.kind is AnswerKind.USABLE else answer.kind
    if isinstance(opinion, AnswerKind):
        reason = f"not asked: {answer.text}" if opinion is AnswerKind.NOT_ASKED else f"no usable answer: {opinion}"
        return Decision(action=Action.HOLD, confidence=0.0, source=LLM, reason=reason)
    return Decision(action=opinion.action, confidence=opinion.confidence, source=LLM, reason=opinion.reason)
