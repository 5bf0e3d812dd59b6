"""Hundreds of answers over a socket: none becomes anything but its decision, and each is counted under its own kind."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dg_bot.adapters.openai_model import OpenAiModel, OpenAiProfile
from dg_bot.adapters.openai_reply import Api
from dg_bot.adapters.prometheus import Metrics
from dg_bot.domain.cycle_report import CycleReport, Mode, Outcome, Stage
from dg_bot.domain.decision import Advice
from dg_bot.domain.events import CycleCompleted, Record
from dg_bot.domain.gate import Gate
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion
from dg_bot.domain.market import Market
from dg_bot.models.llm import LlmModel
from tests.answer_corpus import Case, corpus
from tests.openai_server import KEY, OpenAiServer
from tests.situations import situation

CORPUS = corpus()
# Those that no reply of a server can bring about; they have tests of their own.
# What only an answer about news can be (tests/unit/analysis/test_sentiment.py).
_OF_NEWS = {AnswerKind.OTHER_ITEMS, AnswerKind.SCORE_OUT_OF_RANGE}
_NO_REPLY = {
    AnswerKind.NOT_ASKED,
    AnswerKind.OVER_BUDGET,
    AnswerKind.BREAKER_OPEN,
    AnswerKind.CANARY_FAILED,
    AnswerKind.STILL_BUSY,
    AnswerKind.BROKE,
    AnswerKind.NO_ANSWER_IN_TIME,
    AnswerKind.UNREACHABLE,
    AnswerKind.CHANGED_MODEL,
}


class Unguarded:
    """A language model that is asked without budget and breaker."""

    def __init__(self, url: str, model: str, api: Api) -> None:
        self._model = OpenAiModel(OpenAiProfile(base_url=url, model=model, api=api, max_output_tokens=500), api_key=KEY)

    def ask(self, question: ModelQuestion) -> ModelAnswer:
        answer = self._model.ask(question, 60.0)
        return replace(answer, kind=question.judge(answer.text)) if answer.kind is AnswerKind.USABLE else answer


class Bench:
    """A server, and a decision model for each endpoint and model's name that is asked there."""

    def __init__(self, server: OpenAiServer) -> None:
        self._server = server
        self._models: dict[tuple[str, Api], LlmModel] = {}

    def advice(self, case: Case) -> Advice:
        self._server.replies_with(case.reply)
        key = case.asked, case.api
        if key not in self._models:
            self._models[key] = LlmModel(language_model=Unguarded(self._server.url, *key), stand_in=None)
        return self._models[key].decide(SITUATION)


SITUATION = situation()


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    with OpenAiServer() as server:
        yield Bench(server)


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case.name)
def test_an_answer_is_its_decision_and_nothing_else(bench: Bench, case: Case) -> None:
    advice = bench.advice(case)

    consultation = advice.consultation
    assert consultation is not None
    assert (case.action, case.kind) == (advice.decision.action, consultation.answer.kind)
    assert KEY not in consultation.answer.text


def test_there_are_hundreds_of_them_with_every_kind_that_a_server_can_bring_about() -> None:
    assert 300 <= len([case for case in CORPUS if not case.name.startswith("recorded")])
    assert len(CORPUS) == len({case.name for case in CORPUS})
    assert set(AnswerKind) - _NO_REPLY - _OF_NEWS == {case.kind for case in CORPUS}
    assert set(Api) == {case.api for case in CORPUS}


def test_each_kind_is_counted_under_its_own_name() -> None:
    metrics, at = Metrics(), datetime(2026, 11, 20, 12, tzinfo=UTC)
    for number, case in enumerate(CORPUS, 1):
        report = CycleReport(
            cycle_id=str(number),
            market=Market("KRW-BTC"),
            mode=Mode.PAPER,
            opened_at=at,
            completed_at=at,
            outcome=Outcome.HELD,
            stage=Stage.ANALYSIS,
            reason="",
            gates=(Gate("model.answer", case.kind.value, None, passed=True),),
        )
        metrics.observe_record(Record(sequence=number, at=at, event=CycleCompleted(report=report)))

    counted = {kind: metrics.registry.get_sample_value("llm_answers_total", {"kind": kind.value}) for kind in AnswerKind}
    assert Counter(case.kind for case in CORPUS) == {kind: count for kind, count in counted.items() if count}
