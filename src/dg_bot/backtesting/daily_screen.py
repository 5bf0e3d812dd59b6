"""The screen in a backtest: made once a day of what had closed by then, it lets entries of that day pass or blocks them."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from dg_bot.domain.calendar import DAY, from_epoch
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.screen import ScreenResult
from dg_bot.indicators.bars import Bars, Flags
from dg_bot.ports import StrategyScreen


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenedDays:
    """On how many days the screen was asked, and on how many of them it let entries pass."""

    days: int
    passed: int


class DailyScreen:
    """A day begins at 00:00 UTC; what closes at that very moment has closed."""

    def __init__(self, screen: StrategyScreen, *, bars: CandleSeries, hours: CandleSeries) -> None:
        """`bars` are the strategy's, `hours` those of the same time; both are the whole history."""
        self._screen = screen
        self._bars = bars
        self._hours = hours
        self._verdicts: dict[datetime, ScreenResult] = {}

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:  # noqa: ARG002
        """Give the verdict of the day of `now`; it is made of the whole history until then, whatever a stage has at hand."""
        day = DAY.floor(now)
        if day not in self._verdicts:
            self._verdicts[day] = self._screen.evaluate(self._bars, day, hourly=self._hours)
        return self._verdicts[day]

    def lets_pass(self, bars: Bars, wanted: Flags) -> Flags:
        """Tell of each bar that is `wanted`, `(n,)`, whether an entry at its close passes; False for the others."""
        passing = np.zeros(len(bars), dtype=np.bool_)
        for place in np.flatnonzero(wanted).tolist():
            closed_at = from_epoch(int(bars.opened_at[place]) + bars.seconds)
            verdict = self.evaluate(self._bars, closed_at, hourly=self._hours)
            passing[place] = _lets_enter(verdict)
        return passing

    @property
    def screened(self) -> ScreenedDays:
        """Tell what came of the days for which it has been asked so far."""
        return ScreenedDays(days=len(self._verdicts), passed=sum(map(_lets_enter, self._verdicts.values())))


def _lets_enter(verdict: ScreenResult) -> bool:
    return all(gate.passed for gate in verdict.gates)
