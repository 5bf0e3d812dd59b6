"""What a language model has cost today and who it is, folded from the journal, so that a restart begins no new budget."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from dg_bot.domain.calendar import seoul_day_start
from dg_bot.domain.events import ModelAnswered, ModelAsked, Record
from dg_bot.domain.language_model import AnswerKind, Purpose
from dg_bot.domain.money import ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Spending:
    """Tokens and won of the day in Seoul that began at `day_start`, the most that open questions may cost among them.

    A question counts with the most that it can cost until its answer tells what it did; one whose answer never came counts so for
    the rest of the day. `since_sequence` is the day's first record. `checked_model` has passed its canary on this day.
    `answered_by` gave the last usable answer to a question to `asked_of`.
    """

    day_start: datetime | None = None
    since_sequence: int = 0
    tokens: int = 0
    cost_krw: Decimal = ZERO
    checked_model: str | None = None
    asked_of: str | None = None
    answered_by: str | None = None

    def on(self, now: datetime) -> "Spending":
        """Give the spending of the day of `now`: nothing where that day has seen no question yet."""
        if self.day_start == seoul_day_start(now):
            return self
        return Spending(day_start=seoul_day_start(now), asked_of=self.asked_of, answered_by=self.answered_by)

    def part_of(self, *, tokens: int, krw: Decimal) -> Decimal:
        """Give how much of a day's budget is spent, a fraction, of tokens or won, whichever is more; 1 of an empty one."""
        if tokens <= 0 or krw <= ZERO:
            return Decimal(1)
        return max(Decimal(self.tokens) / tokens, self.cost_krw / krw)

    def after(self, record: Record) -> "Spending":
        """Fold one record in."""
        match record.event:
            case ModelAsked() as asked:
                today = self.on(record.at)
                return replace(
                    today,
                    since_sequence=today.since_sequence or record.sequence,
                    tokens=today.tokens + asked.most_tokens,
                    cost_krw=today.cost_krw + asked.most_krw,
                )
            case ModelAnswered() as answered:
                return self._answered(answered)
            case _:
                return self

    def _answered(self, answered: ModelAnswered) -> "Spending":
        folded = self
        if answered.asked >= self.since_sequence:
            folded = replace(
                folded, tokens=folded.tokens - answered.released_tokens, cost_krw=folded.cost_krw - answered.released_krw
            )
        if answered.answer.kind in (AnswerKind.USABLE, AnswerKind.CHANGED_MODEL) and answered.answer.model is not None:
            folded = replace(folded, asked_of=answered.model, answered_by=answered.answer.model)
        if answered.purpose is Purpose.CANARY and answered.answer.kind is AnswerKind.USABLE:
            folded = replace(folded, checked_model=answered.model)
        return folded
