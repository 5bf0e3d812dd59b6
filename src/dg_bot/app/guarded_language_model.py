"""A language model behind its budget, its call breaker and its canary; whatever it costs is in the journal first."""

from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Protocol

from dg_bot.analysis.answer import SCHEMA, SCHEMA_NAME, read_answer
from dg_bot.analysis.prompt import CANARY_INSTRUCTIONS
from dg_bot.domain.calendar import KST
from dg_bot.domain.call_breaker import BreakerState, CallBreaker
from dg_bot.domain.decision import Action
from dg_bot.domain.events import ModelAnswered, ModelAsked, Record
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion, Purpose
from dg_bot.domain.model_prices import ModelPrices
from dg_bot.domain.money import ZERO
from dg_bot.domain.spending import Spending
from dg_bot.pipeline.books import Books
from dg_bot.ports import Clock

_RETRY_PAUSE_S = 1.0
_SHORTEST_TRY_S = 0.05
_DAY = timedelta(hours=24)
# Worth a second try within the deadline: they pass by themselves, and cost nothing.
_PASSING = frozenset([AnswerKind.UNREACHABLE, AnswerKind.TOO_MANY_REQUESTS, AnswerKind.PROVIDER_FAILED])
# What the breaker counts: the provider did not do its work. An answer that cannot be used is not among them.
_FAILURES = _PASSING | {
    AnswerKind.NO_ANSWER_IN_TIME, AnswerKind.CONNECTION_LOST, AnswerKind.STILL_BUSY, AnswerKind.NO_JSON_REPLY,
    AnswerKind.REDIRECTED, AnswerKind.TOO_LARGE, AnswerKind.ENCODED, AnswerKind.KEY_REFUSED, AnswerKind.NO_QUOTA,
    AnswerKind.REQUEST_REFUSED, AnswerKind.BROKE,
}  # fmt: skip
# What keeps the canary from passing and says nothing about the form of answers.
_TOLD_APART = frozenset([AnswerKind.OVER_BUDGET, AnswerKind.BREAKER_OPEN, AnswerKind.OTHER_MODEL, AnswerKind.CHANGED_MODEL])
# Certain to have cost nothing.
_FREE = frozenset(
    [
        AnswerKind.UNREACHABLE, AnswerKind.KEY_REFUSED, AnswerKind.TOO_MANY_REQUESTS, AnswerKind.NO_QUOTA,
        AnswerKind.REQUEST_REFUSED, AnswerKind.REDIRECTED, AnswerKind.STILL_BUSY,
    ]
)  # fmt: skip
_REMEDIES = {
    AnswerKind.KEY_REFUSED: "the provider refuses the key: check OPENAI_API_KEY",
    AnswerKind.NO_QUOTA: "the provider's quota is used up: look at the account there",
    AnswerKind.OTHER_MODEL: "it answers by another name than OPENAI_MODEL: set the name it answers by",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingLimits:
    """What asking may take: seconds for one question in all, tokens and won for a day in Seoul."""

    deadline_s: float
    daily_tokens: int
    daily_krw: Decimal
    max_output_tokens: int


class AskOnce(Protocol):
    def ask(self, question: ModelQuestion, deadline_s: float) -> ModelAnswer:
        """Send one request and give what came of it no later than `deadline_s` from now; never raises."""
        ...


class GuardedLanguageModel:
    """Asks at most twice, within one deadline, and not at all over budget, while the breaker is open, or while the canary fails.

    The canary is a small question at the first use of a day or of another model, whose answer is known. Where that does not come
    back, no decision is asked for; the next cycle tries the canary again.
    """

    def __init__(
        self,
        inner: AskOnce,
        *,
        model: str,
        limits: AskingLimits,
        prices: ModelPrices,
        breaker: CallBreaker,
        books: Books,
        clock: Clock,
        is_challenger: bool = False,
    ) -> None:
        """`is_challenger` is one that is asked for scores alone: its purse, its canary and its alarms are its own."""
        self._inner = inner
        self._model = model
        self._limits = limits
        self._prices = prices
        self._breaker = breaker
        self._books = books
        self._clock = clock
        self._is_challenger = is_challenger
        self._alarms = "challenger_language_model" if is_challenger else "language_model"

    def ask(self, question: ModelQuestion) -> ModelAnswer:
        """Give the answer of kind USABLE, or what came instead; raises StateError where the journal takes no record."""
        ends_s = self._clock.monotonic_s() + self._limits.deadline_s
        today = self._known.on(self._clock.now())
        if question.purpose is not Purpose.CANARY and today.checked_model != self._model:
            canary = self._patiently(_CANARY, ends_s)
            if canary.kind is not AnswerKind.USABLE:
                return self._without_canary(canary)
        return self._patiently(question, ends_s)

    def _without_canary(self, canary: ModelAnswer) -> ModelAnswer:
        """Tell a model that does not understand the canary from one that is away, or is another one."""
        if canary.kind in _FAILURES or canary.kind in _TOLD_APART:
            return canary
        text = f"the language model does not answer in the agreed form ({canary.kind}): decisions hold until it does"
        self._books.alarm(f"{self._alarms}_contract", text, silence=_DAY)
        return replace(canary, kind=AnswerKind.CANARY_FAILED)

    def _patiently(self, question: ModelQuestion, ends_s: float) -> ModelAnswer:
        """Ask, and ask once more where that is worth it and time is left."""
        answer = self._once(question, ends_s)
        left_s = ends_s - self._clock.monotonic_s()
        if answer.kind not in _PASSING or left_s < 2 * _RETRY_PAUSE_S:
            return answer
        self._clock.sleep(_RETRY_PAUSE_S)
        second = self._once(question, ends_s)
        return answer if second.kind in (AnswerKind.BREAKER_OPEN, AnswerKind.OVER_BUDGET) else second

    def _once(self, question: ModelQuestion, ends_s: float) -> ModelAnswer:
        now, left_s = self._clock.now(), ends_s - self._clock.monotonic_s()
        if left_s < _SHORTEST_TRY_S:
            return ModelAnswer(kind=AnswerKind.NO_ANSWER_IN_TIME)
        if self._breaker.state(now) is BreakerState.OPEN:
            return ModelAnswer(kind=AnswerKind.BREAKER_OPEN)
        most_tokens = question.most_input_tokens + self._limits.max_output_tokens
        most_krw = self._cost_krw(question.most_input_tokens, self._limits.max_output_tokens)
        if self._is_over_budget(most_tokens, most_krw):
            return ModelAnswer(kind=AnswerKind.OVER_BUDGET)
        asked = ModelAsked(
            purpose=question.purpose,
            model=self._model,
            most_tokens=most_tokens,
            most_krw=most_krw,
            is_challenger=self._is_challenger,
        )
        record = self._books.record(asked)
        answer = self._judged(question, self._inner.ask(question, left_s))
        answer = self._book(record, asked, answer)
        self._count(answer)
        return answer

    def _judged(self, question: ModelQuestion, answer: ModelAnswer) -> ModelAnswer:
        """Let the question judge the text, and hold once where another edition answers than the last time."""
        if answer.kind is not AnswerKind.USABLE:
            return answer
        known = self._known
        kind = question.judge(answer.text)
        is_changed = known.asked_of == self._model and known.answered_by != answer.model
        if kind is not AnswerKind.USABLE or not is_changed:
            return replace(answer, kind=kind)
        text = f"{self._model} is answered by {answer.model} now, no longer by {known.answered_by}; this answer is not used"
        self._books.alarm(f"{self._alarms}_changed", text)
        return replace(answer, kind=AnswerKind.CHANGED_MODEL)

    def _book(self, record: Record, asked: ModelAsked, answer: ModelAnswer) -> ModelAnswer:
        """Record the answer with its cost: what the provider tells, else nothing or the most, as its kind allows."""
        if answer.input_tokens is not None and answer.output_tokens is not None:
            tokens = answer.input_tokens + answer.output_tokens
            cost_krw = self._cost_krw(answer.input_tokens, answer.output_tokens)
        else:
            tokens, cost_krw = (0, ZERO) if answer.kind in _FREE else (asked.most_tokens, asked.most_krw)
        booked = replace(answer, cost_krw=cost_krw)
        self._books.record(
            ModelAnswered(
                asked=record.sequence,
                purpose=asked.purpose,
                model=self._model,
                answer=booked,
                tokens=tokens,
                released_tokens=asked.most_tokens - tokens,
                released_krw=asked.most_krw - cost_krw,
                is_challenger=self._is_challenger,
            )
        )
        return booked

    def _count(self, answer: ModelAnswer) -> None:
        """Tell the breaker, and the operator where somebody has to do something."""
        now = self._clock.now()
        was_open = self._breaker.opened_at is not None
        self._breaker = self._breaker.failed(now) if answer.kind in _FAILURES else self._breaker.succeeded()
        if self._breaker.opened_at is not None and not was_open:
            pause_s = self._breaker.pause.total_seconds()
            text = f"the language model failed {self._breaker.failures} times in a row, the last time with {answer.kind}"
            self._books.alarm(f"{self._alarms}_breaker", f"{text}: it is left alone for {pause_s:g} s")
        if answer.kind in _REMEDIES:
            self._books.alarm(f"{self._alarms}_{answer.kind}", _REMEDIES[answer.kind])

    def _is_over_budget(self, tokens: int, cost_krw: Decimal) -> bool:
        spent_tokens, spent_krw = self._spent_today()
        if spent_tokens + tokens <= self._limits.daily_tokens and spent_krw + cost_krw <= self._limits.daily_krw:
            return False
        whose = "the challengers' part of the" if self._is_challenger else "the"
        text = (
            f"{whose} language model's budget of the day is used up: {spent_tokens} of {self._limits.daily_tokens} tokens, "
            f"{spent_krw:.2f} of {self._limits.daily_krw} KRW"
        )
        self._books.alarm(f"{self._alarms}_budget", text, silence=_DAY)
        return True

    @property
    def _known(self) -> Spending:
        """What is remembered of this language model, by whom it is asked."""
        remembered = self._books.remembered
        return remembered.challenger_spending.get(self._model, Spending()) if self._is_challenger else remembered.spending

    def _spent_today(self) -> tuple[int, Decimal]:
        """Give the tokens and won of the purse: of all challengers together, or of all others."""
        remembered, now = self._books.remembered, self._clock.now()
        purse = remembered.challenger_spending.values() if self._is_challenger else (remembered.spending,)
        today = [spending.on(now) for spending in purse]
        return sum(one.tokens for one in today), sum((one.cost_krw for one in today), ZERO)

    def _cost_krw(self, input_tokens: int, output_tokens: int) -> Decimal:
        today = self._clock.now().astimezone(KST).date()
        return self._prices.cost_krw(self._model, today, input_tokens=input_tokens, output_tokens=output_tokens)


def _judge_canary(text: str) -> AnswerKind:
    read = read_answer(text)
    if isinstance(read, AnswerKind):
        return read
    return AnswerKind.USABLE if read.action is Action.HOLD else AnswerKind.OTHER_ACTION


_CANARY = ModelQuestion(
    purpose=Purpose.CANARY,
    instructions=CANARY_INSTRUCTIONS,
    data="{}",
    schema_name=SCHEMA_NAME,
    schema=SCHEMA,
    judge=_judge_canary,
)
