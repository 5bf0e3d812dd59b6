"""Run the sweep that a command line asks for: candles, study, database and judges put together."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from dg_bot.adapters.postgres_trials import PostgresTrials
from dg_bot.adapters.strategy_files import OwnStrategy, find_strategy
from dg_bot.app.backtest_options import candles_of, source_of
from dg_bot.app.followers import database_of
from dg_bot.app.settings import Settings
from dg_bot.app.strategy_choice import chosen_strategy
from dg_bot.backtesting.backtest import hours_of, tradable_bars
from dg_bot.backtesting.juries import jury_for
from dg_bot.backtesting.parameter_grid import ParameterGrid, ParameterSet, every_set, random_sets
from dg_bot.backtesting.set_judging import Ground
from dg_bot.backtesting.studies import study_of
from dg_bot.backtesting.sweep import Sweep
from dg_bot.backtesting.trade_rules import TradeRules
from dg_bot.domain.candle import CandleSeries
from dg_bot.domain.trials import Ranking, Stretch, Study
from dg_bot.errors import ConfigurationError, DataError
from dg_bot.indicators.bars import bars_of
from dg_bot.operator.sweep_text import SweepResult
from dg_bot.ports import TrialBook
from dg_bot.strategies.base import Strategy

_BEST = 10


def swept(
    options: argparse.Namespace, settings: Settings, grid: ParameterGrid, on_progress: Callable[[int, int], None]
) -> SweepResult:
    """Try the sets that the options choose from the grid; `on_progress` is told how many of how many are done."""
    fixed = dict(options.param)
    for name in fixed.keys() & {axis.name for axis in grid.axes}:
        raise ConfigurationError("--param", f"{name} is searched by --grid", "give it in one of them")
    candles = candles_of(options, settings)
    ground = _ground(candles, options, settings)
    strategy = chosen_strategy(settings, options.strategy, fixed)
    source = strategy.path if isinstance(strategy, OwnStrategy) else None
    study = study_of(candles, options.strategy, options.timeframe, ground, source)
    make = partial(strategy_of, options.strategy, fixed, settings.strategy_folder)
    sets = random_sets(grid, options.random, options.seed) if options.random else every_set(grid)
    total = min(len(grid), options.random or len(grid))
    with kept_trials(settings, study) as book, jury_for(total, make, ground) as jury:
        sweep = Sweep(
            make=make,
            longest_warm_up=len(ground.bars) - 1,
            jury=jury,
            book=book,
            on_progress=lambda done: on_progress(done, total),
        )
        count = sweep.run(sets)
        ranking = Ranking(objective=options.objective, fewest_trips=options.min_trips)
        return SweepResult(
            study=study,
            source=source_of(options, settings),
            bars=len(ground.bars),
            axes=tuple(axis.name for axis in grid.axes),
            ranking=ranking,
            count=count,
            tried=book.tried_on_these_bars(),
            best=book.best(ranking, _BEST),
        )


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


def _ground(candles: CandleSeries, options: argparse.Namespace, settings: Settings) -> Ground:
    series, mask = tradable_bars(candles, options.timeframe)
    if len(series) < 2:
        raise DataError(f"{candles.market} {options.timeframe}", f"{len(series)} bars are too few to try anything on")
    rules = TradeRules.of(settings.risk_limits())
    return Ground(
        bars=bars_of(series),
        hours=hours_of(candles),
        market=candles.market,
        entry_mask=mask,
        rules=rules,
        stretches=(Stretch(0, len(series)),),
    )
