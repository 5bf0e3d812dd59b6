"""What runs around the program: its image, the compose files and the unit of systemd, as far as they go without an engine."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from dg_bot.adapters.account_lock import AccountLock
from dg_bot.adapters.embedded_postgres import EmbeddedPostgres, free_port, packaged_binaries
from dg_bot.adapters.migrations import migrate
from dg_bot.app.exit_codes import ExitCode
from dg_bot.app.settings import CONTAINER_NAMES, known_names
from dg_bot.domain.cycle_report import Mode
from tests.architecture.source import ROOT
from tests.e2e.daemon_process import DaemonProcess
from tests.e2e.market_bench import eventually
from tests.fault.container_files import composed, copy_steps, image_environment, instructions, reaches_the_engine, services
from tests.postgres import require_harmless, rows, run_sql

COMPOSE = ("docker-compose.yml", "docker-compose.full-stack.yml")
PASSWORDS = {name: f"{name.lower()}-of-a-test" for name in CONTAINER_NAMES} | {"BOT_UID": "1000"}
GIVEN = {**PASSWORDS, "TELEGRAM_BOT_TOKEN": "1:token", "TELEGRAM_CHAT_ID": "-100"}
HARDENED = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "ulimits": {"core": 0},
    "restart": "unless-stopped",
}


def tool(name: str) -> str | None:
    """Find a program of this environment, or of the machine."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    given = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=120)


# The image


def test_s11_the_image_runs_as_nobody_in_particular() -> None:
    """The image names a user by a number that is not root's, begins from a named version, and installs locked wheels only."""
    last = {one.word: one.text for one in instructions()}
    base = next(one.text for one in instructions(0) if one.word == "ARG")
    installing = next(one.text for one in instructions(1) if one.word == "RUN")

    assert ("${BOT_UID}:${BOT_UID}", "SIGTERM") == (last["USER"], last["STOPSIGNAL"])
    assert "BOT_UID=1000" in [one.text for one in instructions() if one.word == "ARG"]
    assert re.fullmatch(r"BASE=python:3\.11\.\d+-slim-\w+", base)
    assert {"--require-hashes", "--only-binary", "--no-deps"} <= set(installing.split())
    assert [] == [one for one in instructions() if one.word == "ADD"]


def test_s11_no_secret_and_no_state_reaches_the_image() -> None:
    """Of the project the engine is sent programs and requirements; no setting that may be secret stands in the image."""
    folders = (
        ".env",
        ".env.age",
        "key.txt",
        "data/live/state/journal.jsonl",
        "backtest_data/a.csv",
        ".git/config",
        "tests/postgres.py",
    )

    assert [] == [path for path in folders if reaches_the_engine(path)]
    assert {"HEALTH_HOST", "HEALTH_PORT"} == image_environment().keys() & known_names()
    assert ["main.py", "src/dg_bot/adapters/queries.sql"] == [
        path
        for path in ("main.py", "src/dg_bot/adapters/queries.sql", "src/dg_bot/__pycache__/a.pyc")
        if reaches_the_engine(path)
    ]


@pytest.mark.skipif(tool("hadolint") is None, reason="hadolint is not installed")
def test_s11_the_dockerfile_is_sound() -> None:
    """The linter of Dockerfiles has nothing to say."""
    done = run(str(tool("hadolint")), "--failure-threshold", "info", "Dockerfile")

    assert (0, "") == (done.returncode, done.stdout)


@pytest.fixture
def image() -> Iterator[Path]:
    """Give a folder with what the image has in /app, in which its user may write to two folders only."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    try:
        copy_steps(folder)
        for path in folder.rglob("*"):
            path.chmod(0o755 if path.is_dir() else 0o644)
        folder.chmod(0o755)
        for name in ("data", "backtest_data"):
            (folder / name).mkdir(mode=0o700)
            if os.geteuid() == 0:
                os.chown(folder / name, 1000, 1000)
        yield folder
    finally:
        shutil.rmtree(folder)


def as_its_user() -> tuple[str, ...]:
    """Give what has to stand before a command so that it runs without root's rights, but for reading what is installed here."""
    if os.geteuid() != 0:
        return ()
    reading = ("--inh-caps=-all,+dac_read_search", "--ambient-caps=-all,+dac_read_search", "--securebits=+no_setuid_fixup")
    return ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--no-new-privs", *reading)


@pytest.mark.skipif(os.geteuid() == 0 and shutil.which("setpriv") is None, reason="root needs setpriv to become another user")
def test_s11_what_the_image_holds_runs_without_root_and_writes_where_it_may(image: Path) -> None:
    """What the build copies starts by the image's own command as its user, is found well by its check, and ends on SIGTERM."""
    last = {one.word: one for one in instructions()}
    port = str(free_port())
    environment = {
        **image_environment(),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(image / "data" / "cache"),
        "HOME": str(image / "data"),
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": port,
    }
    before = sorted(path for path in image.rglob("*") if path.is_file())

    command = [*as_its_user(), *last["CMD"].listed]
    become = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
    with DaemonProcess(environment, image, "-c", become, *command) as daemon:
        daemon.wait_for("daemon_running", mode="demo")
        check = last["HEALTHCHECK"].listed
        eventually(
            lambda: subprocess.run(check, env=environment, cwd=image, check=False).returncode == 0, "a container that is well"
        )
        code = daemon.end(signal.SIGTERM)
    gone = subprocess.run(check, env=environment, cwd=image, capture_output=True, check=False).returncode

    left = {path.relative_to(image).parts[0] for path in image.rglob("*") if path.is_file() and path not in before}
    assert (0, True, {"data"}) == (code, gone != 0, left)
    assert (image / "data" / "demo" / "state" / "journal.jsonl").exists()


# The compose files


@pytest.mark.parametrize(("name", "service"), list(services()), ids=lambda value: value if isinstance(value, str) else "")
def test_s11_every_container_is_as_poor_as_it_can_be(name: str, service: dict[str, object]) -> None:
    """No container may write to its root, gain rights, use capabilities or unbounded memory, or reach the engine."""
    assert HARDENED == {key: service.get(key) for key in HARDENED}
    assert {"mem_limit", "pids_limit", "stop_grace_period", "logging"} <= service.keys()
    assert set() == {"privileged", "cap_add", "devices", "pid", "network_mode", "ipc"} & service.keys()
    assert "docker.sock" not in str(service)
    image = str(service["image"])
    assert name == "bot" or re.search(r":v?\d+\.\d+", image), image


def test_s11_ports_are_published_on_this_machine_alone() -> None:
    """What is published listens on loopback; the database is in a network that reaches nothing."""
    published = [port for _, service in services() for port in service.get("ports", ())]

    assert ["127.0.0.1:8080:8080", "127.0.0.1:3000:3000"] == published
    assert composed(COMPOSE[0])["networks"]["database"] == {"internal": True}
    assert ["database"] == dict(services())["postgres"]["networks"]


def test_s11_no_password_has_a_default() -> None:
    """Each secret is demanded from outside, and none is written down."""
    for _, service in services():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|TOKEN|URL|CHAT", name):
                assert re.search(r"\$\{\w+:\?[^}]+\}", value), name


@pytest.mark.skipif(tool("check-jsonschema") is None, reason="check-jsonschema is not installed")
def test_s11_the_compose_files_are_as_their_schema_wants_them() -> None:
    """The published schema of compose files takes both."""
    done = run(str(tool("check-jsonschema")), "--builtin-schema", "vendor.compose-spec", *COMPOSE)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is not installed")
@pytest.mark.parametrize("missing", [None, "DATABASE_PASSWORD", "GRAFANA_PASSWORD"])
def test_s11_nothing_starts_without_its_passwords(tmp_path: Path, missing: str | None) -> None:
    """The engine's own reader puts both files together, and refuses where a password is missing or empty."""
    empty = tmp_path / "empty.env"
    empty.touch()
    given = {name: "" if name == missing else value for name, value in GIVEN.items()}

    done = run("docker-compose", "--env-file", str(empty), "-f", COMPOSE[0], "-f", COMPOSE[1], "config", **given)

    said = "set it in .env, or run python scripts/setup.py" in done.stderr
    assert (missing is None, missing is not None) == (done.returncode == 0, said), done.stderr


def test_s11_what_is_mounted_is_there() -> None:
    """Every file of the repository that a container is given exists; the engine would make a folder in its place."""
    mounted = [
        volume.split(":")[0] for _, service in services() for volume in service.get("volumes", ()) if volume.startswith("./")
    ]

    assert [] == [path for path in mounted if not (ROOT / path).exists()]


@pytest.fixture
def fresh_server(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Start a server as its image leaves it, whose superuser is called postgres, and give the environment of its first script."""
    server = EmbeddedPostgres(data_dir=tmp_path / "server", password_file=tmp_path / "password")
    dsn = server.start()
    run_sql(dsn, f"CREATE ROLE postgres SUPERUSER LOGIN PASSWORD '{PASSWORDS['POSTGRES_PASSWORD']}'")
    parts = conninfo_to_dict(dsn)
    place = {"PGHOST": str(parts["host"]), "PGPORT": str(parts["port"])}
    run_sql(make_conninfo(dsn, user="postgres", password=PASSWORDS["POSTGRES_PASSWORD"]), "ALTER ROLE dg_bot RENAME TO first")
    yield {**GIVEN, **place, "PATH": f"{packaged_binaries()}:{os.environ['PATH']}"}
    server.stop()


@pytest.mark.skipif(shutil.which("amtool") is None, reason="amtool is not installed")
def test_what_alertmanager_is_started_with_is_a_sound_configuration_with_chat_and_token(tmp_path: Path) -> None:
    script = dict(services())["alertmanager"]["command"][0].replace("$$", "$").replace("/tmp/", f"{tmp_path}/")  # noqa: S108
    script = script.replace("/etc/alertmanager/", f"{ROOT}/monitoring/alertmanager/")
    # A checker that is older than the image knows no file for the token.
    inline = f"sed 's#bot_token_file: .*#bot_token: x#' {tmp_path}/alertmanager.yml > {tmp_path}/inline.yml"
    script = re.sub(r"exec /bin/alertmanager .*", f"{inline}; exec amtool check-config {tmp_path}/inline.yml", script)

    done = run("sh", "-euc", script, **GIVEN)

    assert 0 == done.returncode, done.stdout + done.stderr
    assert "chat_id: -100" in (tmp_path / "alertmanager.yml").read_text(encoding="utf-8")
    assert (GIVEN["TELEGRAM_BOT_TOKEN"], 0o600) == (
        (tmp_path / "telegram_token").read_text(encoding="utf-8"),
        (tmp_path / "telegram_token").stat().st_mode & 0o777,
    )


def test_s11_the_roles_of_the_database_may_do_their_work_and_no_more(fresh_server: dict[str, str]) -> None:
    """The script that the database's image runs once makes a bot that is no superuser, and a reader that can only read."""
    done = run("sh", str(ROOT / "deploy" / "postgres" / "roles.sh"), **fresh_server)
    place = f"host={fresh_server['PGHOST']} port={fresh_server['PGPORT']} dbname=dg_bot sslmode=disable"
    bot, reader = (
        f"{place} user={user} password={PASSWORDS[name]}"
        for user, name in (("dg_bot", "DATABASE_PASSWORD"), ("dg_bot_reader", "GRAFANA_DATABASE_PASSWORD"))
    )

    assert (0, "") == (done.returncode, done.stderr)
    migrate(bot)
    assert [(False, False, False)] == rows(
        bot, "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = 'dg_bot'"
    )
    assert [(0,)] == rows(reader, "SELECT count(*) FROM trades")
    for statement in (
        "DELETE FROM trades",
        "SET default_transaction_read_only = off; DELETE FROM trades",
        "CREATE TABLE a (b int)",
    ):
        with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
            run_sql(reader, statement)
    with psycopg.connect(reader) as connection:
        require_harmless(connection)
    with psycopg.connect(bot) as connection:
        AccountLock(Mode.LIVE, "dg").take(connection)
    assert [(10,)] == rows(bot, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'dg_bot_reader'")
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        run_sql(bot.replace(PASSWORDS["DATABASE_PASSWORD"], "another"), "SELECT 1")


# The unit of systemd


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_s11_the_unit_of_systemd_is_sound_and_gives_little(tmp_path: Path) -> None:
    """The unit has no mistake that its own checker knows, and an exposure of at most 2 in 10 by its measure."""
    unit = tmp_path / "dg-bot.service"
    text = (ROOT / "deploy" / "dg-bot.service").read_text(encoding="utf-8")
    unit.write_text(text.replace("/opt/dg_bot/.venv/bin/python", "/bin/true"), encoding="utf-8")

    sound = run("systemd-analyze", "verify", str(unit))
    little = run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", str(unit))

    assert (0, "") == (sound.returncode, sound.stderr)
    assert 0 == little.returncode, little.stdout
    codes = re.search("^RestartPreventExitStatus=(.*)$", text, flags=re.MULTILINE)
    assert codes is not None
    assert [ExitCode.USAGE, ExitCode.REFUSED] == [int(code) for code in codes[1].split()]
