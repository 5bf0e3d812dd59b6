"""A backtest in the form that was asked for: text, CSV, JSON or a page."""

from io import StringIO

from rich.console import Console

from dg_bot.backtesting.report import Report, csv_report, json_report
from dg_bot.operator.backtest_page import page
from dg_bot.operator.backtest_text import print_backtest

TEXT, HTML = "text", "html"
OUTPUTS = (TEXT, "csv", "json", HTML)


def backtest_output(report: Report, output: str) -> str:
    """Write a report in one of `OUTPUTS`; text is 80 columns wide and has no colour."""
    match output:
        case "csv":
            return csv_report(report.backtest)
        case "json":
            return json_report(report)
        case "html":
            return page(report)
        case _:
            text = StringIO()
            print_backtest(report, Console(file=text, width=80, highlight=False))
            return text.getvalue()
