"""A question to a language model, its answer, and the kinds of answer there are."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

# The source of decisions that a language model makes.
LLM = "llm"


class AnswerKind(StrEnum):
    """How a question to a language model ended; everything but USABLE is a HOLD, counted under this name."""

    USABLE = "usable"

    # It was not asked.
    NOT_ASKED = "not_asked"
    OVER_BUDGET = "over_budget"
    BREAKER_OPEN = "breaker_open"
    CANARY_FAILED = "canary_failed"
    STILL_BUSY = "still_busy"
    BROKE = "broke"

    # No answer came.
    NO_ANSWER_IN_TIME = "no_answer_in_time"
    UNREACHABLE = "unreachable"
    CONNECTION_LOST = "connection_lost"
    KEY_REFUSED = "key_refused"
    TOO_MANY_REQUESTS = "too_many_requests"
    NO_QUOTA = "no_quota"
    PROVIDER_FAILED = "provider_failed"
    REQUEST_REFUSED = "request_refused"
    REDIRECTED = "redirected"

    # What came is not an answer of the agreed form.
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    NO_JSON_REPLY = "no_json_reply"
    MALFORMED_REPLY = "malformed_reply"
    OTHER_MODEL = "other_model"
    CHANGED_MODEL = "changed_model"
    REFUSAL = "refusal"
    TRUNCATED = "truncated"
    FILTERED = "filtered"
    TOOL_CALL = "tool_call"
    SEVERAL_CHOICES = "several_choices"
    EMPTY = "empty"

    # What it says is not what was asked for.
    FENCED = "fenced"
    PROSE = "prose"
    BROKEN_JSON = "broken_json"
    DUPLICATE_KEY = "duplicate_key"
    NO_NUMBER = "no_number"
    NO_OBJECT = "no_object"
    MISSING_FIELD = "missing_field"
    EXTRA_FIELD = "extra_field"
    WRONG_TYPE = "wrong_type"
    OTHER_ACTION = "other_action"
    CONFIDENCE_OUT_OF_RANGE = "confidence_out_of_range"
    EMPTY_SECTION = "empty_section"
    TOO_LONG = "too_long"
    OTHER_ITEMS = "other_items"
    SCORE_OUT_OF_RANGE = "score_out_of_range"


class Purpose(StrEnum):
    """What a language model is asked for."""

    DECISION = "decision"
    CANARY = "canary"
    SENTIMENT = "sentiment"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelQuestion:
    """One question: `instructions` are ours, `data` is everything else, as JSON text.

    `schema` is the JSON schema of the answer as text, under `schema_name`. `judge` tells of which kind the text of an answer is.
    """

    purpose: Purpose
    instructions: str
    data: str
    schema_name: str
    schema: str
    judge: Callable[[str], AnswerKind]

    @property
    def most_input_tokens(self) -> int:
        """The most tokens that it can cost to read: no tokeniser makes more of a text than it has bytes."""
        return sum(len(text.encode()) for text in (self.instructions, self.data, self.schema))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelAnswer:
    """How a question ended. `text` is the raw text of the answer, empty where none came.

    `model` is who answered by its own words; None where it did not tell. `input_tokens` and `output_tokens` are what the provider
    says; None where nothing is known of them. `cost_krw` is what is booked for it.
    """

    kind: AnswerKind
    text: str = ""
    model: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_krw: Decimal = Decimal(0)
