"""Ask an OpenAI-compatible server by OpenAI's own client: one request, within one deadline, whatever the other side does."""

import importlib
import json
import logging
import re
import ssl
import threading
import unicodedata
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dg_bot.adapters.openai_reply import Api, kept, read_reply
from dg_bot.adapters.tls import trusted_authorities
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, ModelQuestion

if TYPE_CHECKING:
    import httpx2
    import openai

BODY_LIMIT_BYTES = 512 * 1024
_CONNECT_S = 5.0
_NO_KEY = "none"
_MASK = "***"
# Shorter ones are words that a server on this machine is given where it wants any key at all.
_SHORTEST_KEY = 16
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_SIGNS = re.compile(r"[\W_]+")
_KINDS_OF_STATUS = {401: AnswerKind.KEY_REFUSED, 403: AnswerKind.KEY_REFUSED, 408: AnswerKind.PROVIDER_FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAiProfile:
    """Where a model is and how it wants to be asked; `temperature` and `seed` are left out where they are None.

    Reasoning models refuse a temperature, and the Responses endpoint knows no seed.
    """

    base_url: str
    model: str
    api: Api
    max_output_tokens: int
    temperature: float | None = None
    seed: int | None = None


class OpenAiModel:
    """The transport. A call that is not over in time is abandoned: its connection is closed, and what it still gives is dropped.

    While an abandoned call has not ended nothing new is asked, so that a hanging name lookup costs one thread and not many.
    """

    def __init__(self, profile: OpenAiProfile, *, api_key: str | None) -> None:
        """Prepare without touching the network. Loading the library takes a second or two: that belongs to no deadline."""
        importlib.import_module("openai.resources.responses" if profile.api is Api.RESPONSES else "openai.resources.chat")
        self.profile = profile
        self._api_key = api_key or _NO_KEY
        # A server that is spoken to in plain text needs no authority; one that answers with a certificate all the same gets none.
        is_https = profile.base_url.startswith("https:")
        self._tls = trusted_authorities() if is_https else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._abandoned: list[threading.Thread] = []

    def ask(self, question: ModelQuestion, deadline_s: float) -> ModelAnswer:
        """Send one request, and give what came of it no later than `deadline_s` from now; never raises."""
        self._abandoned = [thread for thread in self._abandoned if thread.is_alive()]
        if self._abandoned:
            return ModelAnswer(kind=AnswerKind.STILL_BUSY)
        call = _Call(self.profile, self._api_key, self._tls, question, deadline_s)
        thread = threading.Thread(target=call.run, name="language-model", daemon=True)
        thread.start()
        try:
            answer = call.outcome.result(deadline_s)
        except TimeoutError:
            call.abandon()
            self._abandoned.append(thread)
            return ModelAnswer(kind=AnswerKind.NO_ANSWER_IN_TIME)
        if self._api_key == _NO_KEY:
            return answer
        return replace(answer, text=answer.text.replace(self._api_key, _MASK))


class _Call:
    """One request on a thread and a connection of its own."""

    def __init__(
        self, profile: OpenAiProfile, api_key: str, tls: ssl.SSLContext, question: ModelQuestion, deadline_s: float
    ) -> None:
        self.outcome: Future[ModelAnswer] = Future()
        self._profile = profile
        self._api_key = api_key
        self._tls = tls
        self._question = question
        self._deadline_s = deadline_s
        self._http: httpx2.Client | None = None
        self._is_abandoned = False

    def run(self) -> None:
        """Ask, and put whatever comes of it into `outcome`."""
        try:
            answer = self._asked()
        except Exception as error:  # noqa: BLE001 - what breaks in the library is one more answer that cannot be used
            answer = ModelAnswer(kind=AnswerKind.BROKE, text=type(error).__name__)
        finally:
            self._close()
        self.outcome.set_result(answer)

    def abandon(self) -> None:
        """Take the connection away, so that the next byte of a dripping server ends the thread."""
        self._is_abandoned = True
        self._close()

    def _close(self) -> None:
        if self._http is not None:
            self._http.close()

    def _asked(self) -> ModelAnswer:
        import openai  # noqa: PLC0415 - loaded by whoever makes an OpenAiModel, and by nobody else

        try:
            response = self._request(self._client())
        except openai.APIStatusError as error:
            return _of_status(error, _MASK if repeats_key(error.response.text, self._api_key) else error.response.text)
        except openai.APIConnectionError as error:
            return ModelAnswer(kind=_of_failure(error))
        except _TooLarge:
            return ModelAnswer(kind=AnswerKind.TOO_LARGE)
        except _Encoded:
            return ModelAnswer(kind=AnswerKind.ENCODED)
        body: bytes = response.content
        if repeats_key(body.decode("utf-8", "replace"), self._api_key):
            # Nothing of it is kept: what is cut off, or read out of its escapes later, could bring the key into a record.
            return ModelAnswer(kind=AnswerKind.MALFORMED_REPLY, text=_MASK)
        return read_reply(self._profile.api, self._profile.model, response.headers.get("content-type", ""), body)

    def _client(self) -> "openai.OpenAI":
        import httpx2  # noqa: PLC0415 - see _asked
        import openai  # noqa: PLC0415 - see _asked

        for name in ("openai", "httpx2", "httpcore2"):
            # At DEBUG these write out what is asked, headers among it.
            logging.getLogger(name).setLevel(logging.WARNING)
        timeout = httpx2.Timeout(self._deadline_s, connect=min(_CONNECT_S, self._deadline_s))
        self._http = httpx2.Client(
            transport=_capped(httpx2.HTTPTransport(verify=self._tls, trust_env=False, retries=0)),
            trust_env=False,
            follow_redirects=False,
            timeout=timeout,
        )
        if self._is_abandoned:
            self._http.close()
        return openai.OpenAI(
            api_key=self._api_key,
            base_url=self._profile.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=self._http,
            default_headers={"Accept-Encoding": "identity"},
        )

    def _request(self, client: "openai.OpenAI") -> Any:
        profile, question = self._profile, self._question
        schema = {"name": question.schema_name, "strict": True, "schema": json.loads(question.schema)}
        options: dict[str, Any] = {"model": profile.model}
        if profile.temperature is not None:
            options["temperature"] = profile.temperature
        if profile.api is Api.RESPONSES:
            options |= {"instructions": question.instructions, "input": question.data, "store": False}
            options |= {"text": {"format": {"type": "json_schema", **schema}}, "max_output_tokens": profile.max_output_tokens}
            return client.responses.with_raw_response.create(**options)
        if profile.seed is not None:
            options["seed"] = profile.seed
        system, user = {"role": "system", "content": question.instructions}, {"role": "user", "content": question.data}
        options |= {"messages": [system, user], "max_completion_tokens": profile.max_output_tokens}
        options |= {"response_format": {"type": "json_schema", "json_schema": schema}}
        return client.chat.completions.with_raw_response.create(**options)


class _TooLarge(Exception):
    """The body is longer than any answer."""


class _Encoded(Exception):
    """The body is compressed, though that was not asked for: it could be of any size."""


def _capped(inner: "httpx2.BaseTransport") -> "httpx2.BaseTransport":
    """Give a transport that ends a reply which is longer than BODY_LIMIT_BYTES, or encoded."""
    import httpx2  # noqa: PLC0415 - see _Call._asked

    class CappedStream(httpx2.SyncByteStream):
        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def __iter__(self) -> Iterator[bytes]:
            size = 0
            for chunk in self._stream:
                size += len(chunk)
                if size > BODY_LIMIT_BYTES:
                    raise _TooLarge
                yield chunk

        def close(self) -> None:
            self._stream.close()

    class CappedTransport(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            response = inner.handle_request(request)
            if response.headers.get("content-encoding", "identity") != "identity":
                response.close()
                raise _Encoded
            response.stream = CappedStream(response.stream)
            return response

        def close(self) -> None:
            inner.close()

    return CappedTransport()


def repeats_key(text: str, key: str) -> bool:
    """Tell whether a text holds a key, also where its letters are escaped, wide, or stand apart; of a short key, never."""
    if len(key) < _SHORTEST_KEY:
        return False
    for _ in range(2):  # a reply is JSON, and the answer in it is JSON again
        text = _ESCAPE.sub(lambda escaped: chr(int(escaped[1], 16)), text)
    return _letters(key) in _letters(text)


def _letters(text: str) -> str:
    return _SIGNS.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _of_status(error: "openai.APIStatusError", body: str) -> ModelAnswer:
    """Sort a refusal by its status; of a 429 the code tells whether waiting could help."""
    status = error.status_code
    kind = _KINDS_OF_STATUS.get(status)
    if kind is None and status == 429:
        kind = AnswerKind.NO_QUOTA if error.code == "insufficient_quota" else AnswerKind.TOO_MANY_REQUESTS
    if kind is None:
        is_redirect, is_theirs = 300 <= status < 400, status >= 500
        kind = AnswerKind.REDIRECTED if is_redirect else AnswerKind.REQUEST_REFUSED
        kind = AnswerKind.PROVIDER_FAILED if is_theirs else kind
    return ModelAnswer(kind=kind, text=kept(f"{status} {body}"))


def _of_failure(error: "openai.APIConnectionError") -> AnswerKind:
    """Name what broke: UNREACHABLE is certain to have cost nothing, for no request was sent."""
    import httpx2  # noqa: PLC0415 - see _Call._asked

    match error.__cause__:
        case httpx2.ConnectError() | httpx2.ConnectTimeout():
            return AnswerKind.UNREACHABLE
        case httpx2.TimeoutException():
            return AnswerKind.NO_ANSWER_IN_TIME
        case _:
            return AnswerKind.CONNECTION_LOST
