"""Group F: the journal and the state files, when they are emptied, cut, altered, lost, planted, or cannot be written."""

import errno
import gzip
import os
import shutil
import stat
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from random import Random
from threading import Event as Flag
from threading import Thread

import pytest
from benchmarks.journal_year import SetClock, books_on, live_hour

from dg_bot.adapters import journal_file
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal, verify
from dg_bot.adapters.memory import MemoryJournal
from dg_bot.adapters.state_file import read_state, write_state
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, CycleCompleted, IntentPlanned, SafeModeEntered
from dg_bot.errors import InvariantViolated, StateError
from dg_bot.pipeline.books import Books
from tests.builders import PaperBot, SeamedJournal, assert_invariants, paper_bot
from tests.fault.file_bots import House, fill_up, on_disk, restarted, tiny_disk
from tests.journal_records import BTC, replayed
from tests.scenario.killed import dies, run_until_killed

HALF = Decimal("0.5")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a disk, and give a file to somebody else")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    with house.server:
        yield house


def snapshots(folder: Path) -> list[Path]:
    return sorted(folder.glob("snapshot-*"), reverse=True)


def live_for_weeks(path: Path, hours: int = 24 * 17) -> None:
    """Let two markets be traded for two weeks, compacting as the bot does."""
    clock = SetClock()
    journal = JournalFile.open(path, clock.now)
    books = books_on(journal, clock)
    for hour in range(hours):
        live_hour(books, clock, hour)
        books.compact()
    journal.close()


def test_f01_an_emptied_state_file_is_made_again_from_the_journal(house: House) -> None:
    """The position, its levels and the limits come from the journal, and the file is written anew."""
    house.live()
    with house.start():
        before = read_state(house.state / "risk_state.json")
    (house.state / "risk_state.json").write_bytes(b"")

    with house.start() as bot:
        assert HALF == bot.books.state.positions[BTC].quantity
        after = read_state(house.state / "risk_state.json")

    assert before is not None
    assert after is not None
    assert before["positions"] == after["positions"]


@pytest.mark.parametrize("emptied", [1, 2])
def test_f01_an_emptied_snapshot_gives_way_to_the_one_before_or_to_every_record(path: Path, emptied: int) -> None:
    """The generation before it serves, or the whole journal; an alarm names what is wrong."""
    known = replayed(path)
    for snapshot in snapshots(path.parent)[:emptied]:
        snapshot.write_bytes(b"")

    journal = JournalFile.open(path, SetClock().now)

    assert known == books_on(journal, SetClock()).remembered
    assert emptied == len(journal.doubts)
    assert "is empty" in journal.doubts[0]
    journal.close()


def test_f01_an_emptied_journal_is_not_a_first_start(house: House) -> None:
    """The start is refused before anything is asked of the venue but its time."""
    house.live()
    with house.start():
        pass
    (house.state / "journal.jsonl").write_bytes(b"")

    with pytest.raises(StateError, match="journal was lost or cut"), house.start():
        pass


def test_f02_a_last_record_cut_anywhere_is_put_aside(tmp_path: Path) -> None:
    """The record before it is the last one, what is left of the cut one goes into a file of its own, and nothing else is lost."""
    path = tmp_path / "journal.jsonl"
    journal = JournalFile.open(path, SetClock().now)
    for text in ("one", "two", "three"):
        journal.append(AlarmRaised(kind="a", text=text))
    journal.close()
    whole = path.read_bytes()
    start = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for size in range(start + 1, len(whole)):
        path.write_bytes(whole[:size])

        journal = JournalFile.open(path, SetClock().now)

        assert journal.quarantined is not None
        assert whole[start:size] == journal.quarantined.read_bytes()
        assert whole[:start] == path.read_bytes()
        assert 3 == journal.append(AlarmRaised(kind="a", text="three")).sequence
        assert whole == path.read_bytes()
        journal.close()
        journal.quarantined.unlink()


def test_f02_a_start_after_a_torn_record_goes_on_and_says_so(house: House) -> None:
    """The position is watched as before, and an alarm names the file with the torn record."""
    house.live()
    with (house.state / "journal.jsonl").open("ab") as file:
        file.write(b'{"schema_version":1,"sequence":6,"at":"2026')

    with house.start() as bot:
        assert HALF == bot.books.state.positions[BTC].quantity
        assert "torn_journal" in bot.books.state.alarms


def test_f03_a_flipped_digit_in_the_state_file_is_seen_and_mended(house: House) -> None:
    """The file is not believed; it is made again from the journal."""
    house.live()
    with house.start():
        pass
    path = house.state / "risk_state.json"
    path.write_bytes(path.read_bytes().replace(b'"quantity": "0.5"', b'"quantity": "0.6"'))
    with pytest.raises(StateError, match="checksum"):
        read_state(path)

    with house.start() as bot:
        assert HALF == bot.books.state.positions[BTC].quantity
        assert read_state(path) is not None


def test_f03_a_flipped_digit_in_the_journal_refuses_the_start_and_names_the_record(house: House) -> None:
    """No state is invented: the start ends with the number of the altered record, and no order is sent."""
    house.live()
    with house.start():
        pass
    path = house.state / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"executed_quantity":"0.5"', b'"executed_quantity":"0.6"'))

    with pytest.raises(StateError, match="record 5 does not match its checksum"), house.start():
        pass
    assert 0 == house.orders_sent()


def test_f03_a_flipped_digit_in_a_snapshot_is_seen(path: Path) -> None:
    """The snapshot is not believed; the one before it and the records after that give the same."""
    known, newest = replayed(path), snapshots(path.parent)[0]
    newest.write_bytes(newest.read_bytes().replace(b'"quantity": "1"', b'"quantity": "2"'))

    journal = JournalFile.open(path, SetClock().now)

    assert known == books_on(journal, SetClock()).remembered
    assert "does not match its checksum" in journal.doubts[0]
    journal.close()


def test_f03_a_flipped_byte_in_the_archive_is_named_by_the_doctor(path: Path) -> None:
    """The start can do without the archive; verifying names the record."""
    segment = sorted((path.parent / "archive").iterdir())[0]
    lines = gzip.decompress(segment.read_bytes()).splitlines(keepends=True)
    lines[6] = lines[6].replace(b"KRW-", b"KRW_")
    segment.write_bytes(gzip.compress(b"".join(lines)))

    altered = verify(path)

    assert altered is not None
    assert (7, "does not match its checksum") == (altered.number, altered.problem)


LOSSES: dict[str, tuple[str, ...]] = {
    "journal": ("journal.jsonl",),
    "journal and state file": ("journal.jsonl", "risk_state.json"),
    "journal and cursors": ("journal.jsonl", "cursors.json"),
    "everything made from the journal too": ("journal.jsonl", "risk_state.json", "cursors.json"),
    "the mark of the folder": ("instance.json",),
}


@pytest.mark.parametrize("lost", LOSSES.values(), ids=LOSSES)
def test_f04_a_lost_journal_beside_anything_that_knows_it_is_lost_state(house: House, lost: tuple[str, ...]) -> None:
    """The start is refused and says what was lost, for a first start would forget the position; no order is sent."""
    house.live()
    with house.start():
        pass
    for name in lost:
        (house.state / name).unlink(missing_ok=True)

    with pytest.raises(StateError, match="lost"), house.start():
        pass
    assert 0 == house.orders_sent()


@pytest.mark.parametrize("kept", [1, 3, 5])
def test_f04_a_journal_cut_between_two_records_is_lost_state(house: House, kept: int) -> None:
    """A journal without its last records is refused even where no other file is left but the folder's mark."""
    house.live()
    with house.start():
        pass
    path = house.state / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:kept]))
    for name in ("risk_state.json", "cursors.json"):
        (house.state / name).unlink(missing_ok=True)

    with pytest.raises(StateError, match="journal was lost or cut"), house.start():
        pass


def test_f04_a_lost_state_file_alone_is_made_again(house: House) -> None:
    """The journal has it all: the position is known and watched, and nothing blocks."""
    house.live()
    with house.start():
        pass
    (house.state / "risk_state.json").unlink()

    with house.start() as bot:
        assert HALF == bot.books.state.positions[BTC].quantity
        assert bot.books.state.safe_mode is None
    assert (house.state / "risk_state.json").exists()


def test_f04_a_new_journal_over_orders_of_an_earlier_life_begins_in_safe_mode() -> None:
    """Where the whole folder is gone, the venue still knows our orders: entries are off until the operator ends safe mode."""
    bot = paper_bot(says="buy")
    bot.run_cycle()
    lost, bot.memory = bot.memory, MemoryJournal(bot.clock.now)
    bot.journal = SeamedJournal(bot.memory, bot.upbit)

    bot.restart()
    bot.next_hour()
    report = bot.run_cycle()

    assert bot.state.safe_mode is not None
    assert bot.position() is None
    assert (1, Outcome.HALTED) == (len(bot.placed()), report.outcome)
    bot.memory = lost


@as_root
def test_f05_a_start_in_a_folder_that_cannot_be_written_is_refused(house: House, tmp_path: Path) -> None:
    """The process ends before it asks the venue for anything, and says which folder it is."""
    with tiny_disk(house.data, "4m"):
        house.live()
        asked = len(house.server.wire_log.entries)
        subprocess.run(["mount", "-o", "remount,ro", str(house.data)], check=True)

        with pytest.raises(StateError, match="Read-only file system"), house.start():
            pass

        assert asked == len(house.server.wire_log.entries)


def test_f05_a_state_file_that_cannot_be_written_is_behind_and_the_position_is_watched_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal goes on, the error is counted, and the file catches up as soon as its folder takes it."""
    house.live()
    with house.start() as bot:
        real = os.replace

        def refuse(source: str, target: object) -> None:
            if Path(str(target)).name == "risk_state.json":
                raise OSError(errno.EACCES, os.strerror(errno.EACCES))
            real(source, target)  # type: ignore[arg-type]

        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", refuse)
            bot.books.record(SafeModeEntered(reason="while the folder is shut"))
        behind = read_state(house.state / "risk_state.json")
        bot.books.record(AlarmRaised(kind="open", text="again"))
        caught_up = read_state(house.state / "risk_state.json")

        assert 1.0 == bot.metrics.registry.get_sample_value("bot_errors_total", {"kind": "StateError"})
        assert behind is not None
        assert caught_up is not None
        assert (False, True) == (behind["safe_mode"], caught_up["safe_mode"])


@as_root
def test_f06_a_full_disk_sends_no_entry_and_room_on_it_is_enough_to_go_on(tmp_path: Path) -> None:
    """Not one order leaves while the disk is full; with room the hour's cycle is made up for, and no record is torn."""
    with tiny_disk(tmp_path / "disk", "512k"):
        bot = paper_bot(says="buy")
        with on_disk(bot, tmp_path / "disk") as path:
            ballast = fill_up(path.parent)
            with suppress(StateError):
                while True:
                    bot.books.record(AlarmRaised(kind="filling", text="the last page"))

            with pytest.raises(StateError, match="was not written"):
                bot.run_cycle()
            assert ([], 0) == (bot.placed(), bot.upbit.calls("submit"))
            ballast.unlink()
            bot.run_cycle()

            assert 1 == len(bot.placed())
            assert verify(path) is None
            assert_invariants(bot)


@as_root
def test_f06_a_disk_without_room_for_compaction_is_an_alarm_and_stops_no_order(tmp_path: Path) -> None:
    """The old arrangement stands, the bot buys, and the next time compaction succeeds."""
    with tiny_disk(tmp_path / "disk", "512k"):
        bot = paper_bot(says="buy")
        with on_disk(bot, tmp_path / "disk") as path:
            for number in range(90):
                bot.books.record(AlarmRaised(kind="a", text=Random(number).randbytes(500).hex()))
            restarted(bot, path, segment_bytes=60_000)
            ballast = fill_up(path.parent)
            with ballast.open("r+b") as file:
                file.truncate(ballast.stat().st_size - 16_384)
            bot.books.compact()
            bot.run_cycle()

            assert "compaction" in bot.state.alarms
            assert 1 == len(bot.placed())
            ballast.unlink()
            bot.books.compact()
            assert path.stat().st_size < 60_000
            assert verify(path) is None
            assert_invariants(bot)


def refuses(bot: PaperBot, operation: str) -> None:
    """Let the journal refuse one kind of record."""

    def around(name: str, call: Callable[[], object]) -> object:
        if name == operation:
            raise StateError("journal", "no space left on device", "make room")
        return call()

    bot.upbit.around = around


@pytest.mark.parametrize("operation", ["append IntentPlanned", "append IntentSending"])
def test_f06_an_entry_that_cannot_be_written_down_is_not_sent(operation: str) -> None:
    """Plan and sending are both durable before the request; without either of them there is none."""
    bot = paper_bot(says="buy")
    refuses(bot, operation)

    report = bot.run_cycle()

    assert (Outcome.FAILED, 0) == (report.outcome, bot.upbit.calls("submit"))


@pytest.mark.parametrize("operation", ["append IntentAnswered", "append IntentClosed"])
def test_f06_an_order_whose_outcome_cannot_be_written_down_is_booked_as_soon_as_it_can(operation: str) -> None:
    """The order is at the venue: it is read again and booked once, by the next tick."""
    bot = paper_bot(says="buy")
    refuses(bot, operation)
    bot.run_cycle()
    bot.upbit.around = lambda _name, call: call()

    bot.guard.tick()

    assert bot.position() is not None
    assert 1 == len(bot.placed())


SMALL_FILES = """
import sys, resource
from datetime import UTC, datetime
from pathlib import Path
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.domain.events import AlarmRaised
from dg_bot.errors import StateError
path = Path(sys.argv[1])
journal = JournalFile.open(path, lambda: datetime(2026, 11, 20, 12, tzinfo=UTC))
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 500, hard))
try:
    while True:
        journal.append(AlarmRaised(kind="a", text="x"))
except StateError as error:
    print(len(journal), error)
"""


def test_f07_a_real_limit_on_the_file_size_is_survived(tmp_path: Path) -> None:
    """The record that did not fit is not there, the one before it is, and no part of a line is left."""
    path = tmp_path / "journal.jsonl"
    journal = JournalFile.open(path, SetClock().now)
    journal.append(AlarmRaised(kind="a", text="first"))
    journal.close()

    out = subprocess.run([sys.executable, "-c", SMALL_FILES, str(path)], check=True, capture_output=True, text=True).stdout

    assert out.startswith("2 ")
    assert "record 3 was not written" in out
    assert ["first", "x"] == [record.event.text for record in read_journal(path) if isinstance(record.event, AlarmRaised)]
    assert [path] == list(tmp_path.iterdir())
    assert verify(path) is None


@pytest.mark.parametrize("nth", [1, 2])
def test_f07_a_sync_that_failed_once_is_not_believed_the_second_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nth: int
) -> None:
    """An entry whose plan or sending could not be synced is not sent, and its record is taken out again, not synced anew."""
    bot = paper_bot(says="buy")
    with on_disk(bot, tmp_path) as path:
        before, real, syncs = path.read_bytes(), os.fdatasync, 0

        def fail(fd: int) -> None:
            nonlocal syncs
            syncs += 1
            if syncs == nth:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            real(fd)

        bot.guard.tick()
        bot.clearance()
        opened = path.read_bytes()
        with monkeypatch.context() as patch:
            patch.setattr(os, "fdatasync", fail)
            report = bot.run_cycle()

        assert (Outcome.FAILED, 0) == (report.outcome, bot.upbit.calls("submit"))
        assert "Input/output error" in report.reason
        kinds = [type(record.event) for record in read_journal(path)]
        assert nth - 1 == kinds.count(IntentPlanned)
        assert path.read_bytes().startswith(opened[: len(before)])
        restarted(bot, path)
        bot.start_up()
        assert_invariants(bot)


def test_f08_open_modes_are_tightened_at_the_start(house: House) -> None:
    """Folder and files that others could read or write are for their owner alone before anything is read from them."""
    house.live()
    with house.start():
        pass
    (house.state / "archive").mkdir(exist_ok=True)
    folders = [house.data, house.state]
    files = [house.state / name for name in ("journal.jsonl", "risk_state.json", "cursors.json", "instance.json", "lock")]
    for folder in folders:
        folder.chmod(0o755)
    for file in files:
        if file.exists():
            file.chmod(0o644)

    with house.start():
        assert [0o700] * 2 == [stat.S_IMODE(folder.stat().st_mode) for folder in folders]
        assert {0o600} == {stat.S_IMODE(file.stat().st_mode) for file in files if file.exists()}


@as_root
@pytest.mark.parametrize("name", ["", "state", "state/journal.jsonl", "state/instance.json", "state/lock"])
def test_f08_what_belongs_to_somebody_else_is_refused(house: House, name: str) -> None:
    """An owner can always open a file again, whatever its mode: the start is refused and names the user."""
    house.live()
    with house.start():
        pass
    os.chown(house.data / name, 12345, 12345)

    with pytest.raises(StateError, match="belongs to user 12345"), house.start():
        pass


@as_root
def test_f08_a_state_file_of_somebody_else_is_not_believed(house: House) -> None:
    """It is replaced by one of our own, made from the journal."""
    house.live()
    with house.start():
        pass
    os.chown(house.state / "risk_state.json", 12345, 12345)

    with house.start() as bot:
        assert HALF == bot.books.state.positions[BTC].quantity
    assert os.geteuid() == (house.state / "risk_state.json").stat().st_uid


def test_f09_writers_of_one_file_never_share_a_temporary_name(tmp_path: Path) -> None:
    """Whoever reads finds one writer's file whole, at any time, and nothing is left beside it."""
    path, done = tmp_path / "risk_state.json", Flag()
    write_state(path, {"writer": 0, "filling": ["0"] * 300})

    def write(writer: int) -> None:
        for _ in range(40):
            write_state(path, {"writer": writer, "filling": [str(writer)] * 300})

    seen: set[object] = set()

    def read() -> None:
        while not done.is_set():
            state = read_state(path)
            assert state is not None
            assert [str(state["writer"])] * 300 == state["filling"]
            seen.add(state["writer"])

    reader = Thread(target=read)
    writers = [Thread(target=write, args=(number,)) for number in range(1, 5)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()

    assert len(seen) > 1
    assert [path] == list(tmp_path.iterdir())


def test_f09_a_second_process_on_the_same_folder_writes_nothing(house: House) -> None:
    """The second start is refused while the first runs, and the folder is as it was."""
    house.live()
    with house.start():
        before = {path.name: path.read_bytes() for path in house.state.iterdir() if path.is_file()}
        with pytest.raises(Exception, match="in use by process"), house.start():
            pass
        assert before == {path.name: path.read_bytes() for path in house.state.iterdir() if path.is_file()}


@pytest.mark.parametrize("name", ["journal.jsonl", "instance.json", "cursors.json", "lock"])
def test_f10_a_planted_link_is_not_followed(house: House, tmp_path: Path, name: str) -> None:
    """The start is refused, and what the link points to is neither read nor written."""
    house.live()
    with house.start():
        pass
    place, elsewhere = house.state / name, tmp_path / "elsewhere"
    if place.exists():
        shutil.copy(place, elsewhere)
        place.unlink()
    else:
        elsewhere.write_bytes(b"")
    before = elsewhere.read_bytes()
    place.symlink_to(elsewhere)

    with pytest.raises(StateError, match="symbolic link"), house.start():
        pass
    assert before == elsewhere.read_bytes()


def test_f10_a_link_in_the_place_of_the_state_file_is_replaced(house: House, tmp_path: Path) -> None:
    """The file is written where it belongs, and the link's target stays as it was."""
    house.live()
    with house.start():
        pass
    place, elsewhere = house.state / "risk_state.json", tmp_path / "elsewhere"
    elsewhere.write_bytes(b"not ours")
    place.unlink()
    place.symlink_to(elsewhere)

    with house.start():
        pass

    assert b"not ours" == elsewhere.read_bytes()
    assert not place.is_symlink()


def test_f10_a_linked_state_folder_is_refused(house: House, tmp_path: Path) -> None:
    """A folder that leads elsewhere is not written to."""
    house.live()
    house.state.rename(tmp_path / "elsewhere")
    house.state.symlink_to(tmp_path / "elsewhere")

    with pytest.raises(StateError, match="cannot be opened"), house.start():
        pass


@pytest.fixture(scope="module")
def weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weeks") / "state" / "journal.jsonl"
    live_for_weeks(path)
    return path


@pytest.fixture
def path(weeks: Path, tmp_path: Path) -> Path:
    """The journal of two weeks of trading on two markets, with two snapshots."""
    shutil.copytree(weeks.parent, tmp_path / "state")
    return tmp_path / "state" / "journal.jsonl"


def test_f11_a_long_journal_starts_from_a_snapshot_and_a_short_active_segment(path: Path) -> None:
    """What a start verifies and decodes is bounded however long the bot has lived, and it knows what a full replay knows."""
    journal = JournalFile.open(path, SetClock().now)
    snapshot = journal.snapshot()

    assert path.stat().st_size < 2 * journal_file.SEGMENT_BYTES
    assert snapshot is not None
    assert len(list(journal.records(snapshot.sequence))) < len(journal) / 2
    assert replayed(path) == books_on(journal, SetClock()).remembered
    assert list(range(1, len(journal) + 1)) == [record.sequence for record in journal.records()]
    journal.close()


def test_f11_a_long_journal_is_not_held_in_memory(path: Path) -> None:
    """Opening and reading all of it takes a small part of the memory that its records would."""
    size = sum(len(gzip.decompress(segment.read_bytes())) for segment in (path.parent / "archive").iterdir())
    tracemalloc.start()
    try:
        journal = JournalFile.open(path, SetClock().now)
        count = sum(1 for _ in journal.records())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(journal) == count
    assert peak < size / 3
    journal.close()


def test_f11_compaction_keeps_what_recognises_an_order_and_a_cycle(path: Path) -> None:
    """Every order of the last seven days and every report of the last two is known after a start from the snapshot alone."""
    records = list(read_journal(path))
    now = records[-1].at
    plans = [record.event for record in records if isinstance(record.event, IntentPlanned) and (now - record.at).days < 6]
    reports = [record.event.report for record in records if isinstance(record.event, CycleCompleted)][-90:]
    journal = JournalFile.open(path, SetClock().now)
    books = books_on(journal, SetClock())
    length = len(journal)

    assert plans
    for plan in plans:
        with pytest.raises(InvariantViolated, match="cannot become planned"):
            books.record(plan)
    assert reports == [books.report_of(report.cycle_id) for report in reports]
    assert length == len(journal)
    journal.close()


def test_f11_a_compacted_bot_does_not_repeat_its_hour_and_adopts_what_it_had_sent(tmp_path: Path) -> None:
    """An order under way when its segment was closed is adopted after a restart, and the hour's cycle sends nothing again."""
    bot = paper_bot(says="buy")
    with on_disk(bot, tmp_path, segment_bytes=4000) as path:
        dies(bot, "append IntentAnswered", after=False)
        run_until_killed(bot, bot.run_cycle)
        bot.books.compact()
        restarted(bot, path, segment_bytes=4000)
        bot.start_up()
        bot.run_cycle()
        bot.books.compact()
        journal = restarted(bot, path, segment_bytes=4000)
        bot.start_up()
        report = bot.run_cycle()

        assert list((tmp_path / "archive").iterdir())
        assert journal.snapshot() is not None
        assert (1, True) == (len(bot.placed()), report.repeated)
        assert bot.position() is not None
        assert_invariants(bot)
        assert Books(journal=journal, clock=bot.clock, on_record=lambda _record: None).remembered == replayed(path)
