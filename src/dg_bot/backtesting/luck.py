"""How often a screen passes markets without drift: known from a file, measured anew once a day, never while a cycle waits."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np

from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.driftless import DailyMoves, daily_moves, driftless_hours, joined
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.market import Market
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.indicators.bars import Bars

# A backtest by hand asks for the verdicts alone, and starts sooner without all that the ports speak of.
if TYPE_CHECKING:
    from dg_bot.ports import Clock, LuckStore

Judge = Callable[[Bars, Bars], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckLimits:
    """How many walks are drawn, how long one measurement may take, and how many whole days of hours it needs."""

    walks: int = 100
    budget_s: float = 20.0
    fewest_days: int = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class LuckQuestion:
    """Asks how often the screen of this identity passes bars of `bar_seconds` that are drawn from the days of `hours`.

    `judge` tells of the strategy's bars and their hours whether the screen passes them.
    """

    market: Market
    identity: str
    hours: Bars
    bar_seconds: int
    judge: Judge


class Luck(Protocol):
    def known(self, question: LuckQuestion, /) -> DriftlessPasses | None:
        """Give the newest figure at once; None where there is none of this identity."""
        ...


class LuckMeter:
    """Tells what is known of each market at once, and measures what is due when it is told to; safe for two threads.

    A figure that belongs to another strategy, other parameters, rules or thresholds is not given. One of an earlier day is, until
    that of today is there; it carries its day.
    """

    def __init__(self, *, store: "LuckStore", clock: "Clock", limits: LuckLimits) -> None:
        self._store = store
        self._clock = clock
        self._limits = limits
        self._lock = Lock()
        self._known: dict[Market, DriftlessPasses] = dict(store.load())
        self._due: dict[Market, LuckQuestion] = {}

    def known(self, question: LuckQuestion, /) -> DriftlessPasses | None:
        """Give the newest figure of this identity, and note that one is due where there is none of the day of the newest hour."""
        with self._lock:
            known = self._known.get(question.market)
            if known is not None and known.identity != question.identity:
                known = None
            today = last_midnight(question.hours)
            if today is not None and (known is None or known.measured_on != today):
                self._due[question.market] = question
            return known

    def measure_next(self, *, has_to_stop: Callable[[], bool] = lambda: False) -> Market | None:
        """Measure one market that is due, within the budget, and keep the figure; gives the market, None where nothing was due.

        Fewer walks than wanted are kept where the budget ended first, and none where it had to stop. Raises StateError where
        the figure cannot be written; it is known until the process ends then.
        """
        with self._lock:
            market = next(iter(self._due), None)
            if market is None:
                return None
            question = self._due.pop(market)
        measured = self._measured(question, has_to_stop)
        if measured is not None:
            with self._lock:
                self._known[market] = measured
                known = dict(self._known)
            self._store.save(known)
        return market

    def _measured(self, question: LuckQuestion, has_to_stop: Callable[[], bool]) -> DriftlessPasses | None:
        days, today = daily_moves(question.hours), last_midnight(question.hours)
        if today is None or len(days) < self._limits.fewest_days:
            return None
        seed = _seed(question.market, question.identity, today)
        verdicts = driftless_verdicts(days, question.bar_seconds, question.judge, seed)
        until = self._clock.monotonic_s() + self._limits.budget_s
        walks = passes = 0
        while walks < self._limits.walks and (walks == 0 or self._clock.monotonic_s() < until):
            if has_to_stop():
                return None
            passes += next(verdicts)
            walks += 1
        return DriftlessPasses(identity=question.identity, measured_on=today, seed=seed, walks=walks, passes=passes)


def driftless_verdicts(days: DailyMoves, bar_seconds: int, judge: Judge, seed: int) -> Iterator[bool]:
    """Draw one market without drift after the other, without end, and give what `judge` says of each."""
    random = np.random.default_rng(seed)
    while True:
        hours = driftless_hours(days, random)
        yield judge(joined(hours, bar_seconds), hours)


def last_midnight(hours: Bars) -> datetime | None:
    """Give the last UTC midnight by which hours have closed; None without hours."""
    if not len(hours):
        return None
    end = int(hours.opened_at[-1]) + hours.seconds
    return from_epoch(end - end % DAY_S)


def _seed(market: Market, identity: str, day: datetime) -> int:
    return int.from_bytes(hashlib.sha256(f"{market} {identity} {day:%Y-%m-%d}".encode()).digest()[:6], "big")
