"""The landscape of a sweep: how good sets are on average by two of their parameters."""

from collections.abc import Iterable
from dataclasses import dataclass

from dg_bot.backtesting.parameter_grid import Axis, ParameterGrid
from dg_bot.domain.trials import Ranking, Trial

Value = bool | int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatMap:
    """The mean of a figure over all sets with a row's and a column's value; None where there is no such set."""

    row: str
    column: str
    row_values: tuple[Value, ...]
    column_values: tuple[Value, ...]
    cells: tuple[tuple[float | None, ...], ...]

    def coarse(self, rows: int, columns: int) -> "HeatMap":
        """Join neighbours until there are at most so many rows and columns; each is named by the first of its values."""
        row_parts, column_parts = _parts(len(self.row_values), rows), _parts(len(self.column_values), columns)
        return HeatMap(
            row=self.row,
            column=self.column,
            row_values=tuple(self.row_values[part[0]] for part in row_parts),
            column_values=tuple(self.column_values[part[0]] for part in column_parts),
            cells=tuple(
                tuple(_mean([self.cells[i][j] for i in part for j in other]) for other in column_parts) for part in row_parts
            ),
        )


def heat_map(grid: ParameterGrid, ranking: Ranking, trials: Iterable[Trial]) -> HeatMap | None:
    """Draw the two axes with the most values; None where there are not two. Memory grows with the cells, not with the sets."""
    longest = sorted(grid.axes, key=lambda axis: -len(axis.literals))[:2]
    if len(longest) < 2 or len(longest[1].literals) < 2:
        return None
    row, column = sorted(longest, key=grid.axes.index)
    rows, columns = _places(row), _places(column)
    sums = [[0.0] * len(columns) for _ in rows]
    counts = [[0] * len(columns) for _ in rows]
    for trial in trials:
        value = trial.figures[ranking.stretch].value(ranking.objective)
        if value is not None:
            place, other = rows[trial.values[row.name]], columns[trial.values[column.name]]
            sums[place][other] += value
            counts[place][other] += 1
    cells = (
        tuple(total / count if count else None for total, count in zip(*pair, strict=True))
        for pair in zip(sums, counts, strict=True)
    )
    return HeatMap(row=row.name, column=column.name, row_values=tuple(rows), column_values=tuple(columns), cells=tuple(cells))


def _places(axis: Axis) -> dict[Value, int]:
    return {value: place for place, value in enumerate(axis.literals)}


def _parts(count: int, most: int) -> list[range]:
    size = -(-count // most)
    return [range(first, min(first + size, count)) for first in range(0, count, size)]


def _mean(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
