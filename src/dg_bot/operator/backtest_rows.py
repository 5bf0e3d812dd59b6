"""What a report says of a backtest as rows of a name and a text, the same on the terminal and on the page."""

import dataclasses

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.report import Report
from dg_bot.backtesting.worth import Worth
from dg_bot.domain.calendar import from_epoch
from dg_bot.domain.screen import DriftlessPasses
from dg_bot.operator.figures import UNKNOWN, percent, ratio, signed_percent

Row = tuple[str, str]


def title(backtest: Backtest) -> str:
    return f"{backtest.strategy}  {backtest.market}  {backtest.timeframe}"


def span(report: Report) -> str:
    """Tell from when to when it went, over how many bars, how many of them the market did not have, and if it is made up."""
    backtest = report.backtest
    made_up = ", a simulated market" if report.provenance.is_simulated else ""
    missing = f", {backtest.missing_bars:,} missing" if backtest.missing_bars else ""
    first, end = from_epoch(backtest.curve.opened_at), from_epoch(backtest.curve.ends_at)
    return f"{first:%Y-%m-%d} to {end:%Y-%m-%d}, {backtest.bars:,} bars{missing}{made_up}"


def result_rows(backtest: Backtest) -> tuple[Row, ...]:
    """Tell what became of the equity, beside that of whoever bought and held."""
    figures = backtest.performance
    return (
        ("return", signed_percent(figures.total_return)),
        ("buy and hold", signed_percent(backtest.buy_and_hold.total_return)),
        ("CAGR", signed_percent(figures.cagr)),
        ("maximum drawdown", percent(figures.drawdown.deepest)),
        ("longest drawdown", f"{figures.drawdown.longest_days:,.0f} days"),
        ("Sharpe", ratio(figures.sharpe)),
        ("Sortino", ratio(figures.sortino)),
        ("Calmar", ratio(figures.calmar)),
    )


def trade_rows(backtest: Backtest) -> tuple[Row, ...]:
    """Tell what the round trips were like, one with another."""
    figures, trades = backtest.performance, backtest.trades
    return (
        ("round trips", f"{figures.round_trips:,}"),
        ("winners / losers", f"{figures.winners:,} / {figures.losers:,}"),
        ("win rate", percent(figures.win_rate, 1)),
        ("profit factor", ratio(figures.profit_factor)),
        ("average win", _share(trades.average_win)),
        ("average loss", _share(trades.average_loss)),
        ("largest win", _share(trades.largest_win)),
        ("largest loss", _share(trades.largest_loss)),
        ("average holding", UNKNOWN if trades.average_hold_s is None else held(trades.average_hold_s)),
    )


def rule_rows(backtest: Backtest) -> tuple[Row, ...]:
    """Tell by which rules it traded; a level that is off is left out."""
    rules = backtest.rules
    of_ranges = (
        ("stop in ATR", rules.stop_atr),
        ("target in ATR", rules.target_atr),
        ("trailing stop in ATR", rules.trailing_atr),
    )
    return (
        ("position", f"{percent(rules.position_fraction)} of equity an entry"),
        ("fee", f"{percent(rules.fee_fraction)} of each fill"),
        ("slippage", f"{rules.slippage_fraction * 1e4:g} bps of each fill"),
        ("stop loss", percent(rules.stop_fraction)),
        ("take profit", percent(rules.target_fraction)),
        *((name, f"{multiple:g}") for name, multiple in of_ranges if multiple > 0.0),
        *([("sells half at", percent(rules.stage_fraction))] if rules.stage_fraction > 0.0 else []),
        ("between entries", f"at least {held(rules.entry_gap_s)}"),
        ("entries a day", f"at most {rules.entries_per_day}"),
        *([("equity at first", f"{rules.capital_krw:,.0f} KRW")] if rules.capital_krw != 1.0 else []),
    )


def parameter_rows(backtest: Backtest) -> tuple[Row, ...]:
    """Give the strategy's parameters by the names that `--param` takes."""
    values = ((field.name, getattr(backtest.parameters, field.name)) for field in dataclasses.fields(backtest.parameters))
    return tuple((name, str(value).lower()) for name, value in values)


def worth_rows(worth: Worth) -> tuple[Row, ...]:
    """Tell how far the figures can be believed."""
    honesty, screened = worth.honesty, worth.screened
    missed = [gate.name.replace("_", " ") for gate in worth.gates if not gate.passed]
    return (
        ("standard error of Sharpe", ratio(honesty.sharpe_error)),
        (
            "mean round trip, its error",
            f"{_share(honesty.mean_trip)}, {UNKNOWN if honesty.trip_error is None else percent(honesty.trip_error)}",
        ),
        ("true Sharpe above zero", f"{percent(honesty.probabilistic_sharpe, 0)} sure"),
        (f"above the luck of {honesty.trials:,} trials", f"{percent(honesty.deflated_sharpe, 0)} sure"),
        ("passes markets without drift", "not measured" if honesty.driftless is None else _passes(honesty.driftless)),
        ("thresholds of the screen", f"missed: {', '.join(missed)}" if missed else "all met"),
        *([] if screened is None else [("entries let pass by the screen", f"on {screened.passed:,} of {screened.days:,} days")]),
    )


def origin_rows(report: Report) -> tuple[Row, ...]:
    """Tell what it takes to make the report again."""
    provenance, driftless = report.provenance, report.worth.honesty.driftless
    return (
        ("candles of", provenance.source),
        ("their SHA-256", report.backtest.candles_sha256),
        ("version", f"dg_bot {provenance.version}"),
        *([] if driftless is None else [("seed", str(driftless.seed))]),
        ("command", provenance.command),
    )


def held(seconds: float) -> str:
    """Write a length of time in hours, from three days on in days."""
    hours = seconds / 3600
    return f"{hours:,.1f} h" if hours < 72 else f"{hours / 24:,.1f} days"


def market_price(value: float) -> str:
    """Write a price in won, from a thousand up without decimals."""
    return f"{value:,.6g}" if value < 1000 else f"{value:,.0f}"


def _passes(driftless: DriftlessPasses) -> str:
    return f"{driftless.passes:,} of {driftless.walks:,} ({percent(driftless.fraction, 1)})"


def _share(value: float | None) -> str:
    return UNKNOWN if value is None else signed_percent(value)
