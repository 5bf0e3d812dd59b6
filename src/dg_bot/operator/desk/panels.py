"""What a dashboard is made of: panels, each with its queries, its unit and a sentence on what it shows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """How a panel draws its rows.

    LINES, STEPS, BARS, STACKED and POINTS take a column `time` and numbers, or `time`, a text and a number, whose texts name the
    series. STAT takes one row of one column, RANKING a text and a number a row, TABLE anything; LOGS is lines out of Loki.
    """

    LINES = "lines"
    STEPS = "steps"
    BARS = "bars"
    STACKED = "stacked"
    POINTS = "points"
    STAT = "stat"
    RANKING = "ranking"
    TABLE = "table"
    LOGS = "logs"

    @property
    def is_in_time(self) -> bool:
        return self in (Kind.LINES, Kind.STEPS, Kind.BARS, Kind.STACKED, Kind.POINTS)


class Unit(StrEnum):
    """What a number counts."""

    KRW = "krw"
    FRACTION = "fraction"
    BPS = "bps"
    COUNT = "count"
    NUMBER = "number"
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"
    DAYS = "days"
    TIME = "time"
    TEXT = "text"


class Source(StrEnum):
    """Who answers a query; the values are the uids under which Grafana knows them."""

    ROWS = "dg-postgres"
    METRICS = "dg-prometheus"
    LINES = "dg-loki"


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question, in the words of its source with Grafana's macros; `legend` names the series of a metric."""

    text: str
    source: Source = Source.ROWS
    legend: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One panel, `width` of 24 columns wide and `height` rows high.

    `columns` names the unit of a column that has another one than the panel's. `marks` are the series that are drawn as points
    on the lines of the others. `goes_below_zero` tells gains from losses by their colour. With `is_per_market` there is one for
    each market that is chosen.
    """

    title: str
    about: str
    kind: Kind
    queries: tuple[Query, ...]
    unit: Unit = Unit.TEXT
    width: int = 12
    height: int = 8
    columns: Mapping[str, Unit] = field(default_factory=dict)
    marks: tuple[str, ...] = ()
    goes_below_zero: bool = False
    is_per_market: bool = False

    @property
    def is_of_rows(self) -> bool:
        return all(query.source is Source.ROWS for query in self.queries)

    def unit_of(self, column: str) -> Unit:
        return self.columns.get(column, self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """Panels that belong together, in the order in which they are read."""

    uid: str
    title: str
    about: str
    panels: tuple[Panel, ...]
