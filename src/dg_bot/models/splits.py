"""Which rows a model is trained on and which it is judged on: in the order of time, and with a gap in between.

A label looks ahead, so that neighbouring rows share most of what they are asked about. A row whose label reaches into the test
knows its answers; it is purged. The rows just before those are left out as well (embargo), for what a test row looks back at
would otherwise have been a label.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from dg_bot.domain.calendar import HOUR
from dg_bot.errors import DataError
from dg_bot.indicators.bars import Flags
from dg_bot.models.dataset import Dataset


@dataclass(frozen=True, slots=True, kw_only=True)
class WalkLengths:
    """All in hours; `embargo` comes on top of the horizon of the label."""

    train: int
    test: int
    embargo: int


@dataclass(frozen=True, slots=True)
class Split:
    """Masks `(n,)` over the rows of a dataset."""

    train: Flags
    test: Flags


def walk(rows: Dataset, lengths: WalkLengths) -> tuple[Split, ...]:
    """Give windows whose tests lie side by side up to the end of the data, each trained on what lies before its gap.

    Raises DataError where not one whole window fits.
    """
    splits = tuple(_windows(rows, lengths))
    if not splits:
        gap = lengths.embargo + rows.label.horizon_hours
        needed = lengths.train + gap + lengths.test
        spanned = int(rows.known_at[-1] - rows.known_at[0]) // HOUR.seconds
        parts = f"{lengths.train:,} to train, {gap:,} between, {lengths.test:,} to test"
        raise DataError("training", f"{spanned:,} hours are too few for one window of {needed:,}: {parts}")
    return splits


def last_training(rows: Dataset, lengths: WalkLengths) -> Flags:
    """Give the rows for the model that is to be used: as long a time as each window was trained on, up to the end."""
    newest: Flags = rows.known_at > rows.known_at[-1] - lengths.train * HOUR.seconds
    return newest


def _windows(rows: Dataset, lengths: WalkLengths) -> Iterator[Split]:
    first, end = int(rows.known_at[0]), int(rows.known_at[-1]) + 1
    gap_s = lengths.embargo * HOUR.seconds + rows.label.horizon_s
    train_s, test_s = lengths.train * HOUR.seconds, lengths.test * HOUR.seconds
    count = (end - first - train_s - gap_s) // test_s
    for start in range(end - count * test_s, end, test_s):
        train = (rows.known_at >= start - gap_s - train_s) & (rows.known_at < start - gap_s)
        test = (rows.known_at >= start) & (rows.known_at < start + test_s)
        if train.any() and test.any():
            yield Split(train, test)
