"""A sweep: parameter sets checked, those already known passed over, the others judged and kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol, TypeVar

from dg_bot.backtesting.parameter_grid import ParameterSet
from dg_bot.backtesting.study_identity import values_of
from dg_bot.domain.trials import Trial, TrialFigures, Values
from dg_bot.errors import ConfigurationError
from dg_bot.ports import TrialBook
from dg_bot.strategies.base import Strategy
from dg_bot.strategies.parameters import ParameterOutOfRange

T = TypeVar("T")

MakeStrategy = Callable[[ParameterSet], Strategy]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set to judge: what was given, and all parameters that it makes."""

    given: ParameterSet
    values: Values


class Jury(Protocol):
    """Judges sets; `turn` is how many it takes at once, after which what was found is kept."""

    @property
    def turn(self) -> int: ...

    def judge(self, candidates: Sequence[Candidate]) -> list[tuple[TrialFigures, ...]]:
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

    def run(self, sets: Iterable[ParameterSet]) -> None:
        """Try all of them; raises ConfigurationError for a parameter that cannot be read."""
        for turn in _turns(sets, self._jury.turn):
            self.judge(turn)

    @property
    def count(self) -> SweepCount:
        return SweepCount(judged=self._judged, known=self._known, refused=self._refused)

    def judge(self, sets: Sequence[ParameterSet]) -> list[Trial | None]:
        """Try some sets and give the trial of each, None where it was refused."""
        candidates = [self._candidate(given) for given in sets]
        able = [one for one in candidates if one is not None]
        trials = self._book.known([one.values for one in able])
        fresh = [one for one, trial in zip(able, trials, strict=True) if trial is None]
        found = [Trial(one.values, figures) for one, figures in zip(fresh, self._jury.judge(fresh), strict=True)]
        self._book.add(found)
        self._judged += len(fresh)
        self._known += len(able) - len(fresh)
        self._done += len(sets)
        self._on_progress(self._done)
        new = iter(found)
        judged = iter([trial or next(new) for trial in trials])
        return [None if one is None else next(judged) for one in candidates]

    def _candidate(self, given: ParameterSet) -> Candidate | None:
        """Look a set over; None where it is refused."""
        try:
            strategy = self._make(given)
        except ParameterOutOfRange as error:
            self._refused[f"{error.variable}: {error.remedy}"] += 1
            return None
        if strategy.warm_up > self._longest_warm_up:
            self._refused[f"its warm-up is longer than {self._longest_warm_up:,} bars"] += 1
            return None
        return Candidate(given, values_of(strategy.parameters))


@dataclass(frozen=True, slots=True)
class FirstLook:
    """What is known of sets before any of them is tried: a strategy of one of them, and the warm-ups of all."""

    strategy: Strategy
    shortest_warm_up: int
    longest_warm_up: int


def first_look(make: MakeStrategy, sets: Iterable[ParameterSet]) -> FirstLook:
    """Look all sets over; raises ConfigurationError where not one can be meant, and for a parameter that cannot be read."""
    strategy, reason, warm_ups = None, "there is none", set[int]()
    for given in sets:
        try:
            strategy = make(given)
        except ParameterOutOfRange as error:
            reason = f"{error.variable}: {error.remedy}"
        else:
            warm_ups.add(strategy.warm_up)
    if strategy is None:
        raise ConfigurationError("--grid", f"no set can be tried: {reason}", "choose other ranges")
    return FirstLook(strategy, min(warm_ups), max(warm_ups))


def _turns(items: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(items)
    while turn := list(islice(iterator, size)):
        yield turn
