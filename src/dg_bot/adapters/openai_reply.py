"""Read the answer of an OpenAI-compatible server: the text of exactly one message, or the kind of what came instead."""

from enum import StrEnum

from dg_bot.adapters.json_fields import Json, Record, parse_json
from dg_bot.domain.language_model import AnswerKind, ModelAnswer
from dg_bot.domain.model_prices import is_edition_of

_MOST_TOKENS = 10_000_000
_KEPT = 16_000


class Api(StrEnum):
    """Which of the two endpoints is spoken to: OpenAI's own, or the one that every compatible server has."""

    RESPONSES = "responses"
    CHAT = "chat"


def read_reply(api: Api, asked: str, content_type: str, body: bytes) -> ModelAnswer:
    """Read a reply with status 200 to a question to the model `asked`; its text is USABLE as far as its envelope goes."""
    document = parse_json(body) if "json" in content_type.lower() else None
    if document is None:
        return ModelAnswer(kind=AnswerKind.NO_JSON_REPLY, text=kept(body.decode("utf-8", "replace")))
    if not isinstance(document, dict):
        return ModelAnswer(kind=AnswerKind.MALFORMED_REPLY, text=kept(body.decode("utf-8", "replace")))
    kind, text = _of_chat(document) if api is Api.CHAT else _of_responses(document)
    model = document.get("model")
    if kind is AnswerKind.USABLE and (not isinstance(model, str) or not is_edition_of(model, asked)):
        kind = AnswerKind.OTHER_MODEL if isinstance(model, str) else AnswerKind.MALFORMED_REPLY
    names = ("prompt_tokens", "completion_tokens") if api is Api.CHAT else ("input_tokens", "output_tokens")
    usage = document.get("usage")
    read, written = (_tokens(usage, name) for name in names)
    return ModelAnswer(
        kind=kind,
        text=kept(text if text or kind is AnswerKind.USABLE else body.decode("utf-8", "replace")),
        model=kept(model)[:200] if isinstance(model, str) else None,
        input_tokens=read,
        output_tokens=written,
    )


def kept(text: str) -> str:
    """Give the text as far as it is kept, in characters that every file and table takes."""
    shown = text[:_KEPT].encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
    return shown if len(text) <= _KEPT else f"{shown}… ({len(text)} characters)"


def _of_chat(document: Record) -> tuple[AnswerKind, str]:
    if isinstance(document.get("error"), dict) and not document.get("choices"):
        return AnswerKind.PROVIDER_FAILED, ""
    choices = document.get("choices")
    if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
        return AnswerKind.MALFORMED_REPLY, ""
    if len(choices) != 1:
        return (AnswerKind.SEVERAL_CHOICES if choices else AnswerKind.EMPTY), ""
    choice = choices[0]
    message = choice.get("message") if isinstance(choice, dict) else None
    if not isinstance(choice, dict) or not isinstance(message, dict):
        return AnswerKind.MALFORMED_REPLY, ""
    content, refusal = message.get("content"), message.get("refusal")
    text = content if isinstance(content, str) else ""
    if message.get("tool_calls") or message.get("function_call"):
        return AnswerKind.TOOL_CALL, text
    if refusal:
        return AnswerKind.REFUSAL, str(refusal)
    ended = {"stop": AnswerKind.USABLE, "length": AnswerKind.TRUNCATED, "content_filter": AnswerKind.FILTERED}
    kind = ended.get(str(choice.get("finish_reason")), AnswerKind.MALFORMED_REPLY)
    if kind is not AnswerKind.USABLE:
        return kind, text
    if content is not None and not isinstance(content, str):
        return AnswerKind.MALFORMED_REPLY, ""
    return (AnswerKind.USABLE, text) if text.strip() else (AnswerKind.EMPTY, text)


def _of_responses(document: Record) -> tuple[AnswerKind, str]:
    output, status = document.get("output"), document.get("status")
    if document.get("error") or status == "failed":
        return AnswerKind.PROVIDER_FAILED, ""
    if not isinstance(output, list) or not all(isinstance(item, dict) for item in output):
        return AnswerKind.MALFORMED_REPLY, ""
    items = [item for item in output if isinstance(item, dict) and item.get("type") != "reasoning"]
    if any(item.get("type") != "message" for item in items):
        return AnswerKind.TOOL_CALL, ""
    parts = [part for item in items for part in _parts(item)]
    refusals = [part for part in parts if part.get("type") == "refusal"]
    if refusals:
        return AnswerKind.REFUSAL, str(refusals[0].get("refusal"))
    texts = [part.get("text") for part in parts]
    text = texts[0] if len(texts) == 1 and isinstance(texts[0], str) else ""
    if status != "completed":
        return _incomplete(document), text
    if any(part.get("type") != "output_text" for part in parts) or not all(isinstance(one, str) for one in texts):
        return AnswerKind.MALFORMED_REPLY, ""
    if len(texts) > 1:
        return AnswerKind.SEVERAL_CHOICES, ""
    return (AnswerKind.USABLE, text) if text.strip() else (AnswerKind.EMPTY, text)


def _incomplete(document: Record) -> AnswerKind:
    details = document.get("incomplete_details")
    reason = details.get("reason") if isinstance(details, dict) else None
    if document.get("status") != "incomplete" or not isinstance(reason, str):
        return AnswerKind.MALFORMED_REPLY
    kinds = {"max_output_tokens": AnswerKind.TRUNCATED, "content_filter": AnswerKind.FILTERED}
    return kinds.get(reason, AnswerKind.MALFORMED_REPLY)


def _parts(item: Record) -> list[Record]:
    content = item.get("content")
    missing: Record = {"type": "missing"}
    parts = content if isinstance(content, list) else [missing]
    return [part if isinstance(part, dict) else missing for part in parts]


def _tokens(usage: Json, name: str) -> int | None:
    count = usage.get(name) if isinstance(usage, dict) else None
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= _MOST_TOKENS:
        return None
    return count
