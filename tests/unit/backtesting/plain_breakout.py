"""Workload W1 written down once more, slowly and from its text alone: no column, no kernel, no rule of the product."""

import math
import statistics
from dataclasses import dataclass

from dg_bot.indicators.bars import Bars

FEE = 0.0005
SLIPPAGE = 0.0002


@dataclass
class Trade:
    bought: int
    entry: float
    quantity: float
    sold: int = -1
    exit: float = math.nan
    reason: str = ""


class PlainBreakout:
    """Trades W1 over bars, all in, one position at a time."""

    def __init__(self, bars: Bars) -> None:
        self.open, self.high, self.low, self.close, self.volume = (
            column.tolist() for column in (bars.open, bars.high, bars.low, bars.close, bars.volume)
        )
        self.cash = 1.0
        self.trade: Trade | None = None
        self.trades: list[Trade] = []
        self.equity: list[float] = []
        self.widths = [self.width(bar) for bar in range(len(self.close))]
        self.ranges = self.average_ranges()

    def run(self) -> None:
        is_wanted, trail = False, -math.inf
        for bar in range(len(self.close)):
            if is_wanted:
                self.buy(bar)
                trail = -math.inf
            if self.trade is not None:
                self.protect(bar, max(self.trade.entry * 0.95, trail), self.trade.entry * 1.10, trail)
            self.equity.append(self.cash + (self.trade.quantity * self.close[bar] if self.trade else 0.0))
            if self.trade is not None:
                trail = max(self.high[self.trade.bought : bar + 1]) - 3.0 * self.ranges[bar]
            is_wanted = self.trade is None and self.is_breakout(bar)

    def is_breakout(self, bar: int) -> bool:
        if bar < 139:
            return False
        is_narrow = self.widths[bar - 1] <= statistics.median(self.widths[bar - 120 : bar])
        is_above = self.close[bar] > max(self.high[bar - 20 : bar])
        return is_narrow and is_above and self.volume[bar] > 1.5 * (sum(self.volume[bar - 19 : bar + 1]) / 20)

    def buy(self, bar: int) -> None:
        price = self.open[bar] * (1 + SLIPPAGE)
        self.trade = Trade(bought=bar, entry=price, quantity=self.cash / (price * (1 + FEE)))
        self.cash = 0.0

    def protect(self, bar: int, stop: float, target: float, trail: float) -> None:
        reason = "trailing_stop" if stop == trail else "stop_loss"
        if self.open[bar] <= stop:
            self.sell(bar, self.open[bar], reason)
        elif self.open[bar] >= target:
            self.sell(bar, self.open[bar], "take_profit")
        elif self.low[bar] <= stop:
            self.sell(bar, stop, reason)
        elif self.high[bar] >= target:
            self.sell(bar, target, "take_profit")

    def sell(self, bar: int, price: float, reason: str) -> None:
        assert self.trade is not None
        self.trade.sold, self.trade.exit, self.trade.reason = bar, price * (1 - SLIPPAGE), reason
        self.cash = self.trade.quantity * self.trade.exit * (1 - FEE)
        self.trades.append(self.trade)
        self.trade = None

    def width(self, bar: int) -> float:
        if bar < 19:
            return math.nan
        window = self.close[bar - 19 : bar + 1]
        mean = sum(window) / 20
        return float(4.0 * math.sqrt(sum((price - mean) ** 2 for price in window) / 20) / mean)

    def average_ranges(self) -> list[float]:
        """Smooth the true range as Wilder does, seeded with the mean of the first fourteen."""
        spans = [
            max(self.high[bar], self.close[bar - 1]) - min(self.low[bar], self.close[bar - 1])
            for bar in range(1, len(self.close))
        ]
        result = [math.nan] * 14 + [sum(spans[:14]) / 14]
        for span in spans[14:]:
            result.append((result[-1] * 13 + span) / 14)
        return result
