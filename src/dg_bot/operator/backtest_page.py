"""A backtest as one page of HTML that needs nothing but itself: figures, charts, every round trip, and what it was made with."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from string import Template

from dg_bot.backtesting.backtest import Backtest
from dg_bot.backtesting.performance import RoundTrip
from dg_bot.backtesting.report import Report, exit_word, report_object
from dg_bot.domain.calendar import from_epoch
from dg_bot.operator import backtest_rows as rows
from dg_bot.operator.backtest_charts import DRAWN, charts
from dg_bot.operator.backtest_text import MONTHS, best_and_worst
from dg_bot.operator.figures import signed_percent
from dg_bot.operator.page_parts import asset, plotly_script, script_text

# Amounts of the page are for an equity of as much at the beginning, which a person can picture.
SHOWN_KRW = 1_000_000
_FIRST = ("return", "buy and hold", "maximum drawdown", "Sharpe", "profit factor", "round trips")
_COLUMNS = ("entered", "result", "profit", "exited", "held", "ended by", "entry", "exit", "quantity", "market", "side")
_DISTRIBUTION = '<section><h2>Results of the round trips</h2><div class="chart" data-chart="distribution"></div></section>'


def page(report: Report) -> str:
    """Write the whole page; whatever comes from outside is escaped."""
    backtest = report.backtest
    figures = (*rows.result_rows(backtest), *rows.trade_rows(backtest))
    by_name = dict(figures)
    parts = {
        "title": escape(rows.title(backtest)),
        "span": escape(rows.span(report)),
        "source": escape(report.provenance.source),
        "first": "".join(_card(name, by_name[name]) for name in _FIRST),
        "results": _definitions(rows.result_rows(backtest)),
        "trades": _definitions(rows.trade_rows(backtest)),
        "worth": _definitions(rows.worth_rows(report.worth)),
        "drawn": _drawn(backtest),
        "months": _months(backtest),
        "distribution": _DISTRIBUTION if backtest.round_trips else "",
        "round_trips": _round_trips(backtest),
        "rules": _definitions(rows.rule_rows(backtest)),
        "parameters": _definitions(rows.parameter_rows(backtest)),
        "origin": _definitions(rows.origin_rows(report)),
        "report": script_text(report_object(report)),
        "charts": script_text(charts(backtest)),
        "style": asset("page.css"),
        "script": asset("page.js"),
        "plotly": plotly_script(),
    }
    return Template(asset("page.html")).substitute(parts)


def _card(name: str, text: str) -> str:
    return f'<div class="card {_tone(text)}"><span>{escape(name)}</span><b>{escape(text)}</b></div>'


def _definitions(pairs: Iterable[rows.Row]) -> str:
    items = (f"<div><dt>{escape(name)}</dt><dd>{escape(text)}</dd></div>" for name, text in pairs)
    return f"<dl>{''.join(items)}</dl>"


def _drawn(backtest: Backtest) -> str:
    if backtest.bars <= DRAWN:
        return ""
    return (
        f"Lines are drawn from at most {DRAWN:,} of the {backtest.bars:,} bars: of each stretch the first, lowest, highest "
        "and last one. All figures are of all bars."
    )


def _months(backtest: Backtest) -> str:
    """Draw a year a block and a month a cell, the deeper the colour the larger the return."""
    largest = max((abs(month.fraction) for month in backtest.months), default=0.0) or 1.0
    by_year: dict[int, dict[int, float]] = {}
    for month in backtest.months:
        by_year.setdefault(month.year, {})[month.month] = month.fraction
    return "".join(_year(year, months, largest) for year, months in by_year.items())


def _year(year: int, months: Mapping[int, float], largest: float) -> str:
    growth = 1.0
    cells = []
    for number, name in enumerate(MONTHS, start=1):
        fraction = months.get(number)
        if fraction is None:
            cells.append(f'<div class="month"><span>{name}</span></div>')
            continue
        growth *= 1.0 + fraction
        heat = round(8 + 62 * abs(fraction) / largest) if fraction else 0
        text = signed_percent(fraction)
        cells.append(f'<div class="month {_tone(text)}" style="--heat:{heat}%"><span>{name}</span><b>{text[:-1]}</b></div>')
    whole = signed_percent(growth - 1.0)
    return f'<h3>{year} <span class="{_tone(whole)}">{whole}</span></h3><div class="months">{"".join(cells)}</div>'


def _round_trips(backtest: Backtest) -> str:
    if not backtest.round_trips:
        return "<p>There was no round trip.</p>"
    best, worst = best_and_worst(backtest.round_trips)
    return (
        f"<details open><summary>Best and worst</summary>{_table(backtest, best)}{_table(backtest, worst)}</details>"
        f"<h3>All {len(backtest.round_trips):,}</h3>{_table(backtest, backtest.round_trips, is_sortable=True)}"
    )


def _table(backtest: Backtest, trips: Sequence[RoundTrip], *, is_sortable: bool = False) -> str:
    heads = "".join(f"<th><button>{name}</button></th>" if is_sortable else f"<th>{name}</th>" for name in _COLUMNS)
    body = "".join(_row(backtest, trip) for trip in trips)
    name = ' id="round-trips"' if is_sortable else ""
    return f'<div class="wide"><table{name}><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _row(backtest: Backtest, trip: RoundTrip) -> str:
    scale = SHOWN_KRW / backtest.curve.opening
    cells: tuple[tuple[str, float | None], ...] = (
        (f"{from_epoch(trip.entered_at):%Y-%m-%d %H:%M}", trip.entered_at),
        (signed_percent(trip.pnl_fraction), trip.pnl_fraction),
        (f"{trip.pnl * scale:+,.0f}", trip.pnl),
        (f"{from_epoch(trip.exited_at):%Y-%m-%d %H:%M}", trip.exited_at),
        (rows.held(trip.held_s), trip.held_s),
        (exit_word(trip.reason).replace("_", " "), None),
        (rows.market_price(trip.entry_price), trip.entry_price),
        (rows.market_price(trip.exit_price), trip.exit_price),
        (f"{trip.quantity * scale:.8f}", trip.quantity),
        (str(backtest.market), None),
        ("long", None),
    )
    tone = _tone(signed_percent(trip.pnl_fraction))
    return f'<tr class="{tone}">{"".join(_cell(text, value) for text, value in cells)}</tr>'


def _cell(text: str, value: float | None) -> str:
    return f"<td>{escape(text)}</td>" if value is None else f'<td data-value="{value!r}">{escape(text)}</td>'


def _tone(text: str) -> str:
    return {"+": "gain", "-": "loss"}.get(text[:1], "")
