"""Look a candle file over: every row that cannot be right, and what a backtest should know of the rest."""

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from dg_bot.adapters.candle_csv import CandleRow, RowProblem, examine_candles, file_content
from dg_bot.adapters.candle_manifest import read_manifest
from dg_bot.domain.calendar import Timeframe, from_epoch, to_epoch
from dg_bot.errors import DataError, ImpossibleValue

# A move from close to close of so many times the usual one, and of this much at least, is worth a look.
_OUTLIER_MULTIPLE = 20.0
_OUTLIER_FRACTION = 0.10
_MINUTE = Timeframe(1)
_ROUNDING = 0.001


@dataclass(frozen=True, slots=True)
class Gap:
    """Candles that are absent between two that are there; `before` and `after` are the starts of those two."""

    before: datetime
    after: datetime
    missing: int


@dataclass(frozen=True, slots=True)
class Outlier:
    """A close unusually far from the one before it, as a signed fraction of it; often true, sometimes a typing error."""

    row: int
    at: datetime
    move: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CandleFileReport:
    """What was found in one file; `timeframe` is the commonest step, None where there is none that the venue has.

    `is_cut` tells that the last line has no end, `is_unfinished` that the last candle was not over when the file was looked at,
    `is_edited` that it is not as its manifest says. Gaps, outliers, candles without volume and `odd_values` (rows whose traded
    amount over their volume is no price between low and high) are facts of a market and no faults of a file.
    """

    path: Path
    sha256: str
    timeframe: Timeframe | None
    candles: int
    first: datetime | None
    last: datetime | None
    problems: tuple[RowProblem, ...]
    gaps: tuple[Gap, ...]
    outliers: tuple[Outlier, ...]
    without_volume: int
    odd_values: tuple[int, ...]
    is_edited: bool
    is_cut: bool
    is_unfinished: bool

    @property
    def missing(self) -> int:
        return sum(gap.missing for gap in self.gaps)

    @property
    def is_sound(self) -> bool:
        """Tell whether a backtest or a screen may trust the file."""
        return not (self.problems or self.is_edited or self.is_cut or self.is_unfinished) and self.timeframe is not None


def check_candle_file(path: Path, now: datetime) -> CandleFileReport:
    """Read `.csv` or `.csv.gz`; raises DataError where it cannot be read or its columns are not those of candles."""
    data = file_content(path)
    timeframe = _commonest_step(path, data, now)
    rows = list(examine_candles(str(path), data, timeframe or _MINUTE, now))
    candles = [row for row in rows if isinstance(row, CandleRow)]
    length = (timeframe or _MINUTE).seconds
    return CandleFileReport(
        path=path,
        sha256=hashlib.sha256(data).hexdigest(),
        timeframe=timeframe,
        candles=len(candles),
        first=from_epoch(candles[0].second) if candles else None,
        last=from_epoch(candles[-1].second) if candles else None,
        problems=tuple(row for row in rows if isinstance(row, RowProblem)),
        gaps=_gaps(candles, length),
        outliers=_outliers(candles),
        without_volume=sum(1 for candle in candles if candle.figures[4] == 0.0),
        odd_values=tuple(candle.row for candle in candles if _is_odd(candle)),
        is_edited=_is_edited(path, data),
        is_cut=not data.endswith(b"\n"),
        is_unfinished=bool(candles) and candles[-1].second + length > to_epoch(now),
    )


def _is_edited(path: Path, data: bytes) -> bool:
    manifest = read_manifest(path) if path.suffix == ".csv" else None
    return manifest is not None and not manifest.allows(data)


def _is_odd(candle: CandleRow) -> bool:
    """Tell whether the traded amount contradicts prices and volume by more than their rounding."""
    _, high, low, _, volume = candle.figures
    if candle.value is None:
        return False
    return not low * volume * (1.0 - _ROUNDING) <= candle.value <= high * volume * (1.0 + _ROUNDING) + 1.0


def _commonest_step(path: Path, data: bytes, now: datetime) -> Timeframe | None:
    sound = (row.second for row in examine_candles(str(path), data, _MINUTE, now) if isinstance(row, CandleRow))
    steps = Counter(later - earlier for earlier, later in pairwise(sound))
    if not steps:
        return None
    try:
        return Timeframe(steps.most_common(1)[0][0] // 60)
    except ImpossibleValue:
        return None


def _gaps(candles: Sequence[CandleRow], length: int) -> tuple[Gap, ...]:
    return tuple(
        Gap(from_epoch(earlier.second), from_epoch(later.second), (later.second - earlier.second) // length - 1)
        for earlier, later in pairwise(candles)
        if later.second - earlier.second > length
    )


def _outliers(candles: Sequence[CandleRow]) -> tuple[Outlier, ...]:
    moves = [later.figures[3] / earlier.figures[3] - 1.0 for earlier, later in pairwise(candles)]
    usual = statistics.median(map(abs, moves)) if moves else 0.0
    limit = max(_OUTLIER_FRACTION, _OUTLIER_MULTIPLE * usual)
    return tuple(
        Outlier(candle.row, from_epoch(candle.second), move)
        for candle, move in zip(candles[1:], moves, strict=True)
        if abs(move) > limit
    )


def check_or_explain(path: Path, now: datetime) -> CandleFileReport | DataError:
    """Check one of several files; one that cannot be read is told of like the others."""
    try:
        return check_candle_file(path, now)
    except DataError as error:
        return error
