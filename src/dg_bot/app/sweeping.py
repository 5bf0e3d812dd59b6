"""Run the sweep that a command line asks for: candles, study, database and judges put together."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dg_bot.adapters.postgres_trials import PostgresTrials
from dg_bot.adapters.strategy_files import FileStrategy, find_strategy
from dg_bot.app.backtest_options import candles_of, source_of
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.app.strategy_choice import require_sound
from dg_bot.backtesting.backtest import hours_of, tradable_bars
from dg_bot.backtesting.heat_map import heat_map
from dg_bot.backtesting.juries import jury_for
from dg_bot.backtesting.optuna_search import best_searched
from dg_bot.backtesting.parameter_grid import ParameterGrid, ParameterSet, edge_sets, every_set, random_sets
from dg_bot.backtesting.performance import daily_returns
from dg_bot.backtesting.replay import Replay
from dg_bot.backtesting.screen import trials_of
from dg_bot.backtesting.set_judging import Ground, replayed, signals_on
from dg_bot.backtesting.sharpe_odds import sharpe_odds
from dg_bot.backtesting.study_identity import study_of, values_of
from dg_bot.backtesting.sweep import FirstLook, MakeStrategy, Sweep, first_look
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.backtesting.walk_forward import WalkForward, Window, WindowLengths, stretches_of, walk_forward, windows
from dg_bot.domain.calendar import DAY, Timeframe
from dg_bot.domain.trials import Ranking, Stretch, Study, Trial, Within
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.indicators.bars import bars_of
from dg_bot.operator.sweep_text import SweepResult
from dg_bot.ports import TrialBook
from dg_bot.strategies.base import Strategy

_BEST = 10

OnProgress = Callable[[int, int], None]


def swept(options: argparse.Namespace, settings: Settings, grid: ParameterGrid, on_progress: OnProgress) -> SweepResult:
    """Try the sets that the options choose from the grid; `on_progress` is told how many of how many are done.

    Raises ConfigurationError for options that do not go together, DataError for candles that do not serve, and StoreError for
    a database that does not.
    """
    make = partial(strategy_of, options.strategy, _fixed(options, grid), settings.strategy_folder)
    look = first_look(make, edge_sets(grid) if options.optuna else _sets(options, grid))
    own = look.strategy if isinstance(look.strategy, FileStrategy) else None
    if own is not None:
        require_sound(own)
    candles = candles_of(options, settings)
    series, mask = tradable_bars(candles, options.timeframe)
    if len(series) <= look.shortest_warm_up:
        needed = f"{len(series)} bars are too few: every set needs more than {look.shortest_warm_up}"
        raise DataError(f"{candles.market} {options.timeframe}", needed)
    walk = _windows(options, len(series), look)
    rules = TradeRules.of(settings.risk_limits())
    ground = Ground(
        bars=bars_of(series),
        hours=hours_of(candles),
        market=candles.market,
        entry_mask=mask,
        rules=rules,
        stretches=stretches_of(len(series), walk),
    )
    study = study_of(candles, options.strategy, options.timeframe, ground, None if own is None else own.path)
    ranking = Ranking(objective=options.objective, within=_within(grid, look.strategy), fewest_trips=options.min_trips)
    total = _planned(options, grid, len(walk))
    with kept_trials(settings, study) as book, jury_for(options.strategy, total, make, ground) as jury:
        sweep = Sweep(
            make=make,
            longest_warm_up=look.longest_warm_up if walk else len(series) - 1,
            jury=jury,
            book=book,
            on_progress=lambda done: on_progress(done, total),
        )
        trade = _trader(make, ground, grid)
        found = _searched(options, grid, sweep, ranking, walk, book, trade)
        best, tried = book.best(ranking, _BEST), book.tried_on_these_bars()
        return SweepResult(
            study=study,
            source=source_of(options, settings),
            bars=len(series),
            axes=tuple(axis.name for axis in grid.axes),
            ranking=ranking,
            count=sweep.count,
            tried=tried,
            best=best,
            odds=sharpe_odds(daily_returns(trade(best[0], ground.stretches[0]).curve), trials_of(tried)) if best else None,
            map=heat_map(grid, ranking, book.each(ranking.within)),
            walk=found,
            opened_at=series.opened_at,
        )


def _searched(
    options: argparse.Namespace, grid: ParameterGrid, sweep: Sweep, ranking: Ranking, walk: tuple[Window, ...], book: TrialBook,
    trade: Callable[[Trial, Stretch], Replay],
) -> WalkForward | None:  # fmt: skip
    """Try the sets, and walk forward where that is asked for.

    A search that learns must learn from the training alone, so each window has one of its own.
    """
    if not options.optuna:
        sweep.run(_sets(options, grid))
    elif not walk:
        best_searched(sweep, grid, options.optuna, options.seed, ranking)
    if not walk:
        return None

    def choose(by: Ranking) -> Trial | None:
        if options.optuna:
            return best_searched(sweep, grid, options.optuna, options.seed, by)
        return next(iter(book.best(by, 1)), None)

    return walk_forward(walk, ranking, book, choose=choose, trade=trade)


def strategy_of(name: str, fixed: ParameterSet, folder: Path | None, chosen: ParameterSet) -> Strategy:
    """Build the strategy of one set: what is searched beside what is fixed."""
    return find_strategy(name, {**fixed, **chosen}, folder=folder)


@contextmanager
def kept_trials(settings: Settings, study: Study) -> Iterator[TrialBook]:
    """Give the study's book in the database of these settings, and leave the database as it was."""
    database = database_of(settings, owner=None)
    try:
        book = PostgresTrials(database.dsn(), study)
        try:
            yield book
        finally:
            book.close()
    finally:
        database.close()


def _fixed(options: argparse.Namespace, grid: ParameterGrid) -> ParameterSet:
    fixed = dict(options.param)
    for name in fixed.keys() & {axis.name for axis in grid.axes}:
        raise ConfigurationError("--param", f"{name} is searched by --grid", "give it in one of them")
    return fixed


def _sets(options: argparse.Namespace, grid: ParameterGrid) -> Iterator[ParameterSet]:
    return random_sets(grid, options.random, options.seed) if options.random else every_set(grid)


def _planned(options: argparse.Namespace, grid: ParameterGrid, windows: int) -> int:
    if options.optuna:
        return int(options.optuna) * max(windows, 1)
    return min(len(grid), options.random or len(grid))


def _windows(options: argparse.Namespace, bars: int, look: FirstLook) -> tuple[Window, ...]:
    if options.walk_forward is None:
        return ()
    train, test = (days * DAY.seconds // options.timeframe.seconds for days in options.walk_forward)
    embargo = _a_day(options.timeframe) if options.embargo is None else options.embargo
    if not test:
        raise ConfigurationError("--walk-forward", "its test is shorter than a bar", "give longer windows or shorter bars")
    return windows(bars, WindowLengths(train=train, test=test, purge=look.longest_warm_up, embargo=embargo))


def _a_day(timeframe: Timeframe) -> int:
    return max(1, DAY.seconds // timeframe.seconds)


def _within(grid: ParameterGrid, strategy: Strategy) -> Within:
    """Give the values of the grid, and of all other parameters the one that they have."""
    fixed = {name: (value,) for name, value in values_of(strategy.parameters).items()}
    return {**fixed, **{axis.name: axis.literals for axis in grid.axes}}


def _trader(make: MakeStrategy, ground: Ground, grid: ParameterGrid) -> Callable[[Trial, Stretch], Replay]:
    def trade(trial: Trial, stretch: Stretch) -> Replay:
        strategy = make({axis.name: str(trial.values[axis.name]).lower() for axis in grid.axes})
        return replayed(strategy, signals_on(ground, strategy), ground, stretch)

    return trade
