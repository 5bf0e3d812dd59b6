"""The rules of trading that a replay follows: costs, size, levels and frequency, as floats."""

from dataclasses import dataclass

from dg_bot.domain.market import FEE_FRACTION
from dg_bot.errors import ImpossibleValue
from dg_bot.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRules:
    """Fractions, multiples of ATR, and seconds; 0.0 switches an optional level off. Raises ImpossibleValue.

    `position_fraction` is of equity per entry; stop and target are of the average cost, entry fee included; of a fraction, an ATR
    multiple and the strategy's own distance the tighter holds.
    """

    position_fraction: float = 0.10
    fee_fraction: float = 0.0005
    slippage_fraction: float = 0.0002
    stop_fraction: float = 0.05
    target_fraction: float = 0.10
    stop_atr: float = 0.0
    target_atr: float = 0.0
    trailing_atr: float = 0.0
    stage_fraction: float = 0.0
    entry_gap_s: int = 4 * 3600
    entries_per_day: int = 5

    def __post_init__(self) -> None:
        for name, value in (("position fraction", self.position_fraction), ("stop fraction", self.stop_fraction)):
            if not 0.0 < value < 1.0:
                raise ImpossibleValue(name, value, "it must lie between 0 and 1")
        if not self.target_fraction > 0.0:
            raise ImpossibleValue("target fraction", self.target_fraction, "it must be above zero")
        for name, value in (
            ("fee", self.fee_fraction),
            ("slippage", self.slippage_fraction),
            ("stop in ATR", self.stop_atr),
            ("target in ATR", self.target_atr),
            ("trailing stop in ATR", self.trailing_atr),
            ("stage fraction", self.stage_fraction),
        ):
            if not 0.0 <= value < 100.0:
                raise ImpossibleValue(name, value, "it must not be negative")
        if self.fee_fraction >= 0.1 or self.slippage_fraction >= 0.1:
            raise ImpossibleValue(
                "cost", (self.fee_fraction, self.slippage_fraction), "a tenth or more of each trade is no market"
            )
        if self.entry_gap_s < 0 or self.entries_per_day < 1:
            raise ImpossibleValue("frequency", (self.entry_gap_s, self.entries_per_day), "it must allow an entry")

    @classmethod
    def of(cls, limits: RiskLimits) -> "TradeRules":
        """Give the rules by which a bot with these limits trades."""
        return cls(
            position_fraction=float(limits.max_position_fraction),
            fee_fraction=float(FEE_FRACTION),
            stop_fraction=float(limits.stop_loss_fraction),
            target_fraction=float(limits.take_profit_fraction),
            stop_atr=float(limits.atr_stop_multiple or 0),
            target_atr=float(limits.atr_target_multiple or 0),
            trailing_atr=float(limits.trailing_atr_multiple or 0),
            stage_fraction=float(limits.stage_fraction or 0),
            entry_gap_s=int(limits.entry_interval.total_seconds()),
            entries_per_day=limits.max_entries_per_day,
        )
