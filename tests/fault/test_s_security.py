"""Secrets that must not leave, doors that must stay shut, and data that must never become code."""

import ast
import dataclasses
import hashlib
import io
import logging
import os
import shutil
import socket
import stat
import subprocess
import sys
import threading
import zipfile
from http.client import HTTPException
from pathlib import Path

import jwt
import psycopg
import pytest
import structlog

from dg_bot.adapters.clock import SystemClock
from dg_bot.adapters.telegram import TelegramNotifier
from dg_bot.app.http import HttpLimits
from dg_bot.app.log_format import LogFormat
from dg_bot.app.scheduler import Daemon
from dg_bot.app.setting_sources import load_settings
from dg_bot.errors import ConfigurationError, StoreError, UnsafeSetup
from dg_bot.strategies.breakout import BreakoutParameters
from dg_bot.strategies.parameters import build_parameters, parse_lines
from tests.architecture.source import ROOT, dotted, entry_points, modules, parsed
from tests.architecture.test_source_rules import calls, imported, place
from tests.builders import paper_bot
from tests.e2e.market_bench import eventually
from tests.fault.refused_start import CANARY, LIVE, Starter, starter
from tests.telegram_server import CHAT, TOKEN, UNAUTHORIZED, TelegramServer
from tests.unit.app.test_http import Serve, ask, serve
from tests.unit.app.test_logs import Output, logging_to
from tests.unit.app.test_scheduler import HALF_PAST, run_daemon
from tests.unit.app.whole_bot import whole_bot

__all__ = ["logging_to", "serve", "starter"]

BANNED_CALLS = {"eval", "exec", "compile", "__import__", "yaml.load", "os.system", "os.popen", "pickle.load", "pickle.loads"}
BANNED_IMPORTS = {"pickle", "shelve", "marshal", "dill", "joblib"}
BANNED_ARGUMENTS = {("verify", False), ("shell", True), ("check_hostname", False)}


# S01; the whole program under canaries is in tests/e2e/test_told.py


@pytest.mark.parametrize("log_format", list(LogFormat))
def test_s01_an_error_with_secrets_in_its_scope_is_logged_without_them(logging_to: Output, log_format: LogFormat) -> None:
    """A traceback shows no local value; a key or a token in the error's own words becomes three stars."""
    stream = logging_to(log_format=log_format)

    def send() -> None:
        token = jwt.encode({"access_key": "canary-9f8e7d6c"}, "canary-9f8e7d6c" * 4, algorithm="HS256")
        headers = {"Authorization": f"Bearer {token}"}
        raise ConnectionError(f"refused with {headers} and canary-9f8e7d6c")

    try:
        send()
    except ConnectionError:
        structlog.get_logger().exception("request_failed")
        logging.getLogger("library").exception("request failed")

    said = stream.getvalue()
    assert (2, False, False) == (said.count("in send"), "canary" in said, "eyJ" in said)


# S02


@pytest.mark.parametrize("is_known", [True, False], ids=["the token is known", "the token is recognised by its shape"])
def test_s02_the_address_of_telegram_is_logged_without_its_token(logging_to: Output, is_known: bool) -> None:
    """The library that sends the message may say all it likes, at DEBUG too: the token in its addresses is masked."""
    stream = logging_to(secrets=(TOKEN,) if is_known else ())

    with TelegramServer() as server:
        notifier = TelegramNotifier(token=TOKEN, chat_id=CHAT, clock=SystemClock(), server=server.url)
        notifier.send("hello")
        for name in ("httpx", "httpcore", "telegram"):
            logging.getLogger(name).setLevel(logging.DEBUG)
        notifier.send("hello again")
        server.replies.append(UNAUTHORIZED)
        with pytest.raises(StoreError) as caught:
            notifier.send("hello")
        notifier.close()

    said = stream.getvalue()
    assert (True, False, False) == ("***" in said, TOKEN.partition(":")[2] in said, TOKEN in str(caught.value))


# S03


@pytest.mark.parametrize(
    "arguments",
    [
        (f"--upbit-secret-key={CANARY}",),
        ("--upbit-secret-key", CANARY),
        (f"UPBIT_SECRET_KEY={CANARY}",),
        (f"--telegram-bot-token={CANARY}",),
        (f"--openai-api-key={CANARY}",),
    ],
    ids=lambda arguments: arguments[0].partition("=")[0],
)
def test_s03_a_secret_on_the_command_line_is_refused_and_not_repeated(starter: Starter, arguments: tuple[str, ...]) -> None:
    """Nothing starts with a secret among its arguments, which every user of the machine can read."""
    refused = starter.refused({"MODE": "paper"}, *arguments)

    assert (3, True, False) == (refused.code, "on the command line" in refused.said, CANARY in refused.said)


@pytest.mark.parametrize("argument", [CANARY, f"-p{CANARY}", f"--password={CANARY}"])
def test_s03_an_argument_that_is_not_known_is_not_repeated_either(starter: Starter, argument: str) -> None:
    """Of an argument that is no option at most its name is told: its value may be a secret."""
    refused = starter.refused({"MODE": "paper"}, argument)

    assert (2, False) == (refused.code, CANARY in refused.said)


@pytest.mark.parametrize("script", ["main.py", "scheduler_main.py", "scripts/doctor.py"])
def test_s03_every_command_refuses_secrets_among_its_arguments(script: str, tmp_path: Path) -> None:
    """One cycle, the daemon and the doctor read their arguments in the same way."""
    command = [sys.executable, str(ROOT / script), f"--upbit-access-key={CANARY}"]

    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    assert (3, True, False) == (done.returncode, "UPBIT_ACCESS_KEY" in done.stderr, CANARY in done.stdout + done.stderr)


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o644, 0o660, 0o666])
@pytest.mark.parametrize("secret", ["UPBIT_SECRET_KEY", "OPENAI_API_KEY"])
@pytest.mark.parametrize("mode", ["live", "paper"])
def test_s03_a_file_of_secrets_that_others_can_read_is_refused(starter: Starter, mode: str, secret: str, rights: int) -> None:
    """A `.env` with secrets belongs to its owner alone, or there is no start."""
    given = {**LIVE, "MODE": mode, secret: ""}

    refused = starter.refused(given, file=f"{secret}={CANARY}\n", rights=rights)

    assert (3, True, False) == (refused.code, f"mode {rights:04o}; run: chmod 600" in refused.said, CANARY in refused.said)


@pytest.mark.parametrize("rights", [0o600, 0o400])
def test_s03_a_file_of_secrets_that_is_its_owners_alone_is_taken(tmp_path: Path, rights: int) -> None:
    """Rights of the owner alone are what the program asks for."""
    path = tmp_path / ".env"
    path.write_text("UPBIT_SECRET_KEY=abcdef\n", encoding="utf-8")
    path.chmod(rights)

    read = load_settings(environment={**LIVE, "UPBIT_SECRET_KEY": ""}, env_file=path)

    assert read.upbit_secret_key is not None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_s03_a_file_of_secrets_that_belongs_to_another_user_is_refused(tmp_path: Path) -> None:
    """Whoever owns the file can change what the bot believes, so that another user's file is not taken."""
    path = tmp_path / ".env"
    path.write_text("UPBIT_SECRET_KEY=abcdef\n", encoding="utf-8")
    path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    os.chown(path, 12345, 12345)

    with pytest.raises(UnsafeSetup, match="belongs to another user"):
        load_settings(environment={**LIVE, "UPBIT_SECRET_KEY": ""}, env_file=path)


# S05


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO bot_config (key, value, updated_at) VALUES ('k', '1', now())",
        "UPDATE trades SET fee = 0",
        "DELETE FROM trades",
        "TRUNCATE trades",
        "DROP TABLE trades",
        "CREATE TABLE mine (id int)",
    ],
)
@pytest.mark.parametrize("transaction", ["on", "off"])
def test_s05_the_dashboards_role_can_change_nothing(database: str, statement: str, transaction: str) -> None:
    """The role that dashboards read with is refused every change, even where it leaves its read-only mode."""
    with psycopg.connect(database) as connection:
        connection.execute("SET SESSION AUTHORIZATION dg_bot_reader")
        connection.execute(f"SET LOCAL transaction_read_only = {transaction}".encode())
        refusals = (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)
        with pytest.raises(refusals):
            connection.execute(statement.encode())


# S06

_TWO_NAMESPACES = """
import socket, subprocess, sys
from dg_bot.app.http import StatusServer
from dg_bot.app.settings import Settings

def run(*command):
    subprocess.run(command, check=True, capture_output=True)

run("ip", "link", "set", "lo", "up")
other = subprocess.Popen(["unshare", "--net", "sleep", "60"])
inside = ("nsenter", "--net", "--target", str(other.pid))
while subprocess.run([*inside, "ip", "route"], capture_output=True).returncode or (
    subprocess.run(["readlink", f"/proc/{other.pid}/ns/net"], capture_output=True).stdout
    == subprocess.run(["readlink", "/proc/self/ns/net"], capture_output=True).stdout
):
    assert other.poll() is None
run("ip", "link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(other.pid))
run("ip", "address", "add", "10.77.0.1/24", "dev", "here")
run("ip", "link", "set", "here", "up")
run(*inside, "ip", "address", "add", "10.77.0.2/24", "dev", "there")
run(*inside, "ip", "link", "set", "there", "up")
for host in (Settings().health_host, "0.0.0.0"):
    server = StatusServer(service="dg_bot", checks=dict, exposition=bytes, clean=str, host=host, port=0)
    server.start()
    knock = f"import socket; socket.create_connection(('10.77.0.1', {server.port}), timeout=5)"
    from_there = subprocess.run([*inside, sys.executable, "-c", knock], capture_output=True).returncode
    socket.create_connection(("127.0.0.1", server.port), timeout=5).close()
    server.stop()
    print("reached" if from_there == 0 else "refused")
other.kill()
other.wait()
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or any(shutil.which(tool) is None for tool in ("ip", "unshare", "nsenter")),
    reason="a second network namespace needs root, ip, unshare and nsenter",
)
def test_s06_the_status_port_cannot_be_reached_from_another_machine() -> None:
    """Health and metrics listen on loopback; only an address that was named by its operator lets others in."""
    if subprocess.run(["unshare", "--net", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("this system gives no network namespaces")

    done = subprocess.run(
        ["unshare", "--net", sys.executable, "-c", _TWO_NAMESPACES],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
        timeout=90,
    )

    assert (["refused", "reached"], 0) == (done.stdout.split(), done.returncode), done.stderr


# S07


def test_s07_a_reader_that_never_reads_is_cut_and_holds_nobody_up(serve: Serve) -> None:
    """A client that asks for the metrics and reads nothing loses its connection, and others are answered meanwhile."""
    begun = threading.Event()

    def exposition() -> bytes:
        begun.set()
        return b"x" * 20_000_000

    server = serve(exposition=exposition, limits=HttpLimits(connections=2, connection_s=0.05))
    alone = serve(exposition=exposition, limits=HttpLimits(connections=1, connection_s=0.05))

    def is_served() -> bool:
        """Tell whether the one place there is has become free."""
        try:
            return ask(alone, "GET", "/health")[0] == 200
        except (HTTPException, OSError):
            return False

    with (
        socket.create_connection(("127.0.0.1", server.port), timeout=10) as greedy,
        socket.create_connection(("127.0.0.1", alone.port), timeout=10) as only,
    ):
        for client in (greedy, only):
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            assert begun.wait(10)
            begun.clear()

        assert 200 == ask(server, "GET", "/health")[0]
        eventually(is_served, "the end of the connection that nobody reads")


def test_s07_the_guard_ticks_on_while_nobody_reads_the_metrics() -> None:
    """However many clients hang on the status port, the guard looks after what is held."""
    paper = paper_bot("1000 1000", holding="100 @ 1000", at=HALF_PAST)
    bot = whole_bot(paper, guard_seconds=1, markets="KRW-BTC")
    greedy: list[socket.socket] = []
    seen: list[int] = []

    def hang(daemon: Daemon) -> None:
        for _ in range(12):
            client = socket.create_connection(("127.0.0.1", daemon._status.port), timeout=10)
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            greedy.append(client)
        seen.append(paper.upbit.calls("balances"))

    code, _ = run_daemon(bot, hang, until=lambda: paper.upbit.calls("balances") >= seen[0] + 2)
    for client in greedy:
        client.close()

    assert 0 == code


# S08, S09


_KEY = dataclasses.fields(BreakoutParameters)[0].name


@pytest.mark.parametrize(
    "line",
    [
        f"{_KEY}: !!python/object/apply:os.system ['true']",
        f"{_KEY}: !!python/name:os.system",
        "!!python/object:os.system",
        f"{_KEY}: &anchor",
    ],
)
def test_s08_a_parameter_file_makes_no_objects(line: str) -> None:
    """Parameter files hold numbers and true or false; a tag or an anchor is refused, with its line or its key."""
    with pytest.raises(ConfigurationError):
        build_parameters(BreakoutParameters, "p.yaml", parse_lines("p.yaml", line))


@pytest.mark.parametrize("name", ["model.pkl", "model.joblib", "model.pickle", "model.pt", "model.h5", "model", "model.onnx.pkl"])
def test_s09_a_model_that_can_run_code_is_refused_by_its_kind(starter: Starter, name: str) -> None:
    """A model is an ONNX file, or the program does not start: other kinds run code while they are loaded."""
    refused = starter.refused({"MODE": "paper", "MODEL_PATH": name})

    assert (2, True) == (refused.code, "MODEL_PATH: is no .onnx file" in refused.said)


# S10


def wheel(folder: Path, content: str) -> str:
    """Make a package of one module and give its hash."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("locked_thing.py", content)
        archive.writestr("locked_thing-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: locked-thing\nVersion: 1.0\n")
        archive.writestr("locked_thing-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("locked_thing-1.0.dist-info/RECORD", "")
    folder.mkdir(exist_ok=True)
    (folder / "locked_thing-1.0-py3-none-any.whl").write_bytes(data.getvalue())
    return hashlib.sha256(data.getvalue()).hexdigest()


@pytest.mark.parametrize("is_replaced", [False, True])
def test_s10_a_package_that_is_not_the_one_that_was_locked_is_not_installed(tmp_path: Path, is_replaced: bool) -> None:
    """The installation checks every package against its recorded hash, and ends where one was exchanged."""
    locked = wheel(tmp_path / "wheels", "VALUE = 1\n")
    (tmp_path / "requirements.txt").write_text(f"locked-thing==1.0 --hash=sha256:{locked}\n", encoding="ascii")
    if is_replaced:
        wheel(tmp_path / "wheels", "VALUE = 2\n")
    target = tmp_path / "installed"
    command = [
        sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-index",
        "--find-links", str(tmp_path / "wheels"), "--require-hashes", "--target", str(target),
        "-r", str(tmp_path / "requirements.txt"),
    ]  # fmt: skip

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)

    assert is_replaced is (done.returncode != 0), done.stderr
    assert is_replaced is not (target / "locked_thing.py").exists()


def test_s10_every_package_of_the_program_is_locked_by_its_hash() -> None:
    """Each line of the requirements names one version with its hashes, and the installation asks for them."""
    text = (ROOT / "requirements.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]

    assert len(packages) > 10
    assert [] == [line for line in packages if "==" not in line or "--hash=sha256:" not in line]
    assert "--require-hashes" in (ROOT / "Makefile").read_text(encoding="utf-8")


# S12


def test_s12_nothing_that_is_read_is_ever_executed() -> None:
    """No source calls what turns text into code, and none imports what does so while it loads."""
    scripts = ((path.name, node) for path in entry_points() for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))

    assert [] == [place(name, call) for name, call in (*calls(), *scripts) if dotted(call.func) in BANNED_CALLS]
    assert {} == {module: found for module in modules() if (found := imported(module) & BANNED_IMPORTS)}


def test_s12_no_check_of_a_peer_is_switched_off_and_no_shell_is_started() -> None:
    """Certificates are always checked, and no command goes through a shell."""
    assert [] == [
        place(module, call)
        for module, call in calls()
        for keyword in call.keywords
        if isinstance(keyword.value, ast.Constant) and (keyword.arg, keyword.value.value) in BANNED_ARGUMENTS
    ]


def test_s12_sql_is_never_put_together_from_values() -> None:
    """A statement is a constant, a block of a .sql file, or composed by the driver; values are parameters."""
    assert [] == [
        place(module, call)
        for module, call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ("execute", "executemany")
        and call.args
        and isinstance(call.args[0], ast.JoinedStr | ast.BinOp)
    ]
