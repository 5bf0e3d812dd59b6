"""A book of trials that forgets them with the test."""

from collections.abc import Iterator, Sequence

from dg_bot.domain.trials import Ranking, Trial, Values


class MemoryBook:
    def __init__(self) -> None:
        self.trials: dict[str, Trial] = {}

    def known(self, sets: Sequence[Values]) -> list[Trial | None]:
        return [self.trials.get(repr(values)) for values in sets]

    def add(self, trials: Sequence[Trial]) -> None:
        for trial in trials:
            self.trials.setdefault(repr(trial.values), trial)

    def best(self, ranking: Ranking, limit: int) -> list[Trial]:
        able = [trial for trial in self.each() if trial.figures[ranking.stretch].round_trips >= ranking.fewest_trips]
        return sorted(able, key=lambda trial: -(trial.figures[ranking.stretch].value(ranking.objective) or 0.0))[:limit]

    def each(self) -> Iterator[Trial]:
        return iter(self.trials.values())

    def tried_on_these_bars(self) -> int:
        return len(self.trials)
