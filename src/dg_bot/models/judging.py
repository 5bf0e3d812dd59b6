"""What predictions out of sample were worth, beside somebody who knows nothing but what is usual.

Labels of neighbouring hours overlap. Errors are of means over whole horizons, so that a hundred hours are not taken for a hundred
proofs.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from dg_bot.indicators.bars import Floats, Seconds
from dg_bot.models.dataset import Dataset
from dg_bot.models.splits import Split

_BINS = 10
# Give return after costs and probability of a gain, `(n, 2)`, of features `(n, k)`.
Predict = Callable[[Floats], Floats]
# Train on rows.
Train = Callable[[Dataset], Predict]


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfSample:
    """Rows of all tests with what was predicted of them; `usual_*` is what was usual in each window's training."""

    rows: Dataset
    expected: Floats
    chance: Floats
    usual_net: Floats
    usual_chance: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A mean, and its standard error over whole horizons; both None where there are fewer than two of them."""

    value: float | None
    error: float | None

    @property
    def errors_above_zero(self) -> float | None:
        """Give by how many of its errors the mean is above zero."""
        return None if self.value is None or not self.error else self.value / self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class ChanceBin:
    """Rows whose chance of a gain was said to be in [low, low + 0.1), the mean of that, and the share that did gain."""

    low: float
    rows: int
    mean_chance: float
    gained: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """What the predictions were worth.

    `brier_gain` is how much lower the Brier score is than that of the usual chance, `error_gain` the same for the squared error
    of the expected return over the variance of the return; above zero is skill. `correlation` is of expected with real return.
    """

    rows: int
    independent: int
    correlation: float | None
    error_gain: Measured
    brier: float
    usual_brier: float
    brier_gain: Measured
    reliability: tuple[ChanceBin, ...]

    @property
    def has_skill(self) -> bool:
        """Tell whether chances or returns were foretold better than usual by more than two errors."""
        above = (self.brier_gain.errors_above_zero, self.error_gain.errors_above_zero)
        return any(one is not None and one > 2.0 for one in above)


def out_of_sample(rows: Dataset, splits: Sequence[Split], train: Train) -> OutOfSample:
    """Train on each window and predict its test; the tests one after the other."""
    tests, predicted, usual = [], [], []
    for split in splits:
        known, test = rows.chosen(split.train), rows.chosen(split.test)
        tests.append(np.flatnonzero(split.test))
        predicted.append(train(known)(test.features))
        usual.append(np.tile([known.net.mean(), known.gains.mean()], (len(test), 1)))
    answers, unskilled = np.concatenate(predicted), np.concatenate(usual)
    return OutOfSample(
        rows=rows.chosen(np.concatenate(tests)),
        expected=answers[:, 0],
        chance=answers[:, 1],
        usual_net=unskilled[:, 0],
        usual_chance=unskilled[:, 1],
    )


def skill(predictions: OutOfSample) -> Skill:
    """Measure what predictions were worth, beside what was usual in each training; None where there is too little to tell."""
    rows = predictions.rows
    gained = rows.gains.astype(np.float64)
    brier, usual = np.square(predictions.chance - gained), np.square(predictions.usual_chance - gained)
    variance = float(rows.net.var())
    error, usual_error = np.square(predictions.expected - rows.net), np.square(predictions.usual_net - rows.net)
    blocks = rows.known_at // rows.label.horizon_s
    return Skill(
        rows=len(rows),
        independent=len(np.unique(blocks)),
        correlation=_correlation(predictions.expected, rows.net),
        error_gain=_mean_of_blocks((usual_error - error) / variance, blocks)
        if variance > 0.0
        else Measured(value=None, error=None),
        brier=float(brier.mean()),
        usual_brier=float(usual.mean()),
        brier_gain=_mean_of_blocks(usual - brier, blocks),
        reliability=_reliability(predictions.chance, gained),
    )


def longest_run(predictions: OutOfSample) -> int:
    """Give the most hours in a row in which a market got the very same prediction, as an exported model writes it down."""
    answers = np.column_stack([predictions.expected, predictions.chance]).astype(np.float32)
    longest = 1
    for market in range(len(predictions.rows.markets)):
        own = answers[predictions.rows.market == market]
        changes = np.flatnonzero((own[1:] != own[:-1]).any(axis=1))
        edges = np.concatenate([[-1], changes, [len(own) - 1]])
        longest = max(longest, int(np.diff(edges).max(initial=1)))
    return longest


def _mean_of_blocks(values: Floats, blocks: Seconds) -> Measured:
    """Average values, and give the error of that from the means of blocks, taking neighbouring blocks for related.

    A label that begins in one block ends in the next one: their covariance counts (Newey and West, with one lag).
    """
    _, place = np.unique(blocks, return_inverse=True)
    means = np.bincount(place, values) / np.bincount(place)
    count = len(means)
    if count < 2:
        return Measured(value=None, error=None)
    away = means - means.mean()
    variance = float((away @ away + away[1:] @ away[:-1]) / (count - 1))
    return Measured(value=float(values.mean()), error=math.sqrt(max(0.0, variance) / count))


def _correlation(one: Floats, other: Floats) -> float | None:
    first, second = one - one.mean(), other - other.mean()
    scale = math.sqrt(float(first @ first) * float(second @ second))
    return float(first @ second) / scale if scale > 0.0 else None


def _reliability(chance: Floats, gained: Floats) -> tuple[ChanceBin, ...]:
    place = np.minimum((chance * _BINS).astype(np.int64), _BINS - 1)
    return tuple(
        ChanceBin(
            low=low / _BINS,
            rows=int((place == low).sum()),
            mean_chance=float(chance[place == low].mean()),
            gained=float(gained[place == low].mean()),
        )
        for low in np.unique(place).tolist()
    )
