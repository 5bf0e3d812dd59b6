"""An operator's word on an entry, where entries wait for one."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.decision import Decision
from dg_bot.domain.market import Market


class Approval(StrEnum):
    """What came of the question; anything but APPROVED is no entry."""

    APPROVED = "approved"
    REJECTED = "rejected"
    NO_ANSWER = "no answer in time"
    WITHDRAWN = "withdrawn"
    NOT_ASKED = "nobody could be asked"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryProposal:
    """An entry that every check has let pass; `mark_krw` is the price at which it was decided."""

    cycle_id: str
    market: Market
    decision: Decision
    mark_krw: Decimal
