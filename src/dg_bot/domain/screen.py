"""What the screen measured, the figures of a strategy's history on one market, what they are worth, and what it decides."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.gate import Gate


class ScreenMode(StrEnum):
    """What a failed screen does: block entries, only shrink them, or it is not asked at all."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


class ScreenHonesty(StrEnum):
    """Whether a pass must be more than the luck of the best of many trials, or is only told how much luck it may be."""

    OFF = "off"
    STRICT = "strict"


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftlessPasses:
    """How often the same screen passed markets without drift, made of this market's own moves: `passes` of `walks`.

    `identity` tells strategy, parameters, rules and thresholds apart from any others; `measured_on` is the UTC midnight after the
    history that the moves were taken from, `seed` what the walks were drawn with.
    """

    identity: str
    measured_on: datetime
    seed: int
    walks: int
    passes: int

    @property
    def fraction(self) -> float:
        return self.passes / self.walks


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """What the screen's figures are worth, seeing that `trials` strategies and parameter sets could have been chosen.

    `sharpe_error` is the standard error of the annualised Sharpe ratio. `mean_trip` and `trip_error` are the mean return of a
    round trip and its standard error, fractions of what was spent; None where there are too few to tell. `probabilistic_sharpe`
    is the probability that the true ratio is above zero, `deflated_sharpe` that it is above what the best of the trials would
    show by luck. `driftless` is None until it has been measured.
    """

    trials: int
    sharpe_error: float
    mean_trip: float | None
    trip_error: float | None
    probabilistic_sharpe: float
    deflated_sharpe: float
    driftless: DriftlessPasses | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenFailure:
    """Since which cycle a market's screen has failed in every cycle that ran it, and the first figure that failed in the last."""

    since: datetime
    figure: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenResult:
    """Figures over the history that was tested; all are fractions, `sharpe` is annualised with sqrt(365).

    `gates` holds each figure with its threshold. `days` is the length of the history.
    `payoff` is the mean win over the mean loss; None where there was no loss.
    """

    evaluated_at: datetime
    days: float
    round_trips: int
    total_return: float
    win_rate: float
    profit_factor: float | None
    payoff: float | None
    sharpe: float
    max_drawdown: float
    gates: tuple[Gate, ...]
    honesty: Honesty | None = field(default=None, metadata={"added": True})

    @property
    def has_passed(self) -> bool:
        return all(gate.passed for gate in self.gates)

    @property
    def half_kelly_fraction(self) -> Decimal:
        """Half of W - (1 - W) / R, never below zero; without a single loss, half of W."""
        loss_rate = 1.0 - self.win_rate
        if self.payoff is None:
            edge = self.win_rate
        elif self.payoff <= 0.0:
            edge = 0.0
        else:
            edge = self.win_rate - loss_rate / self.payoff
        return Decimal(repr(round(max(0.0, edge / 2.0), 6)))
