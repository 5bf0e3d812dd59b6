"""Candle files keep every digit, every closed candle and their rows' order, whoever writes and whatever fails."""

import errno
import gzip
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters import candle_files
from dg_bot.adapters.candle_csv import parse_candles, read_candles
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.candle_manifest import manifest_path, read_manifest
from dg_bot.adapters.state_file import write_state
from dg_bot.domain.calendar import DAY, HOUR, Timeframe
from dg_bot.domain.candle import Candle, CandleSeries
from dg_bot.domain.market import Market
from dg_bot.errors import DataError

BTC = Market("KRW-BTC")
START = datetime(2026, 11, 20, tzinfo=UTC)
ALWAYS = (datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
HEADER = "timestamp,open,high,low,close,volume\n"


def candle(number: int, close: str = "100.10", volume: str = "0.50000000") -> Candle:
    price = Decimal(close)
    return Candle(
        opened_at=START + timedelta(hours=number), open=price, high=price, low=price, close=price, volume=Decimal(volume)
    )


def row(number: int, close: str = "100.10", volume: str = "0.50000000") -> str:
    return f"2026-11-20T{number:02}:00:00Z,{close},{close},{close},{close},{volume}\n"


def closes(archive: CandleFiles) -> list[float]:
    return list(archive.load(BTC, HOUR, *ALWAYS).close)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The hourly file of an archive with hours 1 and 2 in it."""
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(1), candle(2)])
    return tmp_path / "hourly" / "KRW-BTC_60m.csv"


@pytest.fixture
def given(path: Path) -> Path:
    """The same file, brought by an operator."""
    manifest_path(path).unlink()
    return path


@pytest.mark.parametrize(
    ("timeframe", "name"),
    [
        (HOUR, "hourly/KRW-BTC_60m.csv"),
        (DAY, "daily/KRW-BTC_1d.csv"),
        (Timeframe(1), "minute/KRW-BTC_1m.csv"),
        (Timeframe(240), "minute/KRW-BTC_240m.csv"),
    ],
)
def test_each_timeframe_has_its_file(tmp_path: Path, timeframe: Timeframe, name: str) -> None:
    CandleFiles(tmp_path).add(BTC, timeframe, [candle(0)])

    assert HEADER + row(0) == (tmp_path / name).read_text()


def test_digits_are_kept_as_they_came(path: Path, tmp_path: Path) -> None:
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(3, "98765432.1230", "1E-8")])

    assert HEADER + row(1) + row(2) + row(3, "98765432.1230", "0.00000001") == path.read_text()


def test_newer_candles_are_appended_to_the_same_file(path: Path, tmp_path: Path) -> None:
    before = path.stat().st_ino

    CandleFiles(tmp_path).add(BTC, HOUR, [candle(3), candle(2, "777")])

    assert HEADER + row(1) + row(2) + row(3) == path.read_text()
    assert before == path.stat().st_ino


def test_older_candles_are_merged_among_rows_that_stay_as_they_are(given: Path, tmp_path: Path) -> None:
    given.write_text(HEADER + row(1, "5.500") + row(4))

    CandleFiles(tmp_path).add(BTC, HOUR, [candle(number, "7") for number in (0, 1, 2, 5)])

    assert HEADER + row(0, "7") + row(1, "5.500") + row(2, "7") + row(4) + row(5, "7") == given.read_text()
    assert [given, manifest_path(given)] == sorted(given.parent.iterdir())


def test_times_are_written_in_utc(tmp_path: Path) -> None:
    price = Decimal(1)
    at = datetime(2026, 11, 20, 9, tzinfo=timezone(timedelta(hours=9)))
    CandleFiles(tmp_path).add(BTC, HOUR, [Candle(opened_at=at, open=price, high=price, low=price, close=price, volume=price)])

    assert HEADER + row(0, "1", "1") == (tmp_path / "hourly" / "KRW-BTC_60m.csv").read_text()


def test_a_value_column_is_kept_and_left_empty_in_fresh_rows(given: Path, tmp_path: Path) -> None:
    header = HEADER.replace("\n", ",value\n")
    given.write_text(header + row(1).replace("\n", ",123.4\n"))

    CandleFiles(tmp_path).add(BTC, HOUR, [candle(2)])
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(0)])

    assert (
        header + row(0).replace("\n", ",\n") + row(1).replace("\n", ",123.4\n") + row(2).replace("\n", ",\n") == given.read_text()
    )
    assert 3 == len(closes(CandleFiles(tmp_path)))


def test_a_packed_file_is_read_and_what_is_added_goes_to_a_plain_one(tmp_path: Path) -> None:
    packed = tmp_path / "hourly" / "KRW-BTC_60m.csv.gz"
    packed.parent.mkdir()
    packed.write_bytes(gzip.compress((HEADER + row(1, "1") + row(2, "2")).encode()))
    archive = CandleFiles(tmp_path)

    assert [1.0, 2.0] == closes(archive)
    archive.add(BTC, HOUR, [candle(1, "9"), candle(3, "3")])

    assert [1.0, 2.0, 3.0] == closes(archive)
    assert [1.0, 2.0, 3.0] == closes(CandleFiles(tmp_path))
    assert HEADER + row(1, "1") + row(2, "2") + row(3, "3") == packed.with_suffix("").read_text()


def test_a_mark_at_the_start_and_windows_line_ends_are_taken(given: Path, tmp_path: Path) -> None:
    given.write_bytes((HEADER + row(1) + row(2)).replace("\n", "\r\n").encode("utf-8-sig"))
    archive = CandleFiles(tmp_path)

    archive.add(BTC, HOUR, [candle(3)])
    archive.add(BTC, HOUR, [candle(0)])

    assert HEADER + row(0) + row(1) + row(2) + row(3) == given.read_text()


def test_a_bad_row_is_named_with_its_file(given: Path, tmp_path: Path) -> None:
    given.write_text(HEADER + row(1) + row(2).replace("100.10", "0", 1))

    with pytest.raises(DataError, match=r"KRW-BTC_60m\.csv: row 3, column open: 0 is not above zero"):
        closes(CandleFiles(tmp_path))
    with pytest.raises(DataError, match="row 3"):
        CandleFiles(tmp_path).add(BTC, HOUR, [candle(5)])


def test_a_row_cut_off_anywhere_is_not_counted_and_then_removed(path: Path, tmp_path: Path) -> None:
    for size in range(1, len(row(3))):
        path.write_text(HEADER + row(1) + row(2) + row(3)[:size])
        archive = CandleFiles(tmp_path)

        assert 2 == len(closes(archive))
        archive.add(BTC, HOUR, [candle(3)])
        assert HEADER + row(1) + row(2) + row(3) == path.read_text()


def test_a_file_is_parsed_again_only_after_it_changed(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parses = []

    def parse(source: str, data: bytes, market: Market, timeframe: Timeframe) -> CandleSeries:
        parses.append(source)
        return parse_candles(source, data, market, timeframe)

    monkeypatch.setattr(candle_files, "parse_candles", parse)
    archive = CandleFiles(tmp_path)

    closes(archive)
    closes(archive)
    assert 1 == len(parses)

    archive.add(BTC, HOUR, [candle(3)])
    assert 3 == len(closes(archive))
    assert 1 == len(parses)

    CandleFiles(tmp_path).add(BTC, HOUR, [candle(4)])
    assert 4 == len(closes(archive))


def test_what_is_kept_in_memory_equals_what_is_on_disk(tmp_path: Path) -> None:
    archive = CandleFiles(tmp_path)
    for number in (3, 4, 1, 7, 0):
        archive.add(BTC, HOUR, [candle(number, f"{number + 1}.30")])

        assert CandleFiles(tmp_path).load(BTC, HOUR, *ALWAYS) == archive.load(BTC, HOUR, *ALWAYS)


@pytest.mark.parametrize("fresh", [3, 0])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
@pytest.mark.parametrize("kept", [0, 2], ids=["manifest", "rows"])
def test_a_failed_write_leaves_the_file_as_it_was(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: int, code: int, kept: int
) -> None:
    archive = CandleFiles(tmp_path)
    fsync, syncs = os.fsync, iter(range(100))

    def fail(fd: int) -> None:
        if next(syncs) >= kept:
            raise OSError(code, os.strerror(code))
        fsync(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(DataError, match=rf"KRW-BTC_60m\.(csv|manifest\.json): .*{os.strerror(code)}"):
            archive.add(BTC, HOUR, [candle(fresh)])

    assert HEADER + row(1) + row(2) == path.read_text()
    assert 2 == len(closes(archive))
    archive.add(BTC, HOUR, [candle(fresh)])
    assert 3 == len(closes(archive))


@pytest.mark.parametrize("taken", [0, 1, 30])
def test_rows_taken_in_part_are_taken_out(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    write = os.write

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:taken]))
        with pytest.raises(DataError, match=f"{taken} of "):
            CandleFiles(tmp_path).add(BTC, HOUR, [candle(3)])

    assert HEADER + row(1) + row(2) == path.read_text()


def test_a_link_is_not_written_through(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    path.rename(target)
    path.symlink_to(target)

    with pytest.raises(DataError, match="symbolic link"):
        CandleFiles(tmp_path).add(BTC, HOUR, [candle(3)])
    assert HEADER + row(1) + row(2) == target.read_text()


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataError, match="file"):
        CandleFiles(tmp_path / "file").add(BTC, HOUR, [candle(3)])


def test_another_writer_is_waited_for_and_then_named(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candle_files, "_LOCK_PAUSE_S", 0.0)
    archive, other = CandleFiles(tmp_path), CandleFiles(tmp_path)

    with other._sole_writer(), pytest.raises(DataError, match="another program"):
        archive.add(BTC, HOUR, [candle(3)])

    archive.add(BTC, HOUR, [candle(3)])
    assert 3 == len(closes(archive))


WRITER = """
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.market import Market
archive, price = CandleFiles(Path(sys.argv[1])), Decimal(1)
for number in range(30):
    at = datetime(2026, 11, 20, tzinfo=UTC) + timedelta(hours=number)
    archive.add(Market("KRW-BTC"), HOUR, [Candle(opened_at=at, open=price, high=price, low=price, close=price, volume=price)])
"""


def test_two_processes_that_store_the_same_hours_store_each_once(tmp_path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)]) for _ in range(2)]

    assert [0, 0] == [writer.wait() for writer in writers]
    assert 30 == len(closes(CandleFiles(tmp_path)))


WRITTEN: Mapping[str, object] = {
    "market": "KRW-BTC",
    "timeframe": "60m",
    "source": "",
    "rows": 1,
    "first": "2026-11-20T00:00:00Z",
    "last": "2026-11-20T00:00:00Z",
    "written_at": "2026-11-20T00:00:00Z",
    "size": 1,
    "sha256": "x",
    "before": None,
}


def hour(number: int) -> datetime:
    return START + timedelta(hours=number)


def hours(first: int, last: int) -> tuple[datetime, datetime]:
    return hour(first), hour(last)


def test_empty_ranges_survive_a_restart(tmp_path: Path) -> None:
    CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(0, 2)])
    CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(2, 3)])

    assert [hours(0, 3)] == CandleFiles(tmp_path).empty_ranges(BTC, HOUR)
    assert (tmp_path / "hourly" / "KRW-BTC_60m.empty.json").exists()


def test_a_known_empty_range_is_not_written_again(tmp_path: Path) -> None:
    CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(0, 9)])
    before = (tmp_path / "hourly" / "KRW-BTC_60m.empty.json").stat().st_ino

    CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(2, 4)])

    assert before == (tmp_path / "hourly" / "KRW-BTC_60m.empty.json").stat().st_ino


@pytest.mark.parametrize("spoil", [lambda text: "", lambda text: text.replace("T00", "T01"), lambda text: text[:-20]])
def test_spoilt_empty_ranges_are_named(tmp_path: Path, spoil: Callable[[str], str]) -> None:
    CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(0, 9)])
    path = tmp_path / "hourly" / "KRW-BTC_60m.empty.json"
    path.write_text(spoil(path.read_text()))

    with pytest.raises(DataError, match=r"KRW-BTC_60m\.empty\.json: .*the venue is then asked again"):
        CandleFiles(tmp_path).empty_ranges(BTC, HOUR)


@pytest.mark.parametrize("ranges", [None, {}, [5], [["2026-11-20T00:00:00Z"]], [["2026-11-20T00:00:00", "x"]], [[1, 2]]])
def test_empty_ranges_that_are_no_ranges_are_named(tmp_path: Path, ranges: object) -> None:
    path = tmp_path / "hourly" / "KRW-BTC_60m.empty.json"
    write_state(path, {"ranges": ranges})

    with pytest.raises(DataError, match="does not hold ranges of time"):
        CandleFiles(tmp_path).empty_ranges(BTC, HOUR)


def test_empty_ranges_that_cannot_be_kept_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)

    with pytest.raises(DataError, match="No space"):
        CandleFiles(tmp_path).remember_empty(BTC, HOUR, [hours(0, 9)])


# What was written here and edited by somebody


def edited(text: str) -> str:
    return text.replace(row(1), row(1, "100.20"))


@pytest.mark.parametrize(
    "edit",
    [
        edited,
        lambda text: text.replace(row(1), ""),
        lambda text: text + row(3),
        lambda text: HEADER,
        lambda text: "",
    ],
    ids=["a price", "a row gone", "a row more", "all rows gone", "all gone"],
)
@pytest.mark.parametrize("later", [[], [candle(3)]], ids=["written once", "written twice"])
def test_an_edited_file_is_believed_by_nobody(
    path: Path, tmp_path: Path, edit: Callable[[str], str], later: list[Candle]
) -> None:
    archive = CandleFiles(tmp_path)
    archive.add(BTC, HOUR, later)
    path.write_text(edit(path.read_text()))

    problem = r"KRW-BTC_60m\.csv: was edited since the bot wrote it; put it back, or move KRW-BTC_60m\.manifest\.json away"
    for reader in (archive, CandleFiles(tmp_path)):
        with pytest.raises(DataError, match=problem):
            closes(reader)
        with pytest.raises(DataError, match=problem):
            reader.add(BTC, HOUR, [candle(5)])
    with pytest.raises(DataError, match=problem):
        read_candles(path, BTC, HOUR)


def test_candles_of_one_market_are_not_taken_for_those_of_another(path: Path, tmp_path: Path) -> None:
    other = path.with_name("KRW-ETH_60m.csv")
    path.rename(other)
    manifest_path(path).rename(manifest_path(other))

    said = "holds candles of KRW-BTC by its manifest, and not of KRW-ETH"
    with pytest.raises(DataError, match=said):
        CandleFiles(tmp_path).load(Market("KRW-ETH"), HOUR, *ALWAYS)
    with pytest.raises(DataError, match=said):
        read_candles(other, Market("KRW-ETH"), HOUR)


def test_an_edited_file_is_taken_once_its_manifest_is_away_and_guarded_from_the_next_write(path: Path, tmp_path: Path) -> None:
    path.write_text(edited(path.read_text()))
    manifest_path(path).unlink()

    assert [100.2, 100.1] == closes(CandleFiles(tmp_path))
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(3)])
    assert [100.2, 100.1, 100.1] == closes(CandleFiles(tmp_path))
    path.write_text(path.read_text().replace("100.20", "100.30"))
    with pytest.raises(DataError, match="was edited"):
        closes(CandleFiles(tmp_path))


def test_a_write_cut_off_anywhere_is_no_edit(path: Path, tmp_path: Path) -> None:
    """The manifest is there before the rows; a process may die at any byte of them."""
    before = path.read_bytes()
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(3), candle(4)])
    after = path.read_bytes()

    for size in range(len(before), len(after) + 1):
        path.write_bytes(after[:size])
        assert 2 <= len(closes(CandleFiles(tmp_path))) <= 4
    path.write_bytes(before)
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(3)])
    assert 3 == len(closes(CandleFiles(tmp_path)))


def test_a_file_that_was_moved_away_is_collected_anew(path: Path, tmp_path: Path) -> None:
    path.unlink()

    assert [] == closes(CandleFiles(tmp_path))
    CandleFiles(tmp_path).add(BTC, HOUR, [candle(7)])
    assert 1 == len(closes(CandleFiles(tmp_path)))


@pytest.mark.parametrize("spoil", [lambda text: "", lambda text: text[:-20], lambda text: text.replace("1", "2", 1)])
def test_a_spoilt_manifest_is_named(path: Path, tmp_path: Path, spoil: Callable[[str], str]) -> None:
    manifest_path(path).write_text(spoil(manifest_path(path).read_text()))

    with pytest.raises(DataError, match=r"KRW-BTC_60m\.manifest\.json: .*move it away to accept the candles as they are"):
        closes(CandleFiles(tmp_path))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"market": "KRW-BTC"},
        {**WRITTEN, "rows": "two"},
        {**WRITTEN, "first": "yesterday"},
        {**WRITTEN, "sha256": None, "before": []},
        {**WRITTEN, "size": None},
    ],
)
def test_a_manifest_that_is_none_is_named(path: Path, tmp_path: Path, body: Mapping[str, object]) -> None:
    write_state(manifest_path(path), body)

    with pytest.raises(DataError, match="is no manifest of a candle file; move it away"):
        closes(CandleFiles(tmp_path))


def test_a_manifest_tells_source_span_rows_and_the_hash_that_anybody_can_compute(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    CandleFiles(tmp_path, source="https://api.upbit.com").add(BTC, HOUR, [candle(1), candle(2)])
    CandleFiles(tmp_path, source="by hand").add(BTC, HOUR, [candle(4)])
    CandleFiles(tmp_path, source="https://api.upbit.com").add(BTC, HOUR, [candle(5)])
    path = tmp_path / "hourly" / "KRW-BTC_60m.csv"

    manifest = read_manifest(path)

    assert manifest is not None
    assert ("KRW-BTC", "60m", 4) == (manifest.market, manifest.timeframe, manifest.rows)
    assert "https://api.upbit.com; by hand" == manifest.source
    assert (hour(1), hour(5)) == (manifest.first, manifest.last)
    assert before <= manifest.written_at <= datetime.now(UTC)
    assert (path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()) == (
        manifest.content.size,
        manifest.content.sha256,
    )
