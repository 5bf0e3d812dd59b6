"""A book of trials that forgets them with the test."""

from collections.abc import Iterator, Sequence

from dg_bot.domain.trials import Ranking, Trial, Values, Within


class MemoryBook:
    def __init__(self) -> None:
        self.trials: dict[str, Trial] = {}

    def known(self, sets: Sequence[Values]) -> list[Trial | None]:
        return [self.trials.get(repr(values)) for values in sets]

    def add(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self.trials.setdefault(repr(trial.values), trial)

    def best(self, ranking: Ranking, limit: int) -> list[Trial]:
        able = [
            trial for trial in self.each(ranking.within) if trial.figures[ranking.stretch].round_trips >= ranking.fewest_trips
        ]
        return sorted(able, key=lambda trial: -(trial.figures[ranking.stretch].value(ranking.objective) or 0.0))[:limit]

    def share_below(self, ranking: Ranking, value: float) -> float:
        figures = [trial.figures[ranking.stretch].value(ranking.objective) or 0.0 for trial in self.each(ranking.within)]
        return sum(one < value for one in figures) / len(figures)

    def each(self, within: Within) -> Iterator[Trial]:
        return (one for one in self.trials.values() if all(one.values[name] in values for name, values in within.items()))

    def tried_on_these_bars(self) -> int:
        return len(self.trials)
