"""The studies of the screen as tables of Markdown, and their place in a document."""

from collections.abc import Sequence
from itertools import groupby

from dg_bot.backtesting.strategy_study import HistoryFigures, StudyRow
from dg_bot.backtesting.walk_study import Rates, at_most
from dg_bot.errors import DataError
from dg_bot.operator import figures

_STUDY_HEAD = ("bars", "strategy", "return", "Sharpe", "max drawdown", "round trips", "windows passed", "strict")
_WALKS_HEAD = ("market", "strategy", "walks", "pass the thresholds", "pass strictly", "median Sharpe")


def study_table(rows: Sequence[StudyRow]) -> str:
    """Write a table for each market: strategies by the length of their bars, holding above them."""
    return "\n\n".join(_market_table(list(of)) for _, of in groupby(rows, key=lambda row: row.market))


def walks_table(rates: Rates) -> str:
    """Write how many walks pass, by the strength of the drift and by strategy."""
    lines = []
    for strength, of in rates.items():
        market = f"drift {strength:g}" if strength else "no drift"
        for name, rate in of.items():
            bound = "" if strength else f" (at most {figures.percent(at_most(rate.strict, rate.walks), 1)})"
            passed, strict = (figures.percent(count / rate.walks, 1) for count in (rate.passed, rate.strict))
            lines.append(_row(market, name, str(rate.walks), passed, strict + bound, figures.ratio(rate.median_sharpe)))
    return "\n".join([_row(*_WALKS_HEAD), _rule(len(_WALKS_HEAD)), *lines])


def between(document: str, name: str, content: str) -> str:
    """Put `content` between the marks of this name; raises DataError where a document has them not, or not once."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    if document.count(begin) != 1 or document.count(end) != 1:
        raise DataError(name, "the document does not have its two marks once")
    before, rest = document.split(begin)
    return f"{before}{begin}\n{content}\n\n{end}{rest.split(end)[1]}"


def _market_table(rows: list[StudyRow]) -> str:
    first = rows[0]
    lines = []
    for timeframe, of in groupby(rows, key=lambda row: row.timeframe):
        group = list(of)
        lines.append(_row(timeframe, "*buy and hold*", *_figures(group[0].held), "", "", ""))
        lines.extend(_study_row(row) for row in group)
    count = "1 window" if first.windows == 1 else f"{first.windows} windows"
    title = f"**{first.market}**, {first.first_day} to {first.end_day}, {count} of two years:"
    return "\n".join([title, "", _row(*_STUDY_HEAD), _rule(len(_STUDY_HEAD)), *lines])


def _study_row(row: StudyRow) -> str:
    passed, strict = (f"{count} of {row.windows}" for count in (row.passed, row.strict))
    return _row("", row.strategy, *_figures(row.traded), str(row.round_trips), passed, strict)


def _figures(whole: HistoryFigures) -> tuple[str, str, str]:
    return (
        figures.signed_percent(whole.total_return, 1),
        figures.ratio(whole.sharpe),
        figures.percent(whole.max_drawdown, 1),
    )


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _rule(columns: int) -> str:
    return "|" + "---|" * columns
