"""How an operator names a model that is only scored: `rules`, `llm:gpt-5-mini@2025-05-31`, `onnx:models/new.onnx`."""

from dataclasses import dataclass
from datetime import date

from dg_bot.errors import ImpossibleValue

KINDS = ("ensemble", "llm", "onnx", "rules")
_OF_OTHERS = ("llm", "onnx")
# The tables keep no longer names of models.
_LONGEST = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengerName:
    """A kind of model, and where it is another one of it than the settings name, which.

    `cutoff` is until when a language model of its own name has read.
    """

    kind: str
    other: str | None = None
    cutoff: date | None = None

    @property
    def label(self) -> str:
        """The name under which it is scored."""
        return self.kind if self.other is None else f"{self.kind}:{self.other}"

    @classmethod
    def parse(cls, text: str) -> "ChallengerName":
        """Read one name; raises ImpossibleValue."""
        kind, colon, other = text.partition(":")
        if kind not in KINDS or (colon and kind not in _OF_OTHERS):
            raise ImpossibleValue("challenger", text, f"name some of {', '.join(KINDS)}, llm:MODEL@CUTOFF, onnx:FILE")
        if not colon:
            return cls(kind=kind)
        named, at, day = other.rpartition("@") if kind == "llm" and "@" in other else (other, "", "")
        if not named or (kind == "onnx" and not named.endswith(".onnx")):
            raise ImpossibleValue("challenger", text, "say which: llm:MODEL, or onnx:FILE.onnx")
        if len(text) > _LONGEST:
            raise ImpossibleValue("challenger", text, f"use at most {_LONGEST} characters")
        try:
            return cls(kind=kind, other=named, cutoff=date.fromisoformat(day) if at else None)
        except ValueError as error:
            raise ImpossibleValue("challenger", text, f"{day!r} is no day as YYYY-MM-DD") from error
