"""Closing a segment loses nothing: not a record, not what is remembered, whatever happens at which step of it."""

import errno
import gzip
import os
import shutil
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from benchmarks.journal_year import SetClock, books_on, live_hour

from dg_bot.adapters import journal_snapshots
from dg_bot.adapters.journal_archive import segments_in, write_segment
from dg_bot.adapters.journal_codec import encode_remembered
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_lines import AlteredRecord, Link, StoredRecord, examined, line_of
from dg_bot.adapters.journal_reader import journal_exists, read_journal, verify
from dg_bot.adapters.journal_snapshots import SnapshotFile, write_snapshot
from dg_bot.adapters.state_file import write_state
from dg_bot.domain.events import AlarmRaised, Record
from dg_bot.errors import DataError, StateError
from dg_bot.remembered import Remembered
from tests.journal_records import of, replayed

SEGMENT_BYTES = 30_000
STEPS = ("open", "mkdir", "fsync", "replace", "unlink", "close")


def opened(path: Path) -> JournalFile:
    return JournalFile.open(path, SetClock().now, segment_bytes=SEGMENT_BYTES)


def live(path: Path, hours: range, *, is_compacted: bool = True) -> Remembered:
    """Let a bot live through these hours, and give what it remembers."""
    clock = SetClock()
    with closing(opened(path)) as journal:
        books = books_on(journal, clock)
        for hour in hours:
            live_hour(books, clock, hour)
        if is_compacted:
            journal.compact(books.remembered)
        return books.remembered


def remembered_at_start(path: Path) -> Remembered:
    with closing(opened(path)) as journal:
        return books_on(journal, SetClock()).remembered


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that has been closed twice: three segments of a few records in the archive, and some in the active one."""
    file = tmp_path / "state" / "journal.jsonl"
    live(file, range(6))
    live(file, range(6, 18))
    live(file, range(18, 20), is_compacted=False)
    return file


def test_no_record_is_lost_and_the_chain_goes_on(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole" / "journal.jsonl", tmp_path / "cut" / "journal.jsonl"
    live(whole, range(20), is_compacted=False)
    for hours in (range(6), range(6, 18), range(18, 20)):
        live(cut, hours)

    assert list(read_journal(whole)) == list(read_journal(cut))
    assert verify(cut) is None
    with closing(opened(cut)) as journal:
        assert list(read_journal(whole)) == list(journal.records())


def test_a_start_knows_what_a_replay_of_every_record_knows(path: Path) -> None:
    assert replayed(path) == remembered_at_start(path)


def test_what_is_closed_is_compressed_and_what_is_active_is_short(path: Path) -> None:
    segments = segments_in(path.parent / "archive")
    lines = b"".join(gzip.decompress(segment.path.read_bytes()) for segment in segments)

    assert [1, *(segment.last + 1 for segment in segments)][:-1] == [segment.first for segment in segments]
    assert len(segments) >= 3
    assert path.stat().st_size < SEGMENT_BYTES
    assert sum(segment.path.stat().st_size for segment in segments) < len(lines) / 5


@pytest.mark.parametrize("after", [0, 1, 7, 20, 43, 1000])
def test_reading_may_begin_in_any_segment(path: Path, after: int) -> None:
    with closing(opened(path)) as journal:
        numbers = [record.sequence for record in journal.records(after)]

        assert list(range(after + 1, len(journal) + 1)) == numbers


def test_files_and_folder_are_for_the_owner_alone(path: Path) -> None:
    made = [path, path.parent / "archive", *path.parent.glob("snapshot-*"), *path.parent.glob("archive/*")]

    assert {0o600, 0o700} == {stat.S_IMODE(place.stat().st_mode) for place in made}
    assert [] == [place for place in made if place.stat().st_mode & 0o077]


def test_two_generations_of_snapshots_are_kept(path: Path) -> None:
    live(path, range(20, 40))

    assert 2 == len(list(path.parent.glob("snapshot-*")))


def test_a_long_journal_of_before_is_closed_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    known = live(path, range(48), is_compacted=False)

    live(path, range(48, 48))

    segments = segments_in(tmp_path / "archive")
    assert len(segments) > 5
    assert all(len(gzip.decompress(segment.path.read_bytes())) < 2 * SEGMENT_BYTES for segment in segments)
    assert known == remembered_at_start(path) == replayed(path)


def dying_at(path: Path, nth: int, *, is_before: bool) -> bool:
    """Compact in a process that ends at the nth step on files; tell whether it died of that."""
    child = os.fork()
    if child == 0:
        steps = 0

        def deadly(call: Callable[..., object]) -> Callable[..., object]:
            def wrapped(*arguments: object, **options: object) -> object:
                nonlocal steps
                steps += 1
                if steps == nth and is_before:
                    os._exit(9)
                result = call(*arguments, **options)
                if steps == nth:
                    os._exit(9)
                return result

            return wrapped

        try:
            with closing(opened(path)) as journal:
                remembered = books_on(journal, SetClock()).remembered
                for name in STEPS:
                    setattr(os, name, deadly(getattr(os, name)))
                journal.compact(remembered)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9


@pytest.mark.parametrize("is_before", [True, False], ids=["before", "after"])
def test_death_at_any_step_leaves_the_old_arrangement_or_the_new_one(tmp_path: Path, is_before: bool) -> None:
    origin = tmp_path / "origin" / "state"
    live(origin / "journal.jsonl", range(8))
    known = live(origin / "journal.jsonl", range(8, 13), is_compacted=False)
    records = list(read_journal(origin / "journal.jsonl"))

    for nth in range(1, 200):
        folder = tmp_path / str(nth)
        shutil.copytree(origin, folder)
        has_died = dying_at(folder / "journal.jsonl", nth, is_before=is_before)

        assert verify(folder / "journal.jsonl") is None
        assert records == list(read_journal(folder / "journal.jsonl"))
        with closing(opened(folder / "journal.jsonl")) as journal:
            assert known == books_on(journal, SetClock()).remembered
            assert [] == journal.doubts
            journal.compact(known)
            journal.append(AlarmRaised(kind="a", text="and on"))
        assert [*records, record_after(records)] == list(read_journal(folder / "journal.jsonl"))
        assert [] == [leftover for leftover in folder.rglob(".*.tmp") if leftover.parent.name == "archive"]
        if not has_died:
            assert nth > 15
            return
    pytest.fail("it never came to its end")


def record_after(records: list[Record]) -> Record:
    return Record(sequence=len(records) + 1, at=SetClock().now(), event=AlarmRaised(kind="a", text="and on"))


FAULTS = [(call, nth) for call, times in (("replace", 4), ("fsync", 8), ("mkdir", 1)) for nth in range(1, times + 1)]


@pytest.mark.parametrize(("call", "nth"), FAULTS)
def test_a_disk_that_fails_at_any_step_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, nth: int
) -> None:
    path = tmp_path / "state" / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    records, real, count = list(read_journal(path)), getattr(os, call), 0

    def failing(*arguments: object, **options: object) -> object:
        nonlocal count
        count += 1
        if count == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    with closing(opened(path)) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(os, call, failing)
            with pytest.raises(StateError, match=of(path, "No space left")):
                journal.compact(known)
        assert records == list(journal.records())

    assert verify(path) is None
    assert known == remembered_at_start(path)
    live(path, range(12, 12))
    assert records == list(read_journal(path))
    assert path.stat().st_size < SEGMENT_BYTES


def test_a_change_of_places_that_may_not_last_takes_no_further_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    real = os.replace

    def replace_without_a_lasting_name(source: object, target: object) -> None:
        real(source, target)  # type: ignore[arg-type]
        if Path(str(target)) == path:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    with closing(opened(path)) as journal:
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", replace_without_a_lasting_name)
            with pytest.raises(StateError, match=of(path, "cannot be compacted")):
                journal.compact(known)
        with pytest.raises(StateError, match=of(path, "(?<=: )was replaced while it was open;")):
            journal.append(AlarmRaised(kind="a", text="refused"))


def test_readers_and_writers_are_not_disturbed(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    with closing(opened(path)) as journal:
        before = len(journal)
        reader = journal.records()
        first = next(reader)
        writer = Thread(target=lambda: [journal.append(AlarmRaised(kind="a", text=str(number))) for number in range(50)])
        writer.start()
        journal.compact(known)
        writer.join()

        assert list(range(1, before + 1)) == [first.sequence, *(record.sequence for record in reader)]
        assert list(range(1, before + 51)) == [record.sequence for record in journal.records()]
    assert verify(path) is None
    assert before + 50 == remembered_at_start(path).sequence


def archived_files(path: Path) -> list[Path]:
    return [segment.path for segment in segments_in(path.parent / "archive")]


@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_missing_segment_is_named_and_a_start_can_do_without_it(path: Path, which: int) -> None:
    known = replayed(path)
    segment = segments_in(path.parent / "archive")[which]
    segment.path.unlink()

    assert AlteredRecord(segment.first, "is missing: no file in the archive holds it") == verify(path)
    with closing(opened(path)) as journal:
        assert [f"records {segment.first} to {segment.last} are missing in the archive"] == journal.doubts
        assert known == books_on(journal, SetClock()).remembered
        with pytest.raises(StateError, match=of(path, f"record {segment.first} is missing")):
            list(journal.records())


def test_an_archive_that_cannot_be_listed_is_named(tmp_path: Path) -> None:
    (tmp_path / "archive").touch()

    assert (
        str(tmp_path / "archive"),
        "cannot be listed (Not a directory)",
        "check the disk and the folder's rights",
    ) == refusal(lambda: segments_in(tmp_path / "archive"))


def test_a_damaged_newest_segment_is_told_by_its_name_and_a_start_can_do_without_it(path: Path) -> None:
    known, newest = replayed(path), archived_files(path)[-1]
    newest.write_bytes(newest.read_bytes()[:-20])

    with closing(opened(path)) as journal:
        assert [f"{newest.name} in the archive is damaged"] == journal.doubts
        assert known == books_on(journal, SetClock()).remembered


def test_without_archive_and_snapshots_nothing_is_made_up(path: Path) -> None:
    shutil.rmtree(path.parent / "archive")
    for snapshot in path.parent.glob("snapshot-*"):
        snapshot.unlink()

    with pytest.raises(StateError, match=of(path, "record 1 is missing, and there is no snapshot")):
        opened(path)
    assert AlteredRecord(1, "is missing: no file in the archive holds it") == verify(path)


def test_every_altered_byte_of_a_segment_is_seen(path: Path) -> None:
    segment = segments_in(path.parent / "archive")[1]
    whole = segment.path.read_bytes()
    for place in range(10, len(whole), 97):  # a header of ten bytes holds nothing but flags
        segment.path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])

        altered = verify(path)

        assert altered is not None
        assert segment.first <= altered.number <= segment.last


def test_an_altered_record_in_a_segment_is_named(path: Path) -> None:
    segment = segments_in(path.parent / "archive")[1]
    lines = gzip.decompress(segment.path.read_bytes()).splitlines(keepends=True)
    lines[3] = lines[3].replace(b"KRW-", b"KRW_")
    segment.path.write_bytes(gzip.compress(b"".join(lines)))

    assert AlteredRecord(segment.first + 3, "does not match its checksum") == verify(path)
    segment.path.write_bytes(gzip.compress(b"".join(lines[:3])))
    assert AlteredRecord(segment.first + 3, f"is not in {segment.path.name}, which should hold it") == verify(path)


def test_a_last_record_in_a_segment_is_never_taken_for_one_that_is_being_written(path: Path) -> None:
    segment = segments_in(path.parent / "archive")[1]
    lines = gzip.decompress(segment.path.read_bytes()).splitlines(keepends=True)
    segment.path.write_bytes(gzip.compress(b"".join([*lines[:-1], lines[-1][:-9]])))

    assert AlteredRecord(segment.last, "is not valid JSON") == verify(path)


def test_a_segment_that_cannot_be_read_is_named_with_the_cause(path: Path) -> None:
    segment = segments_in(path.parent / "archive")[1]
    whole = segment.path.read_bytes()

    segment.path.write_bytes(whole[:-20])
    cut = verify(path)
    segment.path.unlink()
    segment.path.symlink_to("elsewhere")
    linked = verify(path)

    assert cut is not None
    assert cut.problem.startswith(f"cannot be read: {segment.path.name} is damaged (Compressed file ended")
    assert (
        AlteredRecord(
            segment.first, f"cannot be read: {segment.path.name} is damaged (it is a symbolic link, and those are not followed)"
        )
        == linked
    )


def test_the_same_records_give_the_same_file_and_one_that_the_disk_altered_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_segment(tmp_path, 1, 2, b"one\ntwo\n")
    [segment] = segments_in(tmp_path)
    assert b"\0" * 4 == segment.path.read_bytes()[4:8]  # no time of day is in it

    altered = gzip.compress(b"one\ntoo\n", mtime=0)
    monkeypatch.setattr(gzip, "compress", lambda *_, **__: altered)
    assert (str(segment.path), "does not hold what was written to it", "check the disk") == refusal(
        lambda: write_segment(tmp_path, 1, 2, b"one\ntwo\n")
    )


def test_an_active_segment_that_was_emptied_is_told_from_a_journal_that_ends_with_the_archive(path: Path) -> None:
    last = segments_in(path.parent / "archive")[-1].last
    path.write_bytes(b"")

    assert AlteredRecord(last + 1, "is missing: journal.jsonl does not go on after the archive") == verify(path)


def forged(lines: list[bytes]) -> bytes:
    """Write the records anew with another amount in them and a chain of its own, as somebody who knows how would."""
    found = [examined(line, Link(int(line.split(b'"sequence":')[1].split(b",")[0]), None)) for line in lines]
    stored = [record for record in found if isinstance(record, StoredRecord)]
    previous, content = stored[0].previous, b""
    for record in stored:
        body = record.body.replace(b"10000000", b"90000000")
        line, previous = line_of(sequence=record.sequence, at=record.at, kind=record.kind, body=body, previous=previous)
        content += line
    return content


def test_a_segment_written_anew_does_not_fit_into_the_chain(path: Path) -> None:
    newest = archived_files(path)[-1]
    newest.write_bytes(gzip.compress(forged(gzip.decompress(newest.read_bytes()).splitlines(keepends=True))))

    with pytest.raises(StateError, match=of(path, "does not follow the record before it")):
        opened(path)
    assert "does not follow the record before it" == (verify(path) or AlteredRecord(0, "")).problem


def test_a_segment_written_anew_is_found_where_the_next_one_begins(path: Path) -> None:
    eldest, following = segments_in(path.parent / "archive")[:2]
    eldest.path.write_bytes(gzip.compress(forged(gzip.decompress(eldest.path.read_bytes()).splitlines(keepends=True))))

    assert AlteredRecord(following.first, "does not follow the record before it") == verify(path)


def spoil(snapshot: Path) -> None:
    snapshot.write_bytes(snapshot.read_bytes().replace(b"10000000", b"90000000"))


def snapshots(path: Path) -> list[Path]:
    return sorted(path.parent.glob("snapshot-*"), reverse=True)


@pytest.mark.parametrize(("spoilt", "doubts"), [(1, 1), (2, 2)])
def test_a_spoilt_snapshot_gives_way_to_an_older_one_or_to_the_records(path: Path, spoilt: int, doubts: int) -> None:
    known = replayed(path)
    for snapshot in snapshots(path)[:spoilt]:
        spoil(snapshot)

    with closing(opened(path)) as journal:
        assert known == books_on(journal, SetClock()).remembered
        assert doubts == len(journal.doubts)
        assert "does not match its checksum" in journal.doubts[0]


def test_missing_snapshots_are_told_and_every_record_is_read(path: Path) -> None:
    known = replayed(path)
    for snapshot in snapshots(path):
        snapshot.unlink()

    with closing(opened(path)) as journal:
        assert known == books_on(journal, SetClock()).remembered
        assert ["there is no snapshot beside the journal: everything is read from its first record on"] == journal.doubts


def test_the_snapshot_of_another_journal_is_not_believed(path: Path, tmp_path: Path) -> None:
    known, other = replayed(path), tmp_path / "other" / "journal.jsonl"
    with closing(opened(other)) as journal:
        journal.append(AlarmRaised(kind="another", text="life"))
    for hours in (range(6), range(6, 18)):
        live(other, hours)
    for snapshot in snapshots(path):
        snapshot.unlink()
    [foreign, _] = snapshots(other)
    shutil.copy(foreign, path.parent)

    with closing(opened(path)) as journal:
        assert known == books_on(journal, SetClock()).remembered
        assert [f"{path.with_name(foreign.name)}: was not made of the journal beside it; move it away"] == journal.doubts


def refusal(look: Callable[[], object]) -> tuple[str, str, str]:
    """Give the file, the problem and the remedy that looking at something ends with."""
    with pytest.raises(StateError) as caught:
        look()
    return caught.value.path, caught.value.problem, caught.value.remedy


def test_a_snapshot_that_is_none_is_named_and_may_be_moved_away(tmp_path: Path) -> None:
    file = SnapshotFile(5, tmp_path / "snapshot-0000000005.json")
    name, remedy = str(file.path), "move it away: all that it says is in the journal"

    assert (name, "is gone", remedy) == refusal(file.read)
    file.path.touch()
    assert (name, "is empty", remedy) == refusal(file.read)
    for body in ({"version": "1"}, {"record_checksum": "a"}, {"record_checksum": 1, "version": "1"}):
        write_state(file.path, body)
        assert (name, "does not say whose it is", remedy) == refusal(file.read)


def test_what_no_snapshot_can_hold_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Remembered) -> object:
        raise DataError("snapshot", "holds NaN")

    monkeypatch.setattr(journal_snapshots, "encode_remembered", refuse)

    path = tmp_path / "snapshot-0000000000.json"
    assert (str(path), "cannot be written (snapshot: holds NaN)", "report this as a defect") == refusal(
        lambda: write_snapshot(tmp_path, Remembered(), "a")
    )


def test_a_snapshot_that_holds_something_else_than_its_name_says_is_named(tmp_path: Path) -> None:
    file = SnapshotFile(5, tmp_path / "snapshot-0000000005.json")
    name, remedy = str(file.path), "move it away: all that it says is in the journal"
    body = {"record_checksum": "a", "version": "1"}

    write_state(file.path, {**body, "remembered": 7})
    assert (name, "cannot be read (snapshot: holds 7, not an object)", remedy) == refusal(file.read().remembered)
    write_state(file.path, {**body, "remembered": encode_remembered(Remembered())})
    assert (name, "holds record 0 under another name", remedy) == refusal(file.read().remembered)


def test_another_version_of_the_program_folds_again_unless_records_are_gone(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = replayed(path)
    monkeypatch.setattr(journal_snapshots, "__version__", "999")
    with closing(opened(path)) as journal:
        assert journal.snapshot() is None
        assert [] == journal.doubts
        assert known == books_on(journal, SetClock()).remembered

    archived_files(path)[0].unlink()

    assert known == remembered_at_start(path)


@pytest.mark.parametrize("loss", ["emptied", "removed", "cut", "earlier"])
def test_a_journal_that_ends_before_what_is_known_of_it_is_refused(path: Path, tmp_path: Path, loss: str) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if loss == "removed":
        path.unlink()
    elif loss == "earlier":
        earlier = tmp_path / "earlier.jsonl"
        live(earlier, range(5), is_compacted=False)
        shutil.copy(earlier, path)
    else:
        path.write_bytes(b"" if loss == "emptied" else lines[0][:-10])

    last = segments_in(path.parent / "archive")[-1].last
    problem = (
        "the journal was lost or cut" if loss == "earlier" else f"does not go on after record {last}, the last in the archive"
    )
    assert journal_exists(path)
    with pytest.raises(StateError, match=of(path, problem)):
        opened(path)


def test_a_journal_that_ends_in_half_a_record_before_a_snapshot_is_refused(path: Path) -> None:
    known = live(path, range(20, 20))
    (path.parent / f"snapshot-{known.sequence + 1:010}.json").touch()
    path.write_bytes(path.read_bytes()[:-10])

    with pytest.raises(StateError, match=of(path, f"but there was a record {known.sequence + 1}: the journal was lost or cut")):
        opened(path)


def test_what_a_crash_left_in_the_archive_must_be_the_same(path: Path, tmp_path: Path) -> None:
    first = int(path.read_bytes().split(b'"sequence":', 1)[1].split(b",", 1)[0])
    other = tmp_path / "other" / "journal.jsonl"
    live(other, range(20), is_compacted=False)
    lines = other.read_bytes().splitlines(keepends=True)[first - 1 : first + 1]
    leftover = path.parent / "archive" / f"journal-{first:010}-{first + 1:010}.jsonl.gz"
    leftover.write_bytes(gzip.compress(b"".join(lines)))
    opened(path).close()
    assert not leftover.exists()

    leftover.write_bytes(gzip.compress(b"".join(lines[::-1])))
    opened(path).close()
    assert not leftover.exists()

    with closing(opened(tmp_path / "third" / "journal.jsonl")) as journal:
        for number in range(first + 1):
            journal.append(AlarmRaised(kind="b", text=str(number)))
    foreign = (tmp_path / "third" / "journal.jsonl").read_bytes().splitlines(keepends=True)[first - 1 :]
    leftover.write_bytes(gzip.compress(b"".join(foreign)))
    with pytest.raises(StateError, match=of(leftover, "holds other records")):
        opened(path)


def test_a_damaged_record_is_not_put_into_the_archive(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    with closing(opened(path)) as journal:
        content = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(content.index(b'"kind":"cycle_completed"') + 60)
            file.write(b"#")
        with pytest.raises(StateError, match=of(path, "does not match its checksum")):
            journal.compact(known)

    assert not (tmp_path / "archive").exists() or [] == archived_files(path)


def test_a_record_that_was_cut_is_not_put_into_the_archive(tmp_path: Path) -> None:
    """The last one of a part might be taken for one that is being written."""
    path = tmp_path / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    with closing(opened(path)) as journal:
        lines = path.read_bytes().splitlines(keepends=True)
        end = sum(map(len, lines[: known.sequence - 1]))  # of the last record before the boundary
        with path.open("r+b") as file:
            file.seek(end - 3)
            file.write(b"#")
        with pytest.raises(StateError, match=of(path, f"record {known.sequence - 1} is not valid JSON")):
            journal.compact(known)

    assert not (tmp_path / "archive").exists() or known.sequence - 1 not in [
        segment.last for segment in segments_in(tmp_path / "archive")
    ]


def test_a_record_that_was_written_anew_is_not_put_into_the_archive(tmp_path: Path) -> None:
    """Each record is a part here: the chain is followed from one part to the next."""
    path = tmp_path / "journal.jsonl"
    known = live(path, range(2), is_compacted=False)
    with closing(JournalFile.open(path, SetClock().now, segment_bytes=1)) as journal:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join([forged(lines[:1]), *lines[1:]]))
        with pytest.raises(StateError, match=of(path, "record 2 does not follow the record before it")):
            journal.compact(known)


def test_what_a_failed_closing_left_is_removed_before_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    known = live(path, range(12), is_compacted=False)
    with closing(opened(path)) as journal:
        write_segment(tmp_path / "archive", 1, 2, b"of a closing that failed")
        journal.compact(known)

    assert verify(path) is None
    assert (1, 2) not in [(segment.first, segment.last) for segment in segments_in(tmp_path / "archive")]


def test_a_short_journal_needs_no_snapshot_and_one_with_an_archive_of_one_record_does(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with closing(JournalFile.open(path, SetClock().now, segment_bytes=1)) as journal:
        assert journal.snapshot() is None
        assert [] == journal.doubts
        journal.append(AlarmRaised(kind="a", text="one"))
        journal.append(AlarmRaised(kind="a", text="two"))
        journal.compact(replayed(path))
    for snapshot in snapshots(path):
        snapshot.unlink()

    with closing(opened(path)) as journal:
        assert journal.snapshot() is None
        assert ["there is no snapshot beside the journal: everything is read from its first record on"] == journal.doubts
