"""A sweep on a terminal, for a person: how much was tried, the best sets, and how far the best one can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dg_bot.backtesting.sweep import SweepCount
from dg_bot.domain.trials import Ranking, Study, Trial, TrialFigures
from dg_bot.operator.figures import ratio, signed_percent

_PLAIN_REFUSALS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What a sweep found: the `best` sets in order; `tried` were ever tried on these candles, `axes` are the searched names."""

    study: Study
    source: str
    bars: int
    axes: tuple[str, ...]
    ranking: Ranking
    count: SweepCount
    tried: int
    best: Sequence[Trial]


def print_sweep(result: SweepResult, console: Console) -> None:
    """Write the whole report; it fits 80 columns and needs no colour."""
    study = result.study
    console.print(Text(f"{study.strategy}  {study.market}  {study.timeframe}", style="bold"))
    console.print(Text(f"{result.bars:,} bars of {result.source}"), soft_wrap=True)
    _print_count(result, console)
    if not result.best:
        console.print(Text(f"\nNo set made {result.ranking.fewest_trips} round trips: there is no best one."))
        return
    title = f"\nBest by {result.ranking.objective}, of sets with {result.ranking.fewest_trips} round trips or more"
    console.print(Text(title, style="bold"))
    console.print(_sets(result))


def _print_count(result: SweepResult, console: Console) -> None:
    count = result.count
    console.print(Text(f"{count.total:,} sets: {count.judged:,} judged now, {count.known:,} known from before"))
    ranked = sorted(count.refused.items(), key=lambda refusal: -refusal[1])
    for reason, number in ranked[:_PLAIN_REFUSALS]:
        console.print(Text(f"{number:,} left out: {reason}"), soft_wrap=True)
    console.print(Text(f"{result.tried:,} sets were ever tried on these candles"))


def _sets(result: SweepResult) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 2, 0, 0), pad_edge=False)
    for title in (*result.axes, "round trips", "return", "Sharpe", "Calmar", "max. drawdown"):
        table.add_column(title, justify="right")
    for trial in result.best:
        table.add_row(*(str(trial.values[name]) for name in result.axes), *figure_cells(trial.figures[0]))
    return table


def figure_cells(figures: TrialFigures) -> tuple[str, ...]:
    """Write the figures of one stretch, a cell each."""
    return (
        f"{figures.round_trips:,}",
        signed_percent(figures.total_return),
        ratio(figures.sharpe),
        ratio(figures.calmar),
        f"{figures.max_drawdown:.2%}",
    )
