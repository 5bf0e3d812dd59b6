"""Backup while the bot runs, restore into an empty folder, trades for an accountant: by the true programs, losing nothing."""

import csv
import io
import os
import signal
import subprocess
import sys
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from dg_bot.adapters.backup_archive import contents
from dg_bot.domain.order import Side
from tests.e2e.conftest import MakeBench
from tests.e2e.market_bench import MarketBench, breakout, eventually
from tests.e2e.tape_bench import ACCESS_KEY, ROOT, SECRET_KEY, WarmProgram
from tests.e2e.test_records import contents as rows_of
from tests.postgres import copy_of_template, database_of, rows, run_sql

AFTER_THE_FALL = timedelta(hours=2, minutes=30)
Ended = subprocess.CompletedProcess[str]


def script(name: str, *arguments: str, **settings: str) -> Ended:
    """Run a script as an operator would, with these settings."""
    command = [sys.executable, str(ROOT / "scripts" / name), *arguments]
    folder = Path(settings["DATA_DIR"]).parent
    return subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False, timeout=120)


def empty_database(server: str) -> str:
    """Make a database without tables beside the others and give its address."""
    name = f"restored_{os.getpid()}"
    run_sql(server, f"CREATE DATABASE {name}")
    return database_of(server, name)


def test_a_backup_of_a_running_bot_goes_on_in_an_empty_folder(
    market_bench: MakeBench, migrated_server: str, warm_program: WarmProgram, tmp_path: Path
) -> None:
    """Taken while the daemon holds a position, it verifies, has every row, sends nothing twice, and sells at the stop.

    It buys nothing until its operator has left the safe mode in which it begins.
    """
    bench = market_bench("1.0", "0.9", "0.9")
    backups = tmp_path / "backups"
    with bench.daemon() as daemon:
        daemon.run_cycle()
        daemon.wait_for("cycle_completed", outcome="traded")
        eventually(lambda: bench.recorded("capsule_stored") != [], "the capsule")
        taken = script("backup.py", "--to", str(backups), "--keep", "1", **bench.settings)
        daemon.end(signal.SIGKILL)
    before = rows_of(bench.settings["DATABASE_URL"])
    (archive,) = backups.iterdir()

    restored = {
        **bench.settings,
        "DATA_DIR": str(tmp_path / "new" / "data"),
        "CANDLE_DIR": str(tmp_path / "new" / "candles"),
        "DATABASE_URL": empty_database(migrated_server),
    }
    (tmp_path / "new").mkdir()
    put_back = script("backup.py", "--restore", str(archive), **restored)
    sound = script("doctor.py", "--verify", **restored)
    again = script("backup.py", "--restore", str(archive), **restored)
    bench.settings |= restored
    repeated = bench.run(warm_program.run, "--json")
    bench.move_to(breakout() + AFTER_THE_FALL)
    sold = bench.run(warm_program.run, "--json")
    told = script("doctor.py", **restored)
    resumed = script("doctor.py", "--resume", **restored)

    assert 0 == taken.returncode, taken.stderr
    assert (0, True) == (put_back.returncode, "Restored the rows of the database." in put_back.stdout), (
        put_back.stdout + put_back.stderr
    )
    assert 0 == sound.returncode, sound.stdout + sound.stderr
    assert (3, True) == (again.returncode, "is not empty" in again.stderr)
    assert (0, True) == (repeated.exit_code, repeated.report["repeated"])
    assert (0, [Side.BUY, Side.SELL]) == (sold.exit_code, [order.side for order in bench.orders]), sold.log
    assert (1, Decimal(0)) == (told.returncode, bench.venue.account("BTC").balance), told.stdout
    assert (True, 0) == ("safe mode    restored: from the backup of" in told.stdout, resumed.returncode), resumed.stdout
    after = rows_of(restored["DATABASE_URL"])
    assert [] == [name for name in before if name != "bot_config" and not set(before[name]) <= set(after[name])]
    files = dict(contents(archive))
    assert [] == [name for name, content in files.items() if SECRET_KEY.encode() in content or ACCESS_KEY.encode() in content]


@pytest.fixture
def traded(market_bench: MakeBench, warm_program: WarmProgram) -> MarketBench:
    """Give a bot that bought, and sold at its stop."""
    bench = market_bench("1.0", "0.9", "0.9")
    bench.run(warm_program.run)
    bench.move_to(breakout() + AFTER_THE_FALL)
    bench.run(warm_program.run)
    return bench


def test_trades_are_written_for_an_accountant_and_add_up(traded: MarketBench) -> None:
    """The rows add up to what the exchange paid out, and a file of another year is not overwritten."""
    file = traded.folder / "trades.csv"

    first = script("export_trades.py", "--file", str(file), "--language", "en", **traded.settings)
    second = script("export_trades.py", "--file", str(file), **traded.settings)
    another_year = script("export_trades.py", "--to", "2020-12-31", **traded.settings, PYTHONIOENCODING="ascii")

    assert (0, 2, 0) == (first.returncode, second.returncode, another_year.returncode), first.stderr
    assert ("is there already" in second.stderr, 0o600) == (True, file.stat().st_mode & 0o777)
    trades = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
    gained = traded.venue.account("KRW").balance - Decimal(10_000_000)
    assert ["buy", "sell"] == [trade["side"] for trade in trades]
    assert gained == sum(Decimal(trade["settled_krw"]) * (1 if trade["side"] == "sell" else -1) for trade in trades)
    assert abs(gained - Decimal(trades[1]["realised_profit_krw"])) <= Decimal("0.01")
    assert [order.identifier for order in traded.orders] == [trade["identifier"] for trade in trades]
    assert 1 == len(another_year.stdout.splitlines())


def test_without_its_database_a_backup_has_all_but_the_rows_and_they_are_made_anew(
    traded: MarketBench, migrated_server: str, warm_program: WarmProgram, tmp_path: Path
) -> None:
    """The state is what cannot be made again: it is backed up whatever the database does; the code says that rows are missing."""
    before = rows_of(traded.settings["DATABASE_URL"])
    away = {**traded.settings, "DATABASE_URL": "postgresql://bot:nobody-is-here@127.0.0.1:1/bot"}
    taken = script("backup.py", "--to", str(tmp_path / "backups"), "--without-candles", **away)
    (archive,) = (tmp_path / "backups").iterdir()
    (tmp_path / "new").mkdir()
    traded.settings |= {"DATA_DIR": str(tmp_path / "new" / "data"), "DATABASE_URL": copy_of_template(migrated_server)}

    put_back = script("backup.py", "--restore", str(archive), **traded.settings)
    traded.run(warm_program.run)

    assert (1, True) == (taken.returncode, "without the database's rows" in taken.stderr)
    assert (0, True) == (put_back.returncode, "Rows were not restored (the backup has none)" in put_back.stdout), put_back.stderr
    after = rows_of(traded.settings["DATABASE_URL"])
    for name in ("trades", "orders", "fills", "cycles"):
        assert [row.partition(", ")[2] for row in before[name]] == [row.partition(", ")[2] for row in after[name]][
            : len(before[name])
        ]
    assert 2 == len(rows(traded.settings["DATABASE_URL"], "TABLE trades"))


def test_a_backup_of_another_bot_is_refused(traded: MarketBench, tmp_path: Path) -> None:
    """The mode and the namespace of a backup are those of the bot that it is put back for."""
    script("backup.py", "--to", str(tmp_path / "backups"), "--without-candles", **traded.settings)
    (archive,) = (tmp_path / "backups").iterdir()
    elsewhere = {**traded.settings, "DATA_DIR": str(tmp_path / "data")}

    as_paper = script("backup.py", "--mode", "paper", "--restore", str(archive), **elsewhere)
    as_another = script("backup.py", "--restore", str(archive), **{**elsewhere, "ORDER_NAMESPACE": "other"})
    as_it_is = script("backup.py", "--verify", str(archive), **traded.settings)

    assert (3, 3, 0) == (as_paper.returncode, as_another.returncode, as_it_is.returncode)
    assert "MODE: is paper, and the backup is of live" in as_paper.stderr
    assert "ORDER_NAMESPACE: is other" in as_another.stderr
    assert not (tmp_path / "data").exists()
