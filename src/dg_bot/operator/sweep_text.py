"""A sweep on a terminal, for a person: how much was tried, the best sets, and how far the best one can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dg_bot.backtesting.heat_map import HeatMap
from dg_bot.backtesting.sharpe_odds import SharpeOdds
from dg_bot.backtesting.sweep import SweepCount
from dg_bot.backtesting.walk_forward import WalkForward, WindowResult
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.trials import Objective, Ranking, Study, Trial, TrialFigures
from dg_bot.operator.figures import UNKNOWN, ratio, signed_percent

_PLAIN_REFUSALS = 5
_MAP_ROWS, _MAP_COLUMNS = 12, 9
_SHADES = " ░▒▓█"


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResult:
    """What a sweep found: the `best` sets in order, and the `odds` of the first, given that `tried` were tried on these candles.

    `axes` are the searched names, `opened_at` the bars' starts in epoch seconds.
    """

    study: Study
    source: str
    bars: int
    axes: tuple[str, ...]
    ranking: Ranking
    count: SweepCount
    tried: int
    best: Sequence[Trial]
    odds: SharpeOdds | None
    map: HeatMap | None
    walk: WalkForward | None
    opened_at: Sequence[int]


def print_sweep(result: SweepResult, console: Console) -> None:
    """Write the whole report; it fits 80 columns and needs no colour."""
    study = result.study
    console.print(Text(f"{study.strategy}  {study.market}  {study.timeframe}", style="bold"))
    console.print(Text(f"{result.bars:,} bars of {result.source}"), soft_wrap=True)
    _print_count(result, console)
    if result.best:
        _print_best(result, console)
    else:
        console.print(Text(f"\nNo set made {result.ranking.fewest_trips} round trips: there is no best one."))
    if result.walk is not None:
        _print_walk(result, result.walk, console)


def _print_best(result: SweepResult, console: Console) -> None:
    title = f"\nBest by {result.ranking.objective}, of sets with {result.ranking.fewest_trips} round trips or more"
    console.print(Text(title, style="bold"))
    console.print(_sets(result))
    if result.odds is not None:
        _print_odds(result.odds, console)
    if result.map is not None:
        _print_map(result.map, result.ranking.objective, console)


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
        table.add_column(title, justify="right", overflow="fold")
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


def _print_odds(odds: SharpeOdds, console: Console) -> None:
    """Say how far the best set's Sharpe ratio can be believed, which the more is doubtful the more sets were tried."""
    words = (
        f"The first one's Sharpe has a standard error of {ratio(odds.error)}.",
        f"It is above zero with probability {odds.above_zero:.2f}, and above the luck of the best",
        f"of all that was tried with {odds.above_luck:.2f} (deflated Sharpe; 0.95 is convincing).",
    )
    console.print(Text(" ".join(words)))


def _print_map(whole: HeatMap, objective: Objective, console: Console) -> None:
    """Draw a coarse map: the figure in each cell, and the better it is the fuller the shade beside it."""
    chart = whole.coarse(_MAP_ROWS, _MAP_COLUMNS)
    console.print(Text(f"\nMean {objective} by {chart.row} (down) and {chart.column} (across)", style="bold"))
    values = [value for row in chart.cells for value in row if value is not None]
    low, high = min(values, default=0.0), max(values, default=0.0)
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("", *(str(value) for value in chart.column_values)):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in zip(chart.row_values, chart.cells, strict=True):
        table.add_row(str(name), *(_map_cell(value, low, high, objective) for value in row))
    console.print(table)


def _map_cell(value: float | None, low: float, high: float, objective: Objective) -> Text:
    if value is None:
        return Text(UNKNOWN)
    place = (value - low) / (high - low) if high > low else 0.0
    shade = _SHADES[min(int(place * len(_SHADES)), len(_SHADES) - 1)]
    text = f"{value * 100:.1f}%" if objective is Objective.RETURN else f"{value:.2f}"
    return Text(f"{text}{shade}", style="red" if value < 0.0 else "green")


def _print_walk(result: SweepResult, walk: WalkForward, console: Console) -> None:
    objective = result.ranking.objective
    console.print(Text(f"\nWalk-forward: chosen by {objective} in training, judged in the test after it", style="bold"))
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    for title in ("test from", "to", ", ".join(result.axes), "in", "out", "return in", "out", "better than"):
        is_left = title in ("test from", "to")
        table.add_column(title, justify="left" if is_left else "right", no_wrap=is_left, overflow="fold")
    for one in walk.results:
        table.add_row(*_window_cells(result, one))
    console.print(table)
    lost = walk.degradation(objective)
    means = [ratio(walk.mean(objective, out_of_sample=out)) for out in (False, True)]
    console.print(Text(f"mean {objective} {means[0]} in, {means[1]} out of sample; lost {share(lost)}"))
    console.print(Text(f"worse than half of all sets in {share(walk.overfit)} of the tests (half: choosing tells nothing)"))
    joined = walk.joined
    text = (
        f"tests joined: return {signed_percent(joined.total_return)}, Sharpe {ratio(joined.sharpe)}, "
        f"maximum drawdown {joined.drawdown.deepest:.2%}, {joined.round_trips:,} round trips"
    )
    console.print(Text(text), soft_wrap=True)


def _window_cells(result: SweepResult, one: WindowResult) -> tuple[str, ...]:
    test = one.window.test
    days = tuple(f"{from_epoch(result.opened_at[bar]):%Y-%m-%d}" for bar in (test.start, test.stop - 1))
    if one.chosen is None or one.in_sample is None or one.out_of_sample is None:
        return (*days, *([UNKNOWN] * 6))
    objective = result.ranking.objective
    pair = (one.in_sample, one.out_of_sample)
    figures = [ratio(figures.value(objective)) for figures in pair]
    returns = [signed_percent(figures.total_return) for figures in pair]
    values = ", ".join(str(one.chosen.values[name]) for name in result.axes)
    return (*days, values, *figures, *returns, share(one.rank))


def share(fraction: float | None) -> str:
    """Write a share in whole percent."""
    return UNKNOWN if fraction is None else f"{fraction:.0%}"
