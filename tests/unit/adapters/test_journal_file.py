"""The journal holds exactly what was acknowledged, whatever happens to the disk, the file or the process."""

import errno
import hashlib
import json
import os
import random
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_lines import AlteredRecord, Link, StoredRecord, examined, line_of, lines_in
from dg_bot.adapters.journal_reader import journal_exists, read_journal, verified, verify
from dg_bot.domain.events import AlarmRaised, Event, IntentSending, SafeModeEntered
from dg_bot.errors import ImpossibleValue, StateError
from tests.journal_records import of

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
EVENTS = (
    SafeModeEntered(reason="손실 한도"),
    IntentSending(identifier="dg.KRW-BTC.20261120T12.entry.0.0"),
    AlarmRaised(kind="a", text='"\\\n}'),
)


def opened(path: Path) -> JournalFile:
    return JournalFile.open(path, lambda: NOON)


def events_in(path: Path) -> list[Event]:
    """Open the journal as a restart would, and give what it holds."""
    journal = opened(path)
    try:
        return [record.event for record in journal.records()]
    finally:
        journal.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three records."""
    file = tmp_path / "state" / "journal.jsonl"
    journal = opened(file)
    for event in EVENTS:
        journal.append(event)
    journal.close()
    return file


def failing(code: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(code, os.strerror(code))

    return fail


def test_a_line_can_be_checked_without_this_program(path: Path) -> None:
    previous = "0" * 64
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        record = json.loads(line)
        assert ["schema_version", "sequence", "at", "kind", "body", "length", "previous", "checksum"] == list(record)
        assert (1, number, "2026-11-20T12:00:00Z", previous) == (
            record["schema_version"],
            record["sequence"],
            record["at"],
            record["previous"],
        )

        def canonical(value: object) -> bytes:
            return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

        covered = {name: record[name] for name in ("sequence", "at", "kind", "body", "previous")}
        assert len(canonical(record["body"])) == record["length"]
        assert hashlib.sha256(canonical(covered)).hexdigest() == record["checksum"]
        previous = record["checksum"]


def test_identifiers_can_be_found_with_grep(path: Path) -> None:
    assert b'"identifier":"dg.KRW-BTC.20261120T12.entry.0.0"' in path.read_bytes()


def test_a_restart_goes_on_where_it_stopped(path: Path) -> None:
    journal = opened(path)
    record = journal.append(IntentSending(identifier="next"))
    journal.close()

    assert 4 == record.sequence
    assert [*EVENTS, IntentSending(identifier="next")] == events_in(path)
    assert journal.quarantined is None


def test_folder_and_file_are_for_the_owner_alone(path: Path) -> None:
    path.chmod(0o644)
    path.parent.chmod(0o755)

    opened(path).close()

    assert [0o600, 0o700] == [stat.S_IMODE(place.stat().st_mode) for place in (path, path.parent)]


def test_a_linked_journal_is_refused(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateError, match="symbolic link"):
        opened(tmp_path / "journal.jsonl")
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("call", ["open", "fsync"])
@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.EIO])
def test_a_journal_that_cannot_be_opened_and_synced_is_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    monkeypatch.setattr(os, call, failing(code))

    with pytest.raises(StateError, match=of(path, os.strerror(code))):
        opened(path)


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT])
def test_a_record_that_is_not_durable_is_not_there(path: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int) -> None:
    journal, before = opened(path), path.read_bytes()

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing(code))
        with pytest.raises(StateError, match=of(path, f"record 4 was not written.*{os.strerror(code)}")):
            journal.append(IntentSending(identifier="lost"))

    assert before == path.read_bytes()
    assert list(EVENTS) == [record.event for record in journal.records()]
    assert 4 == journal.append(IntentSending(identifier="kept")).sequence
    journal.close()
    assert [*EVENTS, IntentSending(identifier="kept")] == events_in(path)


@pytest.mark.parametrize("taken", [0, 1, 40])
def test_a_record_taken_in_part_is_taken_out(path: Path, monkeypatch: pytest.MonkeyPatch, taken: int) -> None:
    journal, before, write = opened(path), path.read_bytes(), os.write

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: write(fd, data[:taken]))
        with pytest.raises(StateError, match=of(path, f"{taken} of ")):
            journal.append(IntentSending(identifier="lost"))

    assert before == path.read_bytes()
    journal.close()


def test_a_journal_that_cannot_be_cut_back_takes_nothing_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing(errno.EIO))
        patch.setattr(os, "ftruncate", failing(errno.EIO))
        with pytest.raises(StateError, match=of(path, "record 4 was not written")):
            journal.append(IntentSending(identifier="lost"))

    for _ in range(2):
        with pytest.raises(
            StateError, match=of(path, r"(?<=: )could not be cut back after a failed write; stop the program and check the disk$")
        ):
            journal.append(IntentSending(identifier="refused"))
    assert list(EVENTS) == [record.event for record in journal.records()]
    journal.close()


def test_an_event_that_could_not_be_read_back_is_not_written(path: Path) -> None:
    journal, before = opened(path), path.read_bytes()

    with pytest.raises(StateError, match=of(path, "field 'text'.*; report this as a defect$")):
        journal.append(AlarmRaised(kind="a", text=None))  # type: ignore[arg-type]

    assert before == path.read_bytes()
    journal.close()


def test_half_of_a_surrogate_pair_in_a_reply_does_not_spoil_the_journal(path: Path) -> None:
    journal = opened(path)
    journal.append(AlarmRaised(kind="a", text="\ud83d"))
    journal.append(AlarmRaised(kind="a", text="\ud83d\ude00"))
    journal.close()

    assert [AlarmRaised(kind="a", text="?"), AlarmRaised(kind="a", text="??")] == events_in(path)[3:]


def test_a_journal_that_somebody_else_wrote_to_takes_nothing_more(path: Path) -> None:
    first, second = opened(path), opened(path)
    first.append(IntentSending(identifier="first"))

    with pytest.raises(
        StateError, match=of(path, "somebody else wrote to it; stop the other program, then start this one again$")
    ):
        second.append(IntentSending(identifier="second"))

    first.close()
    second.close()
    assert [*EVENTS, IntentSending(identifier="first")] == events_in(path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ("removed", "(?<=: )is no longer there"),
        ("replaced", "(?<=: )was replaced while it was open;"),
        ("linked", "(?<=: )was replaced while it was open;"),
        ("cut", "(?<=: )is 10 bytes long instead of"),
    ],
)
def test_a_journal_that_was_taken_away_takes_nothing_more(path: Path, change: str, problem: str) -> None:
    journal = opened(path)
    if change == "cut":
        os.truncate(path, 10)
    else:
        content = path.read_bytes()
        path.rename(path.with_name("moved"))
        if change == "replaced":
            path.write_bytes(content)
        elif change == "linked":
            path.symlink_to("moved")

    with pytest.raises(StateError, match=of(path, problem)):
        journal.append(IntentSending(identifier="lost"))
    journal.close()
    with pytest.raises(StateError, match=of(path, "is no longer there")):
        journal.append(IntentSending(identifier="lost"))


def test_a_time_without_an_offset_is_no_time_of_a_record(path: Path) -> None:
    journal = JournalFile.open(path, lambda: NOON.replace(tzinfo=None))

    with pytest.raises(ImpossibleValue, match=r"^journal time"):
        journal.append(EVENTS[0])
    journal.close()


@pytest.mark.parametrize(
    ("number", "changes", "refused"),
    [(1, {"previous": "1" * 64}, 1), (2, {"body": b'{"identifier":"dg.KRW-BTC.20261120T12.enter.0.0"}'}, 3)],
    ids=["a beginning of its own", "another body"],
)
def test_a_record_that_is_written_anew_while_the_journal_is_open_does_not_fit_in(
    path: Path, number: int, changes: dict[str, Any], refused: int
) -> None:
    journal = opened(path)
    lines = lines_of(path)
    stored = examined(lines[number - 1], Link(number, None))
    assert isinstance(stored, StoredRecord)
    fields: dict[str, Any] = {"at": stored.at, "kind": stored.kind, "body": stored.body, "previous": stored.previous}
    lines[number - 1], _ = line_of(sequence=number, **{**fields, **changes})
    path.write_bytes(b"".join(lines))

    with pytest.raises(StateError, match=of(path, f"record {refused} does not follow the record before it")):
        list(journal.records())
    journal.close()


def test_threads_append_one_after_the_other(tmp_path: Path) -> None:
    journal = opened(tmp_path / "journal.jsonl")

    def write(name: str) -> None:
        for number in range(20):
            journal.append(AlarmRaised(kind=name, text=str(number)))

    threads = [Thread(target=write, args=(name,)) for name in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()

    alarms = [event for event in events_in(tmp_path / "journal.jsonl") if isinstance(event, AlarmRaised)]
    assert [[str(number) for number in range(20)]] * 3 == [[a.text for a in alarms if a.kind == name] for name in "abc"]


def test_a_journal_cut_between_records_is_a_shorter_journal(path: Path) -> None:
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))

    assert list(EVENTS[:2]) == events_in(path)


def test_the_quarantine_names_the_record_and_never_overwrites(path: Path) -> None:
    for _ in range(2):
        with path.open("ab") as file:
            file.write(b'{"schema_version":1,"seq')
        opened(path).close()

    names = sorted(place.name for place in path.parent.iterdir())
    assert ["journal.jsonl", "journal.torn-4-1.jsonl", "journal.torn-4-2.jsonl"] == names
    assert list(EVENTS) == events_in(path)
    assert 0o600 == stat.S_IMODE((path.parent / "journal.torn-4-1.jsonl").stat().st_mode)


@pytest.mark.parametrize("call", ["write", "fsync", "ftruncate"])
def test_a_torn_record_that_cannot_be_put_aside_is_not_thrown_away(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    torn = path.read_bytes()[:-5]
    path.write_bytes(torn)

    with monkeypatch.context() as patch:
        if call == "write":
            patch.setattr(os, "fdopen", failing(errno.ENOSPC))
        else:
            patch.setattr(os, call, failing(errno.ENOSPC))
        with pytest.raises(StateError):
            opened(path)

    assert torn == path.read_bytes()
    assert list(EVENTS[:2]) == events_in(path)


@pytest.mark.parametrize("tail", [b"\0" * 100, b"\0" * 100 + b"\n", b"[" * 5000 + b"\n", b"\xff\xfe\n", b"\n"])
def test_a_tail_of_rubbish_is_put_aside(path: Path, tail: bytes) -> None:
    with path.open("ab") as file:
        file.write(tail)

    assert list(EVENTS) == events_in(path)
    assert [tail] == [place.read_bytes() for place in path.parent.glob("journal.torn-4-*.jsonl")]


def test_lines_that_are_written_while_others_are_read_are_not_read(path: Path) -> None:
    with path.open("rb") as file:
        reader = lines_in(file)
        read = [next(reader) for _ in EVENTS]
        with path.open("ab") as other:
            other.write(b"of a writer\n")

        assert [] == list(reader)
    assert [False, False, True] == [is_last for _, is_last in read]


def test_one_flipped_byte_is_always_seen(path: Path) -> None:
    whole, chance = path.read_bytes(), random.Random(11)
    last = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for _ in range(500):
        place = chance.randrange(len(whole))
        flipped = bytes([whole[place] ^ chance.randrange(1, 256)])
        path.write_bytes(whole[:place] + flipped + whole[place + 1 :])
        try:
            journal = opened(path)
        except StateError:
            assert verify(path) is not None
        else:
            journal.close()
            assert place >= last
            assert journal.quarantined is not None
            assert list(EVENTS[:2]) == events_in(path)
            journal.quarantined.unlink()


def test_a_flipped_byte_before_the_last_record_names_its_record(path: Path) -> None:
    whole = path.read_bytes()
    first = len(whole.splitlines(keepends=True)[0])
    for place in range(first, first + 200):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(StateError, match=of(path, "record 2 ")):
            opened(path)


def lines_of(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


@pytest.mark.parametrize(
    ("alter", "expected"),
    [
        (lambda lines: [lines[0], lines[2]], AlteredRecord(2, "carries the sequence 3")),
        (lambda lines: [lines[0], lines[0], lines[1], lines[2]], AlteredRecord(2, "carries the sequence 1")),
        (lambda lines: [lines[0], b"\n", *lines[1:]], AlteredRecord(2, "is not valid JSON")),
        (lambda lines: [b"{}\n", *lines[1:]], AlteredRecord(1, "has schema_version None, this program reads 1")),
        (
            lambda lines: [lines[0].replace(b'version":1', b'version":2'), *lines[1:]],
            AlteredRecord(1, "has schema_version 2, this program reads 1"),
        ),
        (lambda lines: [lines[0].replace(b",", b", "), *lines[1:]], AlteredRecord(1, "is not laid out as a record")),
        (
            lambda lines: [lines[0].replace(b"\xec\x86\x90", b"\xec\x86\x91"), *lines[1:]],
            AlteredRecord(1, "does not match its checksum"),
        ),
        (
            lambda lines: [lines[0].replace(b'"length":26', b'"length":27'), *lines[1:]],
            AlteredRecord(1, "has a body of 26 bytes and says 27"),
        ),
        (
            lambda lines: [lines[0], lines[1].replace(b"\n", b" "), lines[2]],
            AlteredRecord(2, "has a body of 338 bytes and says 29"),
        ),
        (lambda lines: [lines[0], lines[1].replace(b"\n", b" "), lines[2][:-9]], AlteredRecord(2, "is not valid JSON")),
        (lambda lines: [*lines[:2], lines[2].replace(b'"a"', b'"b"')], AlteredRecord(3, "does not match its checksum")),
    ],
)
def test_what_was_altered_is_named(path: Path, alter: Callable[[list[bytes]], list[bytes]], expected: AlteredRecord) -> None:
    path.write_bytes(b"".join(alter(lines_of(path))))

    assert expected == verify(path)
    with pytest.raises(StateError, match=of(path, f"record {expected.number} {expected.problem}")):
        opened(path)
    with pytest.raises(StateError, match=of(path, f"record {expected.number} ")):
        list(read_journal(path))


def test_a_journal_without_its_beginning_gives_no_record(path: Path) -> None:
    path.write_bytes(b"".join(lines_of(path)[1:]))

    assert AlteredRecord(1, "is missing: no file in the archive holds it") == verify(path)
    with pytest.raises(StateError, match=of(path, "record 1 is missing")):
        events_in(path)
    with pytest.raises(StateError, match=of(path, "record 1 is missing")):
        list(read_journal(path))


def test_a_record_of_another_journal_does_not_fit_in(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    journal = opened(other)
    for event in (SafeModeEntered(reason="another"), *EVENTS[1:]):
        journal.append(event)
    journal.close()
    path.write_bytes(b"".join([*lines_of(path)[:1], *lines_of(other)[1:]]))

    assert AlteredRecord(2, "does not follow the record before it") == verify(path)


def test_an_event_of_a_newer_program_is_named_when_it_is_read(path: Path) -> None:
    body = b'{"reason":"x"}'
    covered = (
        b'{"at":"2026-11-20T12:00:00Z","body":' + body + b',"kind":"moon_reached","previous":"' + b"0" * 64 + b'","sequence":1}'
    )
    line = (
        b'{"schema_version":1,"sequence":1,"at":"2026-11-20T12:00:00Z","kind":"moon_reached","body":'
        + body
        + b',"length":14,"previous":"'
    ) + (b"0" * 64 + b'","checksum":"' + hashlib.sha256(covered).hexdigest().encode() + b'"}\n')
    path.write_bytes(line)

    assert verify(path) is None
    with pytest.raises(StateError, match=of(path, r"record 1 cannot be read \(event moon_reached")):
        events_in(path)


def test_damage_after_opening_is_named_when_it_is_read(path: Path) -> None:
    journal, whole = opened(path), path.read_bytes()
    with path.open("r+b") as file:
        file.seek(whole.index(b"entry"))
        file.write(b"ENTRY")

    with pytest.raises(StateError, match=of(path, "record 2 does not match its checksum")):
        list(journal.records(after=1))
    journal.close()


def test_a_disk_that_fails_while_a_record_is_read_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = opened(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pread", failing(errno.EIO))
        with pytest.raises(StateError, match=of(path, "record 1 cannot be read")):
            list(journal.records())
    journal.close()


def test_a_record_of_which_a_part_is_gone_is_told_with_how_much_is_there(path: Path) -> None:
    journal = opened(path)
    size = len(lines_of(path)[2])
    os.truncate(path, path.stat().st_size - 7)

    with pytest.raises(StateError, match=of(path, rf"record 3 cannot be read \({size - 7} of {size} bytes are there\)")):
        list(journal.records())
    journal.close()


def test_looking_at_a_journal_changes_nothing(path: Path) -> None:
    torn = path.read_bytes()[:-3]
    path.write_bytes(torn)

    assert verify(path) is None
    assert list(EVENTS[:2]) == [record.event for record in read_journal(path)]
    assert torn == path.read_bytes()
    assert [path] == list(path.parent.iterdir())


def test_a_journal_that_cannot_be_looked_at_is_not_taken_for_none(path: Path) -> None:
    with pytest.raises(StateError, match="cannot be looked at"):
        journal_exists(path / "journal.jsonl")


def test_a_journal_exists_once_something_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.jsonl"
    assert not journal_exists(path)

    journal = opened(path)
    assert not journal_exists(path)

    journal.append(EVENTS[0])
    assert journal_exists(path)
    journal.close()


def test_a_journal_of_no_record_ends_at_none(path: Path) -> None:
    path.write_bytes(b"")

    assert 0 == verified(path)
    assert [] == list(read_journal(path))


@pytest.mark.parametrize("look", [verify, lambda path: list(read_journal(path))])
def test_a_journal_that_is_not_there_cannot_be_looked_at(tmp_path: Path, look: Callable[[Path], object]) -> None:
    with pytest.raises(StateError, match="cannot be read") as caught:
        look(tmp_path / "journal.jsonl")
    assert str(tmp_path / "journal.jsonl") == caught.value.path


def test_a_record_that_was_altered_or_is_of_a_newer_program_is_refused_with_its_file(path: Path) -> None:
    lines = lines_of(path)
    path.write_bytes(b"".join([lines[0].replace(b"safe_mode_entered", b"safe_mode_entertd"), *lines[1:]]))
    with pytest.raises(StateError, match=of(path, "record 1 does not match its checksum")) as altered:
        list(read_journal(path))
    line, _ = line_of(sequence=1, at="2026-11-20T12:00:00Z", kind="of_tomorrow", body=b"{}", previous="0" * 64)
    path.write_bytes(line)
    with pytest.raises(StateError, match=of(path, "record 1 cannot be read")) as newer:
        list(read_journal(path))

    assert [str(path)] * 2 == [altered.value.path, newer.value.path]


WRITER = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.domain.events import AlarmRaised
journal = JournalFile.open(Path(sys.argv[1]), lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
while True:
    record = journal.append(AlarmRaised(kind="a", text="x" * 3000))
    sys.stdout.write(f"{record.sequence}\\n")
    sys.stdout.flush()
"""


def test_a_killed_writer_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    path, chance = tmp_path / "journal.jsonl", random.Random(3)
    for _ in range(4):
        with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randrange(1, 40)):
                writer.stdout.readline()
            writer.send_signal(signal.SIGKILL)
            acknowledged = writer.stdout.read().splitlines()
        last = int(acknowledged[-1]) if acknowledged else 0

        journal = opened(path)
        assert last <= len(journal)
        assert list(range(1, len(journal) + 1)) == [record.sequence for record in journal.records()]
        journal.close()


def test_a_year_of_records_is_kept_as_offsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    path = tmp_path / "journal.jsonl"
    journal = opened(path)
    for number in range(2000):
        journal.append(AlarmRaised(kind="a", text=f"{number} {'x' * 4000}"))
    journal.close()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    journal = opened(path)

    assert 2000 == len(journal)
    assert [1999, 2000] == [record.sequence for record in journal.records(after=1998)]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096
    journal.close()


def test_a_single_byte_is_something_and_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    path, other = tmp_path / "journal.jsonl", tmp_path / "empty"
    path.write_bytes(b"x")
    assert journal_exists(path)
    path.unlink()
    other.write_bytes(b"")
    path.symlink_to(other)

    assert journal_exists(path)


def test_a_journal_that_cannot_be_looked_at_is_named(path: Path) -> None:
    with pytest.raises(StateError) as caught:
        journal_exists(path / "journal.jsonl")

    assert (str(path / "journal.jsonl"), "check the disk and the folder's rights") == (caught.value.path, caught.value.remedy)


def test_a_last_record_that_lost_its_line_end_alone_is_set_aside(path: Path) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])

    journal = opened(path)

    assert journal.quarantined is not None
    assert whole.splitlines(keepends=True)[-1][:-1] == journal.quarantined.read_bytes()
    assert list(EVENTS[:-1]) == [record.event for record in journal.records()]
    journal.close()


def test_a_last_record_whose_body_is_not_as_long_as_it_says_is_set_aside(path: Path) -> None:
    *lines, last = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, last.replace(b'"body":{"kind":"a"', b'"body":{"kind":"ab"')]))

    journal = opened(path)

    assert journal.quarantined is not None
    assert list(EVENTS[:-1]) == [record.event for record in journal.records()]
    journal.close()


@pytest.mark.parametrize("name", ["archive/journal-0000000001-0000000002.jsonl.gz", "snapshot-0000000002.json"])
def test_what_is_left_of_a_journal_tells_that_there_was_one(tmp_path: Path, name: str) -> None:
    assert not journal_exists(tmp_path / "journal.jsonl")
    (tmp_path / "archive").mkdir()
    (tmp_path / name).touch()

    assert journal_exists(tmp_path / "journal.jsonl")
