"""What the desk's page draws of each panel, as JSON that its script reads: series in time, a value, a ranking or a table."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

import numpy as np

from dg_bot.adapters.postgres_tables import Cell, Table
from dg_bot.domain.calendar import to_epoch
from dg_bot.operator.backtest_charts import drawn_places
from dg_bot.operator.desk.panels import Kind, Panel, Unit

# As many points as a card of the page has pixels.
_DRAWN = 800
_DIGITS = 7
_METRIC = "metric"

Data = Mapping[str, object]
Number = Decimal | int | float


def panel_data(panel: Panel, tables: Sequence[Table]) -> Data:
    """Give what the script needs to draw a panel whose queries gave these tables."""
    common = {"kind": panel.kind.value, "unit": panel.unit.value, "signed": panel.goes_below_zero}
    if panel.kind is Kind.STAT:
        return {**common, "value": _written(tables[0].rows[0][0]) if tables[0].rows else None}
    if panel.kind is Kind.RANKING:
        return {**common, "items": [[str(name), _written(count)] for name, count in tables[0].rows]}
    if panel.kind is Kind.TABLE:
        columns = [[name, panel.unit_of(name).value] for name in tables[0].columns]
        return {**common, "columns": columns, "rows": [[_written(cell) for cell in row] for row in tables[0].rows]}
    return {**common, "series": [one for table in tables for one in _series(panel, table)]}


def _series(panel: Panel, table: Table) -> Iterator[Data]:
    """Give each line of a table in time with its own times, so that lines of different queries stand side by side."""
    for name, points in _lines(table).items():
        known = [(at, value) for at, value in points if value is not None]
        if not known:
            continue
        places = drawn_places(np.array([float(value) for _, value in known]), _DRAWN).tolist()
        minutes = [to_epoch(known[place][0]) // 60 for place in places]
        values = [_number(known[place][1], panel.unit) for place in places]
        yield {"name": name, "mark": name in panel.marks, "x": _steps(minutes), "y": values}


def _lines(table: Table) -> Mapping[str, list[tuple[datetime, Number | None]]]:
    """Tell the series of a table apart: by the text of its metric, else by its columns."""
    lines: dict[str, list[tuple[datetime, Number | None]]] = {}
    is_long = _METRIC in table.columns
    for row in table.rows:
        at = row[0]
        if not isinstance(at, datetime):
            continue
        named: list[tuple[str, Cell]] = [(str(row[1]), row[2])] if is_long else list(zip(table.columns[1:], row[1:], strict=True))
        for name, value in named:
            lines.setdefault(name, []).append((at, value if isinstance(value, Decimal | int | float) else None))
    return lines


def _steps(minutes: Sequence[int]) -> list[int]:
    """Write the first minute, and of each other how much later it is: small numbers are short texts."""
    return [*minutes[:1], *(later - earlier for earlier, later in pairwise(minutes))]


def _number(value: Number, unit: Unit) -> float:
    shown = float(value)
    return round(shown) if unit is Unit.KRW and abs(shown) >= 1000 else float(f"{shown:.{_DIGITS}g}")


def _written(cell: Cell) -> str | float | bool | None:
    match cell:
        case datetime():
            return to_epoch(cell)
        case None | bool() | str():
            return cell
        case _:
            return float(f"{cell:.12g}")
