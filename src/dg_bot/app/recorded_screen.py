"""The screen of a recorded cycle, made again from what its verdict was made of."""

from datetime import datetime
from typing import TypeAlias

from dg_bot.adapters.candle_references import content_hash
from dg_bot.app.recorded_world import RecordedWorld
from dg_bot.backtesting.luck import LuckQuestion
from dg_bot.backtesting.screen import trials_of
from dg_bot.capsule import SCREEN_INPUT, HeardScreenInput
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses, Honesty, ScreenResult
from dg_bot.ports import StrategyScreen

# Verdicts that were computed already, by the hash of their hours, their time, and all that else decides them.
Verdicts: TypeAlias = dict[tuple[str, datetime, str], ScreenResult]


class RecordedLuck:
    """What the screen knew of trials and luck when the recorded verdict was made."""

    def __init__(self) -> None:
        self.honesty: Honesty | None = None

    def trials(self, _market: Market) -> int:
        return trials_of() if self.honesty is None else self.honesty.trials

    def known(self, _question: LuckQuestion, /) -> DriftlessPasses | None:
        return None if self.honesty is None else self.honesty.driftless


class RecordedScreen:
    """The screen over the hours from which the recorded verdict was made; the same verdict is computed once in a run."""

    def __init__(
        self,
        screen: StrategyScreen,
        world: RecordedWorld,
        verdicts: Verdicts,
        luck: RecordedLuck,
        *,
        rules: str,
    ) -> None:
        self._screen = screen
        self._world = world
        self._verdicts = verdicts
        self._luck = luck
        self._rules = rules

    def evaluate(self, strategy_bars: CandleSeries, now: datetime, *, hourly: CandleSeries) -> ScreenResult:
        """Give the verdict over the recorded hours, or over these where there are none."""
        present = HeardScreenInput(evaluated_at=now, hourly=hourly, honesty=None)
        made_from = self._world.answer(SCREEN_INPUT, str(hourly.market), lambda: present)
        self._luck.honesty = made_from.honesty
        key = content_hash(made_from.hourly), made_from.evaluated_at, f"{self._rules} {made_from.honesty}"
        if key not in self._verdicts:
            bars = made_from.hourly.resampled(strategy_bars.timeframe).closed_by(made_from.evaluated_at)
            self._verdicts[key] = self._screen.evaluate(bars, made_from.evaluated_at, hourly=made_from.hourly)
        return self._verdicts[key]
