"""Every dashboard as Grafana would read it: the files themselves, and each query on a simulated month, as the reader."""

import json
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

import psycopg
import pytest
import yaml
from psycopg import Connection

from dg_bot.operator.desk.dashboards import dashboards
from dg_bot.operator.desk.grafana import grafana_json
from tests.monitoring.grafana_files import FOLDER, ROOT, WHOLE, Document, broken, files, panels, run, shapes
from tests.postgres import copy_of_template

# What each panel's queries return: a column that is renamed, added or of another type has to be written there too.
_SHAPES = Path(__file__).with_name("shapes.json")


@pytest.fixture
def reader(reader_dsn: str) -> Iterator[Connection]:
    with psycopg.connect(reader_dsn, autocommit=True) as connection:
        yield connection


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


def test_an_empty_database_breaks_no_panel(migrated_server: str) -> None:
    with psycopg.connect(copy_of_template(migrated_server), autocommit=True) as connection:
        found = broken(shapes(connection))

    assert {"no rows", "not one value"} >= {words[2:].partition(":")[0] for words in found.values()}


# The reader


def test_the_reader_may_read_and_nothing_else(reader: Connection) -> None:
    limits = [
        reader.execute(f"SHOW {name}".encode()).fetchone() for name in ("default_transaction_read_only", "statement_timeout")
    ]
    reader.execute("SET default_transaction_read_only = off")

    assert [("on",), ("5s",)] == limits
    for statement in ("DELETE FROM trades", "UPDATE bot_config SET value = '0'", "CREATE TABLE mine (a int)", "TABLE pg_authid"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(statement.encode())


@pytest.mark.parametrize(
    ("password", "complaint"), [("", "READER_PASSWORD"), ("short", "fewer than 12"), ("long enough it is", "")]
)
def test_the_reader_is_made_with_a_password_of_the_operators_own_or_not_at_all(
    month_database: str, reader_dsn: str, monitoring: Path, password: str, complaint: str
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("there is no psql here: it comes with Debian's postgresql-client")
    command = ["psql", "--no-psqlrc", "--quiet", month_database, "-f", str(monitoring / "postgres/reader.sql")]
    environment = {"PATH": os.environ["PATH"], **({"READER_PASSWORD": password} if password else {})}

    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    assert (complaint != "", True) == (done.returncode != 0, complaint in done.stderr), done.stderr
    wanted = (
        reader_dsn if complaint else reader_dsn.replace(reader_dsn.split(":")[2].partition("@")[0], password.replace(" ", "%20"))
    )
    with psycopg.connect(wanted) as connection:
        assert connection.execute("SELECT count(*) > 0 FROM portfolio_history").fetchone() == (True,)
    with psycopg.connect(month_database, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE dg_bot_reader PASSWORD '{_password(reader_dsn)}'".encode())


def test_the_whole_month_is_looked_at() -> None:
    assert 31 == (WHOLE.end - WHOLE.start).days
    assert 40 < len(list(panels()))


def _password(dsn: str) -> str:
    return dsn.split(":")[2].partition("@")[0]


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
