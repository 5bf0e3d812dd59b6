"""A sweep: parameter sets checked, those already known passed over, the others judged and kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from dg_bot.backtesting.parameter_grid import ParameterSet
from dg_bot.backtesting.studies import values_of
from dg_bot.domain.trials import Trial, TrialFigures, Values
from dg_bot.errors import ConfigurationError
from dg_bot.ports import TrialBook
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.parameters import ParameterOutOfRange

T = TypeVar("T")

MakeStrategy = Callable[[ParameterSet], Strategy]


class Jury(Protocol):
    """Judges sets; `turn` is how many it takes at once, after which what was found is kept."""

    @property
    def turn(self) -> int: ...

    def judge(self, sets: Sequence[ParameterSet]) -> list[tuple[TrialFigures, ...]]:
        """Give the figures of each set, one for each stretch, in the order of the sets."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepCount:
    """How many sets were judged now, were known from an earlier run, and were refused, by reason."""

    judged: int
    known: int
    refused: Mapping[str, int]

    @property
    def total(self) -> int:
        return self.judged + self.known + sum(self.refused.values())


class Sweep:
    """Tries sets in turns and keeps what each turn found, so that an end at any moment loses one turn at most."""

    def __init__(
        self, *, make: MakeStrategy, longest_warm_up: int, jury: Jury, book: TrialBook, on_progress: Callable[[int], None]
    ) -> None:
        """Sets that need more than `longest_warm_up` bars before their first signal are refused."""
        self._make = make
        self._longest_warm_up = longest_warm_up
        self._jury = jury
        self._book = book
        self._on_progress = on_progress
        self._judged, self._known, self._done = 0, 0, 0
        self._refused: Counter[str] = Counter()

    def run(self, sets: Iterable[ParameterSet]) -> SweepCount:
        """Try all of them; raises ConfigurationError where not one can be meant, and for a parameter that cannot be read."""
        for turn in _turns(sets, self._jury.turn):
            self.judge(turn)
        count = SweepCount(judged=self._judged, known=self._known, refused=self._refused)
        if not (count.judged or count.known):
            reason = next(iter(self._refused), "there is none")
            raise ConfigurationError("--grid", f"no set can be tried: {reason}", "choose other ranges")
        return count

    def judge(self, sets: Sequence[ParameterSet]) -> list[Trial | None]:
        """Try some sets and give the trial of each, None where it was refused."""
        values = [self._values(given) for given in sets]
        able = [place for place, found in enumerate(values) if found is not None]
        known = self._book.known([value for value in values if value is not None])
        trials: list[Trial | None] = [None] * len(sets)
        for place, trial in zip(able, known, strict=True):
            trials[place] = trial
        fresh = [place for place in able if trials[place] is None]
        figures = self._jury.judge([sets[place] for place in fresh])
        for place, found in zip(fresh, figures, strict=True):
            trials[place] = Trial(values[place] or {}, found)
        self._book.add([trial for place in fresh if (trial := trials[place]) is not None])
        self._judged += len(fresh)
        self._known += len(able) - len(fresh)
        self._done += len(sets)
        self._on_progress(self._done)
        return trials

    def _values(self, given: ParameterSet) -> Values | None:
        """Give all parameters of a set, None where it is refused."""
        try:
            strategy = self._make(given)
        except ParameterOutOfRange as error:
            self._refused[f"{error.variable}: {error.remedy}"] += 1
            return None
        if strategy.warm_up > self._longest_warm_up:
            self._refused[f"its warm-up is longer than {self._longest_warm_up:,} bars"] += 1
            return None
        return values_of(strategy.parameters)


def _turns(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while turn := list(islice(iterator, size)):
        yield turn
