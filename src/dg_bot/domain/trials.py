"""Trials of parameter sets: what each showed on which stretch of bars."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from dg_bot.domain.calendar import Timeframe
from dg_bot.domain.market import Market
from dg_bot.errors import ImpossibleValue

# All of a strategy's parameters by name, whether they were given or not.
Values = Mapping[str, bool | int | float]


class Objective(StrEnum):
    """What the best set is best in."""

    SHARPE = "sharpe"
    RETURN = "return"
    CALMAR = "calmar"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bars `start` to before `stop`, by their number; a set is judged on it from flat to the value at its last close."""

    start: int
    stop: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.stop:
            raise ImpossibleValue("stretch", (self.start, self.stop), "it must hold a bar")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFigures:
    """What a set showed on one stretch, as in `Performance`; `calmar` is None without a drawdown."""

    round_trips: int
    total_return: float
    sharpe: float
    calmar: float | None
    max_drawdown: float

    def value(self, objective: Objective) -> float | None:
        """Give the figure that is to be as high as possible."""
        match objective:
            case Objective.SHARPE:
                return self.sharpe
            case Objective.RETURN:
                return self.total_return
            case Objective.CALMAR:
                return self.calmar


@dataclass(frozen=True, slots=True)
class Trial:
    """A parameter set and its figures, one for each stretch of the study."""

    values: Values
    figures: tuple[TrialFigures, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Study:
    """What makes trials comparable: one strategy on the same bars under the same rules over the same stretches, by one program.

    `data_sha256` is of the candles, `program_sha256` of the sources that judge them; `rules` are those of `TradeRules`. How sets
    are chosen is no part of it: a set that a grid has tried is known to every later search.
    """

    market: Market
    strategy: str
    timeframe: Timeframe
    data_sha256: str
    program_sha256: str
    rules: Mapping[str, float]
    stretches: tuple[Stretch, ...]

    @property
    def digest(self) -> str:
        """Give the SHA-256 of all that the study is."""
        parts = [str(self.market), self.strategy, str(self.timeframe), self.data_sha256, self.program_sha256]
        spans = [(stretch.start, stretch.stop) for stretch in self.stretches]
        return hashlib.sha256(json.dumps([parts, dict(self.rules), spans], sort_keys=True).encode()).hexdigest()


# Of each parameter the values that it may have.
Within = Mapping[str, Sequence[bool | int | float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """By which figure, on the stretch of which number, and of which sets the best is looked for.

    Only those count that made `fewest_trips` there, and whose parameters lie `within`.
    """

    objective: Objective
    within: Within
    stretch: int = 0
    fewest_trips: int = 0

    def figure(self, trial: Trial) -> float | None:
        """Give by what a trial is ranked, None where it does not count or cannot be measured; `within` is not looked at."""
        figures = trial.figures[self.stretch]
        return figures.value(self.objective) if figures.round_trips >= self.fewest_trips else None
