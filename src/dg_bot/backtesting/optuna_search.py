"""A search that learns where good sets lie, by Optuna's tree-structured Parzen estimator over a grid's values.

What it asks for next follows from the seed and from what it was told. So nothing of it is kept: started again it asks for the
same sets, and those that were tried are known at once.
"""

from collections.abc import Callable, Sequence

from dg_bot.backtesting.parameter_grid import ParameterGrid, ParameterSet
from dg_bot.backtesting.sweep import Sweep
from dg_bot.domain.trials import Ranking, Trial

# So many are asked for before any of them is told; the estimator spreads them as if the others were bad.
_ASKED_AT_ONCE = 16

# Give for each set how good it is, None for one that cannot be or cannot be measured.
Value = Callable[[Sequence[ParameterSet]], Sequence[float | None]]


def optuna_search(grid: ParameterGrid, count: int, seed: int, value: Value) -> None:
    """Ask for `count` sets and learn from each turn; one that comes again counts again."""
    import optuna  # noqa: PLC0415 - takes a second to import, and few need it

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True, multivariate=True)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    places = {axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1) for axis in grid.axes}
    for turn in range(0, count, _ASKED_AT_ONCE):
        asked = [study.ask(dict(places)) for _ in range(min(_ASKED_AT_ONCE, count - turn))]
        sets = [{axis.name: axis.values[one.params[axis.name]] for axis in grid.axes} for one in asked]
        for one, found in zip(asked, value(sets), strict=True):
            if found is None:
                study.tell(one, state=optuna.trial.TrialState.PRUNED)
            else:
                study.tell(one, found)


def best_searched(sweep: Sweep, grid: ParameterGrid, count: int, seed: int, ranking: Ranking) -> Trial | None:
    """Search by the figure of one stretch and give the best that was asked for, None where no set made round trips enough."""
    best: tuple[float, Trial] | None = None

    def value(sets: Sequence[ParameterSet]) -> list[float | None]:
        nonlocal best
        found = []
        for trial in sweep.judge(sets):
            figure = None if trial is None else ranking.figure(trial)
            found.append(figure)
            if trial is not None and figure is not None and (best is None or figure > best[0]):
                best = (figure, trial)
        return found

    optuna_search(grid, count, seed, value)
    return None if best is None else best[1]
