"""The screen's verdict, made once for each newly closed bar: history does not change in between."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.domain.screen import Honesty, ScreenResult
from dg_bot.ports import StrategyScreen


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenInput:
    """What a verdict was made from: the hours, the bars that they make, the time of the cycle, and what was known of luck."""

    evaluated_at: datetime
    bars: CandleSeries
    hourly: CandleSeries
    honesty: Honesty | None


class ScreenOncePerBar:
    """A screen that asks the one behind it once a bar and market; it tells from which input the verdict comes."""

    def __init__(self, screen: StrategyScreen, *, on_input: Callable[[ScreenInput], None]) -> None:
        self._screen = screen
        self._on_input = on_input
        self._known: dict[Market, tuple[ScreenInput, ScreenResult]] = {}

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        """Give the verdict over these bars, or the one that was given when the newest of them had just closed."""
        known = self._known.get(strategy_bars.market)
        if known is None or _key(known[0].bars) != _key(strategy_bars):
            result = self._screen.evaluate(strategy_bars, now, hourly=hourly)
            known = ScreenInput(evaluated_at=now, bars=strategy_bars, hourly=hourly, honesty=result.honesty), result
            self._known[strategy_bars.market] = known
        self._on_input(known[0])
        return known[1]


def _key(bars: CandleSeries) -> tuple[int, datetime | None]:
    return len(bars), bars.last_opened_at
