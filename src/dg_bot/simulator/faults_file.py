"""The file form of faults: a JSON list of rules, whose errors name the rule and the field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from dg_bot.errors import ConfigurationError, ImpossibleValue
from dg_bot.simulator.faults import (
    Action,
    Answer,
    AnswerAfter,
    Big,
    Delay,
    Drip,
    DropHeader,
    Edit,
    FaultPlan,
    FaultRule,
    HangUp,
    Html,
    Invisible,
    LoseReply,
    LoseRequest,
    Redirect,
    SetHeader,
    Truncate,
)
from dg_bot.simulator.rest_json import Json, dumps, loads

_LONGEST_S: Final = 86_400
_REMEDY: Final = "mend that field of the file"


class _BadField(ValueError):
    """A field of a rule is missing, unknown or cannot be."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"'{name}' {problem}")


def load_faults(text: str) -> FaultPlan:
    """Read a JSON list of rules; raises ConfigurationError naming the rule (from 1) and the field.

    A rule is `{"path": ..., "action": ...}` with `method`, `nth`, `count` as in FaultRule, and the fields of its action.
    """
    try:
        raw = loads(text)
    except ValueError as error:
        raise ConfigurationError("--faults", f"is not JSON ({error})", "mend the file") from error
    if not isinstance(raw, list):
        raise ConfigurationError("--faults", "must be a list of rules", "mend the file")
    rules = []
    for number, fields in enumerate(raw, start=1):
        try:
            rules.append(_rule(fields))
        except (_BadField, ImpossibleValue) as error:
            raise ConfigurationError("--faults", f"rule {number}: {error}", _REMEDY) from error
    return FaultPlan(rules)


def _rule(raw: Json) -> FaultRule:
    if not isinstance(raw, dict):
        raise _BadField("rule", "must be an object")
    fields = _Fields(dict(raw))
    name = fields.text("action")
    build = _ACTIONS.get(name)
    if build is None:
        raise _BadField("action", f"is '{name}', must be one of {', '.join(_ACTIONS)}")
    path = fields.text("path")
    method = fields.method()
    nth = fields.whole("nth") if "nth" in fields.left else None
    count = fields.whole("count") if "count" in fields.left else None
    action = build(fields)
    for unknown in fields.left:
        raise _BadField(unknown, f"is no field of a rule with action '{name}'")
    return FaultRule(action=action, path=path, method=method, nth=nth, count=count)


@dataclass(slots=True)
class _Fields:
    """The fields of one rule that nobody has asked for yet."""

    left: dict[str, Json]

    def take(self, name: str) -> Json:
        if name not in self.left:
            raise _BadField(name, "is missing")
        return self.left.pop(name)

    def text(self, name: str) -> str:
        value = self.take(name)
        if not isinstance(value, str):
            raise _BadField(name, "must be a text")
        return value

    def whole(self, name: str) -> int:
        value = self.take(name)
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _BadField(name, "must be a whole number, not negative")
        return value

    def seconds(self) -> float:
        value = self.take("seconds")
        if isinstance(value, bool) or not isinstance(value, int | Decimal) or not 0 <= value <= _LONGEST_S:
            raise _BadField("seconds", f"must be a number from 0 to {_LONGEST_S}")
        return float(value)

    def status(self) -> int:
        value = self.whole("status")
        if not 200 <= value <= 599:
            raise _BadField("status", "must lie between 200 and 599")
        return value

    def body(self) -> str:
        """A text as it is; anything else as JSON; nothing as an empty body."""
        value = self.left.pop("body", "")
        return value if isinstance(value, str) else dumps(value)

    def method(self) -> str | None:
        value = self.left.pop("method", None)
        if value not in (None, "GET", "POST", "DELETE"):
            raise _BadField("method", "must be GET, POST or DELETE")
        return value if isinstance(value, str) else None

    def assignments(self) -> dict[str, Json]:
        value = self.left.pop("assign", {})
        if not isinstance(value, dict):
            raise _BadField("assign", "must be an object")
        return value

    def names(self) -> tuple[str, ...]:
        value = self.left.pop("remove", [])
        names = [name for name in value if isinstance(name, str)] if isinstance(value, list) else []
        if not isinstance(value, list) or len(names) != len(value):
            raise _BadField("remove", "must be a list of texts")
        return tuple(names)


_ACTIONS: Final[Mapping[str, Callable[[_Fields], Action]]] = {
    "lose_request": lambda _: LoseRequest(),
    "lose_reply": lambda _: LoseReply(),
    "delay": lambda fields: Delay(fields.seconds()),
    "status": lambda fields: Answer(fields.status(), fields.body()),
    "status_after": lambda fields: AnswerAfter(fields.status(), fields.body()),
    "drip": lambda fields: Drip(fields.seconds()),
    "truncate": lambda fields: Truncate(fields.whole("bytes")),
    "drop_header": lambda fields: DropHeader(fields.text("header") if "header" in fields.left else "Remaining-Req"),
    "set_header": lambda fields: SetHeader(fields.text("header"), fields.text("value")),
    "hang_up": lambda _: HangUp(),
    "redirect": lambda fields: Redirect(fields.text("url")),
    "html": lambda _: Html(),
    "big": lambda fields: Big(fields.whole("mebibytes")),
    "invisible": lambda fields: Invisible(fields.seconds()),
    "edit": lambda fields: Edit(fields.assignments(), fields.names()),
}
