import logging
import threading
from collections.abc import Iterator

import pytest

from dg_bot.adapters.openai_model import OpenAiModel, OpenAiProfile
from dg_bot.adapters.openai_reply import Api
from dg_bot.analysis.answer import SCHEMA, SCHEMA_NAME, Opinion, judge_answer, read_answer
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion, Purpose
from tests.openai_server import KEY, MODEL, SILENCE, OpenAiServer, Served, opinion, served

QUESTION = ModelQuestion(
    purpose=Purpose.DECISION,
    instructions="be careful",
    data='{"market":"KRW-BTC"}',
    schema_name=SCHEMA_NAME,
    schema=SCHEMA,
    judge=judge_answer,
)


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as running:
        yield running


def model(
    url: str, api: Api = Api.RESPONSES, *, temperature: float | None = None, seed: int | None = None, key: str | None = KEY
) -> OpenAiModel:
    profile = OpenAiProfile(base_url=url, model=MODEL, api=api, max_output_tokens=700, temperature=temperature, seed=seed)
    return OpenAiModel(profile, api_key=key)


def test_responses_are_asked_with_a_strict_schema_and_without_tools(server: OpenAiServer) -> None:
    model(server.url).ask(QUESTION, 30.0)

    body, form = server.asked[0].body, {"type": "json_schema", "name": "decision", "strict": True}
    assert "/v1/responses" == server.asked[0].path
    assert {"model", "instructions", "input", "store", "text", "max_output_tokens"} == body.keys()
    assert ("be careful", QUESTION.data, False, 700) == (
        body["instructions"], body["input"], body["store"], body["max_output_tokens"],
    )  # fmt: skip
    text = body["text"]
    assert isinstance(text, dict)
    assert form.items() <= text["format"].items()
    assert text["format"]["schema"]["additionalProperties"] is False


def test_chat_is_asked_with_a_strict_schema_and_without_tools(server: OpenAiServer) -> None:
    answer = model(server.url, Api.CHAT, temperature=0.0, seed=7).ask(QUESTION, 30.0)

    body = server.asked[0].body
    assert "/v1/chat/completions" == server.asked[0].path
    assert {"model", "messages", "response_format", "max_completion_tokens", "temperature", "seed"} == body.keys()
    assert (0.0, 7) == (body["temperature"], body["seed"])
    assert [{"role": "system", "content": "be careful"}, {"role": "user", "content": QUESTION.data}] == body["messages"]
    assert (AnswerKind.USABLE, MODEL, 1000, 200) == (answer.kind, answer.model, answer.input_tokens, answer.output_tokens)


def test_one_call_is_one_request_whatever_comes_of_it(server: OpenAiServer) -> None:
    for status in (429, 500, 503, 408, 409):
        server.replies_with(Served(status=status, headers={"Retry-After": "0"}))
        model(server.url).ask(QUESTION, 30.0)

    assert 5 == len(server.asked)


def test_where_nobody_listens_nothing_was_sent() -> None:
    assert ModelAnswer(kind=AnswerKind.UNREACHABLE) == model("http://127.0.0.1:1/v1").ask(QUESTION, 30.0)


def test_an_abandoned_call_ends_with_its_connection(server: OpenAiServer) -> None:
    server.replies_with(SILENCE)
    asked = model(server.url)

    first = asked.ask(QUESTION, 0.2)
    for thread in [one for one in threading.enumerate() if one.name == "language-model"]:
        thread.join(30)
    server.replies_with(served(opinion("SELL")))
    second = asked.ask(QUESTION, 30.0)

    assert (AnswerKind.NO_ANSWER_IN_TIME, AnswerKind.USABLE) == (first.kind, second.kind)


def test_while_an_abandoned_call_hangs_nothing_new_is_asked(server: OpenAiServer) -> None:
    asked = model(server.url)
    stuck = threading.Event()
    hanging = threading.Thread(target=stuck.wait, daemon=True)
    hanging.start()
    asked._abandoned.append(hanging)

    busy = asked.ask(QUESTION, 30.0)
    stuck.set()
    hanging.join()

    assert (AnswerKind.STILL_BUSY, AnswerKind.USABLE) == (busy.kind, asked.ask(QUESTION, 30.0).kind)
    assert 1 == len(server.asked)


def test_the_environment_changes_nothing(server: OpenAiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "OPENAI_BASE_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "another")

    assert AnswerKind.USABLE is model(server.url).ask(QUESTION, 30.0).kind
    assert f"Bearer {KEY}" == server.asked[0].headers["authorization"]


def test_the_key_is_in_no_answer_and_in_no_log(server: OpenAiServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies_with(served(opinion("HOLD", reason={"trend": KEY})))

    answer = model(server.url).ask(QUESTION, 30.0)

    assert KEY not in answer.text
    assert "***" in answer.text
    assert KEY not in caplog.text


@pytest.mark.parametrize("api", list(Api))
@pytest.mark.parametrize(
    "spelt",
    [
        KEY,
        "".join(f"\\u{ord(mark):04x}" for mark in KEY),
        "-".join(KEY),
        "\u200b".join(KEY),
        "".join(chr(ord(mark) + 0xFEE0) for mark in KEY),
    ],
)
def test_a_server_that_repeats_the_key_brings_it_into_no_answer(server: OpenAiServer, api: Api, spelt: str) -> None:
    for told in (
        served(opinion("BUY"), api, model=f"{MODEL}-{spelt}"),
        served(opinion("BUY", reason={"trend": spelt}), api),
        served(opinion("BUY").replace("a word on risk", spelt), api),
        served("x" * (16_000 - len(KEY) // 2) + spelt, api),
        Served(status=500, body=("x" * (16_000 - len(KEY) // 2) + spelt).encode()),
        Served(body=spelt.encode(), content_type="text/html"),
    ):
        server.replies_with(told)
        answer = model(server.url, api).ask(QUESTION, 30.0)

        opinion_or_kind = read_answer(answer.text)
        said = opinion_or_kind.reason if isinstance(opinion_or_kind, Opinion) else answer.text
        shown = "".join(mark for mark in f"{said} {answer.model} {answer.text}" if mark.isalnum())
        assert KEY[:12].replace("-", "") not in shown


def test_a_key_that_is_a_plain_word_spoils_no_answer(server: OpenAiServer) -> None:
    server.replies_with(served(opinion("BUY")))

    answer = model(server.url, key="text").ask(QUESTION, 30.0)

    assert (AnswerKind.USABLE, MODEL) == (answer.kind, answer.model)


def test_a_server_on_this_machine_needs_no_key(server: OpenAiServer) -> None:
    assert AnswerKind.USABLE is model(server.url, key=None).ask(QUESTION, 30.0).kind


def test_a_key_that_no_header_can_carry_is_a_kind_of_its_own(server: OpenAiServer) -> None:
    assert AnswerKind.BROKE is model(server.url, key="ключ").ask(QUESTION, 30.0).kind


def test_a_server_without_a_certificate_that_is_trusted_is_told_nothing(server: OpenAiServer) -> None:
    assert AnswerKind.UNREACHABLE is model(server.url.replace("http:", "https:")).ask(QUESTION, 30.0).kind
    assert [] == server.asked
