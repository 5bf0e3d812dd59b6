"""RSI reversal: buy a market that recovers from being sold out, sell one that comes down from being bought out."""

from dataclasses import dataclass

from dg_bot.indicators.bars import Bars
from dg_bot.indicators.momentum import rsi
from dg_bot.strategies.base import BarExits, Signals
from dg_bot.strategies.conditions import falls_back, level, recovering
from dg_bot.strategies.parameters import require
from dg_bot.strategies.rule_signals import rule_signals


@dataclass(frozen=True, slots=True, kw_only=True)
class RsiReversalParameters:
    """Period in bars and the two levels, 0-100. Raises ConfigurationError unless 0 < oversold < overbought < 100."""

    period: int = 14
    oversold: float = 30.0
    overbought: float = 70.0

    def __post_init__(self) -> None:
        require("period", self.period, "it must lie between 2 and 1000", holds=2 <= self.period <= 1000)
        require("oversold", self.oversold, "it must lie between 0 and 100", holds=0.0 < self.oversold < 100.0)
        higher = self.oversold < self.overbought < 100.0
        require("overbought", self.overbought, "it must be above oversold and below 100", holds=higher)


class RsiReversal:
    """Entry where the RSI comes back up to `oversold`, exit where it comes back down to `overbought`."""

    def __init__(self, parameters: RsiReversalParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        return "rsi_reversal"

    @property
    def warm_up(self) -> int:
        """Bars until the RSI exists on two bars."""
        return self.parameters.period + 2

    @property
    def bar_exits(self) -> BarExits:
        return BarExits()

    def signals(self, bars: Bars) -> Signals:
        p = self.parameters
        strength = rsi(bars.close, p.period)
        gates = recovering("rsi", strength, level(len(bars), p.oversold))
        leave = falls_back(strength, level(len(bars), p.overbought))
        return rule_signals(bars, gates=gates, leave=leave, warm_up=self.warm_up)
