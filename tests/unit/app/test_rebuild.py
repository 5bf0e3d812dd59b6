"""The rows of a lost or spoilt database come back from the journal as they were."""

import os
import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.candle_files import CandleFiles
from dg_bot.adapters.instance_lock import InstanceLock
from dg_bot.adapters.journal_file import JournalFile
from dg_bot.adapters.journal_reader import read_journal
from dg_bot.adapters.state_file import Cursors
from dg_bot.app.database import Database, Owner
from dg_bot.app.rebuild import rebuild_rows
from dg_bot.app.row_projections import CandleProjection, RowProjection
from dg_bot.domain.calendar import HOUR
from dg_bot.domain.candle import Candle
from dg_bot.domain.cycle_report import Mode
from dg_bot.domain.events import AlarmRaised, CycleCompleted, SafeModeEntered, Started
from dg_bot.errors import StateError, StoreError, UnsafeSetup
from dg_bot.remembered import Remembered
from tests.architecture.source import ROOT
from tests.journal_records import BTC, NOON, bought, report
from tests.postgres import rows, run_sql
from tests.unit.app.ward import Ward

TABLES = ("trades", "orders", "fills", "cycles", "ai_decisions", "portfolio_snapshots", "system_logs", "bot_config", "candles")


@pytest.fixture
def ward(tmp_path: Path, database: str) -> Ward:
    """A bot that has lived, whose journal has been closed once, and whose rows have been delivered as it does."""
    ward = Ward(tmp_path / "data", database=database)
    price = Decimal(1000)
    candles = [
        Candle(opened_at=NOON - timedelta(hours=back), open=price, high=price, low=price, close=price, volume=price)
        for back in range(1, 6)
    ]
    CandleFiles(ward.settings.candle_folder).add(BTC, HOUR, candles)
    ward.lived(
        Started(mode=Mode.PAPER, version="1", settings={"MODE": "paper"}),
        *bought("0.5", "1000"),
        CycleCompleted(report=report()),
        SafeModeEntered(reason="daily_loss: too much"),
        AlarmRaised(kind="a", text="b"),
        rows=0,
    )
    _compact(ward)
    _deliver(ward)
    return ward


def _compact(ward: Ward) -> None:
    path, remembered = ward.settings.state_folder / "journal.jsonl", Remembered()
    for record in read_journal(path):
        remembered = remembered.after(record)
    journal = JournalFile.open(path, lambda: NOON + timedelta(hours=1), segment_bytes=100)
    journal.compact(remembered)
    journal.close()


def _deliver(ward: Ward) -> None:
    url = ward.settings.database_url
    assert url is not None
    journal = JournalFile.open(ward.settings.state_folder / "journal.jsonl", lambda: NOON)
    database = Database(
        url=url.get_secret_value(), folder=Path("unused"), password_file=Path("unused"), owner=Owner(Mode.PAPER, "demo")
    )
    cursors = Cursors(ward.settings.state_folder / "cursors.json")
    RowProjection(
        journal=journal, cursors=cursors, database=database, alarm=lambda *_: None, on_account_in_use=lambda _: None
    ).flush()
    CandleProjection(
        journal=journal, cursors=cursors, database=database, archive=CandleFiles(ward.settings.candle_folder)
    ).flush()
    database.close()
    journal.close()


def contents(dsn: str) -> Mapping[str, list[str]]:
    """Give every row of every table, but for the numbers that the database gives by itself."""
    return {
        table: sorted(str(row) for row in rows(dsn, f"SELECT to_jsonb(kept) - 'id' FROM {table} kept"))  # noqa: S608
        for table in TABLES
    }


def test_rows_after_losing_every_table_are_the_rows_before(ward: Ward, database: str) -> None:
    before = contents(database)
    run_sql(database, "DROP SCHEMA public CASCADE")
    run_sql(database, "CREATE SCHEMA public")

    told = rebuild_rows(ward.settings, ward.access)

    assert all(before[table] for table in TABLES)
    assert before == contents(database)
    assert ["Delivered 9 journal records anew; rows now: trades 1, orders 1, fills 1, cycles 1"] == [
        ", ".join(told[0].split(", ")[:4])
    ]


def test_rows_that_somebody_removed_come_back_and_the_others_stay(ward: Ward, database: str) -> None:
    before = contents(database)
    for table in ("fills", "trades", "candles", "system_logs"):
        run_sql(database, f"DELETE FROM {table}")  # noqa: S608

    rebuild_rows(ward.settings, ward.access)
    rebuild_rows(ward.settings, ward.access)

    assert before == contents(database)
    assert 9 == Cursors(ward.settings.state_folder / "cursors.json").get("database")


def test_a_running_bot_is_not_disturbed(ward: Ward, database: str) -> None:
    with InstanceLock(ward.settings.state_folder), pytest.raises(UnsafeSetup, match="in use by process"):
        rebuild_rows(ward.settings, ward.access)

    assert 9 == Cursors(ward.settings.state_folder / "cursors.json").get("database")


def test_a_database_that_is_away_leaves_the_rows_to_the_bot(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "data")
    ward.lived(*bought("0.5", "1000"))

    with pytest.raises(StoreError):
        rebuild_rows(ward.settings, ward.access)

    assert 0 == Cursors(ward.settings.state_folder / "cursors.json").get("database")


def test_a_folder_in_which_nothing_ran_is_refused_and_left_alone(tmp_path: Path) -> None:
    ward = Ward(tmp_path / "data")

    with pytest.raises(StateError, match="has not run yet"):
        rebuild_rows(ward.settings, ward.access)

    assert not (tmp_path / "data").exists()


def test_a_journal_that_was_cut_is_no_source_of_rows(tmp_path: Path) -> None:
    """The places of its projections would go back with it, and nobody would see the loss there any more."""
    ward = Ward(tmp_path / "data")
    ward.lived(*bought("0.5", "1000"))
    path = ward.settings.state_folder / "journal.jsonl"
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))

    with pytest.raises(StateError, match="knows record 5: the journal was lost or cut"):
        rebuild_rows(ward.settings, ward.access)

    assert 5 == Cursors(ward.settings.state_folder / "cursors.json").get("database")


def test_the_doctor_does_it_and_says_how_many_rows_there_are(ward: Ward, database: str, tmp_path: Path) -> None:
    run_sql(database, "DELETE FROM trades")
    environment = {
        "PATH": os.environ["PATH"],
        "DATA_DIR": str(ward.settings.data_folder),
        "CANDLE_DIR": str(ward.settings.candle_folder),
        "ORDER_NAMESPACE": "demo",
        "DATABASE_URL": database,
        "UPBIT_BASE_URL": "http://127.0.0.1:1",
    }
    command = [sys.executable, str(ROOT / "scripts" / "doctor.py"), "--mode", "paper", "--rebuild-db"]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    assert done.stdout.startswith("Delivered 9 journal records anew; rows now: trades 1, "), done.stdout + done.stderr
    assert [(1,)] == rows(database, "SELECT count(*) FROM trades")
