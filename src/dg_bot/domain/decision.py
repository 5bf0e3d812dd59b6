"""A decision: BUY, SELL or HOLD with its confidence, its author and its reason."""

from dataclasses import dataclass
from enum import StrEnum

from dg_bot.errors import ImpossibleValue


class Action(StrEnum):
    BUY = "buy"
    SELL = "sell"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a model wants on one market; `confidence` is a fraction, `source` the model's name."""

    action: Action
    confidence: float
    source: str
    reason: str

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ImpossibleValue("confidence", self.confidence, "it must be a fraction from 0 to 1")
