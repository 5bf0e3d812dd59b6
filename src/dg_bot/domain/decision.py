"""A decision: BUY, SELL or HOLD with its confidence, its author and its reason; an advice adds what it rests on."""

from dataclasses import dataclass
from enum import StrEnum

from dg_bot.domain.language_model import ModelAnswer
from dg_bot.errors import ImpossibleValue

# The name of the trained model's decisions.
ONNX = "onnx"


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    """What a language model was asked and what it answered, whole, so that the decision can be made again from it.

    `suspicious_texts` counts the texts from outside that looked like instructions and were withheld from the prompt.
    """

    prompt_version: str
    prompt: str
    answer: ModelAnswer
    suspicious_texts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one member of an ensemble wants; `weight` is what its voice counts."""

    model: str
    action: Action
    confidence: float
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What a challenger wants; nobody acts on it. One without a usable answer holds, and `problem` names how it failed.

    `has_read` tells that a language model had a say in it, which may have read of the time of which it speaks.
    """

    model: str
    action: Action
    confidence: float
    problem: str = ""
    has_read: bool = False

    def __post_init__(self) -> None:
        _require_fraction(self.confidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a model wants on one market; `confidence` is a fraction, `source` the model's name."""

    action: Action
    confidence: float
    source: str
    reason: str

    def __post_init__(self) -> None:
        _require_fraction(self.confidence)


class OutputKind(StrEnum):
    """How a trained model answered: usable, or the first reason for which its answer is none."""

    USABLE = "usable"
    NO_FILE = "no_file"
    OTHER_MARKET = "other_market"
    WARMING_UP = "warming_up"
    OUTSIDE_TRAINING = "outside_training"
    BROKE = "broke"
    WRONG_SHAPE = "wrong_shape"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    SAME_OUTPUT = "same_output"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a trained model put out. `return_fraction` is the return that it expects after costs; None where it is not usable."""

    kind: OutputKind
    return_fraction: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """A decision as a model proposes it, before anything objects, with what it rests on beside the market."""

    decision: Decision
    consultation: Consultation | None = None
    prediction: Prediction | None = None
    votes: tuple[Vote, ...] = ()


def _require_fraction(confidence: float) -> None:
    if not 0.0 <= confidence <= 1.0:
        raise ImpossibleValue("confidence", confidence, "it must be a fraction from 0 to 1")
