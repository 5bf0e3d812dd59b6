"""Keep of Telegram's updates what is read of them: a field that the library does not know yet would cost everything behind it."""

from typing import Any

Json = dict[str, Any]

_USER = ("id", "is_bot", "first_name")
_CHAT = ("id", "type")
# A message with one of these repeats what somebody else has written.
_FOREIGN = frozenset(["forward_origin", "via_bot"])


def pruned(answer: Json) -> Json:
    """Give an answer of Telegram's without what nobody reads of its updates, and without words that are not the sender's own."""
    result = answer.get("result")
    return {**answer, "result": [_update(update) for update in result]} if isinstance(result, list) else answer


def _update(update: Json) -> Json:
    kept = _only(update, "update_id")
    if "message" in update:
        own = () if _FOREIGN & update["message"].keys() else ("text",)
        kept["message"] = _message(update["message"], *own)
    if "callback_query" in update:
        press = update["callback_query"]
        kept["callback_query"] = {**_only(press, "id", "data", "chat_instance"), **_sender(press)}
        if "message" in press:
            kept["callback_query"]["message"] = _message(press["message"])
    return kept


def _message(message: Json, *more: str) -> Json:
    return {**_only(message, "message_id", "date", *more), **_sender(message), "chat": _only(message["chat"], *_CHAT)}


def _sender(record: Json) -> Json:
    return {"from": _only(record["from"], *_USER)} if "from" in record else {}


def _only(record: Json, *names: str) -> Json:
    return {name: record[name] for name in names if name in record}
