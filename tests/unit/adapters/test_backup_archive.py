"""A backup as a file: what was put in comes out, what was altered or cut is refused, and a copy of a busy journal is whole."""

import gzip
import io
import tarfile
from contextlib import closing
from pathlib import Path
from threading import Event as Flag
from threading import Thread

import pytest
from benchmarks.journal_year import SetClock, books_on, live_hour

from dg_bot.adapters.backup_archive import ArchiveWriter, contents, place_file, verified
from dg_bot.adapters.journal_copy import journal_files
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import verified as verified_journal
from dg_bot.errors import StateError

FILES = {"state/journal.jsonl": b"one\ntwo\n", "candles/hourly/KRW-BTC_60m.csv": b"", "database.dump": bytes(range(256)) * 50}


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "backups" / "a.tar.gz"
    with ArchiveWriter(path) as writer:
        for name, content in FILES.items():
            writer.add(name, content)
        writer.note(mode="paper")
    return path


def repacked(path: Path, members: dict[str, bytes], *, kind: bytes = tarfile.REGTYPE) -> None:
    """Write a tar with these members, of which the last may be of another kind."""
    with tarfile.open(path, "w:gz") as tar:
        for number, (name, content) in enumerate(members.items(), start=1):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            if number == len(members):
                member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member, io.BytesIO(content))


def test_what_was_put_in_comes_out_and_belongs_to_its_owner_alone(archive: Path) -> None:
    manifest = verified(archive)

    assert FILES == dict(contents(archive))
    assert FILES.keys() == manifest.files.keys()
    assert {"mode": "paper"} == manifest.facts
    assert (0o600, [archive]) == (archive.stat().st_mode & 0o777, list(archive.parent.iterdir()))


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail_half_way() -> None:
        with ArchiveWriter(tmp_path / "a.tar.gz") as writer:
            writer.add("state/journal.jsonl", b"one\n")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail_half_way()

    assert [] == list(tmp_path.iterdir())


def test_every_cut_and_every_flipped_byte_is_seen(archive: Path) -> None:
    whole = archive.read_bytes()

    for place in range(0, len(whole), 29):
        for spoilt in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x10]) + whole[place + 1 :]):
            archive.write_bytes(spoilt)
            # Bytes of the gzip header that mean nothing may differ.
            if place > 9 or len(spoilt) < len(whole):
                with pytest.raises(StateError):
                    verified(archive)


def test_a_file_that_was_exchanged_added_or_taken_out_is_named(archive: Path) -> None:
    manifest = dict(contents_with_manifest(archive))
    for changed in (
        {**FILES, "state/journal.jsonl": b"one\ntoo\n"},
        {**FILES, "state/extra": b""},
        {name: content for name, content in FILES.items() if name != "database.dump"},
    ):
        repacked(archive, {**changed, "manifest.json": manifest["manifest.json"]})
        with pytest.raises(StateError, match="has another"):
            verified(archive)


def contents_with_manifest(path: Path) -> list[tuple[str, bytes]]:
    with tarfile.open(path) as tar:
        return [(member.name, (tar.extractfile(member) or io.BytesIO()).read()) for member in tar]


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "state/../../evil", "state\\evil"])
def test_a_name_that_leads_outside_is_refused(archive: Path, name: str) -> None:
    repacked(archive, {name: b"x"})

    with pytest.raises(StateError, match="that no backup has"):
        verified(archive)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.GNUTYPE_SPARSE])
def test_what_is_no_plain_file_is_refused(archive: Path, kind: bytes) -> None:
    repacked(archive, {"state/link": b""}, kind=kind)

    with pytest.raises(StateError, match="that no backup has"):
        verified(archive)


@pytest.mark.parametrize(
    "content", [b"", b"no archive at all", gzip.compress(b"no tar", mtime=0)], ids=["empty", "another file", "nothing packed"]
)
def test_what_is_no_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tar.gz"
    path.write_bytes(content)

    with pytest.raises(StateError):
        verified(path)


@pytest.fixture
def journal_path(tmp_path: Path) -> Path:
    """A journal of which some is in the archive."""
    path, clock = tmp_path / "state" / "journal.jsonl", SetClock()
    with closing(JournalFile.open(path, clock.now, segment_bytes=20_000)) as journal:
        books = books_on(journal, clock)
        for hour in range(12):
            live_hour(books, clock, hour)
            journal.compact(books.remembered)
        live_hour(books, clock, 12)
    return path


def test_a_record_that_is_being_written_is_not_copied(journal_path: Path) -> None:
    whole = journal_path.read_bytes()
    journal_path.write_bytes(whole + b'{"schema_version":1,"sequ')

    assert whole == dict(journal_files(journal_path))["journal.jsonl"]


def test_what_the_active_segment_holds_is_not_copied_twice(journal_path: Path) -> None:
    first = int(journal_path.read_bytes().split(b'"sequence":', 1)[1].split(b",", 1)[0])
    copied = [name for name, _ in journal_files(journal_path)]
    (journal_path.parent / "archive" / f"journal-{first:010}-{first + 1:010}.jsonl.gz").write_bytes(b"left by a crash")
    (journal_path.parent / f"snapshot-{first + 1:010}.json").write_bytes(b"of a record that the copy may lack")

    assert copied == [name for name, _ in journal_files(journal_path)]
    assert any(name.startswith("archive/") for name in copied)
    assert f"snapshot-{first:010}.json" in copied


def test_a_journal_that_cannot_be_copied_is_named(journal_path: Path) -> None:
    journal_path.unlink()
    journal_path.mkdir()

    with pytest.raises(StateError) as caught:
        list(journal_files(journal_path))
    assert (str(journal_path), "cannot be copied (it is not a regular file)", "try again") == (
        caught.value.path,
        caught.value.problem,
        caught.value.remedy,
    )


def test_a_journal_is_copied_whole_while_a_bot_writes_and_closes_it(tmp_path: Path) -> None:
    """However often records are appended and segments closed in between, each copy is a journal from its first record on."""
    path = tmp_path / "state" / "journal.jsonl"
    clock = SetClock()
    done = Flag()
    with closing(JournalFile.open(path, clock.now, segment_bytes=20_000)) as journal:
        books = books_on(journal, clock)
        live_hour(books, clock, 0)

        def live() -> None:
            for hour in range(1, 60):
                live_hour(books, clock, hour)
                journal.compact(books.remembered)
            done.set()

        writer = Thread(target=live)
        writer.start()
        lengths: list[int] = []
        while not done.is_set() or not lengths:
            copy = tmp_path / f"copy{len(lengths)}"
            for name, content in journal_files(path):
                place_file(copy, name, content)
            found = verified_journal(copy / "journal.jsonl")
            assert isinstance(found, int), found
            with closing(JournalFile.open(copy / "journal.jsonl", clock.now)) as copied:
                assert found == len(copied)
            lengths.append(found)
        writer.join()

    assert sorted(lengths) == lengths
    assert len(list((tmp_path / "state" / "archive").iterdir())) > 3
