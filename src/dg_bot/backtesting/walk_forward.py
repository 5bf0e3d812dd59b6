"""Walk-forward: sets chosen on one window and judged on the next, with a purge and an embargo between the two."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from dg_bot.backtesting.performance import EquityCurve, Performance, measured
from dg_bot.backtesting.replay import Replay
from dg_bot.domain.trials import Objective, Ranking, Stretch, Trial, TrialFigures
from dg_bot.errors import DataError
from dg_bot.ports import TrialBook


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowLengths:
    """All in bars. No bar that a decision in the test looks back at was trained on: so long is the `purge`."""

    train: int
    test: int
    purge: int
    embargo: int


@dataclass(frozen=True, slots=True)
class Window:
    """Where a set is chosen, and where it is judged."""

    train: Stretch
    test: Stretch


def windows(bars: int, lengths: WindowLengths) -> tuple[Window, ...]:
    """Give windows that move on by one test each, so that the tests lie side by side and none overlaps another.

    The first training begins where the longest warm-up is over. What is open at the end of a training is valued at its last
    close, so no result reaches beyond it. Raises DataError where not one window fits.
    """
    gap = lengths.purge + lengths.embargo
    needed = lengths.purge + lengths.train + gap + lengths.test
    if bars < needed:
        parts = f"{lengths.purge:,} to warm up, {lengths.train:,} to train, {gap:,} between, {lengths.test:,} to test"
        raise DataError("walk-forward", f"{bars:,} bars are too few for one window of {needed:,}: {parts}")
    starts = range(lengths.purge, bars - needed + lengths.purge + 1, lengths.test)
    return tuple(_window(start, lengths, gap) for start in starts)


def _window(start: int, lengths: WindowLengths, gap: int) -> Window:
    train = Stretch(start, start + lengths.train)
    return Window(train, Stretch(train.stop + gap, train.stop + gap + lengths.test))


def stretches_of(bars: int, walk: Sequence[Window]) -> tuple[Stretch, ...]:
    """Give what every set is judged on: the whole, then training and test of each window."""
    return (Stretch(0, bars), *(stretch for window in walk for stretch in (window.train, window.test)))


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowResult:
    """The best set of a training and what became of it; None where no set made round trips enough.

    `rank` is the share of sets that did worse in the test than the chosen one: half of them where choosing told nothing.
    """

    window: Window
    chosen: Trial | None
    in_sample: TrialFigures | None
    out_of_sample: TrialFigures | None
    rank: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkForward:
    """All windows, and `joined`: the tests of the chosen sets one after the other, as if traded like that."""

    results: tuple[WindowResult, ...]
    joined: Performance

    def mean(self, objective: Objective, *, out_of_sample: bool) -> float | None:
        """Average a figure over the windows in which a set was chosen."""
        figures = [one.out_of_sample if out_of_sample else one.in_sample for one in self.results]
        values = [value for one in figures if one is not None and (value := one.value(objective)) is not None]
        return sum(values) / len(values) if values else None

    def degradation(self, objective: Objective) -> float | None:
        """Give the part of the in-sample figure that was lost out of sample; None where there was nothing to lose."""
        before, after = self.mean(objective, out_of_sample=False), self.mean(objective, out_of_sample=True)
        if before is None or after is None or before <= 0.0:
            return None
        return 1.0 - after / before

    @property
    def overfit(self) -> float | None:
        """Give the share of windows whose chosen set did worse in the test than half of all sets."""
        ranks = [one.rank for one in self.results if one.rank is not None]
        return sum(rank < 0.5 for rank in ranks) / len(ranks) if ranks else None


# Give the best set of a training by its ranking, None where there is none.
Choose = Callable[[Ranking], Trial | None]
# Trade a set over a stretch.
Trade = Callable[[Trial, Stretch], Replay]


def walk_forward(walk: Sequence[Window], ranking: Ranking, book: TrialBook, *, choose: Choose, trade: Trade) -> WalkForward:
    """Choose on each training, judge on each test; `ranking` says by what."""
    results = tuple(_result(number, window, ranking, book, choose) for number, window in enumerate(walk))
    return WalkForward(results=results, joined=_joined(results, trade))


def _result(number: int, window: Window, ranking: Ranking, book: TrialBook, choose: Choose) -> WindowResult:
    train, test = 1 + 2 * number, 2 + 2 * number
    chosen = choose(replace(ranking, stretch=train))
    if chosen is None:
        return WindowResult(window=window, chosen=None, in_sample=None, out_of_sample=None, rank=None)
    after = chosen.figures[test]
    value = after.value(ranking.objective)
    rank = None if value is None else book.share_below(replace(ranking, stretch=test, fewest_trips=0), value)
    return WindowResult(window=window, chosen=chosen, in_sample=chosen.figures[train], out_of_sample=after, rank=rank)


def _joined(results: Sequence[WindowResult], trade: Trade) -> Performance:
    """Chain the equity of the tests, from the first window that has a set to the last; in one between without a set it stands."""
    histories = [trade(one.chosen, one.window.test) for one in results if one.chosen is not None]
    if not histories:
        nothing = np.empty(0)
        return measured(nothing, EquityCurve(opening=1.0, opened_at=0, closed_at=nothing.astype(np.int64), equity=nothing))
    level, equity, gains = 1.0, [], []
    for history in histories:
        scale = level / history.curve.opening
        equity.append(np.asarray(history.curve.equity) * scale)
        gains.append(np.array([trip.pnl for trip in history.round_trips]) * scale)
        level = float(equity[-1][-1])
    curve = EquityCurve(
        opening=1.0,
        opened_at=histories[0].curve.opened_at,
        closed_at=np.concatenate([history.curve.closed_at for history in histories]),
        equity=np.concatenate(equity),
    )
    return measured(np.concatenate(gains), curve)
