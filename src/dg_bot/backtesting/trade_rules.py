"""The rules of trading that a replay follows: costs, size, levels and frequency, as floats."""

import math
from dataclasses import dataclass

from dg_bot.domain.market import FEE_FRACTION
from dg_bot.errors import ImpossibleValue
from dg_bot.risk.limits import RiskLimits

# The capital of whoever asks for fractions only.
COUNTED_IN_PARTS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeRules:
    """Fractions, multiples of ATR, KRW, and seconds; 0.0 switches an optional rule off. Raises ImpossibleValue.

    `position_fraction` is of equity per entry; stop and target are of the average cost, entry fee included; of a fraction, an ATR
    multiple and the strategy's own distance the tighter holds. `trailing_atr` follows each price at the distance that held at the
    entry, as live does; `closing_trail_atr` moves at closes only, to the highest high since the entry less that close's distance.

    `capital_krw` is what equity begins with; 1.0 counts in parts of it, and then amounts in KRW mean nothing. `slippage_fraction`
    is lost by every fill, `depth_krw` and `impact_fraction` add what `fill_model.slippage` says of an order's size;
    `participation_fraction` limits an entry to a part of what was traded in the bar before.
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
    capital_krw: float = COUNTED_IN_PARTS
    depth_krw: float = 0.0
    impact_fraction: float = 0.0
    participation_fraction: float = 0.0
    closing_trail_atr: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 < self.position_fraction <= 1.0:
            raise ImpossibleValue("position fraction", self.position_fraction, "it must lie above 0, and be at most 1")
        if not 0.0 < self.stop_fraction < 1.0:
            raise ImpossibleValue("stop fraction", self.stop_fraction, "it must lie between 0 and 1")
        for name, value in (("target fraction", self.target_fraction), ("capital", self.capital_krw)):
            if not 0.0 < value < math.inf:
                raise ImpossibleValue(name, value, "it must be a number above 0")
        for name, value in (
            ("fee", self.fee_fraction),
            ("slippage", self.slippage_fraction),
            ("stop in ATR", self.stop_atr),
            ("target in ATR", self.target_atr),
            ("trailing stop in ATR", self.trailing_atr),
            ("trailing stop at closes in ATR", self.closing_trail_atr),
            ("stage fraction", self.stage_fraction),
            ("impact", self.impact_fraction),
            ("participation", self.participation_fraction),
        ):
            if not 0.0 <= value < 100.0:
                raise ImpossibleValue(name, value, "it must be at least 0, and below 100")
        if not 0.0 <= self.depth_krw < math.inf:
            raise ImpossibleValue("depth", self.depth_krw, "it must be a number of at least 0")
        if self.trailing_atr and self.closing_trail_atr:
            raise ImpossibleValue("trailing stop", (self.trailing_atr, self.closing_trail_atr), "only one of two can hold")
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
