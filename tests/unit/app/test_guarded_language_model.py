from collections import deque
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from dg_bot.app.guarded_language_model import AskingLimits, GuardedLanguageModel
from dg_bot.domain.call_breaker import CallBreaker
from dg_bot.domain.events import ModelAnswered, ModelAsked
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion, Purpose
from tests.asking_bots import PRICES
from tests.builders import PaperBot, paper_bot
from tests.openai_server import opinion
from tests.unit.adapters.test_openai_model import QUESTION

Kind = AnswerKind
OK = ModelAnswer(kind=Kind.USABLE, text=opinion("BUY"), model="m", input_tokens=1000, output_tokens=200)
CANARY = replace(OK, text=opinion("HOLD", 0.5))


class Scripted:
    """Answers by the script, the canary always rightly; each answer takes `takes_s` of the bot's time."""

    def __init__(self, bot: PaperBot, *answers: ModelAnswer, takes_s: float = 0.0) -> None:
        self._bot = bot
        self._answers = deque(answers)
        self._takes_s = takes_s
        self.asked = 0

    def ask(self, question: ModelQuestion, deadline_s: float) -> ModelAnswer:
        if question.purpose is Purpose.CANARY:
            return CANARY
        self.asked += 1
        self._bot.wait(min(self._takes_s, deadline_s))
        return self._answers.popleft()


def guarded(
    bot: PaperBot, inner: Scripted, *, model: str = "m", daily_krw: str = "100000", is_challenger: bool = False
) -> GuardedLanguageModel:
    return GuardedLanguageModel(
        inner,
        model=model,
        limits=AskingLimits(deadline_s=20.0, daily_tokens=10**6, daily_krw=Decimal(daily_krw), max_output_tokens=500),
        prices=PRICES,
        breaker=CallBreaker(most_failures=3, pause=timedelta(seconds=60)),
        books=bot.books,
        clock=bot.clock,
        is_challenger=is_challenger,
    )


def of(kind: AnswerKind) -> ModelAnswer:
    return ModelAnswer(kind=kind)


def test_every_request_is_durable_before_it_leaves_and_its_answer_after_it() -> None:
    bot = paper_bot()
    guarded(bot, Scripted(bot, OK)).ask(QUESTION)

    names = [type(record.event) for record in bot.memory.records()][-4:]
    assert [ModelAsked, ModelAnswered, ModelAsked, ModelAnswered] == names


@pytest.mark.parametrize(
    ("first", "asked", "kind"),
    [
        (Kind.UNREACHABLE, 2, Kind.USABLE),
        (Kind.TOO_MANY_REQUESTS, 2, Kind.USABLE),
        (Kind.PROVIDER_FAILED, 2, Kind.USABLE),
        (Kind.NO_ANSWER_IN_TIME, 1, Kind.NO_ANSWER_IN_TIME),
        (Kind.CONNECTION_LOST, 1, Kind.CONNECTION_LOST),
        (Kind.KEY_REFUSED, 1, Kind.KEY_REFUSED),
        (Kind.NO_QUOTA, 1, Kind.NO_QUOTA),
        (Kind.NO_JSON_REPLY, 1, Kind.NO_JSON_REPLY),
        (Kind.TRUNCATED, 1, Kind.TRUNCATED),
        (Kind.REFUSAL, 1, Kind.REFUSAL),
    ],
)
def test_one_more_try_is_for_what_passes_by_itself(first: AnswerKind, asked: int, kind: AnswerKind) -> None:
    bot = paper_bot()
    inner = Scripted(bot, of(first), OK)

    assert kind is guarded(bot, inner).ask(QUESTION).kind
    assert asked == inner.asked


def test_there_is_no_second_try_without_time_for_it() -> None:
    bot = paper_bot()
    inner = Scripted(bot, of(Kind.PROVIDER_FAILED), OK, takes_s=18.5)

    assert Kind.PROVIDER_FAILED is guarded(bot, inner).ask(QUESTION).kind
    assert 1 == inner.asked


def test_failures_in_a_row_open_the_breaker_for_a_minute() -> None:
    bot = paper_bot()
    inner = Scripted(bot, *[of(Kind.CONNECTION_LOST)] * 3, OK)
    model = guarded(bot, inner)

    kinds = [model.ask(QUESTION).kind for _ in range(4)]
    bot.wait(60)
    kinds.append(model.ask(QUESTION).kind)

    assert [*[Kind.CONNECTION_LOST] * 3, Kind.BREAKER_OPEN, Kind.USABLE] == kinds
    assert ["language_model_breaker"] == bot.alarms()


def test_an_answer_that_cannot_be_used_is_no_failure_of_the_call() -> None:
    bot = paper_bot()
    model = guarded(bot, Scripted(bot, *[replace(OK, text="words")] * 5))

    assert 5 * [Kind.PROSE] == [model.ask(QUESTION).kind for _ in range(5)]


@pytest.mark.parametrize(
    ("answer", "tokens", "cost"),
    [
        (OK, 1200, Decimal(63)),
        (replace(OK, text="words"), 1200, Decimal(63)),
        (of(Kind.UNREACHABLE), 0, Decimal(0)),
        (of(Kind.KEY_REFUSED), 0, Decimal(0)),
    ],
)
def test_what_the_provider_tells_is_booked_and_what_never_left_is_free(answer: ModelAnswer, tokens: int, cost: Decimal) -> None:
    bot = paper_bot()
    guarded(bot, Scripted(bot, answer, answer), model="dear").ask(QUESTION)

    canary = next(event for event in bot.events(ModelAnswered) if isinstance(event, ModelAnswered))
    spent = bot.books.remembered.spending
    assert (tokens, cost) == (spent.tokens - canary.tokens, spent.cost_krw - canary.answer.cost_krw)


def test_an_answer_that_was_lost_costs_the_most() -> None:
    bot = paper_bot()
    guarded(bot, Scripted(bot, of(Kind.NO_ANSWER_IN_TIME))).ask(QUESTION)

    last = [event for event in bot.events(ModelAnswered) if isinstance(event, ModelAnswered)][-1]
    assert (QUESTION.most_input_tokens + 500, 0) == (last.tokens, last.released_tokens)


def test_a_challenger_has_a_purse_and_a_canary_of_its_own() -> None:
    bot = paper_bot()
    challenger = guarded(bot, Scripted(bot, *[OK] * 9), model="dear", daily_krw="300", is_challenger=True)
    decision = guarded(bot, Scripted(bot, OK), model="dear", daily_krw="300")

    while challenger.ask(QUESTION).kind is not Kind.OVER_BUDGET:
        pass
    remembered = bot.books.remembered

    assert (0, None) == (remembered.spending.tokens, remembered.spending.checked_model)
    assert Decimal(0) < remembered.challenger_spending["dear"].cost_krw <= 300
    assert ["challenger_language_model_budget"] == bot.alarms()
    assert Kind.USABLE is decision.ask(QUESTION).kind


def test_a_day_has_its_won() -> None:
    bot = paper_bot()
    inner = Scripted(bot, OK, OK, OK, OK)
    model = guarded(bot, inner, model="dear", daily_krw="300")

    kinds = [model.ask(QUESTION).kind for _ in range(4)]

    assert Kind.OVER_BUDGET is kinds[-1]
    assert inner.asked < 4
    assert bot.books.remembered.spending.cost_krw <= 300
