"""What a look over candle files found, for a person and for other programs."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from dg_bot.backtesting.candle_checks import CandleFileReport, Gap
from dg_bot.domain.candle import CandleSeries
from dg_bot.errors import DataError
from dg_bot.operator.figures import UNKNOWN, signed_percent

_SHOWN = 5


def print_candle_files(found: Sequence[tuple[Path, CandleFileReport | DataError]], console: Console) -> None:
    """Write a table with a line a file, and under it what each file has to be known for; it fits 80 columns."""
    table = Table(box=None, header_style="dim", padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("file", overflow="fold", max_width=34)
    for title in ("bars", "candles", "missing", "faults"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for path, report in found:
        table.add_row(path.name, *_cells(report))
    console.print(table)
    for path, report in found:
        lines = [str(report)] if isinstance(report, DataError) else list(_remarks(report))
        if lines:
            console.print(Text(f"\n{path}", style="bold"))
            for line in lines:
                console.print(Padding(Text(line), (0, 0, 0, 2)))


def print_collection(path: Path, series: CandleSeries, fresh: int, console: Console) -> None:
    """Tell what of the archive a collection or an import was for, and how much of it came just now."""
    first, last = series.first_opened_at, series.last_opened_at
    if first is None or last is None:
        console.print(f"{series.market} {series.timeframe}: the venue has no candles there")
        return
    span = f"{len(series):,} candles from {_time(first)} to {_time(last)}, {series.missing_bars():,} missing"
    console.print(f"{series.market} {series.timeframe}: {span}; {fresh:,} of them new")
    console.print(str(path), soft_wrap=True)


def candle_json(report: CandleFileReport) -> Mapping[str, object]:
    """Give a report as one JSON object; times are ISO 8601 in UTC, moves fractions."""
    return {
        "file": str(report.path),
        "ok": report.is_sound,
        "sha256": report.sha256,
        "timeframe": None if report.timeframe is None else str(report.timeframe),
        "candles": report.candles,
        "first": _time(report.first),
        "last": _time(report.last),
        "missing": report.missing,
        "edited": report.is_edited,
        "cut": report.is_cut,
        "unfinished": report.is_unfinished,
        "without_volume": report.without_volume,
        "odd_values": list(report.odd_values),
        "problems": [{"row": bad.row, "column": bad.column, "problem": bad.problem} for bad in report.problems],
        "gaps": [{"before": _time(gap.before), "after": _time(gap.after), "missing": gap.missing} for gap in report.gaps],
        "outliers": [{"row": far.row, "at": _time(far.at), "move": far.move} for far in report.outliers],
    }


def _cells(report: CandleFileReport | DataError) -> tuple[Text | str, ...]:
    if isinstance(report, DataError):
        return UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, Text("UNREADABLE", style="bold red")
    verdict = Text("sound", style="green") if report.is_sound else Text("NOT SOUND", style="bold red")
    timeframe = UNKNOWN if report.timeframe is None else str(report.timeframe)
    return timeframe, f"{report.candles:,}", f"{report.missing:,}", f"{len(report.problems):,}", verdict


def _remarks(report: CandleFileReport) -> Iterable[str]:
    if report.first is not None:
        yield f"{_time(report.first)} to {_time(report.last)}, {report.without_volume:,} without volume"
    if report.timeframe is None:
        yield "the candles' commonest step is no length of the venue's candles"
    yield from (problem.words for problem in report.problems[:_SHOWN])
    if len(report.problems) > _SHOWN:
        yield f"and {len(report.problems) - _SHOWN:,} more rows that cannot be right"
    if report.is_edited:
        yield "it is not as it was written: its manifest tells of another size or hash"
    if report.is_cut:
        yield "the last line has no end: the file may have been cut off"
    if report.is_unfinished:
        yield "the last candle is not over yet: leave it out"
    if report.gaps:
        yield f"{len(report.gaps):,} gaps; the longest: {_longest(report.gaps)}"
    if report.odd_values:
        rows = f"{len(report.odd_values):,} rows, the first of them row {report.odd_values[0]}"
        yield f"the value over the volume lies outside low and high in {rows}"
    if report.outliers:
        far = max(report.outliers, key=lambda outlier: abs(outlier.move))
        move = f"{signed_percent(far.move)} at {_time(far.at)} (row {far.row})"
        yield f"{len(report.outliers):,} unusual moves; the largest: {move}"


def _longest(gaps: Sequence[Gap]) -> str:
    longest = sorted(gaps, key=lambda gap: gap.missing, reverse=True)[:3]
    return ", ".join(f"{gap.missing:,} after {_time(gap.before)}" for gap in longest)


def _time(at: datetime | None) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}"
