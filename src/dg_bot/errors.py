"""The exception tree, sorted by what the caller must do.

What the venue says of an order is no exception but a value: see `ports.Submission`.

BotError
├── ConfigurationError      refuse to start; the operator mends a setting
│   └── UnsafeSetup         refuse to start; what is configured is well-formed but not allowed
├── ExchangeUnavailable     skip this time; nothing was changed at the venue
│   ├── EndpointGone        skip this time; at the start: no entries, for the venue is no longer what this program knows
│   └── RateLimited         skip this time, and stay silent in that group until the given moment
├── AuthenticationFailed    stop entries and raise an alarm
├── DataError               skip: what came in cannot be trusted
│   ├── ImpossibleValue     a value that cannot be true was about to be built
│   └── MalformedReply      a reply lacks a field or carries one of the wrong kind
├── DecisionError           HOLD
│   └── ModelFileRefused    HOLD, until the operator mends or exchanges the file and starts anew
├── StateError              no new risk: what we remember cannot be read
├── StoreError              trade on, catch up later: the database or the messenger is away
│   └── AccountInUse        no new risk: another process writes this account's rows
└── InvariantViolated       stop: the program contradicts itself
"""

from datetime import datetime


class BotError(Exception):
    """Everything this program raises on purpose."""


class ConfigurationError(BotError):
    """A setting is missing, misspelt or out of range; the message names it and the remedy."""

    def __init__(self, variable: str, problem: str, remedy: str) -> None:
        super().__init__(f"{variable}: {problem}; {remedy}")
        self.variable = variable
        self.problem = problem
        self.remedy = remedy


class UnsafeSetup(ConfigurationError):
    """The setup is readable but refused: a missing confirmation, a foreign folder, a held lock."""


class ExchangeUnavailable(BotError):
    """The venue did not answer a read, or answered with something that is not an answer."""

    def __init__(self, operation: str, cause: str) -> None:
        super().__init__(f"{operation}: the exchange is unavailable ({cause})")
        self.operation = operation
        self.cause = cause


class EndpointGone(ExchangeUnavailable):
    """The venue says that it has nothing where something was asked for, though such an answer has no place there."""


class RateLimited(ExchangeUnavailable):
    """The venue asked for silence in one group of calls until `silent_until`."""

    def __init__(self, operation: str, group: str, silent_until: datetime) -> None:
        super().__init__(operation, f"group {group} is silent until {silent_until.isoformat()}")
        self.group = group
        self.silent_until = silent_until


class AuthenticationFailed(BotError):
    """The venue does not accept the key: expired, wrong address, wrong scope, wrong signature."""

    def __init__(self, operation: str, name: str) -> None:
        super().__init__(f"{operation}: the exchange refused the key ({name})")
        self.operation = operation
        self.name = name


class DataError(BotError):
    """Data from outside failed a check; it names its source and what is wrong with it."""

    def __init__(self, source: str, problem: str) -> None:
        super().__init__(f"{source}: {problem}")
        self.source = source
        self.problem = problem


class ImpossibleValue(DataError):
    """A domain value was about to be built from something that cannot be true."""

    def __init__(self, what: str, value: object, rule: str) -> None:
        super().__init__(what, f"{value!r} is impossible, {rule}")
        self.what = what
        self.value = value
        self.rule = rule


class MalformedReply(DataError):
    """A reply has no usable field of that name."""

    def __init__(self, source: str, field: str, problem: str = "is missing") -> None:
        super().__init__(source, f"field '{field}' {problem}")
        self.field = field


class DecisionError(BotError):
    """A decision model gave no usable answer; the decision is HOLD."""

    def __init__(self, model: str, problem: str) -> None:
        super().__init__(f"{model}: {problem}")
        self.model = model
        self.problem = problem


class ModelFileRefused(DecisionError):
    """A model's file or its manifest is missing, damaged, not what it says it is, or able to do more than to calculate."""

    def __init__(self, file: str, problem: str, remedy: str) -> None:
        super().__init__("onnx", f"{file} {problem}; {remedy}")
        self.file = file
        self.remedy = remedy


class StateError(BotError):
    """What the program remembers is unreadable, altered or lost; it takes no new risk."""

    def __init__(self, path: str, problem: str, remedy: str) -> None:
        super().__init__(f"{path}: {problem}; {remedy}")
        self.path = path
        self.problem = problem
        self.remedy = remedy


class StoreError(BotError):
    """The database or the messenger did not take something; the journal keeps it until it does."""

    def __init__(self, operation: str, cause: str) -> None:
        super().__init__(f"{operation}: was not taken ({cause})")
        self.operation = operation
        self.cause = cause


class AccountInUse(StoreError):
    """Another process holds this account's lock in the database; `holder` tells from where and since when."""

    def __init__(self, holder: str) -> None:
        super().__init__("take the account's lock", f"it is held by {holder}")
        self.holder = holder


class InvariantViolated(BotError):
    """Two things that cannot both be true are both recorded; the program must stop."""

    def __init__(self, invariant: str, evidence: str) -> None:
        super().__init__(f"{invariant}: {evidence}")
        self.invariant = invariant
        self.evidence = evidence
