"""The desk's queries and what its page is told of their answers."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from dg_bot.adapters.postgres_tables import Table
from dg_bot.errors import ImpossibleValue
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.page import desk_page
from dg_bot.operator.desk.page_data import panel_data
from dg_bot.operator.desk.panels import Dashboard, Kind, Panel, Query, Unit
from dg_bot.operator.desk.queries import Span, expanded, sql

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SPAN = Span(start=NOON, end=NOON + timedelta(days=30), markets=("KRW-BTC", "KRW-ETH"))
FROM, TO = "'2026-11-20T12:00:00Z'", "'2026-12-20T12:00:00Z'"


def panel(kind: Kind, unit: Unit = Unit.COUNT, *, marks: tuple[str, ...] = ()) -> Panel:
    return Panel(title="Panel", about="It shows.", kind=kind, unit=unit, queries=(Query(text="SELECT 1"),), marks=marks)


def table(*columns: str, rows: list[tuple[datetime | Decimal | int | str | None, ...]]) -> Table:
    return Table(columns=columns, rows=rows)


# Macros


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("$__timeFilter(at)", f"at BETWEEN {FROM} AND {TO}"),
        ("$__timeFilter(a.created_at)", f"a.created_at BETWEEN {FROM} AND {TO}"),
        ("at <= $__timeTo()", f"at <= {TO}"),
        ("at >= $__timeFrom()", f"at >= {FROM}"),
        ("$__timeGroup(at, '1h')", "to_timestamp(floor(extract(epoch FROM at) / 3600) * 3600)"),
        ("$__timeGroup(at, $__interval)", "to_timestamp(floor(extract(epoch FROM at) / 3600) * 3600)"),
        ("'$__interval'", "'3600s'"),
        ("symbol IN (${market:sqlstring})", "symbol IN ('KRW-BTC', 'KRW-ETH')"),
    ],
)
def test_a_macro_becomes_what_grafana_would_send(written: str, sent: str) -> None:
    assert sent == expanded(written, SPAN)


def test_without_a_market_nothing_is_found() -> None:
    assert "symbol IN (NULL)" == expanded("symbol IN (${market:sqlstring})", Span(start=NOON, end=NOON, markets=()))


@pytest.mark.parametrize("text", ["$__unknown(at)", "$__timeGroup(at, 'soon')", "$__timeFilter"])
def test_a_macro_that_is_not_known_is_named(text: str) -> None:
    with pytest.raises(ImpossibleValue, match="macro"):
        expanded(text, SPAN)


@pytest.mark.parametrize(("days", "step_s"), [(0.5, 60), (1, 300), (30, 3600), (90, 10_800), (3650, 86_400)])
def test_the_width_of_a_point_grows_with_the_time_that_is_looked_at(days: float, step_s: int) -> None:
    assert step_s == Span(start=NOON, end=NOON + timedelta(days=days), markets=()).step_s


def test_every_query_of_the_files_is_drawn_by_a_panel() -> None:
    drawn = [query.text for one in dashboards() for each in one.panels for query in each.queries]
    kept = [
        query.text for name in ("portfolio", "risk", "decisions", "models", "execution", "health") for query in sql(name).values()
    ]

    assert sorted(kept) == sorted(text for text in drawn if text.startswith("SELECT"))


# What the page is told


def test_each_column_is_a_line_with_its_own_times() -> None:
    rows: list[tuple[datetime | Decimal | int | str | None, ...]] = [
        (NOON, Decimal("0.5"), None),
        (NOON + timedelta(hours=1), Decimal("0.25"), Decimal(1)),
    ]

    data = panel_data(panel(Kind.LINES, Unit.FRACTION), [table("time", "Bot", "Other", rows=rows)])

    first = int(NOON.timestamp()) // 60
    bot = {"name": "Bot", "mark": False, "x": [first, 60], "y": [0.5, 0.25]}
    assert [bot, {"name": "Other", "mark": False, "x": [first + 60], "y": [1.0]}] == data["series"]


def test_a_metric_names_the_lines() -> None:
    rows: list[tuple[datetime | Decimal | int | str | None, ...]] = [(NOON, "held", 3), (NOON, "traded", 1)]

    data = panel_data(panel(Kind.STACKED), [table("time", "metric", "Cycles", rows=rows)])

    assert [("held", [3.0]), ("traded", [1.0])] == [(one["name"], one["y"]) for one in data["series"]]  # type: ignore[attr-defined]


def test_marks_are_told_from_lines() -> None:
    shown = panel(Kind.LINES, Unit.KRW, marks=("Bought",))

    data = panel_data(shown, [table("time", "Price", rows=[(NOON, 5)]), table("time", "Bought", rows=[(NOON, 4)])])

    assert [("Price", False), ("Bought", True)] == [(one["name"], one["mark"]) for one in data["series"]]  # type: ignore[attr-defined]


def test_a_long_line_keeps_its_peak() -> None:
    rows: list[tuple[datetime | Decimal | int | str | None, ...]] = [
        (NOON + timedelta(minutes=minute), Decimal(9 if minute == 1777 else 1)) for minute in range(5000)
    ]

    data = panel_data(panel(Kind.LINES), [table("time", "Value", rows=rows)])

    (values,) = (one["y"] for one in data["series"])  # type: ignore[attr-defined]
    assert (9.0, True) == (max(values), len(values) <= 800)


def test_a_stat_without_a_row_has_no_value() -> None:
    assert panel_data(panel(Kind.STAT), [table("Value", rows=[])])["value"] is None


def test_a_table_keeps_text_money_and_time_apart() -> None:
    shown = Panel(
        title="T", about="A.", kind=Kind.TABLE, queries=(Query(text=""),), columns={"When": Unit.TIME, "Paid": Unit.KRW}
    )

    data = panel_data(shown, [table("When", "Paid", "Why", rows=[(NOON, Decimal("1234567.5"), "<b>")])])

    assert [["When", "time"], ["Paid", "krw"], ["Why", "text"]] == data["columns"]
    assert [[int(NOON.timestamp()), 1234567.5, "<b>"]] == data["rows"]


def test_the_page_escapes_what_comes_from_outside_and_repeats_a_panel_for_each_market() -> None:
    shown = Panel(title="Price", about="<i>", kind=Kind.STAT, queries=(Query(text="${market:sqlstring}"),), is_per_market=True)
    asked: list[str] = []

    def ask(text: str) -> Table:
        asked.append(text)
        return table("Value", rows=[("</script><script>alert(1)</script>",)])

    page = desk_page((Dashboard(uid="dg-x", title="A & B", about="", panels=(shown,)),), SPAN, ask, source="<u>")

    assert ["'KRW-BTC'", "'KRW-ETH'"] == asked
    assert "alert(1)</script>" not in page
    for escaped in ("A &amp; B", "&lt;i&gt;", "&lt;u&gt;", "Price: KRW-BTC", "2026-11-20 21:00 to 2026-12-20 21:00 in Seoul"):
        assert escaped in page
