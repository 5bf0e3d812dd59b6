"""What the screen measured, the figures of a strategy's history on one market; and what it decides."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from dg_bot.domain.gate import Gate


class ScreenMode(StrEnum):
    """What a failed screen does: block entries, only shrink them, or it is not asked at all."""

    BLOCK = "block"
    WARN = "warn"
    OFF = "off"


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
