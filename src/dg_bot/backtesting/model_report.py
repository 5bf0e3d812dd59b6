"""What is told of a training: what was learnt from what, and what the same learning was worth on hours that it had not seen."""

from dataclasses import dataclass
from datetime import datetime

from dg_bot.backtesting.model_trades import MarketResult, Thresholds
from dg_bot.models.judging import Skill
from dg_bot.models.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingReport:
    """`first` and `last` are the first and the last hour of the tests; `confidence` is the least with which the bot acts.

    `largest_difference` is how far the exported model is from the trained one at most, on 10,000 rows.
    """

    manifest: Manifest
    thresholds: Thresholds
    confidence: float
    first: datetime
    last: datetime
    skill: Skill
    results: tuple[MarketResult, ...]
    largest_difference: float
