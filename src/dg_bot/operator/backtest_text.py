"""A backtest on a terminal, for a person: what was tested, how it went, its months, its best and worst round trips."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.report import exit_word
from dg_bot.domain.calendar import from_epoch
from dg_bot.operator.figures import UNKNOWN, ratio, signed_percent

_SHOWN = 5
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def print_backtest(backtest: Backtest, console: Console, *, source: str) -> None:
    """Write the whole report, `source` telling where the candles came from; it fits 80 columns and needs no colour."""
    head = f"{backtest.strategy}  {backtest.market}  {backtest.timeframe}"
    span = f"{from_epoch(backtest.curve.opened_at):%Y-%m-%d} to {from_epoch(backtest.curve.closed_at[-1]):%Y-%m-%d}"
    console.print(Text(head, style="bold"))
    missing = f", {backtest.missing_bars:,} missing" if backtest.missing_bars else ""
    console.print(Text(f"{span}, {backtest.bars:,} bars{missing}; {_costs(backtest)}"))
    console.print(Text(f"candles of {source}\n"), soft_wrap=True)
    console.print(_summary(backtest))
    console.print(Text("\nMonths (UTC)", style="bold"))
    console.print(_months(backtest))
    if backtest.round_trips:
        ranked = sorted(backtest.round_trips, key=lambda trip: trip.pnl_fraction, reverse=True)
        console.print(Text("\nBest round trips", style="bold"))
        console.print(_trips(ranked[:_SHOWN]))
        console.print(Text("\nWorst round trips", style="bold"))
        console.print(_trips(reversed(ranked[-_SHOWN:])))


def _costs(backtest: Backtest) -> str:
    rules = backtest.rules
    return (
        f"{rules.position_fraction:.0%} of equity an entry, fee {rules.fee_fraction:.2%}, "
        f"slippage {rules.slippage_fraction * 1e4:g} bps"
    )


def _summary(backtest: Backtest) -> Table:
    figures, trades = backtest.performance, backtest.trades
    hold = UNKNOWN if trades.average_hold_s is None else f"{trades.average_hold_s / 3600:,.1f} h"
    pairs = (
        ("return", signed_percent(figures.total_return), "round trips", f"{figures.round_trips:,}"),
        ("buy and hold", signed_percent(backtest.buy_and_hold), "winners / losers", f"{figures.winners} / {figures.losers}"),
        ("CAGR", signed_percent(figures.cagr), "win rate", f"{figures.win_rate:.1%}"),
        ("maximum drawdown", f"{figures.drawdown.deepest:.2%}", "profit factor", ratio(figures.profit_factor)),
        ("longest drawdown", f"{figures.drawdown.longest_days:,.0f} days", "average win", _share(trades.average_win)),
        ("Sharpe", ratio(figures.sharpe), "average loss", _share(trades.average_loss)),
        ("Sortino", ratio(figures.sortino), "largest win", _share(trades.largest_win)),
        ("Calmar", ratio(figures.calmar), "largest loss", _share(trades.largest_loss)),
        ("", "", "average holding", hold),
    )
    table = _table("", "", "", "", header=False)
    for left, value, right, other in pairs:
        table.add_row(Text(left, style="dim"), value, Text(right, style="dim"), other)
    return table


def _months(backtest: Backtest) -> Table:
    by_year: dict[int, dict[int, float]] = {}
    for month in backtest.months:
        by_year.setdefault(month.year, {})[month.month] = month.fraction
    table = _table("", *_MONTHS)
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
            f"{trip.entry_price:,.6g}" if trip.entry_price < 1000 else f"{trip.entry_price:,.0f}",
            f"{trip.exit_price:,.6g}" if trip.exit_price < 1000 else f"{trip.exit_price:,.0f}",
            signed_percent(trip.pnl_fraction),
            exit_word(trip.reason).replace("_", " "),
        )
    return table


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else signed_percent(value)


def _table(*titles: str, header: bool = True) -> Table:
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False, show_header=header)
    for place, title in enumerate(titles):
        is_text = title in ("", "entered UTC", "exited UTC", "ended by") and (header or place % 2 == 0)
        table.add_column(title, justify="left" if is_text else "right", no_wrap=True)
    return table
