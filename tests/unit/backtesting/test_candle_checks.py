import gzip
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from dg_bot.adapters.candle_csv import RowProblem
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.backtesting.candle_checks import CandleFileReport, check_candle_file, check_or_explain
from dg_bot.domain.calendar import DAY, HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
from dg_bot.errors import DataError
from dg_bot.operator.candle_text import candle_json, print_candle_files

LATER = datetime(2024, 2, 1, tzinfo=UTC)
HEADER = "timestamp,open,high,low,close,volume"


def row(hour: int, close: str = "100", *, high: str | None = None, low: str = "90", volume: str = "1") -> str:
    return (
        f"2024-01-{1 + hour // 24:02d}T{hour % 24:02d}:00:00Z,100,{high or max('100', close, key=float)},{low},{close},{volume}"
    )


def written(folder: Path, rows: Sequence[str], *, end: str = "\n", name: str = "KRW-BTC_60m.csv") -> Path:
    path = folder / name
    text = ("\n".join([HEADER, *rows]) + end).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def checked(folder: Path, rows: Sequence[str], *, end: str = "\n", now: datetime = LATER) -> CandleFileReport:
    return check_candle_file(written(folder, rows, end=end), now)


def text_of(*found: tuple[Path, CandleFileReport | DataError]) -> str:
    written = StringIO()
    print_candle_files(found, Console(file=written, width=80, highlight=False))
    return written.getvalue()


def test_a_sound_file_is_told_with_its_span_and_hash(tmp_path: Path) -> None:
    path = written(tmp_path, [row(hour) for hour in range(30)])
    report = check_candle_file(path, LATER)

    assert (True, HOUR, 30, 0) == (report.is_sound, report.timeframe, report.candles, report.missing)
    assert (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, 5, tzinfo=UTC)) == (report.first, report.last)
    assert 64 == len(report.sha256)


def test_a_compressed_file_is_the_same_file(tmp_path: Path) -> None:
    rows = [row(hour) for hour in range(30)]
    packed = check_candle_file(written(tmp_path, rows, name="packed.csv.gz"), LATER)

    assert checked(tmp_path, rows).sha256 == packed.sha256


def test_every_row_that_cannot_be_right_is_named(tmp_path: Path) -> None:
    rows = [row(hour) for hour in range(20)]
    rows[3] = row(3, high="95")
    rows[5] = row(5, volume="-1")
    rows[7] = row(6)
    rows[9] = row(9).replace("Z", "")
    rows[11] = "2024-01-01T11:00:00Z,100"
    rows[13] = row(13).replace(":00:00Z", ":30:00Z")
    report = checked(tmp_path, rows)

    assert [
        RowProblem(5, "high", "95 is not the highest of the row"),
        RowProblem(7, "volume", "-1 is below zero"),
        RowProblem(9, "timestamp", "'2024-01-01T06:00:00Z' repeats the row above"),
        RowProblem(11, "timestamp", "'2024-01-01T09:00:00' does not say that it is UTC: let it end with Z if it is"),
        RowProblem(13, None, "has 2 fields instead of 6"),
        RowProblem(15, "timestamp", "'2024-01-01T13:30:00Z' is not the start of a 60m candle"),
    ] == list(report.problems)
    assert (False, 14) == (report.is_sound, report.candles)


def test_gaps_are_facts_and_counted(tmp_path: Path) -> None:
    report = checked(tmp_path, [row(hour) for hour in (0, 1, 2, 5, 6, 10)])

    assert [2, 3] == [gap.missing for gap in report.gaps]
    assert (True, 5, datetime(2024, 1, 1, 2, tzinfo=UTC)) == (report.is_sound, report.missing, report.gaps[0].before)


@pytest.mark.parametrize(("close", "count"), [("109.9", 0), ("110.1", 1)])
def test_a_move_is_unusual_above_a_tenth_where_moves_are_small(tmp_path: Path, close: str, count: int) -> None:
    rows = [row(hour) for hour in range(30)]
    rows[10] = row(10, close)
    report = checked(tmp_path, rows)

    # The way back, from 110.1 to 100, is 9.2 %.
    assert count == len(report.outliers)
    assert report.is_sound


def test_a_move_is_usual_where_all_are_large(tmp_path: Path) -> None:
    report = checked(tmp_path, [row(hour, "100" if hour % 2 else "120") for hour in range(30)])

    assert () == report.outliers


def test_a_last_line_without_its_end_is_told(tmp_path: Path) -> None:
    report = checked(tmp_path, [row(0), row(1)], end="")

    assert (True, False) == (report.is_cut, report.is_sound)


@pytest.mark.parametrize(("minute", "is_unfinished"), [(59, True), (60, False)])
def test_a_last_candle_that_is_not_over_is_told(tmp_path: Path, minute: int, is_unfinished: bool) -> None:
    now = datetime(2024, 1, 1, 1 + minute // 60, minute % 60, tzinfo=UTC)
    report = checked(tmp_path, [row(0), row(1)], now=now)

    assert (is_unfinished, not is_unfinished) == (report.is_unfinished, report.is_sound)


def test_days_are_told_from_hours(tmp_path: Path) -> None:
    assert DAY == checked(tmp_path, [row(24 * day) for day in range(5)]).timeframe


@pytest.mark.parametrize("hours", [(), (0,), (0, 2, 4)])
def test_a_file_that_tells_no_timeframe_is_not_sound(tmp_path: Path, hours: Sequence[int]) -> None:
    report = checked(tmp_path, [row(hour) for hour in hours])

    assert (None, False) == (report.timeframe, report.is_sound)


def test_other_columns_are_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "prices.csv"
    path.write_text("time,price\n")

    explained = check_or_explain(path, LATER)

    assert isinstance(explained, DataError)
    assert "row 1: column timestamp is missing" in str(explained)


def test_a_person_sees_a_table_and_what_to_know(tmp_path: Path) -> None:
    rows = [row(hour) for hour in range(40) if hour not in (4, 5)]
    rows[20] = row(22, "200")
    bad = [row(hour, high="95") for hour in range(9)]
    text = text_of(
        (written(tmp_path, rows, name="good.csv"), check_candle_file(tmp_path / "good.csv", LATER)),
        (written(tmp_path, bad, name="bad.csv", end=""), check_candle_file(tmp_path / "bad.csv", LATER)),
        (tmp_path / "none.csv", DataError("none.csv", "cannot be read")),
    )

    assert max(map(len, text.splitlines())) <= 80
    for words in (
        "sound", "NOT SOUND", "UNREADABLE", "1 gaps; the longest: 2 after 2024-01-01T03:00:00Z", "+100.00% at",
        "row 2, column high: 95 is not the highest of the row", "and 4 more rows", "the last line has no end",
    ):  # fmt: skip
        assert words in " ".join(text.split())


def test_another_program_sees_the_same(tmp_path: Path) -> None:
    report = checked(tmp_path, [row(0), row(1, high="95"), row(2), row(3), row(4), row(5), row(8)])
    content = candle_json(report)

    assert (False, "60m", 6, 3) == tuple(content[name] for name in ("ok", "timeframe", "candles", "missing"))
    assert [{"row": 3, "column": "high", "problem": "95 is not the highest of the row"}] == content["problems"]


def test_a_file_that_is_not_as_it_was_written_is_not_sound(tmp_path: Path) -> None:
    price = Decimal(100)
    candles = [
        Candle(opened_at=datetime(2024, 1, 1, hour, tzinfo=UTC), open=price, high=price, low=price, close=price, volume=price)
        for hour in range(5)
    ]
    archive = CandleFiles(tmp_path)
    archive.add(Market("KRW-BTC"), HOUR, candles)
    path = archive.path(Market("KRW-BTC"), HOUR)
    before = check_candle_file(path, LATER)
    path.write_text(path.read_text().replace(",100\n", ",101\n", 1))

    after = check_candle_file(path, LATER)

    assert [(True, False), (False, True)] == [(one.is_sound, one.is_edited) for one in (before, after)]
    assert "it is not as it was written" in text_of((path, after))
    assert [False, True] == [candle_json(one)["edited"] for one in (before, after)]


@pytest.mark.parametrize(("value", "rows"), [("95", []), ("89.95", []), ("101.1", []), ("80", [2]), ("102", [2]), ("", [])])
def test_an_amount_that_contradicts_the_prices_is_told_and_is_no_fault(tmp_path: Path, value: str, rows: list[int]) -> None:
    path = tmp_path / "valued.csv"
    lines = [f"{row(0)},{value}", f"{row(1)},95"]
    path.write_text("\n".join([f"{HEADER},value", *lines, ""]))

    report = check_candle_file(path, LATER)

    assert (True, rows) == (report.is_sound, list(report.odd_values))
    assert bool(rows) is ("the value over the volume lies outside low and high in 1 rows" in text_of((path, report)))
