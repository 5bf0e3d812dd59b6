"""A folder and a database that an earlier program left: today's goes on with both, and nothing in them is lost."""

import json
import os
import shutil
from pathlib import Path
from typing import cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from dg_bot.adapters.journal_reader import read_journal, verify
from dg_bot.adapters.migrations import HEAD, _upgrade, migrate, schema_version
from dg_bot.adapters.postgres_dump import dumped_rows, restore_rows
from tests.e2e.tape_bench import WarmProgram
from tests.e2e.warm_main import Run
from tests.postgres import rows, run_sql

EARLIER = Path(__file__).parent / "earlier"
FIRST_VERSION = "m0001_tables"
CANDLES = """
    INSERT INTO candles (timestamp, timeframe, symbol, open, high, low, close, volume)
    SELECT '2026-09-01T00:00Z'::timestamptz + n * interval '1 hour', '60m', 'KRW-BTC', 1500, 1500.5, 1499.9, 1500,
        0.00000001 * n
    FROM generate_series(1, 100) AS n
"""
Row = dict[str, object]


def earlier_database(dsn: str) -> None:
    """Make the tables of the first version, with the rows of the earlier program."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        _upgrade(connection, FIRST_VERSION)
    run_sql(dsn, (EARLIER / "rows.sql").read_text(encoding="utf-8"))
    run_sql(dsn, CANDLES)


def tables(dsn: str) -> dict[str, list[Row]]:
    """Give every row of every table by the names of its columns."""
    names = [str(name) for (name,) in rows(dsn, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    return {name: [cast("Row", row) for (row,) in rows(dsn, f"SELECT to_jsonb(t) FROM {name} AS t")] for name in names}  # noqa: S608


def lost(before: dict[str, list[Row]], after: dict[str, list[Row]]) -> list[str]:
    """Name each row of which a column is gone or has another value; columns may have been added."""
    return [
        f"{table}: {row}"
        for table, content in before.items()
        if table != "alembic_version"
        for row in content
        if not any(all(new.get(name) == value for name, value in row.items()) for new in after[table])
    ]


def test_the_tables_of_the_first_version_become_those_of_today_with_every_row(empty_database: str) -> None:
    earlier_database(empty_database)
    before = tables(empty_database)

    migrate(empty_database)

    after = tables(empty_database)
    with psycopg.connect(empty_database) as connection:
        assert HEAD == schema_version(connection)
    assert {"trades": 2, "orders": 2, "fills": 2, "cycles": 2, "candles": 100}.items() <= {
        name: len(content) for name, content in before.items()
    }.items()
    assert [] == lost(before, after)


def test_rows_that_were_backed_up_under_an_earlier_schema_are_restored_into_that_of_today(
    empty_database: str, postgres_server: str
) -> None:
    earlier_database(empty_database)
    fresh = empty_database.replace("/empty_", "/restored_")
    run_sql(postgres_server, f"CREATE DATABASE {conninfo_to_dict(fresh)['dbname']}")

    dump, version = dumped_rows(empty_database)
    is_restored = restore_rows(fresh, dump)
    again = restore_rows(fresh, dump)

    assert (FIRST_VERSION, True, False) == (version, is_restored, again)
    assert [] == lost(tables(empty_database), tables(fresh))


def test_todays_program_goes_on_from_an_earlier_folder_and_database(
    empty_database: str, seeded_candles: Path, warm_program: WarmProgram, warm_doctor: WarmProgram, tmp_path: Path
) -> None:
    earlier_database(empty_database)
    shutil.copytree(EARLIER, tmp_path / "data")
    for path in (tmp_path / "data").rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    shutil.copytree(seeded_candles, tmp_path / "candles")
    journal = tmp_path / "data" / "state" / "journal.jsonl"
    before, records = tables(empty_database), list(read_journal(journal))
    settings = {
        "PATH": os.environ["PATH"],
        "MODE": "demo",
        "MARKETS": "KRW-BTC",
        "DATA_DIR": str(tmp_path / "data"),
        "CANDLE_DIR": str(tmp_path / "candles"),
        "DATABASE_URL": empty_database,
    }
    out, log = str(tmp_path / "out"), str(tmp_path / "log")

    code = warm_program.run(Run(arguments=["--json"], environment=settings, folder=str(tmp_path), stdout=out, stderr=log))
    told = str(tmp_path / "told")
    well = warm_doctor.run(Run(arguments=["--json"], environment=settings, folder=str(tmp_path), stdout=told, stderr=log))

    report = json.loads(Path(out).read_text(encoding="utf-8"))
    assert (0, "KRW-BTC/2026-09-11T14", False) == (code, report["cycle_id"], report["repeated"]), Path(log).read_text()
    assert (0, None) == (well, verify(journal)), Path(told).read_text()
    assert records == list(read_journal(journal))[: len(records)]
    after = tables(empty_database)
    # The settings are those of the last start.
    assert [] == lost({name: content for name, content in before.items() if name != "bot_config"}, after)
    assert ["KRW-BTC/2026-09-11T12", "KRW-BTC/2026-09-11T13", "KRW-BTC/2026-09-11T14"] == sorted(
        str(row["cycle_id"]) for row in after["cycles"]
    )
