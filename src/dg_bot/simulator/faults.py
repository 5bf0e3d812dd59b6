"""What the simulator does to a client on purpose: a closed set of rules, each a match on requests and one action."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dg_bot.errors import ImpossibleValue
from dg_bot.simulator.rest_json import Json


@dataclass(frozen=True, slots=True)
class LoseRequest:
    """Close the connection; the venue never sees the request."""


@dataclass(frozen=True, slots=True)
class LoseReply:
    """Let the venue act, then close the connection without a word."""


@dataclass(frozen=True, slots=True)
class Delay:
    """Wait before the venue acts."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer with this status and text without asking the venue."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class AnswerAfter:
    """Let the venue act, then answer with this status and text instead of its own."""

    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Drip:
    """Send the body one byte at a time, `seconds` apart."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Truncate:
    """Announce the whole body, send `bytes_sent` of it, close."""

    bytes_sent: int


@dataclass(frozen=True, slots=True)
class DropHeader:
    """Leave one header out of the answer."""

    header: str


@dataclass(frozen=True, slots=True)
class SetHeader:
    """Send one header with this value in place of the venue's."""

    header: str
    value: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """Answer in full, then close the kept-alive connection unannounced."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """Answer 302 to `url` without asking the venue."""

    url: str


@dataclass(frozen=True, slots=True)
class Html:
    """Answer 200 with a page of HTML without asking the venue."""


@dataclass(frozen=True, slots=True)
class Big:
    """Answer 200 with a JSON body of this size without asking the venue."""

    mebibytes: int


@dataclass(frozen=True, slots=True)
class Invisible:
    """Let the venue place the order, and hide it from every read for this long by venue time."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Edit:
    """Let the venue act, then change top-level fields of its JSON answer: of the object, or of a list's first object."""

    assign: Mapping[str, Json]
    remove: tuple[str, ...] = ()


Action = (
    LoseRequest
    | LoseReply
    | Delay
    | Answer
    | AnswerAfter
    | Drip
    | Truncate
    | DropHeader
    | SetHeader
    | HangUp
    | Redirect
    | Html
    | Big
    | Invisible
    | Edit
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    """Which requests suffer `action`: those of `method` (None: any) on `path`, from the `nth` on, `count` of them.

    `path` is exact, or ends in `*` and is then a prefix. Matching requests are counted from 1, per rule. Without `nth` the rule
    strikes from the first on, without `count` once where `nth` is given, else always.
    """

    action: Action
    path: str
    method: str | None = None
    nth: int | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if not self.path.startswith("/"):
            raise ImpossibleValue("path", self.path, "it must start with /")
        if self.nth is not None and self.nth < 1:
            raise ImpossibleValue("nth", self.nth, "it counts from 1")
        if self.count is not None and self.count < 1:
            raise ImpossibleValue("count", self.count, "it must be at least 1")

    def matches(self, method: str, path: str) -> bool:
        if self.method not in (None, method):
            return False
        return path.startswith(self.path[:-1]) if self.path.endswith("*") else path == self.path

    def strikes(self, occurrence: int) -> bool:
        """Tell whether the `occurrence`-th matching request is hit."""
        first = 1 if self.nth is None else self.nth
        count = 1 if self.count is None and self.nth is not None else self.count
        return first <= occurrence and (count is None or occurrence < first + count)


class FaultPlan:
    """Rules with their counts; every rule that strikes applies, in the order given, so that two can act on one request."""

    def __init__(self, rules: Sequence[FaultRule] = ()) -> None:
        self._rules = list(rules)
        self._seen = [0] * len(self._rules)
        self._lock = threading.Lock()

    def add(self, rule: FaultRule) -> None:
        """Put a further rule in force; it counts from the next request."""
        with self._lock:
            self._rules.append(rule)
            self._seen.append(0)

    def clear(self) -> None:
        """End all faults."""
        with self._lock:
            self._rules.clear()
            self._seen.clear()

    def actions_for(self, method: str, path: str) -> tuple[Action, ...]:
        """Count a request and give what is to be done to it."""
        with self._lock:
            struck = []
            for index, rule in enumerate(self._rules):
                if rule.matches(method, path):
                    self._seen[index] += 1
                    if rule.strikes(self._seen[index]):
                        struck.append(rule.action)
            return tuple(struck)
