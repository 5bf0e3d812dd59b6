"""Every dashboard as Grafana would read it: the files themselves, and each query on a simulated month, as the reader."""

import json
import os
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg import Connection
from psycopg.conninfo import make_conninfo

from dg_bot.adapters.account_lock import AccountLock
from dg_bot.adapters.embedded_postgres import EmbeddedPostgres, packaged_binaries
from dg_bot.adapters.migrations import migrate
from dg_bot.adapters.postgres_queries import queries
from dg_bot.domain.cycle_report import Mode
from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.grafana import grafana_json
from tests.monitoring.grafana_files import FOLDER, ROOT, WHOLE, Document, broken, files, panels, run, shapes
from tests.postgres import copy_of_template, require_harmless, run_sql

_FIVE_MONTHS_BEFORE = (
    """INSERT INTO cycles (cycle_id, symbol, mode, outcome, stage, reason, gates, decision, proposed, votes, indicators,
        durations, mark_price, opened_at, completed_at)
    SELECT cycle_id || n, symbol, mode, outcome, stage, reason, gates, decision, proposed, votes, indicators, durations,
        mark_price, opened_at - n * interval '32 days', completed_at - n * interval '32 days'
    FROM cycles, generate_series(1, 5) AS n""",
    """INSERT INTO opinions (opinion_id, cycle_id, voice, model, action, confidence, has_read, created_at)
    SELECT opinion_id || n, cycle_id || n, voice, model, action, confidence, has_read, created_at - n * interval '32 days'
    FROM opinions, generate_series(1, 5) AS n""",
    """INSERT INTO portfolio_snapshots (cycle_id, total_value_krw, positions, is_safe_mode, created_at)
    SELECT cycle_id || n, total_value_krw, positions, is_safe_mode, created_at - n * interval '32 days'
    FROM portfolio_snapshots, generate_series(1, 5) AS n""",
    """INSERT INTO candles (timestamp, timeframe, symbol, open, high, low, close, volume)
    SELECT timestamp - n * interval '76 days', timeframe, symbol, open, high, low, close, volume
    FROM candles, generate_series(1, 2) AS n ON CONFLICT DO NOTHING""",
    "ANALYZE",
)
# What each panel's queries return: a column that is renamed, added or of another type has to be written there too.
_SHAPES = Path(__file__).with_name("shapes.json")


# The files


def test_the_files_are_what_the_desk_makes_of_its_panels() -> None:
    made = {f"{one.uid.removeprefix('dg-')}.json": grafana_json(one) for one in dashboards()}

    kept = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.json")}

    assert made == kept, "run python scripts/dashboards.py"


def test_every_panel_has_a_number_a_place_a_unit_and_a_sentence_of_its_own() -> None:
    for name, dashboard in files().items():
        shown: list[Document] = dashboard["panels"]
        assert [1] * len(shown) == list(Counter(panel["id"] for panel in shown).values()), name
        for panel in shown:
            words = panel["title"], panel["description"], panel["fieldConfig"]["defaults"]["unit"]
            assert all(words), (name, panel["title"])
            assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, (name, panel["title"])
        for one, other in combinations(shown, 2):
            assert not _overlap(one["gridPos"], other["gridPos"]), (name, one["title"], other["title"])


def test_dashboards_ask_only_sources_that_provisioning_makes_and_are_found_by_uids_of_their_own(monitoring: Path) -> None:
    text = (monitoring / "grafana/provisioning/datasources/datasources.yml").read_text(encoding="utf-8")
    made = {source["uid"]: source["type"] for source in yaml.safe_load(text)["datasources"]}

    asked = set(_datasources(files()))
    uids = [dashboard["uid"] for dashboard in files().values()]

    assert {(kind, uid) for uid, kind in made.items()} == asked
    assert len(uids) == len(set(uids)) == 6
    assert not any("id" in dashboard for dashboard in files().values())


def test_provisioning_holds_no_password_and_reads_the_folder_that_compose_mounts(monitoring: Path) -> None:
    text = (monitoring / "grafana/provisioning/datasources/datasources.yml").read_text(encoding="utf-8")
    passwords = [source["secureJsonData"] for source in yaml.safe_load(text)["datasources"] if "secureJsonData" in source]
    provider = yaml.safe_load((monitoring / "grafana/provisioning/dashboards/dashboards.yml").read_text(encoding="utf-8"))
    compose = yaml.safe_load((ROOT / "docker-compose.full-stack.yml").read_text(encoding="utf-8"))

    assert [{"password": "${GRAFANA_DATABASE_PASSWORD}"}] == passwords
    mounted = f"./monitoring/grafana/dashboards:{provider['providers'][0]['options']['path']}:ro"
    assert mounted in compose["services"]["grafana"]["volumes"]


# The queries


def test_every_panel_gives_its_shape_on_a_simulated_month(
    reader: Connection, record_property: Callable[[str, object], None]
) -> None:
    found = shapes(reader)

    assert {} == broken(found)
    assert json.loads(_SHAPES.read_text(encoding="utf-8")) == found
    queries = sum(map(len, found.values()))
    record_property("monitoring", f"{len(found)} panels of {len(files())} dashboards, {queries} queries run on a simulated month")


def test_markets_and_times_of_safe_mode_are_found_too(reader: Connection) -> None:
    dashboard = files()["risk"]

    markets = run(reader, dashboard["templating"]["list"][0]["query"])
    safe_mode = run(reader, dashboard["annotations"]["list"][0]["target"]["rawSql"])

    assert [("KRW-BTC",), ("KRW-ETH",)] == markets.rows
    assert (("time", "timeend", "text"), 1) == (safe_mode.columns, len(safe_mode.rows))


def test_a_column_of_another_name_names_the_panels_that_it_breaks(month_database: str) -> None:
    with psycopg.connect(month_database) as connection:
        connection.execute("ALTER VIEW portfolio_history RENAME COLUMN drawdown_fraction TO fall_fraction")
        connection.execute("SET LOCAL ROLE dg_bot_reader")
        found = broken(shapes(connection))
        connection.rollback()

    words = '! UndefinedColumn: column "drawdown_fraction" does not exist'
    assert {"Portfolio / Deepest drawdown": words, "Portfolio / Drawdown": words} == found


def test_half_a_year_of_rows_stays_within_the_readers_five_seconds(month_database: str) -> None:
    """The month once more for each of five months before it: what compares rows with rows takes 36 times as long then."""
    with psycopg.connect(month_database) as connection:
        for statement in _FIVE_MONTHS_BEFORE:
            connection.execute(statement.encode())
        connection.execute("SET LOCAL ROLE dg_bot_reader")
        connection.execute("SET LOCAL statement_timeout = '5s'")
        found = broken(shapes(connection))
        connection.rollback()

    assert {} == found


def test_an_empty_database_breaks_no_panel(migrated_server: str) -> None:
    with psycopg.connect(copy_of_template(migrated_server), autocommit=True) as connection:
        found = broken(shapes(connection))

    assert {"no rows", "not one value"} >= {words[2:].partition(":")[0] for words in found.values()}


# The reader


def test_the_reader_may_read_and_nothing_else(reader: Connection) -> None:
    reader.execute("SET default_transaction_read_only = off")

    for statement in ("DELETE FROM trades", "UPDATE bot_config SET value = '0'", "CREATE TABLE mine (a int)", "TABLE pg_authid"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_the_reader_gets_a_password_of_the_operators_own_or_none(monitoring: Path, tmp_path: Path) -> None:
    """On a server of its own: a role belongs to all databases. What later migrations add is for the reader too."""
    server = EmbeddedPostgres(data_dir=tmp_path / "server", password_file=tmp_path / "password")
    dsn = server.start()
    run_sql(dsn, "CREATE ROLE plain_bot LOGIN PASSWORD 'plain'")
    run_sql(dsn, "GRANT CREATE ON SCHEMA public TO plain_bot")
    bot = make_conninfo(dsn, user="plain_bot", password="plain")
    migrate(bot)
    try:
        refused = [_made(dsn, monitoring, password) for password in ("", "short")]
        made = [_made(dsn, monitoring, "long enough it is"), _made(dsn, monitoring, "another one, and long")]
        run_sql(bot, "CREATE TABLE later (id int)")
        with psycopg.connect(make_conninfo(dsn, user="dg_bot_reader", password="another one, and long")) as connection:
            names = ("default_transaction_read_only", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
            limits = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
            assert [] == connection.execute("SELECT * FROM later, trades").fetchall()
            require_harmless(connection)
        with psycopg.connect(bot) as connection:
            AccountLock(Mode.LIVE, "dg").take(connection)
            connection.execute(queries()["stage_candles"])
    finally:
        server.stop()

    assert [(3, "READER_PASSWORD is not set"), (3, "has fewer than 12")] == [
        (code, next(words for words in ("READER_PASSWORD is not set", "has fewer than 12") if words in said))
        for code, said in refused
    ]
    assert [(0, ""), (0, "")] == made
    assert [("on",), ("5s",), ("1s",), ("10s",)] == limits


def _made(dsn: str, monitoring: Path, password: str) -> tuple[int, str]:
    """Run the script as the operator does; gives its exit code and what it said."""
    command = [str(packaged_binaries() / "psql"), "--no-psqlrc", "--quiet", dsn, "-f", str(monitoring / "postgres/reader.sql")]
    environment = {"PATH": os.environ["PATH"], **({"READER_PASSWORD": password} if password else {})}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_whole_month_is_looked_at() -> None:
    assert 31 == (WHOLE.end - WHOLE.start).days
    assert 40 < len(list(panels()))


def _overlap(one: Document, other: Document) -> bool:
    apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    return not (apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"])


def _datasources(part: object) -> Iterator[tuple[str, str]]:
    """Give kind and uid of every source that is named anywhere."""
    if isinstance(part, dict):
        if "datasource" in part:
            yield part["datasource"]["type"], part["datasource"]["uid"]
        for inner in part.values():
            yield from _datasources(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _datasources(inner)
