"""Who judges the sets of a sweep: this process for a few, a process for each core for many, a loop of its own for crossings."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from threading import Thread

import numpy as np

from dg_bot.analysis.validator import ValidatorLimits
from dg_bot.backtesting.curve_figures import DAY_S
from dg_bot.backtesting.performance import cagr
from dg_bot.backtesting.set_judging import Ground, judged
from dg_bot.backtesting.sma_sweep import SmaSweep, has_fixed_levels
from dg_bot.backtesting.sweep import Candidate, Jury, MakeStrategy
from dg_bot.backtesting.tradable import exits_allowed
from dg_bot.domain.trials import Stretch, TrialFigures

# Starting a process costs about what judging so many sets does.
_FEW = 64
_SETS_A_TASK = 8
_TASKS_A_TURN = 8


class LocalJury:
    """Judges one set after the other."""

    turn = 16

    def __init__(self, make: MakeStrategy, ground: Ground) -> None:
        self._make = make
        self._ground = ground

    def judge(self, candidates: Sequence[Candidate]) -> list[tuple[TrialFigures, ...]]:
        return [judged(self._make(one.given), self._ground) for one in candidates]


class CrossingJury:
    """Judges sets of `sma_cross` without making signals; see `sma_sweep`."""

    turn = 4096

    def __init__(self, ground: Ground) -> None:
        bars, hours = ground.bars, ground.hours
        may_leave = np.ones(len(bars), dtype=np.bool_) if hours is None else exits_allowed(bars, hours, ValidatorLimits())
        self._sweep = SmaSweep(bars, ground.entry_mask, may_leave, ground.rules, ground.market)
        self._ground = ground

    def judge(self, candidates: Sequence[Candidate]) -> list[tuple[TrialFigures, ...]]:
        pairs = [(int(one.values["short_period"]), int(one.values["long_period"])) for one in candidates]
        columns = [self._figures(pairs, stretch) for stretch in self._ground.stretches]
        return list(zip(*columns, strict=True))

    def _figures(self, pairs: Sequence[tuple[int, int]], stretch: Stretch) -> list[TrialFigures]:
        days = self._days(stretch)
        found = self._sweep.figures(pairs, stretch.start, stretch.stop).tolist()
        return [
            TrialFigures(
                round_trips=int(trips),
                total_return=total,
                sharpe=sharpe,
                calmar=cagr(total, days) / fall if fall > 0.0 else None,
                max_drawdown=fall,
            )
            for trips, total, sharpe, fall in found
        ]

    def _days(self, stretch: Stretch) -> float:
        opened_at = self._ground.bars.opened_at
        seconds = opened_at[stretch.stop - 1] + self._ground.bars.seconds - opened_at[stretch.start]
        return float(seconds) / DAY_S


class ProcessJury:
    """Shares sets out among processes that hold the bars; `make` must be something that can be pickled."""

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool = pool
        self._processes = processes

    @property
    def turn(self) -> int:
        return _SETS_A_TASK * _TASKS_A_TURN * self._processes

    def judge(self, candidates: Sequence[Candidate]) -> list[tuple[TrialFigures, ...]]:
        tasks = [candidates[place : place + _SETS_A_TASK] for place in range(0, len(candidates), _SETS_A_TASK)]
        return [figures for found in self._pool.map(_judge_here, tasks) for figures in found]


@contextmanager
def jury_for(strategy: str, sets: int, make: MakeStrategy, ground: Ground, *, processes: int | None = None) -> Iterator[Jury]:
    """Give a jury for about so many sets; its processes end with this one, however it ends."""
    if strategy == "sma_cross" and has_fixed_levels(ground.rules):
        yield CrossingJury(ground)
        return
    count = processes or os.cpu_count() or 1
    if sets <= _FEW or count == 1:
        yield LocalJury(make, ground)
        return
    # Fresh processes: a fork would take the locks of whatever thread runs here along.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(make, ground))
    try:
        yield ProcessJury(pool, count)
    finally:
        pool.shutdown(cancel_futures=True)


_here: list[LocalJury] = []


def _begin(make: MakeStrategy, ground: Ground) -> None:
    """Take in what all sets have in common, leave Ctrl-C to the parent, and end when it is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()
    _here[:] = [LocalJury(make, ground)]


def _judge_here(candidates: Sequence[Candidate]) -> list[tuple[TrialFigures, ...]]:
    return _here[0].judge(candidates)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
