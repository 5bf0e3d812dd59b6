"""A backtest on a terminal, for a person: what was tested, how it went, its months, its best and worst round trips."""

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.report import Report, exit_word
from dg_bot.domain.calendar import from_epoch
from dg_bot.operator import backtest_rows as rows
from dg_bot.operator.figures import signed_percent

SHOWN = 5
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def print_backtest(report: Report, console: Console) -> None:
    """Write the whole report; it fits 80 columns, but for what is to be copied, and needs no colour."""
    backtest = report.backtest
    console.print(Text(rows.title(backtest), style="bold"))
    console.print(Text(rows.span(report)))
    console.print(_side_by_side(rows.result_rows(backtest), rows.trade_rows(backtest)))
    _head(console, "What the figures are worth")
    console.print(_pairs(rows.worth_rows(report.worth)))
    _head(console, "Months (UTC), percent")
    console.print(_months(backtest))
    if backtest.round_trips:
        best, worst = best_and_worst(backtest.round_trips)
        _head(console, "Best round trips")
        console.print(_trips(best))
        _head(console, "Worst round trips")
        console.print(_trips(worst))
    _head(console, "Settings")
    console.print(_side_by_side(rows.rule_rows(backtest), rows.parameter_rows(backtest)))
    console.print()
    for name, text in rows.origin_rows(report):
        console.print(Text(f"{name} ", style="dim").append(text, style="not dim"), soft_wrap=True)


def best_and_worst(trips: Sequence[RoundTrip]) -> tuple[Sequence[RoundTrip], Sequence[RoundTrip]]:
    """Give the few round trips that made most of what was spent on them, and the few that made least, from the end inwards."""
    ranked = sorted(trips, key=lambda trip: trip.pnl_fraction, reverse=True)
    return ranked[:SHOWN], ranked[: -SHOWN - 1 : -1]


def _head(console: Console, words: str) -> None:
    console.print(Text(f"\n{words}", style="bold"))


def _side_by_side(left: Sequence[rows.Row], right: Sequence[rows.Row]) -> Table:
    table = _table("", "", "", "", header=False)
    for (name, value), (other_name, other) in zip_longest(left, right, fillvalue=("", "")):
        table.add_row(Text(name, style="dim"), Text(value), Text(f"  {other_name}", style="dim"), Text(other))
    return table


def _pairs(pairs: Iterable[rows.Row]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=False)
    for name, value in pairs:
        table.add_row(Text(name, style="dim"), Text(value))
    return table


def _months(backtest: Backtest) -> Table:
    by_year: dict[int, dict[int, float]] = {}
    for month in backtest.months:
        by_year.setdefault(month.year, {})[month.month] = month.fraction
    table = _table("", *MONTHS)
    for year, months in by_year.items():
        cells = (f"{months[number] * 100:+.1f}" if number in months else "" for number in range(1, 13))
        table.add_row(str(year), *cells)
    return table


def _trips(trips: Iterable[RoundTrip]) -> Table:
    table = _table("entered UTC", "exited UTC", "entry", "exit", "result", "ended by")
    for trip in trips:
        table.add_row(
            f"{from_epoch(trip.entered_at):%Y-%m-%d %H:%M}",
            f"{from_epoch(trip.exited_at):%Y-%m-%d %H:%M}",
            rows.market_price(trip.entry_price),
            rows.market_price(trip.exit_price),
            signed_percent(trip.pnl_fraction),
            exit_word(trip.reason).replace("_", " "),
        )
    return table


def _table(*titles: str, header: bool = True) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False, show_header=header)
    for place, title in enumerate(titles):
        is_text = title in ("", "entered UTC", "exited UTC", "ended by") and (header or place % 2 == 0)
        table.add_column(title, justify="left" if is_text else "right", no_wrap=True)
    return table
