"""The database is away, broken, locked, full or wrong: rows come later, once, and no order changes."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.adapters.server_account import account_for
from dg_bot.domain.calendar import KST
from dg_bot.domain.cycle_report import Outcome
from dg_bot.domain.events import AlarmRaised, Answer, IntentClosed, Record
from dg_bot.domain.order import Fill
from tests.builders import PaperBot, paper_bot
from tests.fault.postgres_proxy import COMMIT, PostgresProxy, Strike
from tests.fault.records import (
    HOURS,
    Office,
    assert_rows_are_the_journal,
    eventful_bot,
    live_through,
    orders_undisturbed,
)
from tests.journal_records import BUY_ID, NOON, answered, closed, fill, planned_buy, planned_sell, record
from tests.postgres import copy_of_template, make_template, rows, run_sql

HELD = "100 @ 1000"
DEADLINE_S = 30
_names = count(1)
MakeOffice = Callable[..., Office]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[MakeOffice]:
    made: list[Office] = []

    def make(bot: PaperBot, **settings: object) -> Office:
        folder = tmp_path / f"office{len(made)}"
        folder.mkdir()
        made.append(Office(bot, folder, **settings))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for one in made:
        one.close()


class OwnServer:
    """A server that a test may stop; `dsn` names a database of its own on it."""

    def __init__(self, server: EmbeddedPostgres, cluster: Path) -> None:
        self._server = server
        self._cluster = cluster
        self.dsn = copy_of_template(server.start())

    def stop_at_once(self) -> None:
        """Do what `pg_ctl stop -m immediate` does: end every session where it stands, without a checkpoint."""
        pid = int((self._cluster / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        self._server._see_off(pid)

    def start(self) -> None:
        self._server.start()


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedPostgres, Path]]:
    folder = tmp_path_factory.mktemp("stoppable")
    server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "password")
    make_template(server.start())
    yield server, folder / "data" / "cluster"
    server.start()
    server.stop()


@pytest.fixture
def own_server(embedded: tuple[EmbeddedPostgres, Path]) -> OwnServer:
    return OwnServer(*embedded)


def trade_once(bot: PaperBot) -> None:
    bot.opinion.says = "buy"
    assert Outcome.TRADED is bot.run_cycle().outcome


def alarms(bot: PaperBot) -> list[str]:
    return [event.kind for event in bot.events(AlarmRaised) if isinstance(event, AlarmRaised)]


def waiting_for_a_lock(dsn: str) -> bool:
    """Wait until some session of this server waits for a lock."""
    pause = threading.Event()
    for _ in range(DEADLINE_S * 100):
        if rows(dsn, "SELECT 1 FROM pg_locks WHERE NOT granted"):
            return True
        pause.wait(0.01)
    return False


def in_background(act: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def test_g01_a_database_that_is_down_before_the_cycle_changes_no_order_and_gets_its_rows_later(
    own_server: OwnServer, office: MakeOffice
) -> None:
    """The cycle trades as ever, the rows wait in the journal and follow once the server answers."""
    bot = paper_bot()
    own_server.stop_at_once()
    kept = office(bot, dsn=own_server.dsn)

    trade_once(bot)
    behind, lag = kept.flush(), kept.lag
    own_server.start()

    assert ({"database"}, float(bot.state.sequence)) == (set(behind), lag)
    assert ({}, 0.0) == (kept.flush(), kept.lag)
    assert_rows_are_the_journal(bot, own_server.dsn)


def test_g01_the_desk_shows_how_old_its_rows_are_until_they_follow(own_server: OwnServer, office: MakeOffice) -> None:
    """What the desk calls the newest cycle is the newest whose row is written, so that its age tells of rows that wait."""
    bot = paper_bot()
    kept = office(bot, dsn=own_server.dsn)

    first = bot.run_cycle()
    kept.flush()
    own_server.stop_at_once()
    bot.clock.at += timedelta(hours=1)
    second = bot.run_cycle()
    kept.flush()
    own_server.start()
    shown = [rows(own_server.dsn, "SELECT last_good_cycle_at FROM freshness")]
    kept.flush()
    shown.append(rows(own_server.dsn, "SELECT last_good_cycle_at FROM freshness"))

    assert [[(first.completed_at,)], [(second.completed_at,)]] == shown
    assert second.completed_at - first.completed_at >= timedelta(minutes=59)


def test_g02_a_server_that_is_stopped_inside_a_transaction_gets_the_whole_batch_again(
    own_server: OwnServer, office: MakeOffice
) -> None:
    """Nothing of the broken transaction stays, and what is written again after the restart stands there once."""
    bot = paper_bot()
    kept = office(bot, dsn=own_server.dsn)
    kept.flush()
    trade_once(bot)

    with psycopg.connect(own_server.dsn) as somebody:
        somebody.execute("LOCK TABLE trades IN ACCESS EXCLUSIVE MODE")
        delivery = in_background(kept.flush)
        assert waiting_for_a_lock(own_server.dsn)
        own_server.stop_at_once()
        somebody.close()
        delivery.join(DEADLINE_S)
    assert {"database"} == set(kept.outbox.degraded)
    own_server.start()

    assert [] == rows(own_server.dsn, "SELECT * FROM trades")
    assert {} == kept.flush()
    assert_rows_are_the_journal(bot, own_server.dsn)


@pytest.mark.parametrize("strike", [Strike.LOSE_REQUEST, Strike.LOSE_REPLY])
@pytest.mark.parametrize("times", [1, 2])
def test_g03_a_connection_that_is_lost_at_commit_leaves_one_row_whether_it_committed_or_not(
    database: str, office: MakeOffice, strike: Strike, times: int
) -> None:
    """Nobody knows whether the commit took place, so the rows are written again and their keys settle it."""
    bot = paper_bot()
    with PostgresProxy(database) as proxy:
        kept = office(bot, dsn=proxy.dsn)
        kept.flush()
        trade_once(bot)
        proxy.strike(strike, times=times)

        behind = kept.flush()

        assert (0, times == 2) == (proxy.strikes_left, "database" in behind)
        assert {} == kept.flush()
        kept.close()
    assert_rows_are_the_journal(bot, database)


def test_g04_a_database_that_is_down_for_three_days_changes_no_order_and_gets_every_row_once(
    own_server: OwnServer, office: MakeOffice
) -> None:
    """However long it lasts: trading goes on, the operator is told once, and the journal alone keeps what is owed."""
    bot = eventful_bot()
    kept = office(bot, dsn=own_server.dsn)
    kept.flush()
    own_server.stop_at_once()

    live_through(bot, HOURS, kept.flush)
    owed = bot.state.sequence - kept.projections[0].place
    own_server.start()

    assert orders_undisturbed() == bot.placed()
    assert owed <= 4 * HOURS
    assert ["database_behind"] == alarms(bot)
    assert ({}, 0.0) == (kept.flush(), kept.lag)
    assert {} == kept.flush()
    assert_rows_are_the_journal(bot, own_server.dsn)


def test_g04_what_is_owed_grows_with_trades_and_cycles_and_not_with_the_guards_ticks(own_server: OwnServer) -> None:
    """A hundred looks at an open position leave nothing in the journal."""
    bot = paper_bot(holding=HELD)
    bot.guard.tick()
    before = bot.state.sequence

    for _ in range(100):
        bot.guard.tick()

    assert before == bot.state.sequence


def test_g05_an_identical_row_is_taken_as_written(database: str, office: MakeOffice, tmp_path: Path) -> None:
    """A row that stands there already, the same in every column, is done."""
    bot = paper_bot()
    trade_once(bot)
    first, again = office(bot, dsn=database), office(bot, dsn=database)

    first.flush()
    again.flush()

    assert (0, {}) == (bot.state.sequence - again.projections[0].place, again.outbox.degraded)
    assert ([], []) == (alarms(bot), rows(database, "SELECT * FROM rejected_records"))
    assert_rows_are_the_journal(bot, database)


def test_g05_a_different_row_under_the_same_key_is_an_alarm_and_holds_nothing_up(database: str, office: MakeOffice) -> None:
    """The row that is there stays, the journal's own is set aside with an alarm, and what comes after it is written."""
    bot = paper_bot()
    trade_once(bot)
    office(bot, dsn=database).flush()
    run_sql(database, "UPDATE trades SET total = total + 1")
    [altered] = rows(database, "SELECT total FROM trades")

    bot.next_hour()
    bot.run_cycle()
    kept = office(bot, dsn=database)
    kept.flush()
    kept.flush()

    assert ["rows_refused"] == alarms(bot)
    assert [altered] == rows(database, "SELECT total FROM trades")
    assert [("IntentClosed",)] == rows(database, "SELECT kind FROM rejected_records")
    assert [(len(bot.reports),)] == rows(database, "SELECT count(*) FROM cycles")
    assert 0.0 == kept.lag


def test_g06_a_lock_on_trades_ends_the_delivery_in_time_and_delays_no_stop(database: str, office: MakeOffice) -> None:
    """The delivery gives up at its deadline, and the guard sells while it still waits."""
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    kept = office(bot, dsn=database)
    with psycopg.connect(database) as somebody:
        somebody.execute("LOCK TABLE trades IN ACCESS EXCLUSIVE MODE")
        delivery = in_background(kept.flush)
        assert waiting_for_a_lock(database)

        bot.guard.tick()
        sold_while_waiting = bot.placed(), delivery.is_alive()
        delivery.join(DEADLINE_S)

    assert (["sell KRW-BTC 100"], True) == sold_while_waiting
    assert "LockNotAvailable" in kept.outbox.degraded["database"]
    assert {} == kept.flush()
    assert_rows_are_the_journal(bot, database)


class FullDisk:
    """A database on a tiny disk of its own, that something else fills to its last byte."""

    def __init__(self, dsn: str, ballast: Path) -> None:
        self.dsn = dsn
        self._ballast = ballast

    def fill(self) -> None:
        with pytest.raises(OSError, match="No space left"):
            self._write_without_end()

    def _write_without_end(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(b"x" * 4096)

    def free(self) -> None:
        self._ballast.unlink()


class SayingFull(FullDisk):
    """Where no disk may be mounted: the real server raises the real error, SQLSTATE 53100, because a trigger tells it to."""

    def fill(self) -> None:
        body = "BEGIN RAISE EXCEPTION 'no room' USING ERRCODE = '53100'; END"
        run_sql(self.dsn, f"CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $${body}$$")
        run_sql(self.dsn, "CREATE TRIGGER full_disk BEFORE INSERT ON orders EXECUTE FUNCTION full_disk()")

    def free(self) -> None:
        run_sql(self.dsn, "DROP TRIGGER full_disk ON orders")


@contextmanager
def tiny_disk(folder: Path) -> Iterator[bool]:
    """Mount a disk of 24 MiB for the duration; tells whether that could be done."""
    mounted = os.geteuid() == 0 and 0 == _run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder))
    try:
        yield mounted
    finally:
        if mounted:
            _run("umount", "-l", str(folder))


def _run(*command: str) -> int:
    return subprocess.run(command, capture_output=True, check=False).returncode


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[FullDisk]:
    """A server of its own: one that is stopped at once by another test would look for the disk when it recovers."""
    server = EmbeddedPostgres(data_dir=tmp_path / "data", password_file=tmp_path / "password")
    dsn = server.start()
    make_template(dsn)
    disk = tmp_path / "data" / "disk"
    disk.mkdir()
    with tiny_disk(disk) as is_mounted:
        if is_mounted:
            room = disk / "space"
            room.mkdir(mode=0o700)
            account_for(tmp_path / "data" / "cluster", server._binaries / "postgres").own(room)
            run_sql(dsn, f"CREATE TABLESPACE tiny LOCATION '{room}'")
            run_sql(dsn, "CREATE DATABASE tiny TEMPLATE migrated TABLESPACE tiny")
            yield FullDisk(dsn.replace("/postgres?", "/tiny?"), disk / "ballast")
        else:
            yield SayingFull(copy_of_template(dsn), disk)
        server.stop()


def test_g07_a_full_disk_under_the_database_changes_no_order_and_the_rows_follow(full_disk: FullDisk, office: MakeOffice) -> None:
    """The server refuses for want of room, which is no fault of the record: it waits, and is written when there is room."""
    bot = paper_bot()
    kept = office(bot, dsn=full_disk.dsn)
    kept.flush()
    full_disk.fill()

    trade_once(bot)
    behind = kept.flush()
    full_disk.free()

    assert "DiskFull" in behind["database"]
    assert {} == kept.flush()
    assert_rows_are_the_journal(bot, full_disk.dsn)
    kept.close()


def with_a_role(dsn: str) -> tuple[str, str]:
    """Give a role that owns the database's tables, and the address for it."""
    role = f"bot_{next(_names)}"
    run_sql(dsn, f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'its-password'")
    return role, f"postgresql://{role}:its-password@{dsn.rpartition('@')[2]}"


@pytest.mark.parametrize("trouble", ["wrong password", "no such role"])
def test_g08_a_bot_that_the_database_does_not_let_in_starts_degraded_and_goes_on_protecting(
    database: str, office: MakeOffice, trouble: str
) -> None:
    """It starts, sells at the stop, says why the rows are missing, and raises one alarm after ten minutes."""
    password = str(conninfo_to_dict(database)["password"])
    wrong = database.replace(password, "not-this-one") if trouble == "wrong password" else database.replace("dg_bot:", "nobody:")
    bot = paper_bot("1000 1000 | 940", holding=HELD)
    kept = office(bot, dsn=wrong)
    kept.database.claim()  # type: ignore[union-attr]
    bot.start_up()

    first = kept.flush()
    bot.wait(601)
    for _ in range(3):
        kept.flush()

    assert ["sell KRW-BTC 100"] == bot.placed()
    assert "authentication failed" in first["database"]
    assert ["database_behind"] == alarms(bot)
    assert "not-this-one" not in str([record.event for record in bot.memory.records()])


def test_g08_a_role_that_is_dropped_while_the_bot_runs_degrades_it_and_a_new_one_mends_it(
    database: str, office: MakeOffice
) -> None:
    """Rows wait while the role is gone, and follow when it is back; the cycle between trades."""
    bot = paper_bot()
    role, dsn = with_a_role(database)
    kept = office(bot, dsn=dsn)
    assert {} == kept.flush()
    run_sql(database, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}'")  # noqa: S608
    run_sql(database, f"DROP ROLE {role}")

    trade_once(bot)
    behind = kept.flush()
    run_sql(database, f"CREATE ROLE {role} LOGIN SUPERUSER PASSWORD 'its-password'")

    assert {"database"} == set(behind)
    assert {} == kept.flush()
    assert_rows_are_the_journal(bot, database)


_WRONG_CLOSINGS = {
    "NaN quantity": {"executed_quantity": Decimal("NaN")},
    "infinite quantity": {"executed_quantity": Decimal("Infinity")},
    "negative quantity": {"executed_quantity": Decimal(-1)},
    "NaN funds": {"funds_krw": Decimal("NaN")},
    "signalling NaN funds": {"funds_krw": Decimal("sNaN")},
    "infinite funds": {"funds_krw": Decimal("Infinity")},
    "no funds for a quantity": {"funds_krw": Decimal(0)},
    "NaN fee": {"paid_fee_krw": Decimal("NaN")},
    "infinite fee": {"paid_fee_krw": Decimal("Infinity")},
    "negative fee": {"paid_fee_krw": Decimal("-0.0000000001")},
}


@pytest.fixture
def store(database: str) -> Iterator[PostgresStore]:
    store = PostgresStore(database, lock_timeout_s=0.1)
    yield store
    store.close()


@pytest.mark.parametrize("wrong", _WRONG_CLOSINGS.values(), ids=_WRONG_CLOSINGS.keys())
def test_g09_an_impossible_amount_is_set_aside_whole_and_blocks_nothing(
    store: PostgresStore, database: str, wrong: dict[str, Decimal]
) -> None:
    """The record is kept apart with its error, no row of it is written, and the records after it are."""
    amounts = {"executed_quantity": Decimal(1), "funds_krw": Decimal(1000), "paid_fee_krw": Decimal("0.5")} | wrong
    closing = closed(fills=(fill("t1", "1", price="1000"),)).closing
    poisoned = IntentClosed(identifier=BUY_ID, closing=closing, fills=(fill("t1", "1", price="1000"),), **amounts)
    records = [record(1, planned_buy()), record(2, poisoned), record(3, planned_sell())]

    assert [2] == [refused.sequence for refused in store.project(records)]
    store.project(records)

    assert [(2, "IntentClosed", True)] == rows(
        database, "SELECT journal_sequence, kind, body LIKE '%demo.KRW-BTC%' FROM rejected_records"
    )
    assert [("error", True)] == rows(database, "SELECT level, message LIKE 'record 2 (IntentClosed)%' FROM system_logs")
    assert [("open",), ("open",)] == rows(database, "SELECT status FROM orders")
    assert [(0,)] == rows(database, "SELECT (SELECT count(*) FROM fills) + (SELECT count(*) FROM trades)")


def test_g10_a_time_in_another_zone_is_the_same_instant_whatever_the_session_s_zone(store: PostgresStore, database: str) -> None:
    """A session nine hours ahead of UTC writes and reads the same instants."""
    run_sql(database, f"ALTER DATABASE {conninfo_to_dict(database)['dbname']} SET timezone = 'Asia/Seoul'")
    in_seoul = Record(sequence=1, at=NOON.astimezone(KST), event=planned_buy())
    store.project([in_seoul, Record(sequence=2, at=NOON, event=closed(fills=(fill("t1", "1", price="1000"),)))])

    [found] = store.latest_trades(1)

    assert [(True,)] == rows(database, "SELECT created_at = '2026-11-20 12:00+00' FROM orders")
    assert (NOON, UTC) == (found.created_at, found.created_at.tzinfo)


def test_g10_a_time_without_an_offset_is_refused(store: PostgresStore, database: str) -> None:
    """It could be any of two dozen instants, so its record is set aside."""
    one = fill("t1", "1", price="1000")
    naive = Fill.__new__(Fill)
    for name in ("trade_id", "price", "quantity", "funds_krw"):
        object.__setattr__(naive, name, getattr(one, name))
    object.__setattr__(naive, "at", datetime(2026, 11, 20, 12))  # noqa: DTZ001

    store.project([record(1, planned_buy()), record(2, answered(Answer.ACCEPTED)), record(3, closed(fills=(naive,)))])

    assert [(3, True)] == rows(database, "SELECT journal_sequence, error LIKE '%lacks its offset%' FROM rejected_records")
    assert [] == rows(database, "SELECT * FROM fills")


def test_g10_every_time_column_knows_its_zone_and_every_amount_is_exact(database: str) -> None:
    """No column of the tables keeps a time without its zone, or an amount as a float."""
    query = """
        SELECT table_name, column_name, data_type FROM information_schema.columns
        WHERE table_schema = 'public' AND (data_type IN ('timestamp without time zone', 'real', 'double precision', 'money'))
    """
    assert [("cycles", "slippage_bps", "double precision")] == rows(database, query)


def test_g11_an_insert_that_fails_right_after_an_order_loses_nothing(database: str, office: MakeOffice) -> None:
    """The order is in the journal before any row, and its rows are written once the tables take them; so after a restart."""
    bot = paper_bot()
    kept = office(bot, dsn=database)
    kept.flush()
    trade_once(bot)
    run_sql(database, "ALTER TABLE fills RENAME TO elsewhere")
    behind = kept.flush()
    bot.restart()
    run_sql(database, "ALTER TABLE elsewhere RENAME TO fills")

    again = office(bot, dsn=database)
    again.flush()

    assert "UndefinedTable" in behind["database"]
    assert 1 == len(bot.placed())
    assert_rows_are_the_journal(bot, database)


def test_g12_a_session_that_is_killed_inside_a_transaction_is_replaced_within_one_delivery(
    database: str, office: MakeOffice
) -> None:
    """The dead connection is opened anew and the batch written in the same delivery."""
    bot = paper_bot()
    with PostgresProxy(database) as proxy:
        kept = office(bot, dsn=proxy.dsn)
        kept.flush()
        trade_once(bot)
        proxy.strike(Strike.HOLD, COMMIT)
        delivery = in_background(kept.flush)
        assert proxy.held.wait(DEADLINE_S)
        idle = "datname = current_database() AND state = 'idle in transaction' AND application_name = 'dg_bot'"
        killed = rows(database, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {idle}")  # noqa: S608
        proxy.released.set()
        delivery.join(DEADLINE_S)

        assert ([(True,)], {}) == (killed, kept.outbox.degraded)
        kept.close()
    assert_rows_are_the_journal(bot, database)
