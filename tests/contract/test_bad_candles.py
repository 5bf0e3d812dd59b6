"""The table of bad candle files: what is wrong with each, and the row, the column and the words that it is refused with.

Each is read as a backtest would and looked over as `check_candles.py` does; neither may take it for sound.
"""

import gzip
import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dg_bot.adapters import candle_csv
from dg_bot.adapters.candle_csv import read_candles
from dg_bot.backtesting.candle_checks import CandleFileReport, check_or_explain
from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.domain.market import Market
from dg_bot.errors import DataError

ROOT = Path(__file__).resolve().parents[2]
BTC = Market("KRW-BTC")
NOW = datetime(2026, 11, 21, tzinfo=UTC)
HEADER = "timestamp,open,high,low,close,volume\n"
ROWS = [f"2026-11-20T{hour:02d}:00:00Z,100,110,90,105,1.5\n" for hour in range(6)]
GOOD = HEADER + "".join(ROWS)
VALUED = GOOD.replace("volume\n", "volume,value\n").replace("1.5\n", "1.5,157\n")
DAYS = HEADER + "".join(f"2026-11-{day:02d}T00:00:00Z,100,110,90,105,1.5\n" for day in range(10, 16))


@dataclass(frozen=True, slots=True)
class Kind:
    """A file of `name` with `content`, and the words that tell what is wrong with it."""

    what: str
    content: bytes
    words: tuple[str, ...]
    name: str = "KRW-BTC_60m.csv"
    timeframe: Timeframe = HOUR


def kind(what: str, old: str, new: str, *words: str, text: str = GOOD) -> Kind:
    """Change the first place where `old` stands in a good file."""
    assert old in text
    return Kind(what, text.replace(old, new, 1).encode(), words)


def row(what: str, new: str, *words: str) -> Kind:
    """Put a row in the place of the third candle, which stands in row 4."""
    return kind(what, ROWS[2], new, "row 4", *words)


def cell(what: str, column: str, text: str, *words: str) -> Kind:
    """Put a text in the place of a figure of the third candle."""
    cells = ROWS[2].rstrip("\n").split(",")
    cells[HEADER.rstrip("\n").split(",").index(column)] = text
    return row(what, ",".join(cells) + "\n", f"column {column}", *words)


def at(what: str, text: str, *words: str) -> Kind:
    return cell(what, "timestamp", text, repr(text), *words)


PACKED = gzip.compress(GOOD.encode(), mtime=0)
KINDS = [
    # The file as a whole
    Kind("nothing at all", b"", ("row 1 is empty",)),
    Kind("an empty line", b"\n\n", ("row 1 is empty",)),
    Kind("another kind of file", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", ("row 1", "missing")),
    Kind("text of two bytes a letter", GOOD.encode("utf-16"), ("row 1", "zero bytes", "no UTF-8")),
    Kind("line ends of an old Macintosh", GOOD.replace("\n", "\r").encode(), ("row 1", "carriage returns")),
    Kind("a cut pack", PACKED[:-12], ("cannot be read", "end-of-stream"), "c.csv.gz"),
    Kind("a spoilt pack", PACKED[:30] + b"x" * 20 + PACKED[50:], ("cannot be read",), "c.csv.gz"),
    Kind("a pack that is none", GOOD.encode(), ("cannot be read", "gzip"), "c.csv.gz"),
    Kind("a pack that fills a memory", gzip.compress(bytes(3 << 20)), ("more than 2 MiB",), "c.csv.gz"),
    # The header
    Kind("no header", "".join(ROWS).encode(), ("row 1: column timestamp is missing", "import_candles.py")),
    kind("a column less", ",volume", "", "row 1: column volume is missing"),
    kind("a column twice", "low", "high", "row 1: column low is missing"),
    kind("columns in another order", "open,high", "high,open", "row 1: the columns must be", "are timestamp,high,open", "import"),
    kind("a column too many", "volume\n", "volume,market\n", "row 1: the columns must be", "import_candles.py"),
    kind("capitals", "timestamp,open", "Timestamp,Open", "row 1: column timestamp is missing", "import_candles.py"),
    kind("names of the exchange", "open,high", "opening_price,high_price", "row 1: column open is missing", "import_candles.py"),
    Kind("semicolons", GOOD.replace(",", ";").encode(), ("row 1: column timestamp is missing",)),
    kind("blanks in the header", ",open", ", open", "row 1: column open is missing"),
    kind("quotes in the header", "timestamp", '"timestamp"', "row 1: column timestamp is missing"),
    # Rows
    row("a row cut short", "2026-11-20T02:00:00Z,100,110\n", "has 3 fields instead of 6"),
    row("a row too long", ROWS[2].replace("\n", ",7\n"), "has 7 fields instead of 6"),
    row("two rows in one line", ROWS[2].replace("\n", ",") + ROWS[3], "has 12 fields instead of 6"),
    row("a line without anything", "\n", "has 1 fields instead of 6"),
    row("a remark", "# maintenance\n", "has 1 fields instead of 6"),
    row("zeros that a loss of power left", "\0" * 40 + "\n", "zero bytes", "loss of power"),
    kind("a field less in the last column", "1.5,157\n", "1.5\n", "row 2 has 6 fields instead of 7", text=VALUED),
    # Times
    at("no time", "", "is not a time"),
    at("a word for a time", "yesterday", "is not a time"),
    at("seconds since 1970", "1795140000", "is not a time"),
    at("milliseconds since 1970", "1795140000000", "is not a time"),
    at("a month of its own", "2026-13-20T02:00:00Z", "is not a time"),
    at("the 31st of November", "2026-11-31T02:00:00Z", "is not a time"),
    at("the hour 24", "2026-11-20T24:00:00Z", "is not a time"),
    at("a time without its zone", "2026-11-20T02:00:00", "does not say that it is UTC", "let it end with Z"),
    at("a time in Seoul", "2026-11-20T11:00:00+09:00", "is not in UTC"),
    at("half an hour", "2026-11-20T02:30:00Z", "is not the start of a 60m candle"),
    at("a second late", "2026-11-20T02:00:01Z", "is not the start of a"),
    at("a part of a second", "2026-11-20T02:00:00.250Z", "is not the start of a 60m candle"),
    at("an hour twice", "2026-11-20T01:00:00Z", "repeats the row above"),
    at("an hour out of order", "2026-11-20T00:00:00Z", "lies before the row above"),
    Kind("newest first", (HEADER + "".join(reversed(ROWS))).encode(), ("row 3, column timestamp", "lies before the row above")),
    Kind(
        "days that begin in Seoul",
        DAYS.replace("13T00:00", "12T15:00").encode(),
        ("row 5, column timestamp", "days begin at 00:00 UTC, 09:00 in Seoul"),
        "KRW-BTC_1d.csv",
        DAY,
    ),
    # Figures
    cell("no price", "close", "", "'' is not a number"),
    cell("a word for a price", "close", "n/a", "'n/a' is not a number"),
    cell("not a number", "close", "nan", "'nan' is not a number"),
    cell("endless", "high", "inf", "'inf' is not a number"),
    cell("endless below", "low", "-Infinity", "'-Infinity' is not a number"),
    cell("an exponent out of this world", "high", "1e999", "'1e999' is larger than anything that is traded"),
    cell("a price of all the money", "high", "9" * 40, "is larger than anything that is traded"),
    cell("a hexadecimal price", "high", "0x6e", "is not a number"),
    cell("thousands with a point twice", "high", "1.234.567", "is not a number"),
    row("thousands with a comma", ROWS[2].replace("100", "1,000"), "has 7 fields instead of 6"),
    cell("thousands with a blank", "high", "1 100", "is not a number"),
    cell("thousands with a low line", "high", "1_100", "is not a number"),
    cell("a price in quotes", "high", '"110"', "is not a number"),
    cell("won with their sign", "high", "₩110", "is not a number"),
    cell("digits of another script", "high", "११०", "is not a number"),
    cell("a blank before a price", "high", " 110", "is not a number"),
    cell("a sign behind a price", "high", "110-", "is not a number"),
    cell("a price of zero", "low", "0", "0 is not above zero"),
    cell("a price below zero", "low", "-90", "-90 is not above zero"),
    cell("a volume below zero", "volume", "-1.5", "-1.5 is below zero"),
    cell("a high below the low", "high", "80", "80 is not the highest of the row"),
    row("a close above the high", ROWS[2].replace("105", "111"), "column high: 110 is not the highest of the row"),
    row("an open below the low", ROWS[2].replace("100", "89"), "column low: 90 is not the lowest of the row"),
    cell("a low above the open", "low", "101", "101 is not the lowest of the row"),
    kind("a value below zero", ",157", ",-157", "row 2, column value: -157 is below zero", text=VALUED),
    kind("a value that is no number", ",157", ",?", "row 2, column value: '?' is not a number", text=VALUED),
    kind("a value that is too large", ",157", f",{'9' * 30}", "row 2, column value", "is larger than anything", text=VALUED),
    Kind("letters that are none", GOOD.encode().replace(b"105", b"\xff\xfe5", 1), ("row 2, column close", "is not a number")),
]  # fmt: skip


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Kind], Path]:
    def write(one: Kind) -> Path:
        path = tmp_path / one.name
        path.write_bytes(one.content)
        return path

    monkeypatch.setattr(candle_csv, "_LARGEST_BYTES", 2 << 20)
    return write


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.what.replace(" ", "_"))
def test_a_bad_file_is_refused_with_its_row_and_column(one: Kind, written: Callable[[Kind], Path]) -> None:
    path = written(one)

    with pytest.raises(DataError) as raised:
        read_candles(path, BTC, one.timeframe)

    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert [] == [word for word in one.words if word not in said], said


@pytest.mark.parametrize("one", KINDS, ids=lambda one: one.what.replace(" ", "_"))
def test_a_bad_file_is_not_sound_when_it_is_looked_over(one: Kind, written: Callable[[Kind], Path]) -> None:
    report = check_or_explain(written(one), NOW)

    assert isinstance(report, DataError) or not report.is_sound
    if isinstance(report, CandleFileReport) and report.problems:
        assert [] == [word for word in one.words if word not in report.problems[0].words], report.problems


def test_the_good_file_of_this_table_is_good(tmp_path: Path) -> None:
    for name, text in (("a.csv", GOOD), ("b.csv", VALUED), ("c.csv", DAYS)):
        (tmp_path / name).write_text(text)
        report = check_or_explain(tmp_path / name, NOW)

        assert isinstance(report, CandleFileReport)
        assert report.is_sound


def test_a_row_from_the_future_is_named_and_does_not_spoil_those_after_it(tmp_path: Path) -> None:
    path = tmp_path / "c.csv"
    path.write_text(GOOD.replace("2026-11-20T02", "2226-11-20T02"))

    report = check_or_explain(path, NOW)

    assert isinstance(report, CandleFileReport)
    assert ["row 4, column timestamp: '2226-11-20T02:00:00Z' lies in the future"] == [bad.words for bad in report.problems]


def test_the_command_tells_of_every_kind_and_ends_with_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(candle_csv, "_LARGEST_BYTES", 2 << 20)
    files = []
    for number, one in enumerate(KINDS):
        files.append(tmp_path / f"{number}-{one.name}")
        files[-1].write_bytes(one.content)

    code = runpy.run_path(str(ROOT / "scripts" / "backtesting" / "check_candles.py"))["main"](["--json", *map(str, files)])

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (1, len(KINDS), {False}) == (code, len(told), {one["ok"] for one in told})


def test_the_table_is_as_long_as_was_promised_and_repeats_nothing() -> None:
    assert len(KINDS) >= 40
    assert len(KINDS) == len({one.what for one in KINDS}) == len({(one.name, one.content) for one in KINDS})
