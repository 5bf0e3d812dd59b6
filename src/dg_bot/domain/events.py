"""What the journal holds: facts in the past tense, enough to rebuild everything else."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.calendar import require_aware
from dg_bot.domain.cycle_report import CycleReport, Mode
from dg_bot.domain.decision import Opinion
from dg_bot.domain.language_model import AnswerKind, ModelAnswer, Purpose
from dg_bot.domain.market import Market
from dg_bot.domain.money import require_positive
from dg_bot.domain.news import NewsEntry
from dg_bot.domain.order import ExitCause, Fill, Role, Side
from dg_bot.domain.portfolio import Balance, ProtectionPlan

PROGRAM = "PROGRAM"
DAEMON = "daemon"


class Answer(StrEnum):
    """The class of the venue's answer to one order request."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Closing(StrEnum):
    """How an intent ended."""

    EXECUTED = "executed"
    NOT_EXECUTED = "not_executed"
    REJECTED = "rejected"
    NEVER_ACCEPTED = "never_accepted"


class CommandOutcome(StrEnum):
    """What came of a command: it was carried out or answered, waits for its second step, was not done, or was cut short."""

    CARRIED_OUT = "carried_out"
    ASKED_AGAIN = "asked_again"
    REFUSED = "refused"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A process opened the journal; `settings` has no secrets in it, and a daemon's names the PROGRAM."""

    mode: Mode
    version: str
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """A daemon ended on purpose; nobody watches `open_positions` from now on."""

    mode: Mode
    open_positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountOpened:
    """The balances found at the very first start; base found then is not owned by the bot."""

    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentPlanned:
    """We mean to send this order. Exactly one of `notional_krw` (BUY) and `quantity` (SELL) is set.

    `reference_krw` is the price at decision; `reason` is the decision or the exit rule, in words; `exit_cause` is set for the
    role EXIT alone, `protection` belongs to entries.
    """

    identifier: str
    market: Market
    cycle_id: str
    role: Role
    leg: int
    attempt: int
    side: Side
    notional_krw: Decimal | None
    quantity: Decimal | None
    reference_krw: Decimal
    minimum_notional_krw: Decimal
    reason: str
    decision_digest: str
    exit_cause: ExitCause | None = None
    protection: ProtectionPlan | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentSending:
    """The request may leave now. Written and synced before the socket is touched."""

    identifier: str


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentAnswered:
    """The class of the answer; `error_name` is the venue's name for a refusal, or what broke."""

    identifier: str
    answer: Answer
    venue_id: str | None = None
    error_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IntentClosed:
    """The order has ended: fills, position and counters are booked from this one record."""

    identifier: str
    closing: Closing
    executed_quantity: Decimal
    funds_krw: Decimal
    paid_fee_krw: Decimal
    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodOpened:
    """A day or a week (Asia/Seoul) began for the loss limits, with this equity."""

    period: Period
    start: datetime
    equity_krw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class HighestPriceRaised:
    """A position with a trailing stop saw a new highest price."""

    market: Market
    price_krw: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeModeEntered:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SafeModeLeft:
    """Safe mode ended; `by` is 'operator' or 'timer'."""

    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferDeclared:
    """The operator explained a balance change that the bot did not make; negative when something left.

    `of_position` says that coins that left were the bot's, though the owner holds some beside them.
    """

    currency: str
    amount: Decimal
    note: str
    of_position: bool = field(default=False, metadata={"added": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionAdopted:
    """The operator gave coins that the account holds into the bot's hands: it owns and watches them from now on.

    No order was made and no money moved. `cost_krw` is what the operator counts as the price of one coin, `mark_krw` the price of
    the market at that moment.
    """

    market: Market
    quantity: Decimal
    cost_krw: Decimal
    mark_krw: Decimal
    protection: ProtectionPlan

    def __post_init__(self) -> None:
        require_positive("adopted quantity", self.quantity)
        require_positive("adopted cost", self.cost_krw)
        require_positive("adopted mark", self.mark_krw)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAsked:
    """A question to a language model may leave now; at the most it costs this much. A challenger's has a purse of its own."""

    purpose: Purpose
    model: str
    most_tokens: int
    most_krw: Decimal
    is_challenger: bool = field(default=False, metadata={"added": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswered:
    """How the question of record `asked` ended, which was put to `model` for `purpose`, with the whole answer.

    `released_*` is how far it stayed below the most that it might have cost.
    """

    asked: int
    purpose: Purpose
    model: str
    answer: ModelAnswer
    tokens: int
    released_tokens: int
    released_krw: Decimal
    is_challenger: bool = field(default=False, metadata={"added": True})


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsSeen:
    """These entries of `source` became known; none of them was seen before."""

    source: str
    entries: tuple[NewsEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewsJudged:
    """A question about the sentiment of news ended with `kind`: scores from -1 to 1 by address, or addresses left without."""

    kind: AnswerKind
    scores: Mapping[str, float]
    unscored: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmRaised:
    """Something the operator must know; `kind` groups repeats."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CycleCompleted:
    report: CycleReport


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengersHeard:
    """What the models wanted that are only scored, after the cycle's own end; they saw what its model saw."""

    cycle_id: str
    opinions: tuple[Opinion, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CapsuleStored:
    """What a cycle saw and decided is on disk, in `file` below the folder of capsules.

    `sections` holds the beginning of each section's own SHA-256, so that an altered file can be told apart by its parts.
    """

    cycle_id: str
    file: str
    size_bytes: int
    sha256: str
    sections: Mapping[str, str]
    code_sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandTaken:
    """The operator `user` asked for something by a message; written before anything is done about it.

    `update` is the messenger's number of the message: one that stands here is never taken again. `text` is one short line.
    """

    update: int
    user: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandEnded:
    """What came of the command of `update`; `note` says it in words."""

    update: int
    outcome: CommandOutcome
    note: str


Event = (
    Started
    | Stopped
    | AccountOpened
    | IntentPlanned
    | IntentSending
    | IntentAnswered
    | IntentClosed
    | PeriodOpened
    | HighestPriceRaised
    | SafeModeEntered
    | SafeModeLeft
    | TransferDeclared
    | PositionAdopted
    | ModelAsked
    | ModelAnswered
    | NewsSeen
    | NewsJudged
    | AlarmRaised
    | CycleCompleted
    | ChallengersHeard
    | CapsuleStored
    | CommandTaken
    | CommandEnded
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One event at its place in the journal; `sequence` counts from 1 without holes, `at` is exchange time."""

    sequence: int
    at: datetime
    event: Event

    def __post_init__(self) -> None:
        require_aware("record time", self.at)
