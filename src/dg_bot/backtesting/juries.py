"""Who judges the sets of a sweep: this process alone for a few, a process for each core for many."""

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from threading import Thread

from dg_bot.backtesting.parameter_grid import ParameterSet
from dg_bot.backtesting.set_judging import Ground, judged
from dg_bot.backtesting.sweep import Jury, MakeStrategy
from dg_bot.domain.trials import TrialFigures

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

    def judge(self, sets: Sequence[ParameterSet]) -> list[tuple[TrialFigures, ...]]:
        return [judged(self._make(given), self._ground) for given in sets]


class ProcessJury:
    """Shares sets out among processes that hold the bars; `make` must be something that can be pickled."""

    def __init__(self, pool: ProcessPoolExecutor, processes: int) -> None:
        self._pool = pool
        self._processes = processes

    @property
    def turn(self) -> int:
        return _SETS_A_TASK * _TASKS_A_TURN * self._processes

    def judge(self, sets: Sequence[ParameterSet]) -> list[tuple[TrialFigures, ...]]:
        tasks = [sets[place : place + _SETS_A_TASK] for place in range(0, len(sets), _SETS_A_TASK)]
        return [figures for found in self._pool.map(_judge_here, tasks) for figures in found]


@contextmanager
def jury_for(sets: int, make: MakeStrategy, ground: Ground, *, processes: int | None = None) -> Iterator[Jury]:
    """Give a jury for about so many sets; its processes end with this one, however it ends."""
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


def _judge_here(sets: Sequence[ParameterSet]) -> list[tuple[TrialFigures, ...]]:
    return _here[0].judge(sets)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
